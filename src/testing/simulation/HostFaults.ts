/**
 * What an application hands to an orchestrator and what can fail in it: its bus, its tracer and its secrets, which fail, throw, or
 * do not answer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as Atlas from "../../domain/AtlasError.ts"
import type * as Rng from "./Rng.ts"
import type { World } from "./World.ts"

/**
 * The faults of an application.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostFaults {
  /** Whether there are any in this world, so that spans are made even when no secrets are sought in them. */
  readonly isOn: boolean
  /** What the bus does once it has an event. */
  readonly bus: Effect.Effect<void>
  readonly tracer: (self: Tracer.Tracer) => Tracer.Tracer
  readonly secrets: <A>(self: Effect.Effect<A>) => Effect.Effect<A, Atlas.AtlasError>
}

/**
 * The faults of the application in a world, as often as the fault profile says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, isOn: boolean, rng: Rng.Rng): HostFaults => {
  const fails = (): boolean => {
    const share = world.faultRates().host
    return share > 0 && rng.chance(share)
  }
  const thrown = (): never => {
    throw new Error("the application failed")
  }
  const broken = Effect.suspend(() =>
    Effect.fail(
      new Atlas.AtlasError({
        provider: null,
        operation: "secrets",
        reason: new Atlas.Unknown({ message: "the vault is closed" })
      })
    )
  )
  return {
    isOn,
    bus: Effect.suspend(() =>
      fails()
        ? rng.pick<() => Effect.Effect<void>>(() => Effect.die("the bus is down"), thrown, () => Effect.never)()
        : Effect.void
    ),
    tracer: (self) =>
      Tracer.make({
        ...self,
        span: (options) => {
          if (fails()) thrown()
          const span = self.span(options)
          const end = span.end.bind(span)
          span.end = (endTime, exit) => {
            end(endTime, exit)
            if (fails()) thrown()
          }
          return span
        }
      }),
    secrets: (self) =>
      Effect.suspend(() =>
        fails()
          ? rng.pick<() => Effect.Effect<never, Atlas.AtlasError>>(
            () => broken,
            thrown,
            () => Effect.die("the vault is broken"),
            () => Effect.never
          )()
          : self
      )
  }
}
