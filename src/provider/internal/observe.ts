/** A span and metrics around every call of one provider. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as HostTracer from "../../telemetry/HostTracer.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import * as Series from "./series.ts"

type SpanAttributes = Readonly<Record<string, string>>

const isId = Schema.is(ComputeId)

/** The id of a compute for its span; text that is no id is left out, since it may be a secret given by mistake. */
export const idAttribute = (id: string): SpanAttributes => isId(id) ? { [Attributes.computeId]: id } : {}

const kindOf = (cause: Cause.Cause<AtlasError>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onSome: (error) => error.kind,
    onNone: () => Cause.hasInterrupts(cause) ? "interrupted" : "defect"
  })

/** Stands in spans for a defect, whose text may hold anything. */
const hiddenDefect = Cause.makeDieReason("a defect; its text is withheld, since it can hold anything")

/** The cause as spans may keep it: without the text, the stack and the fields of a defect. */
export const withoutDefects = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
  Cause.fromReasons(cause.reasons.map((reason) => Cause.isDieReason(reason) ? hiddenDefect : reason))

/** Wraps what opens a span, so that the span records that there was a defect, but not its text; the caller gets it whole. */
export const redactDefects = <I extends ReadonlyArray<unknown>>(
  spanned: <A, E, R>(use: (...input: I) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) =>
<A, E, R>(use: (...input: I) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let whole: Cause.Cause<E> | null = null
    const withheld = (...input: I) =>
      Effect.catchCause(use(...input), (cause) => {
        if (!Cause.hasDies(cause)) return Effect.failCause(cause)
        whole = cause
        return Effect.failCause(withoutDefects(cause))
      })
    return Effect.catchCause(spanned(withheld), (cause) => Effect.failCause(whole ?? cause))
  })

/** A count that cannot be taken loses nothing but itself. */
const harmless = (count: Effect.Effect<void>): Effect.Effect<void> => Effect.ignoreCause(count)

/** A stack would show a line of this file, for every call. */
const noStack = { captureStackTrace: false } as const

export interface Observer {
  /** One operation: prepare it once, use it for every call. */
  readonly effect: (
    operation: string
  ) => <A, R>(self: Effect.Effect<A, AtlasError, R>, attributes?: SpanAttributes) => Effect.Effect<A, AtlasError, R>
  readonly stream: (
    operation: string,
    attributes: SpanAttributes
  ) => <A, R>(self: Stream.Stream<A, AtlasError, R>) => Stream.Stream<A, AtlasError, R>
}

export const makeObserver = (provider: ProviderId): Observer => {
  const failed = (operation: string, cause: Cause.Cause<AtlasError>) => {
    const kind = kindOf(cause)
    return Effect.andThen(
      Effect.annotateCurrentSpan(Attributes.errorKind, kind),
      Metric.update(Metric.withAttributes(Metrics.failures, { provider, operation, kind }), 1)
    )
  }
  return {
    effect: (operation) => {
      const labels = { provider, operation }
      const calls = Series.counted(Metrics.calls, labels)
      const duration = Series.timed(Metrics.duration, labels)
      return (self, attributes) => {
        const span = { kind: "client", attributes: { [Attributes.provider]: provider, ...attributes } } as const
        const counting = Effect.clockWith((clock) => {
          const start = clock.monotonicTimeNanosUnsafe()
          return Effect.onExit(self, (exit) => {
            const counted = Effect.andThen(
              Metric.update(calls, 1),
              Metric.update(duration, Duration.nanos(clock.monotonicTimeNanosUnsafe() - start))
            )
            return harmless(Exit.isSuccess(exit) ? counted : Effect.andThen(counted, failed(operation, exit.cause)))
          })
        })
        const spanned = redactDefects<readonly []>((use) =>
          Effect.useSpan(`Provider.${operation}`, span, (current) => Effect.withParentSpan(use(), current, noStack))
        )(() => counting)
        // a span that cannot be ended must not lose the machine that was made under it
        return HostTracer.guarded(spanned)
      }
    },
    stream: (operation, attributes) => {
      const calls = Series.counted(Metrics.calls, { provider, operation })
      return <A, R>(self: Stream.Stream<A, AtlasError, R>) =>
        Stream.suspend(() => {
          let whole: Cause.Cause<AtlasError> | null = null
          return Stream.unwrap(Effect.as(Metric.update(calls, 1), self)).pipe(
            Stream.onError((cause) => failed(operation, cause)),
            Stream.catchCause((cause) => {
              whole = cause
              return Stream.failCause(withoutDefects(cause))
            }),
            Stream.withSpan(`Provider.${operation}`, {
              kind: "client",
              attributes: { [Attributes.provider]: provider, ...attributes }
            }),
            Stream.catchCause((cause) => Stream.failCause(whole ?? cause))
          )
        })
    }
  }
}
