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
import { guarded } from "../internal/defects.ts"
import type { Attempt } from "../session/Phase.ts"
import type { SessionState } from "../session/State.ts"
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
const outcomeOf = ({ phase, refusals }: SessionState, attempt: Attempt): string =>
  phase._tag === "Live" && phase.attempt.id === attempt.id ? "live" : refusals.at(-1)?.fault.reason ?? "ended"

type Spanned = Pick<Entry, "state" | "span">

const finish = (entry: Spanned, outcome: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { span } = entry
    if (span?._tag !== "Span") return Effect.void
    entry.span = stub(span)
    return Effect.map(Clock.currentTimeNanos, (now) => {
      span.attribute(Attributes.attemptOutcome, outcome)
      span.end(now, Exit.void)
    })
  })

/** Ends the span of an attempt whose outcome this engine will not learn. */
export const abandon = (entry: Spanned, outcome: "released" | "unsettled"): Effect.Effect<void> =>
  pendingAttempt(entry.state) === null ? Effect.void : guarded("a span", finish(entry, outcome))

/** Ends the span of an attempt that has just been settled, and opens one for a new attempt. */
export const follow = (entry: Spanned, before: SessionState | null): Effect.Effect<void> => {
  const { state } = entry
  const [old, next] = [pendingAttempt(before), pendingAttempt(state)]
  if (old?.id === next?.id) return Effect.void
  return guarded(
    "a span",
    Effect.gen(function*() {
      if (old !== null) yield* finish(entry, outcomeOf(state, old))
      if (next === null) return
      const { candidates, id } = state.spec
      entry.span = yield* Effect.makeSpan("Session.attempt", {
        root: true,
        links: links(entry.span),
        attributes: {
          [Attributes.session]: id,
          [Attributes.attempt]: next.id,
          [Attributes.computeName]: next.name,
          [Attributes.provider]: candidates[next.candidate]?.provider
        }
      })
    })
  )
}

/** Where a command's span belongs: under its attempt's span while that is open, else a root span with a link to it. */
export const placeOf = (span: Tracer.AnySpan | null): Pick<Tracer.SpanOptions, "root" | "parent" | "links"> =>
  span?._tag === "Span" ? { parent: span } : { root: true, links: links(span) }
