/**
 * A tracer in memory: every span of a test in the order it began, and all an exporter could ship as one text.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"

/**
 * The spans recorded so far.
 *
 * **Example** (Which spans a call has)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import { SpanRecorder } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const recorder = yield* SpanRecorder.SpanRecorder
 *   yield* Atlas.listCompute()
 *   return recorder.spans.map((span) => span.name) // ["Provider.listCompute"]
 * }).pipe(Effect.provide(SpanRecorder.layer))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class SpanRecorder extends Context.Service<SpanRecorder, {
  /** In the order they began. */
  readonly spans: ReadonlyArray<Tracer.NativeSpan>
  /** The first span of this name. */
  readonly find: (name: string) => Tracer.NativeSpan | undefined
  /** Names, attributes, events and failures of all spans as one text, to see that a secret is not in it. */
  readonly dump: () => string
}>()("effect-atlas/testing/SpanRecorder") {}

const withoutBigInt = (_: string, value: unknown): unknown => typeof value === "bigint" ? String(value) : value

const causeOf = (span: Tracer.NativeSpan): Cause.Cause<unknown> | null =>
  span.status._tag === "Ended" && Exit.isFailure(span.status.exit) ? span.status.exit.cause : null

const written = (span: Tracer.NativeSpan) => {
  const cause = causeOf(span)
  return {
    name: span.name,
    attributes: Object.fromEntries(span.attributes),
    events: span.events.map(([name, , attributes]) => ({ name, attributes })),
    links: span.links.map((link) => ({ ...link.attributes })),
    // as an exporter renders it, and as it is
    failure: cause === null ? null : [Cause.pretty(cause), cause]
  }
}

/**
 * Puts the recorder in the tracer's place.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SpanRecorder> = Layer.syncContext(() => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const recorder = SpanRecorder.of({
    spans,
    find: (name) => spans.find((span) => span.name === name),
    dump: () => JSON.stringify(spans.map(written), withoutBigInt)
  })
  return Context.make(Tracer.Tracer, tracer).pipe(Context.add(SpanRecorder, recorder))
})
