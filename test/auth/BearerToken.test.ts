import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import * as BearerToken from "../../src/auth/BearerToken.ts"
import * as Entropy from "../../src/domain/Entropy.ts"

const hashOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

describe("BearerToken", () => {
  it.effect("a token is 32 bytes as 43 characters of base64url without padding", () =>
    Effect.gen(function*() {
      const { token } = yield* BearerToken.mint
      assert.match(Redacted.value(token), /^[A-Za-z0-9_-]{43}$/)
      assert.strictEqual(Buffer.from(Redacted.value(token), "base64url").length, 32)
    }))

  it.effect("minting gives the hash of the token's text, its header and its environment variable", () =>
    Effect.gen(function*() {
      const minted = yield* BearerToken.mint
      const text = Redacted.value(minted.token)
      assert.strictEqual(minted.hash, createHash("sha256").update(text).digest("hex"))
      assert.strictEqual(Redacted.value(minted.header), `Bearer ${text}`)
      assert.deepStrictEqual(Object.keys(minted.env), ["ATLAS_PRESHARED_KEY"])
      assert.strictEqual(Redacted.value(minted.env.ATLAS_PRESHARED_KEY), text)
    }))

  it.effect("no two tokens are the same", () =>
    Effect.gen(function*() {
      const minted = yield* Effect.replicateEffect(BearerToken.mint, 200)
      assert.strictEqual(new Set(minted.map(({ token }) => Redacted.value(token))).size, 200)
    }))

  it.effect("the bytes come from the source in use, and a seeded one repeats them", () =>
    Effect.gen(function*() {
      const ones = yield* Effect.provideService(BearerToken.mint, Entropy.Entropy, {
        bytes: (length) => Effect.succeed(new Uint8Array(length).fill(1))
      })
      assert.strictEqual(Redacted.value(ones.token), Buffer.alloc(32, 1).toString("base64url"))

      const seeded = (seed: string) =>
        BearerToken.mint.pipe(Effect.provide(Entropy.layerPredictable), Random.withSeed(seed))
      assert.strictEqual((yield* seeded("a")).hash, (yield* seeded("a")).hash)
      assert.notStrictEqual((yield* seeded("a")).hash, (yield* seeded("b")).hash)
    }))

  it.effect("the system's source gives as many bytes as asked for", () =>
    Effect.gen(function*() {
      for (const length of [0, 1, 12, 65_536]) assert.strictEqual((yield* Entropy.bytes(length)).length, length)
    }))

  it.effect("the hash of abc is the published one, sealed or not", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* BearerToken.hash("abc"), hashOfAbc)
      assert.strictEqual(yield* BearerToken.hash(Redacted.make("abc")), hashOfAbc)
    }))

  it.effect("a token verifies against its own hash and no other", () =>
    Effect.gen(function*() {
      const mine = yield* BearerToken.mint
      const other = yield* BearerToken.mint
      assert.isTrue(yield* BearerToken.verify(mine.token, mine.hash))
      assert.isTrue(yield* BearerToken.verify(Redacted.value(mine.token), mine.hash))
      assert.isFalse(yield* BearerToken.verify(other.token, mine.hash))
      assert.isFalse(yield* BearerToken.verify(mine.token, other.hash))
    }))

  it.effect.prop(
    "any text verifies against its hash, and not with a character more",
    [Schema.NonEmptyString],
    ([text]) =>
      Effect.gen(function*() {
        const hash = yield* BearerToken.hash(text)
        assert.isTrue(yield* BearerToken.verify(text, hash))
        assert.isFalse(yield* BearerToken.verify(`${text}x`, hash))
      })
  )

  it.effect("changing any digit of the hash makes it false", () =>
    Effect.gen(function*() {
      for (let index = 0; index < hashOfAbc.length; index++) {
        const digit = hashOfAbc[index] === "0" ? "1" : "0"
        assert.isFalse(
          yield* BearerToken.verify("abc", `${hashOfAbc.slice(0, index)}${digit}${hashOfAbc.slice(index + 1)}`)
        )
      }
    }))

  it.effect("an empty candidate is false, even against the hash of nothing", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* BearerToken.verify("", yield* BearerToken.hash("")))
      assert.isFalse(yield* BearerToken.verify(Redacted.make(""), yield* BearerToken.hash("")))
    }))

  it.effect.each([
    "",
    "abc",
    hashOfAbc.slice(1),
    `${hashOfAbc}0`,
    `${hashOfAbc}\n`,
    hashOfAbc.toUpperCase(),
    "z".repeat(64),
    "\u{1f600}".repeat(32)
  ])("a malformed hash is false: %j", (hash) =>
    Effect.gen(function*() {
      assert.isFalse(yield* BearerToken.verify("abc", hash))
    }))

  it.effect("a candidate that cannot be read is false, not a crash", () =>
    Effect.gen(function*() {
      const wiped = Redacted.make("abc")
      Redacted.wipeUnsafe(wiped)
      assert.isFalse(yield* BearerToken.verify(wiped, hashOfAbc))
    }))

  it.effect("printing what was minted shows neither token nor header", () =>
    Effect.gen(function*() {
      const minted = yield* BearerToken.mint
      const text = Redacted.value(minted.token)
      for (const printed of [inspect(minted, { depth: 9 }), JSON.stringify(minted), String(minted.token)]) {
        assert.notInclude(printed, text)
      }
    }))
})
