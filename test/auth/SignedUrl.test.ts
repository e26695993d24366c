import { assert, describe, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { createHmac } from "node:crypto"
import { hmacOfWeb, hmacSha256 } from "../../src/auth/internal/webCrypto.ts"
import * as SignedUrl from "../../src/auth/SignedUrl.ts"

const secret = "test-secret-test-secret-test-secret"
const exp = 1_747_000_000
const now = exp - 3600
const hour = { secret, now, expiresIn: 3600 }

const sigOf = (url: string) => /[?&]sig=([^&#]*)/.exec(url)?.[1]
const hmac = (canonical: string) => createHmac("sha256", secret).update(canonical).digest("base64url")
const signedBy = (canonical: string, url: string) => `${url}&sig=${hmac(canonical)}`
const issuesOf = (options: SignedUrl.SignOptions, url = "/x") =>
  Effect.map(
    Effect.flip(SignedUrl.sign(url, options)),
    ({ reason }) => reason._tag === "Validation" ? reason.issues.map(({ path }) => path) : reason._tag
  )

describe("SignedUrl.sign", () => {
  it.effect.each<readonly [url: string, signature: string]>([
    ["https://pod.example.com/stream/42?user=42", "mrZbAdW1-VOz8L1aJKRrzfzuJ88YzWWBW_myH4EQzOw"],
    ["https://pod.example.com", "tm-h2g_kt_T9vz8Er5KZJo6IZsBC9Hbxwt8mg5a4r30"],
    ["https://pod.example.com/a%20b?q=x%20y%2Bz~*", "dzm2l7ZW86mXcK6fusXO4ql5bQmC7a5jSAUg5fMmHLk"],
    ["/a%20b?q=x+y%2bz%7e%2A", "dzm2l7ZW86mXcK6fusXO4ql5bQmC7a5jSAUg5fMmHLk"]
  ])("gives the published signature: %s", ([url, signature]) =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign(url, hour)
      assert.strictEqual(sigOf(signed), signature)
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret, now }), "ok")
    }))

  it.effect("parameters, fragment, user info, host and port stay as written", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign(
        "https://me@Pod.Example.com:8443/A/../b%2f?q=x%20y&&q=*&flag&k=%c3%a9#p?=1",
        hour
      )
      assert.strictEqual(
        signed.replace(/sig=[^#]*/, "sig="),
        `https://me@Pod.Example.com:8443/A/../b%2f?q=x%20y&q=*&flag&k=%c3%a9&exp=${exp}&sig=#p?=1`
      )
    }))

  it.effect("an exp or sig already there is replaced, however it is written", () =>
    Effect.gen(function*() {
      const once = yield* SignedUrl.sign("/x?a=1", { ...hour, now: 5 })
      assert.strictEqual(yield* SignedUrl.sign(once, hour), yield* SignedUrl.sign("/x?a=1", hour))
      assert.strictEqual(
        yield* SignedUrl.sign("/x?%65xp=1&a=1&exp=2&si%67=3&sig", hour),
        yield* SignedUrl.sign("/x?a=1", hour)
      )
    }))

  it.effect("names are sorted by UTF-8 bytes, not by UTF-16 units", () =>
    Effect.gen(function*() {
      // U+FB00 comes before U+1F600 in UTF-8 and after it in UTF-16
      const signed = yield* SignedUrl.sign("/s?\u{1f600}=1&\ufb00=2&aa=3&a=4&B=5", hour)
      assert.strictEqual(sigOf(signed), hmac(`/s?B=5&a=4&aa=3&exp=${exp}&%EF%AC%80=2&%F0%9F%98%80=1`))
    }))

  it.effect("repeated names are all covered, in their own order", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign("/s?b=2&a=z&b=1&a=y", hour)
      assert.strictEqual(sigOf(signed), hmac(`/s?a=z&a=y&b=2&b=1&exp=${exp}`))
      for (const [from, to] of [["a=z&", ""], ["b=2", "b=3"], ["b=1", "b=3"]] as const) {
        assert.strictEqual(yield* SignedUrl.verify(signed.replace(from, to), { secret, now }), "bad_signature")
      }
      const swapped = signed.replace("b=2&a=z&b=1", "b=1&a=z&b=2")
      assert.strictEqual(yield* SignedUrl.verify(swapped, { secret, now }), "bad_signature")
      const shuffled = signed.replace("b=2&a=z&b=1&a=y", "a=z&a=y&b=2&b=1")
      assert.strictEqual(yield* SignedUrl.verify(shuffled, { secret, now }), "ok")
    }))

  it.effect("every byte is form-encoded by the rule: space is +, the unreserved stay, the rest is upper-case hex", () =>
    Effect.gen(function*() {
      for (let byte = 1; byte < 128; byte++) {
        const character = String.fromCharCode(byte)
        const expected = character === " "
          ? "+"
          : /[A-Za-z0-9\-._~]/.test(character)
          ? character
          : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        const signed = yield* SignedUrl.sign(`/s?c=%${byte.toString(16).padStart(2, "0")}`, hour)
        assert.strictEqual(sigOf(signed), hmac(`/s?c=${expected}&exp=${exp}`), `byte ${byte}`)
      }
    }))

  it.effect("a name without a value and an empty name count as empty text", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign("/s?flag&=v&a=b=c", hour)
      assert.strictEqual(sigOf(signed), hmac(`/s?=v&a=b%3Dc&exp=${exp}&flag=`))
    }))

  it.effect("the path is signed as written, not decoded", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign("/a%2Fb", hour)
      assert.strictEqual(sigOf(signed), hmac(`/a%2Fb?exp=${exp}`))
      for (const path of ["/a%2fb", "/a/b", "//a%2Fb", "/A%2Fb"]) {
        assert.strictEqual(
          yield* SignedUrl.verify(signed.replace("/a%2Fb", path), { secret, now }),
          "bad_signature",
          path
        )
      }
    }))

  it.effect("a URL works for an hour by default, counted from the Clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now * 1000 + 999)
      const signed = yield* SignedUrl.sign("/x", { secret })
      assert.include(signed, `exp=${exp}&`)
      yield* TestClock.setTime(exp * 1000 + 999)
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret }), "ok")
      yield* TestClock.setTime((exp + 1) * 1000)
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret }), "expired")
    }))

  it.effect("a plain number is seconds; every other duration means the same time", () =>
    Effect.gen(function*() {
      const expected = yield* SignedUrl.sign("/x", { secret, now, expiresIn: 600 })
      for (const expiresIn of ["10 minutes", "600000 millis", Duration.minutes(10), { minutes: 10 }] as const) {
        assert.strictEqual(yield* SignedUrl.sign("/x", { secret, now, expiresIn }), expected)
      }
    }))

  it.effect.each(
    [0, -1, 1.5, Number.NaN, Infinity, Number.MAX_SAFE_INTEGER, "1500 millis", "Infinity", "0 seconds"] as const
  )("refuses an expiresIn that is no positive whole number of seconds: %s", (expiresIn) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* issuesOf({ secret, now, expiresIn }), ["expiresIn"])
    }))

  it.effect("refuses an empty secret and a now that is no number, both when signing and when verifying", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* issuesOf({ secret: "", now }), ["secret"])
      assert.deepStrictEqual(yield* issuesOf({ secret: Redacted.make(""), now: Number.NaN }), ["secret", "now"])
      const signed = yield* SignedUrl.sign("/x", hour)
      const options = [{ secret: "" }, { secret: Redacted.make("") }, { secret, now: Number.NaN }]
      for (const option of options) {
        assert.strictEqual((yield* Effect.flip(SignedUrl.verify(signed, option))).kind, "validation")
      }
    }))

  it.effect.each([
    "",
    "#top",
    "stream/42",
    "pod.example.com/x",
    "https://",
    "https:///x",
    "mailto:a@b",
    "/%zz",
    "/x?%f",
    "/x?a=%FF",
    "/x?\ud800",
    "/a\nb",
    "https://pod\\evil/x"
  ])("refuses a text that is not a URL, with that message: %j", (url) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* issuesOf(hour, url), ["url"])
    }))

  it.effect("an error shows neither URL nor secret", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SignedUrl.sign("no-url?key=hidden-1", { secret: "hidden-2", expiresIn: 0 }))
      assert.notInclude(JSON.stringify(error) + String(error) + error.stack, "hidden")
    }))

  it.effect("a minted secret is 32 bytes of base64url, handed over in the environment", () =>
    Effect.gen(function*() {
      const minted = yield* SignedUrl.mintSecret
      assert.match(Redacted.value(minted.secret), /^[A-Za-z0-9_-]{43}$/)
      assert.deepStrictEqual(Object.keys(minted.env), ["ATLAS_SIGNING_SECRET"])
      assert.strictEqual(Redacted.value(minted.env.ATLAS_SIGNING_SECRET), Redacted.value(minted.secret))
      const signed = yield* SignedUrl.sign("/x", { ...hour, secret: minted.secret })
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret: Redacted.value(minted.secret), now }), "ok")
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret, now }), "bad_signature")
    }))
})

