/**
 * One span for each attempt, from the decision to rent until it is known whether a machine was rented. Later commands of the
 * session link to it.
 *
 * It does not stay open as long as the machine lives: an open span is not exported, and it takes memory for hours.
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

/** The attempt whose rental is not settled yet. */
const pendingAttempt = (state: SessionState | null): Attempt | null =>
  state?.phase._tag === "Renting" || state?.phase._tag === "Resolving" ? state.phase.attempt : null

/** What stays in memory of a span that has ended: enough to link to it. */
const stub = ({ sampled, spanId, traceId }: Tracer.AnySpan): Tracer.AnySpan =>
  Tracer.externalSpan({ spanId, traceId, sampled })

const links = (span: Tracer.AnySpan | null): ReadonlyArray<Tracer.SpanLink> =>
  span === null ? [] : [{ span, attributes: {} }]

/** The outcome of an attempt, as the span's attribute says it. */
const outcomeOf = ({ after }: SessionUpdate, attempt: Attempt): string =>
  after.phase._tag === "Live" && after.phase.attempt.id === attempt.id
    ? "live"
    : after.refusals.at(-1)?.fault.reason ?? "ended"

const finish = (owner: { span: Tracer.AnySpan | null }, outcome: string): Effect.Effect<void> => {
  const { span } = owner
  if (span?._tag !== "Span") return Effect.void
  return Effect.map(Clock.currentTimeNanos, (now) => {
    span.attribute(Attributes.attemptOutcome, outcome)
    span.end(now, Exit.void)
    owner.span = stub(span)
  })
}

/** Ends the span of an attempt whose outcome this engine will not learn. */
export const abandon = (entry: Pick<Entry, "state" | "span">, outcome: "released" | "unsettled"): Effect.Effect<void> =>
  pendingAttempt(entry.state) === null ? Effect.void : finish(entry, outcome)

/** Ends the span of an attempt that has just been settled, and opens one for a new attempt. */
export const follow = (update: SessionUpdate): Effect.Effect<void> => {
  const [before, after] = [pendingAttempt(update.before), pendingAttempt(update.after)]
  if (before?.id === after?.id) return Effect.void
  return Effect.gen(function*() {
    if (before !== null) yield* finish(update, outcomeOf(update, before))
    if (after === null) return
    const { candidates, id } = update.after.spec
    update.span = yield* Effect.makeSpan("Session.attempt", {
      root: true,
      links: links(update.span),
      attributes: {
        [Attributes.session]: id,
        [Attributes.attempt]: after.id,
        [Attributes.computeName]: after.name,
        [Attributes.provider]: candidates[after.candidate]?.provider
      }
    })
  })
}

/** Where a command's span belongs: under its attempt's span while that is open, else a root span with a link to it. */
export const placeOf = (span: Tracer.AnySpan | null): Pick<Tracer.SpanOptions, "root" | "parent" | "links"> =>
  span?._tag === "Span" ? { parent: span } : { root: true, links: links(span) }
