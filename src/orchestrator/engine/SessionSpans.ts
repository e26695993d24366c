/**
 * The spans of a session. In the trace of the request that began it: its replacements and its end. In traces of their own: one
 * span for each attempt, from the decision to rent until it is known whether a machine was rented, and the later commands.
 * Links lead from the request to each attempt and command, and back.
 *
 * No span stays open as long as a machine lives: an open span is not exported, and it takes memory for hours.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Spans from "../../telemetry/Spans.ts"
import { guarded } from "../internal/defects.ts"
import type { SessionEvent } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"
import * as Limits from "../session/Limits.ts"
import { type Attempt, DeathCause, type Outcome } from "../session/Phase.ts"
import type { SessionState } from "../session/State.ts"
import type { SessionUpdate } from "./Batch.ts"
import * as Clocks from "./Clocks.ts"
import * as Lanes from "./Lanes.ts"
import type { Entry } from "./Table.ts"

/** The attempt whose rental is not settled yet. */
const pendingAttempt = (state: SessionState | null): Attempt | null =>
  state?.phase._tag === "Renting" || state?.phase._tag === "Resolving" ? state.phase.attempt : null

/** What stays in memory of a span that has ended: enough to link to it. */
const stub = ({ sampled, spanId, traceId }: Tracer.AnySpan): Tracer.AnySpan =>
  Tracer.externalSpan({ spanId, traceId, sampled })

/** What the other end of a link is. */
type Role = "request" | "attempt" | "previous_attempt" | "command" | "end"

const linkTo = (span: Tracer.AnySpan, role: Role): Tracer.SpanLink => ({
  span,
  attributes: { [Attributes.link]: role }
})

const links = (span: Tracer.AnySpan | null, role: Role): ReadonlyArray<Tracer.SpanLink> =>
  span === null ? [] : [linkTo(span, role)]

/** A machine that cannot be ended is asked for without end, and a span takes no more links than this by default. */
const mostLinks = 128

/** Adds a link from a span of the request's trace. */
const lead = (from: Tracer.Span | null, to: Tracer.AnySpan, role: Role): void => {
  if (from !== null && from.links.length < mostLinks) from.addLinks([linkTo(to, role)])
}

/** The outcome of an attempt, as the span's attribute says it. */
const outcomeOf = ({ phase, refusals }: SessionState, attempt: Attempt): string =>
  phase._tag === "Live" && phase.attempt.id === attempt.id ? "live" : refusals.at(-1)?.fault.reason ?? "ended"

type Spanned = Pick<Entry, "state" | "span" | "request" | "part">

const endNow = (span: Tracer.Span): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeNanos, (now) => span.end(now, Exit.void))

const finish = (entry: Spanned, outcome: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { span, state: { phase } } = entry
    if (span?._tag !== "Span" || span === entry.request) return Effect.void
    entry.span = stub(span)
    span.attribute(Attributes.attemptOutcome, outcome)
    if (outcome === "live" && phase._tag === "Live") span.attribute(Attributes.computeId, phase.computeId)
    return endNow(span)
  })

/** Ends the open part of the request's trace. */
const finishPart = (entry: Spanned): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { part } = entry
    entry.part = null
    return part === null ? Effect.void : endNow(part)
  })

/** Opens a part of the request's trace; a session that another process began has no such trace, so it is a root there. */
const beginPart = (
  entry: Spanned,
  name: typeof Spans.replace | typeof Spans.end,
  attributes: Readonly<Record<string, string>>
) =>
  Effect.gen(function*() {
    yield* finishPart(entry)
    const { request, span, state } = entry
    if (request !== null) entry.request = stub(request)
    entry.part = yield* Effect.makeSpan(name, {
      ...(entry.request === null ? { root: true } : { parent: entry.request }),
      links: span === request ? [] : links(span, name === Spans.end ? "attempt" : "previous_attempt"),
      attributes: {
        [Attributes.session]: state.spec.id,
        ...(state.last === null ? {} : { [Attributes.computeId]: state.last }),
        ...attributes
      }
    })
  })

const beginAttempt = (entry: Spanned, { candidate, id, name }: Attempt) =>
  Effect.gen(function*() {
    const { part, request, span, state: { spec } } = entry
    const isFirst = span === request
    const attempt = yield* Effect.makeSpan(Spans.attempt, {
      root: true,
      links: [...(isFirst ? [] : links(span, "previous_attempt")), ...links(request, "request")],
      attributes: {
        [Attributes.session]: spec.id,
        [Attributes.attempt]: id,
        [Attributes.computeName]: name,
        [Attributes.provider]: spec.candidates[candidate]?.provider
      }
    })
    entry.span = attempt
    // the request itself while it waits for its machine, and later what goes on in its trace
    lead(part ?? (request?._tag === "Span" ? request : null), attempt, "attempt")
  })

const isDeath = (status: string): boolean => DeathCause.literals.some((cause) => cause === status)

