/** The spans of the orchestrator's verbs, and what they name. */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { Compute } from "../../domain/Compute.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Spans from "../../telemetry/Spans.ts"
import * as Traced from "../../telemetry/Traced.ts"
import type { SessionId } from "../session/Ids.ts"

/** Runs a verb under its span. */
export const verb = (operation: Spans.OrchestratorOperation, options?: Tracer.SpanOptionsNoTrace) =>
  Traced.call(Spans.orchestrator(operation), options)

/** The same for a stream. */
export const stream = (operation: Spans.OrchestratorOperation) => Traced.streamCall(Spans.orchestrator(operation))

/** The session that a verb turned out to be about. */
export const session = (id: SessionId): Effect.Effect<void> => Effect.annotateCurrentSpan(Attributes.session, id)

/** The machine that a session was given. */
export const machine = ({ id, name, provider }: Compute): Effect.Effect<void> =>
  Effect.annotateCurrentSpan({
    [Attributes.provider]: provider,
    [Attributes.computeId]: id,
    ...(name === null ? {} : { [Attributes.computeName]: name })
  })
