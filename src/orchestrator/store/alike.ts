/**
 * Reads the rows of many sessions that are alike: what a hundred thousand of them asked for is written, parsed, checked and held once.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { PhaseOf } from "../session/Phase.ts"
import { SessionSpec, SessionState } from "../session/State.ts"
import * as Often from "./often.ts"

const { candidates, policy, request, unfit, ...own } = SessionSpec.fields

/** What a session has alike with others. */
const Wanted = Schema.Struct({ request, candidates, unfit, policy })
type Wanted = typeof Wanted.Type

const WantedJson = Schema.toCodecJson(Wanted)
/** The rest of a session. */
const RestJson = Schema.toCodecJson(Schema.Struct({ ...SessionState.fields, spec: Schema.Struct(own) }))

const decodeWanted = Often.compiled(WantedJson.ast, () => Schema.decodeUnknownResult(WantedJson))
const decodeRest = Often.compiled(RestJson.ast, () => Schema.decodeUnknownResult(RestJson))

/** Different texts that are remembered; then all are forgotten. */
const mostKnown = 256
const known = new Map<string, Wanted>()

// As a row is written: the fields of `spec` that follow `request` to its end are members of that object and of no other, since no
// brace stands between both and a quote within a string is never bare.
const head = /^\{"schemaVersion":\d+,"version":\d+,"spec":\{[^{}]*,$/
const begin = "\"request\":{"
const end = "},\"createdAt\":"

/** Text that is a constant here is held once. */
const modes = { interactive: "interactive", task: "task" } as const

const parse = (text: string): unknown => JSON.parse(text)

const wantedOf = (text: string): Wanted | null => {
  const before = known.get(text)
  if (before !== undefined) return before
  const decoded = decodeWanted(parse(`{${text}}`))
  if (Result.isFailure(decoded)) return null
  if (known.size === mostKnown) known.clear()
  known.set(text, decoded.success)
  return decoded.success
}

/** The session of a row's text; null for one that is written otherwise or cannot be read, which is then looked at whole. */
export const read = (text: string): SessionState | null => {
  const from = text.indexOf(begin)
  const to = text.indexOf(end, from)
  const before = text.slice(0, Math.max(0, from))
  if (from < 0 || to < 0 || !head.test(before)) return null
  try {
    const wanted = wantedOf(text.slice(from, to))
    const rest = wanted === null ? null : decodeRest(parse(before.slice(0, -1) + text.slice(to)))
    if (wanted === null || rest === null || Result.isFailure(rest)) return null
    const { id, mode, owner, persist, userId } = rest.success.spec
    const { candidates, policy, request, unfit } = wanted
    const spec = { id, owner, mode: modes[mode], userId, persist, request, candidates, policy }
    return { ...rest.success, spec: unfit === undefined ? spec : { ...spec, unfit } }
  } catch {
    return null
  }
}

const nothing: ReadonlyArray<never> = []

const orNothing = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => values.length === 0 ? nothing : values

/** What a live session says twice of its machine is held once. */
const liveOnce = (state: SessionState, phase: PhaseOf<"Live">): Pick<SessionState, "last" | "meter" | "phase"> => {
  const { attempts, last, meter } = state
  const { computeId } = phase
  const attempt = attempts.at(-1)
  const isNewest = attempt?.id === phase.attempt.id && attempt.name === phase.attempt.name &&
    attempt.candidate === phase.attempt.candidate && attempt.sentAt === phase.attempt.sentAt
  return {
    phase: isNewest ? { ...phase, attempt } : phase,
    last: last === computeId ? computeId : last,
    meter: {
      settled: orNothing(meter.settled),
      running: meter.running.map((running) => running.computeId === computeId ? { ...running, computeId } : running)
    }
  }
}

/** The same session as the version of its row, with what it says twice or not at all held once. */
export const compact = (state: SessionState, version: number): SessionState => {
  const { pendingTerminations, phase, refusals, terminatedIds } = state
  return {
    ...state,
    ...(phase._tag === "Live" ? liveOnce(state, phase) : {}),
    version,
    pendingTerminations: orNothing(pendingTerminations),
    refusals: orNothing(refusals),
    terminatedIds: orNothing(terminatedIds)
  }
}
