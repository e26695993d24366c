/** Calls of providers that end in time whatever their adapters do, and the facts of those that failed. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, Unknown } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import { adapterDefect } from "../internal/defects.ts"
import { atMost } from "../internal/patience.ts"
import * as Fault from "../session/Fault.ts"

/** A command ends within this whatever the provider does; the adapter's own limits are shorter. */
const commandLimit = "2 minutes"

/** The facts of a failure, of a defect too. */
export const faultOf = (provider: ProviderId, cause: Cause.Cause<AtlasError>): Fault.Fault =>
  Option.match(Cause.findErrorOption(cause), {
    onSome: Fault.fromError,
    // the text of a defect may hold anything, a key included
    onNone: () => Fault.make("Unknown", Cause.hasInterrupts(cause) ? "interrupted" : adapterDefect, provider)
  })

/** The same call, which fails when the limit has passed. */
export const bounded = <A>(provider: ProviderId, operation: string, call: Effect.Effect<A, AtlasError>) =>
  Effect.flatMap(
    atMost(call, commandLimit),
    Option.match({
      onNone: () =>
        Effect.fail(
          new AtlasError({ provider, operation, reason: new Unknown({ message: `no answer within ${commandLimit}` }) })
        ),
      onSome: Effect.succeed
    })
  )
