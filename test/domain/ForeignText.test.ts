import { assert, describe, it } from "@effect/vitest"
import { AtlasError, NotFound, ProviderFault, Validation } from "effect-atlas/domain/AtlasError"
import * as ForeignText from "effect-atlas/domain/ForeignText"
import { FlyError } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { hostile, obeyed } from "../support/hostile.ts"

describe("a line of foreign text", () => {
  it.each(Object.entries(hostile))("%s reads as its words alone", (_, { line, text }) => {
    assert.strictEqual(ForeignText.line(text), line)
  })

  it("keeps scripts and pictures that need their joiners, and nothing of one after a letter", () => {
    for (const text of ["👩‍🚀 é 名前", "می‌خواهم", "a b"]) assert.strictEqual(ForeignText.line(text), text)
    assert.strictEqual(ForeignText.line("pay\u200dpal \u200d\u200c."), "paypal .")
  })

  it("is cut between characters, and seen to be cut", () => {
    assert.strictEqual(ForeignText.line("x".repeat(300_000)).length, 2000)
    assert.strictEqual(ForeignText.line("abcdef", { max: 4 }), "abc…")
    assert.strictEqual(ForeignText.line("abc😀😀", { max: 5 }), "abc…")
  })

  it("holds no secret, not even one that an escape splits", () => {
    const secrets = ["sk-live-0123456789abcdef"]
    assert.strictEqual(ForeignText.line(`key ${secrets[0]}!`, { secrets }), "key <redacted>!")
    assert.strictEqual(ForeignText.line("key sk-live\u001b[0m-0123456789\u200babcdef!", { secrets }), "key <redacted>!")
  })

  it.effect.prop(
    "never holds what a terminal obeys, and is the same when cleaned again",
    [Schema.String],
    ([text]) =>
      Effect.sync(() => {
        const mixed = Object.values(hostile).reduce((all, one) => `${all}${one.text}${text.slice(0, 3)}`, text)
        for (const cleaned of [ForeignText.line(mixed), ForeignText.lines(mixed).replaceAll(/[\n\t]/g, "")]) {
          assert.notMatch(cleaned, obeyed)
          assert.strictEqual(ForeignText.line(cleaned), cleaned.trim())
        }
      })
  )
})

describe("lines of foreign text", () => {
  it("keep line feeds and tabs, and of the rest what can be read", () => {
    assert.strictEqual(
      ForeignText.lines("one\ttwo\r\nthr\u001b[31mee\u001b[0m\rfour\u001b]0;title\u0007\n"),
      "one\ttwo\nthreefour\n"
    )
  })

  it("keep the colours of our own where they may, and nothing else that an escape can do", () => {
    const text = "\u001b[1mID\u001b[22m\u001b[2J\u001b[3;4H\u001b]52;c;eA==\u0007"
    assert.strictEqual(ForeignText.lines(text, { colours: true }), "\u001b[1mID\u001b[22m")
  })

  it("are each cut where nobody reads on", () => {
    assert.deepStrictEqual(ForeignText.lines(`${"x".repeat(100_000)}\nb`).split("\n").map(({ length }) => length), [
      65_536,
      1
    ])
  })
})

it.each(Object.entries(hostile))("JSON of %s has the same value, and nothing that a terminal obeys", (_, { text }) => {
  const written = ForeignText.json(JSON.stringify({ [text]: text }))
  assert.notMatch(written, obeyed)
  assert.deepStrictEqual(JSON.parse(written), { [text]: text })
})

describe("an error that quotes somebody is harmless wherever it is printed", () => {
  it.each(Object.entries(hostile))("%s", (_, { line, text }) => {
    const error = new AtlasError({ provider: null, operation: "get", reason: new ProviderFault({ message: text }) })
    assert.deepStrictEqual([error.reason.message, error.message], [line, `[atlas] provider: ${line}`])
    const fly = new FlyError.FlyError({ operation: "logs", reason: new ProviderFault({ message: text }) })
    assert.strictEqual(fly.reason.message, line)
    const refused = new Validation({ issues: [{ path: text, message: "no" }] })
    assert.notMatch(new AtlasError({ provider: null, operation: "get", reason: refused }).message, obeyed)
  })

  it.effect("one that was stored and is read again, too", () =>
    Effect.gen(function*() {
      const stored = new AtlasError({ provider: null, operation: "get", reason: new NotFound({ status: 404 }) })
      const encoded = yield* Schema.encodeEffect(AtlasError)(stored)
      const read = Schema.decodeEffect(AtlasError)
      assert.deepStrictEqual(yield* read(encoded), stored)
      const changed = JSON.parse(JSON.stringify(encoded).replace("\"message\":\"\"", "\"message\":\"a\\rb\""))
      assert.strictEqual((yield* read(changed)).message, "[atlas] not_found (HTTP 404): a b")
    }))

  it("and bounded", () => {
    const reason = new ProviderFault({ message: "\u001b[2J".repeat(50_000) + "x".repeat(200_000) })
    assert.isAtMost(new AtlasError({ provider: null, operation: "get", reason }).message.length, 2100)
  })
})
