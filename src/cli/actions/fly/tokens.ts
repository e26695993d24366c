/**
 * Where commands get Fly tokens from: the one place to change when there are more ways to find one.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { FlyError, NoToken } from "../../../fly/FlyError.ts"
import type { TokenSource } from "../../../fly/FlyLogs.ts"
import { Shell } from "../../Shell.ts"

/** Tokens of the environment; one that is refused stays what it is. */
export const source: Effect.Effect<TokenSource, never, Shell> = Effect.map(Shell, ({ variable }) => ({
  get: (app) => {
    const token = variable("FLY_ACCESS_TOKEN") || variable("FLY_API_TOKEN")
    return token
      ? Effect.succeed(Redacted.make(token))
      : Effect.fail(
        new FlyError({
          app,
          operation: "token",
          reason: new NoToken({ message: "neither FLY_ACCESS_TOKEN nor FLY_API_TOKEN is set" })
        })
      )
  },
  invalidate: () => Effect.void
}))
