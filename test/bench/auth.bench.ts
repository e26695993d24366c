/**
 * Minting, verifying and signing against the same cryptography of node:crypto alone.
 */
import { BearerToken, SignedUrl } from "effect-atlas"
import * as Effect from "effect/Effect"
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto"
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

console.log("signed URL")
await compare([
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
  { name: "SignedUrl.verify", run: repeat(SignedUrl.verify(signed, { secret })) }
], 5_000)
