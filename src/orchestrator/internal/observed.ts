/** A span around every verb of the orchestrator that waits, with the kind of its failure. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as SpanEnd from "../../telemetry/SpanEnd.ts"
import * as Spans from "../../telemetry/Spans.ts"
import * as Traced from "../../telemetry/Traced.ts"
import type { SessionId } from "../session/Ids.ts"

const itself = (error: AtlasError): AtlasError => error

const settled = (span: Tracer.Span, cause: Parameters<typeof SpanEnd.settle<AtlasError>>[2]): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    SpanEnd.settle(fiber, span, cause, itself)
    return Effect.void
  })

/** Runs a verb under its span. */
export const verb =
  (operation: Spans.OrchestratorOperation, options: Tracer.SpanOptionsNoTrace = {}) =>
  <A, E extends AtlasError, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Traced.effect(
      Spans.orchestrator(operation),
      options,
      (span) => Effect.onExit(self, (exit) => Exit.isSuccess(exit) ? Effect.void : settled(span, exit.cause))
    )

/** The same for a stream, from its first pull to its end. */
export const stream =
  (operation: Spans.OrchestratorOperation) => <A>(self: Stream.Stream<A, AtlasError>): Stream.Stream<A, AtlasError> =>
    Traced.stream<AtlasError>(Spans.orchestrator(operation), {}, settled)(self)

/** The session that a verb turned out to be about. */
export const session = (id: SessionId): Effect.Effect<void> => Effect.annotateCurrentSpan(Attributes.session, id)

/** The machine that a session was given. */
export const machine = ({ id, name, provider }: Compute): Effect.Effect<void> =>
  Effect.annotateCurrentSpan({
    [Attributes.provider]: provider,
    [Attributes.computeId]: id,
    ...(name === null ? {} : { [Attributes.computeName]: name })
  })
