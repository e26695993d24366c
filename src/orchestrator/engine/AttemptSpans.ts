/**
 * One span for each attempt, from its intent until its rent is settled; what is done for the session later links to it.
 *
 * A span that were open as long as its machine would reach nobody for hours and cost memory all the while.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { Attempt } from "../session/Phase.ts"
import type { SessionState } from "../session/State.ts"
import type { SessionUpdate } from "./Batch.ts"
import type { Entry } from "./Table.ts"

const settling = (state: SessionState | null): Attempt | null =>
  state?.phase._tag === "Renting" || state?.phase._tag === "Resolving" ? state.phase.attempt : null

/** What is kept of a span that has ended: enough to link to it. */
const stub = ({ sampled, spanId, traceId }: Tracer.AnySpan): Tracer.AnySpan =>
  Tracer.externalSpan({ spanId, traceId, sampled })

const links = (span: Tracer.AnySpan | null): ReadonlyArray<Tracer.SpanLink> =>
  span === null ? [] : [{ span, attributes: {} }]

/** How an attempt came out, in a word. */
const outcomeOf = ({ after }: SessionUpdate, attempt: Attempt): string =>
  after.phase._tag === "Live" && after.phase.attempt.id === attempt.id
    ? "live"
    : after.refusals.at(-1)?.fault.reason ?? "ended"

const finish = (held: { span: Tracer.AnySpan | null }, outcome: string): Effect.Effect<void> => {
  const { span } = held
  if (span?._tag !== "Span") return Effect.void
  return Effect.map(Clock.currentTimeNanos, (now) => {
    span.attribute(Attributes.attemptOutcome, outcome)
    span.end(now, Exit.void)
    held.span = stub(span)
  })
}

/** Ends the span of an attempt of which nothing more will be heard here. */
export const abandon = (entry: Pick<Entry, "state" | "span">, outcome: "released" | "unsettled"): Effect.Effect<void> =>
  settling(entry.state) === null ? Effect.void : finish(entry, outcome)

/** Ends the span of an attempt that is settled, and opens that of a new one. */
export const follow = (draft: SessionUpdate): Effect.Effect<void> => {
  const [before, after] = [settling(draft.before), settling(draft.after)]
  if (before?.id === after?.id) return Effect.void
  return Effect.gen(function*() {
    if (before !== null) yield* finish(draft, outcomeOf(draft, before))
    if (after === null) return
    const { candidates, id } = draft.after.spec
    draft.span = yield* Effect.makeSpan("Session.attempt", {
      root: true,
      links: links(draft.span),
      attributes: {
        [Attributes.session]: id,
        [Attributes.attempt]: after.id,
        [Attributes.computeName]: after.name,
        [Attributes.provider]: candidates[after.candidate]?.provider
      }
    })
  })
}

/** Where a command's span belongs: under its attempt while that is open, else beside it with a link. */
export const placeOf = (span: Tracer.AnySpan | null): Pick<Tracer.SpanOptions, "root" | "parent" | "links"> =>
  span?._tag === "Span" ? { parent: span } : { root: true, links: links(span) }
