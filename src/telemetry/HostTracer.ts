/**
 * The host's tracer as the library uses it: what it throws loses a span, and never a call or its result.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

const quiet = <A extends ReadonlyArray<unknown>>(call: (...input: A) => void) => (...input: A): void => {
  try {
    call(...input)
  } catch {
    // the span is incomplete, as the host's tracer left it
  }
}

/** The same span, since a tracer knows its own; its methods do not throw any more. */
const guardSpan = (span: Tracer.Span): Tracer.Span =>
  Object.assign(span, {
    end: quiet(span.end.bind(span)),
    attribute: quiet(span.attribute.bind(span)),
    event: quiet(span.event.bind(span)),
    addLinks: quiet(span.addLinks.bind(span))
  })

/**
 * The same tracer; where it throws, the span is one that no exporter sees.
 *
 * @category tracing
 * @since 0.1.0
 */
export const guard = (tracer: Tracer.Tracer): Tracer.Tracer => ({
  span: (options) => {
    try {
      return guardSpan(tracer.span(options))
    } catch {
      return new Tracer.NativeSpan(options)
    }
  },
  ...(tracer.context === undefined ? {} : { context: tracer.context })
})

/**
 * Runs with the host's tracer guarded.
 *
 * @category tracing
 * @since 0.1.0
 */
export const guarded = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.tracer, (tracer) => Effect.withTracer(self, guard(tracer)))
