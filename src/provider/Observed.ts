/**
 * Spans and metrics of what is made of several calls of a provider, as each call has its own: waiting, and holding a compute.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import * as Attributes from "../telemetry/Attributes.ts"
import type { ProviderOperation } from "../telemetry/Spans.ts"
import * as Traced from "../telemetry/Traced.ts"
import type { PreparedSpawn } from "./Adapter.ts"
import type { Service } from "./Facets.ts"
import { idAttribute, makeObserver } from "./internal/observe.ts"

/**
 * Observes what is asked about one compute, or about none that has an id yet.
 *
 * @category observing
 * @since 0.1.0
 */
export const call = (provider: Pick<Service, "id" | "cloud">, operation: ProviderOperation, computeId?: string) => {
  const observed = makeObserver(provider).effect(operation)
  return <A, R>(self: Effect.Effect<A, AtlasError, R>): Effect.Effect<A, AtlasError, R> =>
    observed(self, computeId === undefined ? {} : idAttribute(computeId))
}

/**
 * Observes a stream from its first pull to its end.
 *
 * @category observing
 * @since 0.1.0
 */
export const stream =
  (provider: Pick<Service, "id" | "cloud">, operation: ProviderOperation) =>
  <A, R>(self: Stream.Stream<A, AtlasError, R>): Stream.Stream<A, AtlasError, R> =>
    makeObserver(provider).stream(operation, {})(self)

/**
 * A compute that is taken and given back, each under a span of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holding {
  /** Observes the taking. */
  readonly take: <R>(self: Effect.Effect<Compute, AtlasError, R>) => Effect.Effect<Compute, AtlasError, R>
  /** Observes the giving back of what this spawn made; its span links to that of the taking. */
  readonly giveBack: <R>(
    spawn: Pick<PreparedSpawn, "name">,
    self: Effect.Effect<void, AtlasError, R>
  ) => Effect.Effect<void, AtlasError, R>
}

/**
 * Observes one holding of a compute of this provider, under the span that is current now.
 *
 * @category observing
 * @since 0.1.0
 */
export const holding = (provider: Pick<Service, "id" | "cloud">): Effect.Effect<Holding> =>
  Effect.map(Traced.pair, ({ place, taken }) => {
    const observer = makeObserver(provider)
    const take = observer.effect("acquireCompute")
    const giveBack = observer.effect("releaseCompute")
    let held: Readonly<Record<string, string>> = {}
    return {
      take: (self) =>
        take(
          Effect.tap(Effect.andThen(taken, self), (compute) => {
            held = idAttribute(compute.id)
            return Effect.annotateCurrentSpan({
              ...held,
              ...(compute.name === null ? {} : { [Attributes.computeName]: compute.name })
            })
          })
        ),
      giveBack: ({ name }, self) =>
        Effect.suspend(() => giveBack(self, { ...held, [Attributes.computeName]: name }, place()))
    }
  })
