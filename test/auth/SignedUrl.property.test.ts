import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SignedUrl from "../../src/auth/SignedUrl.ts"

const secret = "test-secret-test-secret-test-secret"
const now = 1_747_000_000
const options = { secret, now }
const outcomes = ["ok", "malformed", "expired", "bad_signature"]

/** Few pieces, so that names repeat; the ones that encoders disagree about, and text of one to four bytes. */
const Piece = Schema.Literals([
  "a",
  "b",
  "exp1",
  "+",
  "*",
  "~",
  " ",
  "%",
  "&",
  "=",
  "#",
  "?",
  "/",
  "'",
  "(",
  "é",
  "ﬀ",
  "日",
  "😀",
  "\u0000",
  "\ufeff"
])
const Text = Schema.Array(Piece).check(Schema.isMaxLength(4))
const Query = Schema.Array(Schema.Tuple([Text, Text, Schema.Boolean])).check(Schema.isMaxLength(6))
const Path = Schema.Array(Schema.Literals(["/", "a", "%2F", "%c3%a9", "~", "*", "+", ":", "é", ".."]))
  .check(Schema.isMaxLength(5))

const text = (pieces: ReadonlyArray<string>) => pieces.join("")
const encoders = [
  encodeURIComponent,
  (plain: string) => new URLSearchParams([["", plain]]).toString().slice(1)
] as const

const build = (path: ReadonlyArray<string>, query: typeof Query.Type, fragment: string) => {
  const parameters = query.map(([name, value, isForm]) => {
    const encode = encoders[isForm ? 1 : 0]
    return `${encode(text(name))}=${encode(text(value))}`
  })
  return `https://pod.example.com:8443/${text(path)}?${parameters.join("&")}${fragment}`
}

const Fragment = Schema.Literals(["", "#", "#top", "#a=1&sig=x?exp=2"])

describe("SignedUrl, for any URL", () => {
  it.effect.prop(
    "what is signed verifies, as a URL and as a path, and keeps everything else as written",
    [Path, Query, Fragment],
    ([path, query, fragment]) =>
      Effect.gen(function*() {
        const url = build(path, query, fragment)
        const signed = yield* SignedUrl.sign(url, options)
        assert.strictEqual(yield* SignedUrl.verify(signed, options), "ok")
        assert.strictEqual(yield* SignedUrl.verify(signed.slice("https://pod.example.com:8443".length), options), "ok")
        assert.strictEqual(
          signed.replace(/&?exp=\d+&sig=[A-Za-z0-9_-]{43}/, ""),
          url
        )
        assert.strictEqual(yield* SignedUrl.sign(signed, options), signed)
      })
  )

  it.effect.prop(
    "the two ways to encode a form mean the same, so a client that rewrites the query breaks nothing",
    [Path, Query],
    ([path, query]) =>
      Effect.gen(function*() {
        const signed = yield* SignedUrl.sign(build(path, query, ""), options)
        const start = signed.indexOf("?") + 1
        const rewritten = signed.slice(0, start) + new URLSearchParams(signed.slice(start)).toString()
        assert.strictEqual(yield* SignedUrl.verify(rewritten, options), "ok")
      })
  )

  it.effect.prop(
    "changing, dropping or adding any character of the path or the query is noticed",
    [Path, Query],
    ([path, query]) =>
      Effect.gen(function*() {
        const signed = yield* SignedUrl.sign(
          build(path, query, "").slice("https://pod.example.com:8443".length),
          options
        )
        for (let index = 0; index < signed.length; index++) {
          const before = signed.slice(0, index)
          const after = signed.slice(index + 1)
          const other = signed[index] === "Z" ? "Y" : "Z"
          for (const changed of [before + other + after, `${before}${other}${signed.slice(index)}`]) {
            assert.notStrictEqual(yield* SignedUrl.verify(changed, options), "ok", changed)
          }
          // only an empty parameter, the = before an empty value and the slash of the root can go without a change
          if (!"&=".includes(signed[index] ?? "") && !(before === "" && after.startsWith("?"))) {
            assert.notStrictEqual(yield* SignedUrl.verify(before + after, options), "ok", before + after)
          }
        }
      }),
    { arbitrary: { runs: 25 } }
  )

  it.effect.prop(
    "expired wins over a bad signature, malformed over both",
    [Path, Query, Schema.Boolean, Schema.Boolean, Schema.Boolean],
    ([path, query, isLate, isForged, isBroken]) =>
      Effect.gen(function*() {
        const signed = yield* SignedUrl.sign(build(path, query, ""), { ...options, expiresIn: 60 })
        const forged = isForged ? `${signed}&forged=1` : signed
        const url = isBroken ? `${forged}&q=%zz` : forged
        assert.strictEqual(
          yield* SignedUrl.verify(url, { secret, now: isLate ? now + 61 : now }),
          isBroken ? "malformed" : isLate ? "expired" : isForged ? "bad_signature" : "ok"
        )
      })
  )

  it.effect.prop(
    "any text at all has an outcome, and none of them is ok",
    [Schema.String, Schema.Array(Piece), Schema.Boolean],
    ([any, pieces, hasTail]) =>
      Effect.gen(function*() {
        const hostile = `${any}${text(pieces)}${hasTail ? `?exp=${now}&sig=${any}` : ""}`
        for (const host of [false, true]) {
          const outcome = yield* SignedUrl.verify(hostile, { ...options, host })
          assert.include(outcomes.slice(1), outcome)
        }
      })
  )
})
