/** A span and metrics around every call of one provider. */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Series from "../../telemetry/internal/series.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import * as SpanEnd from "../../telemetry/SpanEnd.ts"
import * as Spans from "../../telemetry/Spans.ts"
import * as Traced from "../../telemetry/Traced.ts"

type SpanAttributes = Readonly<Record<string, string>>

const isId = Schema.is(ComputeId)

/** The id of a compute for its span; text that is no id is left out, since it may be a secret given by mistake. */
export const idAttribute = (id: string): SpanAttributes => isId(id) ? { [Attributes.computeId]: id } : {}

/** A count that cannot be taken loses nothing but itself. */
const harmless = (count: Effect.Effect<void>): Effect.Effect<void> => Effect.ignoreCause(count)

export interface Observer {
  /** One operation: prepare it once, use it for every call. */
  readonly effect: (
    operation: Spans.ProviderOperation
  ) => <A, R>(
    self: Effect.Effect<A, AtlasError, R>,
    attributes?: SpanAttributes,
    place?: Pick<Tracer.SpanOptionsNoTrace, "links" | "parent" | "root">
  ) => Effect.Effect<A, AtlasError, R>
  readonly stream: (
    operation: Spans.ProviderOperation,
    attributes: SpanAttributes
  ) => <A, R>(self: Stream.Stream<A, AtlasError, R>) => Stream.Stream<A, AtlasError, R>
}

/** What a span tells of a failed call. */
const itself = (error: AtlasError): AtlasError => error

export const makeObserver = (
  { cloud, id: provider }: { readonly id: ProviderId; readonly cloud: string }
): Observer => {
  const own = { [Attributes.provider]: provider, [Attributes.cloud]: cloud }
  /** Says in the span how the call ended, and counts it where it was a failure or its caller has left. */
  const settle = (operation: string, span: Tracer.Span, cause: Cause.Cause<AtlasError>): Effect.Effect<void> =>
    Effect.withFiber((fiber) => {
      const verdict = SpanEnd.settle(fiber, span, cause, itself)
      switch (verdict._tag) {
        case "answered":
          return Effect.void
        case "interrupted":
          return Metric.update(Metric.withAttributes(Metrics.interruptions, { provider, operation }), 1)
        case "failed":
          return Metric.update(
            Metric.withAttributes(Metrics.failures, { provider, operation, kind: verdict.kind ?? "unknown" }),
            1
          )
      }
    })
  return {
    effect: (operation) => {
      const labels = { provider, operation }
      const calls = Series.counted(Metrics.calls, labels)
      const duration = Series.timed(Metrics.duration, labels)
      const name = Spans.provider(operation)
      return (self, attributes, place) => {
        const options = {
          ...place,
          kind: "client",
          attributes: { ...own, ...attributes }
        } as const
        const counting = (span: Tracer.Span) =>
          Effect.clockWith((clock) => {
            const start = clock.monotonicTimeNanosUnsafe()
            return Effect.onExit(self, (exit) => {
              const counted = Effect.andThen(
                Metric.update(calls, 1),
                Metric.update(duration, Duration.nanos(clock.monotonicTimeNanosUnsafe() - start))
              )
              return harmless(
                Exit.isSuccess(exit) ? counted : Effect.andThen(settle(operation, span, exit.cause), counted)
              )
            })
          })
        return Traced.effect(name, options, counting)
      }
    },
    stream: (operation, attributes) => {
      const calls = Series.counted(Metrics.calls, { provider, operation })
      const options = { kind: "client", attributes: { ...own, ...attributes } } as const
      const observed = Traced.stream<AtlasError>(
        Spans.provider(operation),
        options,
        (span, cause) => harmless(settle(operation, span, cause))
      )
      return (self) => observed(Stream.unwrap(Effect.as(Metric.update(calls, 1), self)))
    }
  }
}