describe("SignedUrl.verify", () => {
  it.effect("a full URL and its path with query verify alike; scheme, host and fragment do not matter", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign("https://pod.example.com:8443/x?a=1#top", hour)
      const forms = [
        signed,
        signed.replace("https://pod.example.com:8443", ""),
        signed.replace("https://pod.example.com:8443", "ws://127.0.0.1"),
        signed.replace("#top", "")
      ]
      for (const form of forms) assert.strictEqual(yield* SignedUrl.verify(form, { secret, now }), "ok")
      const root = yield* SignedUrl.sign("https://pod.example.com?a=1", hour)
      for (const form of ["/?", "?", "https://other/?"]) {
        assert.strictEqual(
          yield* SignedUrl.verify(root.replace("https://pod.example.com?", form), { secret, now }),
          "ok",
          form
        )
      }
    }))

  it.effect("the second it expires in is still valid, the next one is not", () =>
    Effect.gen(function*() {
      const signed = yield* SignedUrl.sign("/x", hour)
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret, now: exp }), "ok")
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret, now: exp + 0.9 }), "ok")
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret, now: exp + 1 }), "expired")
    }))

  it.effect("malformed comes before expired, expired before bad_signature", () =>
    Effect.gen(function*() {
      const late = { secret, now: exp + 1 }
      assert.strictEqual(yield* SignedUrl.verify(`/x?exp=${exp}&sig=`, late), "malformed")
      assert.strictEqual(yield* SignedUrl.verify(`/x?exp=${exp}&sig=wrong&q=%zz`, late), "malformed")
      assert.strictEqual(yield* SignedUrl.verify(`/x?exp=${exp}&sig=wrong`, late), "expired")
      assert.strictEqual(yield* SignedUrl.verify(`/x?exp=-5&sig=wrong`, late), "expired")
      assert.strictEqual(yield* SignedUrl.verify(`/x?exp=${exp}&sig=wrong`, { secret, now }), "bad_signature")
      assert.strictEqual(
        yield* SignedUrl.verify(`/x?exp=${"9".repeat(999)}&sig=wrong`, { secret, now }),
        "bad_signature"
      )
    }))

  it.effect.each([
    "",
    " ",
    "?",
    "/",
    "not a url",
    "https://pod.example.com",
    "/x?sig=s",
    "/x?exp=&sig=s",
    "/x?exp&sig=s",
    ...[
      "12x",
      "x12",
      "1.0",
      "1e3",
      "0x10",
      "%2B5",
      "+5",
      "5+",
      "%205",
      "--5",
      "-",
      "\u0661\u0662",
      "NaN",
      "Infinity",
      "5%00"
    ]
      .map((value) => `/x?exp=${value}&sig=s`),
    `/x?exp=${exp}`,
    `/x?exp=${exp}&sig`,
    `/x?exp=${exp}&sig=`,
    `/x?exp=${exp}&exp=${exp}&sig=s`,
    `/x?exp=${exp}&%65xp=${exp}&sig=s`,
    `/x?exp=${exp}&exp&sig=s`,
    `/x?exp=${exp}&sig=s&sig=s`,
    `/x?exp=${exp}&sig=s&sig`,
    `/x?exp=${exp}&sig=s&q=%`,
    `/x?exp=${exp}&sig=s&q=%4`,
    `/x?exp=${exp}&sig=s&%zz=1`,
    `/x?exp=${exp}&sig=s&q=%C3%28`,
    `/x?exp=${exp}&sig=s&q=%ED%A0%80`,
    `/x?exp=${exp}&sig=s&q=\udc00`,
    `/x%?exp=${exp}&sig=s`,
    `/x%g0?exp=${exp}&sig=s`,
    `/x\u0000?exp=${exp}&sig=s`,
    `/x?exp=${exp}&sig=s\r\nX-Evil: 1`,
    `x?exp=${exp}&sig=s`,
    `https://?exp=${exp}&sig=s`,
    `https://pod\\evil/x?exp=${exp}&sig=s`,
    `/x#?exp=${exp}&sig=s`
  ])("malformed, never a throw: %j", (url) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* SignedUrl.verify(url, { secret, now }), "malformed")
    }))

  it.effect("a signature of another length, alphabet or spelling is bad", () =>
    Effect.gen(function*() {
      const canonical = `/x?exp=${exp}`
      const good = hmac(canonical)
      assert.strictEqual(yield* SignedUrl.verify(signedBy(canonical, canonical), { secret, now }), "ok")
      // the last character carries two spare bits: another one may decode to the same bytes
      const spare = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"].filter((last) =>
        !good.endsWith(last)
      )
      const bad = [
        good.slice(1),
        `${good}A`,
        `${good}=`,
        good.slice(0, -1),
        good.toUpperCase(),
        "A".repeat(43),
        "\u{1f600}"
      ]
      for (const sig of [...bad, ...spare.map((last) => good.slice(0, -1) + last)]) {
        assert.strictEqual(yield* SignedUrl.verify(`${canonical}&sig=${sig}`, { secret, now }), "bad_signature", sig)
      }
    }))

  describe("with the host covered", () => {
    const withHost = { ...hour, host: true }

    it.effect("another host or port is a bad signature; case, user info and the scheme's own port are not", () =>
      Effect.gen(function*() {
        const signed = yield* SignedUrl.sign("https://pod.example.com/x", withHost)
        const on = (origin: string) =>
          SignedUrl.verify(signed.replace("https://pod.example.com", origin), { secret, now, host: true })
        for (
          const same of ["https://pod.example.com", "https://POD.example.com:443", "http://me:x@pod.example.com:80"]
        ) {
          assert.strictEqual(yield* on(same), "ok", same)
        }
        for (
          const other of ["https://evil.example.com", "https://pod.example.com:8443", "https://pod.example.com@evil"]
        ) {
          assert.strictEqual(yield* on(other), "bad_signature", other)
        }
        for (const none of ["", "https://a b", "https://pod.example.com\\evil"]) {
          assert.strictEqual(yield* on(none), "malformed", none)
        }
      }))

    it.effect("a URL signed with its host does not pass without it, nor the other way round", () =>
      Effect.gen(function*() {
        const covered = yield* SignedUrl.sign("https://pod.example.com/x", withHost)
        const plain = yield* SignedUrl.sign("https://pod.example.com/x", hour)
        assert.strictEqual(yield* SignedUrl.verify(covered, { secret, now }), "bad_signature")
        assert.strictEqual(yield* SignedUrl.verify(plain, { secret, now, host: true }), "bad_signature")
        const asPath = covered.replace("https:/", "")
        assert.strictEqual(yield* SignedUrl.verify(asPath, { secret, now }), "bad_signature")
      }))

    it.effect("signing a path alone is refused", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* issuesOf(withHost, "/x"), ["url"])
      }))
  })
})

