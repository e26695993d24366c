/**
 * Failures that are an answer to the one who asks: a machine that is looked for to see that it is gone, and is.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../domain/AtlasError.ts"

/**
 * A way to fail, as the reason of an `AtlasError` says it.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason = AtlasErrorReason["_tag"]

const none: ReadonlySet<Reason> = new Set()
const absence: ReadonlySet<Reason> = new Set(["NotFound"])
const silence: ReadonlySet<Reason> = new Set(["NotFound", "Unsupported"])

/**
 * The reasons that the caller takes for an answer; default none.
 *
 * @category references
 * @since 0.1.0
 */
export const Expected: Context.Reference<ReadonlySet<Reason>> = Context.Reference("effect-atlas/telemetry/Expected", {
  defaultValue: () => none
})

/**
 * Runs calls for which "not found" is an answer: their spans succeed and no failure is counted. The effect fails as ever.
 *
 * **When to use**
 *
 * Where your program ends or looks for what may be gone already. A call that must find what it asks for stays as it is.
 *
 * **Example** (Gone is fine)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as Expected from "effect-atlas/telemetry/Expected"
 * import * as Effect from "effect/Effect"
 *
 * const gone = (id: string) =>
 *   Expected.notFound(Atlas.terminate(id)).pipe(
 *     Effect.catchReason("AtlasError", "NotFound", () => Effect.void)
 *   )
 * ```
 *
 * @category tracing
 * @since 0.1.0
 */
export const notFound = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(self, Expected, absence)

/**
 * The same for what only some providers can tell, and only while they keep it: "unsupported" is an answer too.
 *
 * @category tracing
 * @since 0.1.0
 */
export const nothing = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(self, Expected, silence)
