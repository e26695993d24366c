/**
 * The token in our environment: `FLY_ACCESS_TOKEN`, else `FLY_API_TOKEN`, in the order the fly command has.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TokenForm from "./tokenForm.ts"

export const names = ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"] as const

/** The first that is set; an empty one is not. What is no token is said, by name, and passed over. */
export const read: Effect.Effect<Redacted.Redacted | null> = Effect.gen(function*() {
  for (const name of names) {
    const value = yield* Effect.orElseSucceed(Config.Redacted(name), () => Redacted.make(""))
    const text = Redacted.value(value)
    const token = TokenForm.given(text)
    if (token !== null) return token
    if (text.trim() !== "") yield* Effect.logWarning(`${name} does not hold a token and is ignored`)
  }
  return null
})