/** Why a session lost the machine that is replaced. */
const lossIn = (events: ReadonlyArray<SessionEvent>): string => {
  const death = events.find((event) => event._tag === "Status" && isDeath(event.status))
  return death?._tag === "Status" ? death.status : "never_ready"
}

const outcomes = {
  Completed: "completed",
  TimedOut: "timed_out",
  Failed: "failed",
  Closed: "closed"
} as const satisfies Record<Outcome["_tag"], string>

/** How the session ended and what it has cost, in its last span. */
const finishSession = (entry: Spanned) =>
  Effect.gen(function*() {
    const { state } = entry
    const { phase } = state
    if (phase._tag !== "Ended") return
    if (entry.part === null) yield* beginPart(entry, Spans.end, { [Attributes.endReason]: phase.reason })
    const { outcome } = phase
    entry.part?.attribute(Attributes.outcome, outcomes[outcome._tag])
    if (outcome._tag === "Failed") entry.part?.attribute(Attributes.failureCause, outcome.cause)
    entry.part?.attribute(Attributes.respawns, state.respawns)
    entry.part?.attribute(Attributes.spent, Limits.spentUsd(state, yield* Clocks.read))
    yield* finishPart(entry)
  })

/** Ends the spans of a session whose further life this engine will not see. */
export const abandon = (entry: Spanned, outcome: "released" | "unsettled"): Effect.Effect<void> =>
  pendingAttempt(entry.state) === null && entry.part === null ? Effect.void : guarded(
    "a span",
    Effect.andThen(
      pendingAttempt(entry.state) === null ? Effect.void : finish(entry, outcome),
      finishPart(entry)
    )
  )

const isClosing = (state: SessionState | null): boolean =>
  state?.phase._tag === "Ending" || state?.phase._tag === "Ended"

/** Follows a session from one state to the next: ends the spans of what is settled, and opens those of what begins. */
export const follow = (
  entry: Spanned,
  { before, events, stoppedBy }: Pick<SessionUpdate, "before" | "events" | "stoppedBy">
): Effect.Effect<void> => {
  const { state } = entry
  const [old, next] = [pendingAttempt(before), pendingAttempt(state)]
  const isNew = old?.id !== next?.id
  const isReplaced = before !== null && state.respawns > before.respawns
  const begunToEnd = isClosing(state) && !isClosing(before)
  const isOver = state.phase._tag === "Ended" && before?.phase._tag !== "Ended"
  if (!isNew && !isReplaced && !begunToEnd && !isOver) return Effect.void
  return guarded(
    "a span",
    Effect.gen(function*() {
      if (isNew && old !== null) yield* finish(entry, outcomeOf(state, old))
      if (isReplaced) yield* beginPart(entry, Spans.replace, { [Attributes.replaceReason]: lossIn(events) })
      if (isNew && next !== null) yield* beginAttempt(entry, next)
      if (state.phase._tag === "Live" && old !== null) {
        // its caller has its answer
        if (entry.request !== null) entry.request = stub(entry.request)
        yield* finishPart(entry)
      }
      if (begunToEnd && (state.phase._tag === "Ending" || state.phase._tag === "Ended")) {
        yield* beginPart(entry, Spans.end, { [Attributes.endReason]: state.phase.reason })
        if (entry.part !== null && stoppedBy !== null) {
          lead(entry.part, stoppedBy, "request")
          if (stoppedBy._tag === "Span") lead(stoppedBy, entry.part, "end")
        }
      }
      if (isOver) yield* finishSession(entry)
    })
  )
}

/** Where a command's span belongs: under its attempt's span while that is open, else a root span with a link to it. */
const placeOf = (span: Tracer.AnySpan | null): Pick<Tracer.SpanOptions, "root" | "parent" | "links"> =>
  span?._tag === "Span" ? { parent: span } : { root: true, links: links(span, "attempt") }

const attributesOf = (session: SessionId, command: Lanes.ProviderCommand): Readonly<Record<string, string>> => ({
  [Attributes.session]: session,
  ...("attempt" in command
    ? { [Attributes.attempt]: command.attempt.id }
    : { [Attributes.computeId]: command.computeId }),
  [Attributes.provider]: Lanes.providerIdOf(command)
})

/** Runs a command under its span, to which the open part of the request's trace leads, unless its attempt does. */
export const aroundCommand = (
  { id, part, span }: { readonly id: SessionId } & Pick<Entry, "part" | "span">,
  command: Lanes.ProviderCommand
) => {
  const attributes = attributesOf(id, command)
  const led = part === null || span?._tag === "Span" ? Effect.void : guarded(
    "a span",
    Effect.map(Effect.option(Effect.currentSpan), (current) => {
      if (current._tag === "Some") lead(part, current.value, "command")
    })
  )
  return (self: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.andThen(led, self).pipe(
      Effect.withSpan(Spans.command(command._tag), { ...placeOf(span), attributes }),
      Effect.annotateLogs(attributes)
    )
}
