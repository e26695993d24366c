/**
 * Minting, verifying and signing against the same cryptography of node:crypto alone.
 */
import { BearerToken, SignedUrl } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { hold } from "./bounds.ts"
import { compare } from "./measure.ts"

const repeat = (effect: Effect.Effect<unknown, unknown>) => (times: number) =>
  Effect.runPromise(Effect.orDie(Effect.asVoid(Effect.replicateEffect(effect, times, { discard: true }))))

const loop = (work: () => void) => (times: number) => {
  for (let i = 0; i < times; i++) work()
}

const secret = "test-secret-test-secret-test-secret"
const url = "https://pod-8000.proxy.example.net/stream/42?user=42"
const { hash, token } = await Effect.runPromise(BearerToken.mint)
const signed = await Effect.runPromise(SignedUrl.sign(url, { secret }))
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const hmac = (text: string) => createHmac("sha256", secret).update(text).digest("base64url")
const bareToken = "a".repeat(43)
const bareHash = sha256(bareToken)

console.log("bearer token")
await compare([
  { name: "node:crypto mint", run: loop(() => void sha256(randomBytes(32).toString("base64url"))) },
  {
    name: "bare Web Crypto mint",
    run: async (times) => {
      for (let i = 0; i < times; i++) {
        await crypto.subtle.digest("SHA-256", crypto.getRandomValues(new Uint8Array(32)))
      }
    }
  },
  { name: "BearerToken.mint", run: repeat(BearerToken.mint) },
  {
    name: "node:crypto verify",
    run: loop(() => void timingSafeEqual(Buffer.from(sha256(bareToken)), Buffer.from(bareHash)))
  },
  { name: "BearerToken.verify", run: repeat(BearerToken.verify(token, hash)) }
], 5_000)

const key = await crypto.subtle.importKey("raw", Buffer.from(secret), { name: "HMAC", hash: "SHA-256" }, false, [
  "sign"
])
const held = Redacted.make(secret)
const path = "SignedUrl.verify, key kept"
const peer = "Web Crypto sign, key kept"

console.log("signed URL")
const { cpu } = await compare([
  {
    name: peer,
    run: async (times) => {
      const covered = Buffer.from("/stream/42?exp=1747000000&user=42")
      for (let i = 0; i < times; i++) await crypto.subtle.sign("HMAC", key, covered)
    }
  },
  {
    name: "node:crypto sign",
    run: loop(() => {
      const target = new URL(url)
      target.searchParams.set("exp", "1747000000")
      target.searchParams.set("sig", hmac(`${target.pathname}?${target.searchParams}`))
      void target.href
    })
  },
  { name: "SignedUrl.sign", run: repeat(SignedUrl.sign(url, { secret })) },
  {
    name: "node:crypto verify",
    run: loop(() => {
      const target = new URL(signed)
      const sig = target.searchParams.get("sig") ?? ""
      target.searchParams.delete("sig")
      const wanted = hmac(`${target.pathname}?${target.searchParams}`)
      void timingSafeEqual(Buffer.from(sig.padEnd(43).slice(0, 43)), Buffer.from(wanted))
    })
  },
  { name: path, run: repeat(Effect.suspend(() => SignedUrl.verify(signed, { secret: held }))) },
  {
    name: "SignedUrl.verify, another key each time",
    run: repeat(Effect.suspend(() => SignedUrl.verify(signed, { secret })))
  }
], 5_000)
hold({ path, against: null, unit: "us", limit: 24, aim: cpu(peer).best, rounds: cpu(path) })
