/**
 * A compute with its end guaranteed: remembers, from before the create is sent, what has to be ended afterwards.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { AtlasError, NoCapacity, Uncertain } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeId } from "../domain/Ids.ts"
import { isRefusal } from "../domain/Refusal.ts"
import type { PreparedSpawn } from "./Adapter.ts"
import type { CallOptions } from "./Call.ts"
import type { ComputeFacet } from "./Facets.ts"

/**
 * The two ends of a prepared spawn; use each once, in this order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /**
   * Sends the create once and resolves a lost answer by looking, to the end of both settle windows; fails as `Uncertain` when
   * that shows nothing.
   */
  readonly acquire: Effect.Effect<Compute, AtlasError>
  /**
   * Ends whatever `acquire` made or may have made, and verifies that nothing bears its name, to the end of both settle windows
   * after the create; safe at any point, interrupted or not.
   */
  readonly release: Effect.Effect<void, AtlasError>
}

/** What the create has made, as far as is known. */
type Known =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Made"; readonly id: string; readonly at: bigint }
  | { readonly _tag: "Maybe" }

const knownAfter = (exit: Exit.Exit<Compute, AtlasError>, at: bigint): Known => {
  if (Exit.isSuccess(exit)) return { _tag: "Made", id: exit.value.id, at }
  const refused = Option.exists(Exit.findErrorOption(exit), (error) => isRefusal(error.reason))
  return refused ? { _tag: "Nothing" } : { _tag: "Maybe" }
}

/**
 * A lease on the compute that a prepared spawn will make.
 *
 * **Details**
 *
 * `compute` is the facet of the provider that prepared the spawn, `options` are those of every call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  compute: Pick<ComputeFacet, "rent" | "resolve" | "abandon" | "end">,
  spawn: PreparedSpawn,
  options?: CallOptions
): Lease => {
  let known: Known = { _tag: "Nothing" }
  let isClosed = false
  /** What the create certainly made under another name: a look for the spawn's own name would not find it. */
  let misnamed: Compute | null = null

  const endMisnamed = Effect.suspend(() => misnamed === null ? Effect.void : compute.end(misnamed.id, options))

  const idIn = ({ reason }: AtlasError) => reason._tag === "Uncertain" ? reason.computeId : null

  const uncertain = (asked: AtlasError, looked: string, foundId: ComputeId | null = null) =>
    new AtlasError({
      provider: asked.provider,
      operation: asked.operation,
      reason: new Uncertain({
        computeName: spawn.name,
        computeId: foundId ?? idIn(asked),
        status: asked.status,
        message: `the create was not answered (${asked.reason.message || "no reason given"}) and ${looked}`
      })
    })

  const notFound = Effect.suspend(() =>
    misnamed === null
      ? Effect.succeed("look once more before renting again")
      : Effect.match(endMisnamed, {
        onSuccess: () => "what was made instead is ended",
        onFailure: ({ reason }) => `what was made instead could not be ended: ${reason.message}`
      })
  )

  /** A provider that gave the want of machines as its reason, and made none. */
  const soldOut = ({ operation, provider, reason: { message, raw }, status }: AtlasError) =>
    new AtlasError({ provider, operation, reason: new NoCapacity({ status, raw, message }) })

  const resolved = (asked: AtlasError) =>
    Effect.matchEffect(compute.resolve(spawn, options), {
      onSuccess: (found) =>
        found === null
          ? Effect.flatMap(
            notFound,
            (then) =>
              Effect.fail(
                asked.reason._tag === "Uncertain" && asked.reason.saidNoCapacity && misnamed === null
                  ? soldOut(asked)
                  : uncertain(asked, `${spawn.name} did not appear; ${then}`)
              )
          )
          // found by what its container gets, it is the very one that was answered
          : Effect.as(found.id === misnamed?.id ? Effect.void : Effect.ignore(endMisnamed), found),
      onFailure: (failed) =>
        Effect.fail(uncertain(asked, `looking for ${spawn.name} failed: ${failed.reason.message}`, idIn(failed)))
    })

  const end = Effect.suspend(() => {
    switch (known._tag) {
      case "Nothing":
        return Effect.void
      case "Made":
        return compute.end(known.id, { ...options, madeAt: known.at, name: spawn.name })
      case "Maybe":
        return Effect.ensuring(compute.abandon(spawn, options), Effect.ignore(endMisnamed))
    }
  })

  const asked = Effect.suspend(() => {
    known = { _tag: "Maybe" }
    return compute.rent(spawn, options)
  }).pipe(
    Effect.tapError(({ reason }) =>
      Effect.sync(() => {
        if (reason._tag === "Uncertain") misnamed = reason.lastSeen
      })
    ),
    Effect.catchIf((error) => error.reason._tag === "Uncertain", resolved),
    Effect.onExit((exit) =>
      Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        known = knownAfter(exit, now)
        // released while the create was still under way: whatever it made has no user
        return isClosed ? end : Effect.void
      })
    )
  )

  return {
    // a lease that was released, before or meanwhile, gives no compute
    acquire: Effect.suspend(() => isClosed ? Effect.interrupt : asked).pipe(
      Effect.filterOrElse(() => !isClosed, () => Effect.interrupt)
    ),
    release: Effect.suspend(() => {
      isClosed = true
      return end
    })
  }
}