describe("the key of a secret", () => {
  /** Runs the effect and counts the keys that are made meanwhile. */
  const keysOf = <E>(effect: Effect.Effect<unknown, E>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => vi.spyOn(globalThis.crypto.subtle, "importKey")),
      (made) => Effect.map(effect, () => made.mock.calls.length),
      (made) => Effect.sync(() => made.mockRestore())
    )

  it.effect("is made once for what holds the secret, for signing and verifying", () =>
    Effect.gen(function*() {
      const held = Redacted.make(secret)
      const many = Effect.forEach(["/x", "/y", "/x"], (text) => hmacOfWeb(held, secret, text))
      assert.strictEqual(yield* keysOf(many), 1)
      assert.strictEqual(yield* keysOf(hmacOfWeb(held, `${secret}!`, "/x")), 1)
    }))

  it.effect("gives the signature that Node's own cryptography gives, which a server uses", () =>
    Effect.gen(function*() {
      for (const text of ["", "/stream/42?exp=1", "/ä/\u{1F600}", "x".repeat(10_000)]) {
        for (const key of [secret, "ключ", "k".repeat(200)]) {
          assert.strictEqual(yield* hmacSha256({}, key, text), yield* hmacOfWeb({}, key, text))
        }
      }
      // neither a promise nor a key: the call of Web Crypto is for a browser
      assert.strictEqual(yield* keysOf(SignedUrl.sign("/x", { secret, now })), 0)
    }))

  it.effect("is another one for another secret, also in the same options", () =>
    Effect.gen(function*() {
      const options = { secret, now }
      const signed = yield* SignedUrl.sign("/x", options)
      options.secret = `${secret}!`
      assert.strictEqual(yield* SignedUrl.verify(signed, options), "bad_signature")
      assert.strictEqual(yield* SignedUrl.verify(signed, { secret: Redacted.make("other"), now }), "bad_signature")
    }))

  it.effect("is forgotten after a flood of others, whoever still holds its secret", () =>
    Effect.gen(function*() {
      const held = Redacted.make(secret)
      const first = yield* hmacOfWeb(held, secret, "/x")
      const flood = Array.from({ length: 1_000 }, (_, index) => Redacted.make(`secret ${index}`))
      yield* Effect.forEach(flood, (other) => hmacOfWeb(other, Redacted.value(other), "/x"))
      const again = hmacOfWeb(held, secret, "/x")
      assert.strictEqual(yield* keysOf(Effect.andThen(again, again)), 1)
      assert.strictEqual(yield* again, first)
    }))
})
