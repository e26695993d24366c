/**
 * A span around an effect or a stream, which a failing tracer cannot harm.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Attributes from "./Attributes.ts"
import * as HostTracer from "./HostTracer.ts"
import * as SpanEnd from "./SpanEnd.ts"

/** A stack would show a line of this file, for every call. */
const noStack = { captureStackTrace: false } as const

/**
 * Runs an effect under a span, which it is given.
 *
 * @category tracing
 * @since 0.1.0
 */
export const effect = <A, E, R>(
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  use: (span: Tracer.Span) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
  // a span that cannot be ended must not lose the machine that was made under it
  HostTracer.guarded(Effect.useSpan(name, options, (span) => Effect.withParentSpan(use(span), span, noStack)))

/**
 * Runs a stream under a span from its first pull to its end; `onError` is given the span of a stream that did not succeed.
 *
 * @category tracing
 * @since 0.1.0
 */
export const stream = <E>(
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  onError: (span: Tracer.Span, cause: Cause.Cause<E>) => Effect.Effect<void>
) =>
<A, R>(self: Stream.Stream<A, E, R>) =>
  Stream.unwrap(Effect.map(Effect.tracer, (tracer) =>
    self.pipe(
      Stream.onError((cause) =>
        Effect.matchEffect(Effect.currentSpan, {
          onFailure: () => Effect.void,
          onSuccess: (span) => onError(span, cause)
        })
      ),
      Stream.withSpan(name, options),
      Stream.provideService(Tracer.Tracer, HostTracer.guard(tracer))
    )))

const itself = <E extends SpanEnd.Told>(error: E): E => error

const settled = <E extends SpanEnd.Told>(span: Tracer.Span, cause: Cause.Cause<E>): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    SpanEnd.settle(fiber, span, cause, itself)
    return Effect.void
  })

/**
 * Runs a call under a span, which tells the kind of its failure.
 *
 * @category tracing
 * @since 0.1.0
 */
export const call =
  (name: string, options: Tracer.SpanOptionsNoTrace = {}) =>
  <A, E extends SpanEnd.Told, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    effect(
      name,
      options,
      (span) => Effect.onExit(self, (exit) => Exit.isSuccess(exit) ? Effect.void : settled(span, exit.cause))
    )

/**
 * The same for a stream, from its first pull to its end.
 *
 * @category tracing
 * @since 0.1.0
 */
export const streamCall =
  (name: string, options: Tracer.SpanOptionsNoTrace = {}) =>
  <A, E extends SpanEnd.Told, R>(self: Stream.Stream<A, E, R>) => stream<E>(name, options, settled)(self)

/**
 * Two spans beside each other, for what is taken now and given back much later: one span over both would stay open, and not be
 * exported, for as long as it is held.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pair {
  /** Under the span of the taking: remembers that span. */
  readonly taken: Effect.Effect<void>
  /** Where the span of the giving back belongs: beside the first one, with a link to it. */
  readonly place: () => Pick<Tracer.SpanOptionsNoTrace, "parent" | "root" | "links">
}

/**
 * A pair of spans under the one that is current now.
 *
 * @category tracing
 * @since 0.1.0
 */
export const pair: Effect.Effect<Pair> = Effect.map(Effect.option(Effect.currentParentSpan), (parent) => {
  let links: ReadonlyArray<Tracer.SpanLink> = []
  return {
    taken: Effect.map(Effect.option(Effect.currentSpan), (span) => {
      if (Option.isSome(span)) links = [{ span: span.value, attributes: { [Attributes.link]: "acquire" } }]
    }),
    place: () => ({ ...(Option.isNone(parent) ? { root: true } : { parent: parent.value }), links })
  }
})
