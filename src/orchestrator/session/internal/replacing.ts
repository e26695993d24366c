/** A machine that is lost is replaced; one whose command ended is not. */
import { reachedLimit } from "../Limits.ts"
import type { Observation } from "../Observation.ts"
import type { DeathCause, PhaseOf } from "../Phase.ts"
import type { SessionState } from "../State.ts"
import { end } from "./ending.ts"
import { noTimers, type Step } from "./step.ts"

/** The old machine may take this long to disappear before its replacement is rented beside it. */
const longestTermination = 60_000

/** `lost`: taken from its session. `ended`: its command is over. */
export type Loss = "lost" | "ended"

/** What became of a dead machine; `seen` is null when the provider does not know it any more. */
export const lossOf = (
  state: SessionState,
  phase: PhaseOf<"Live">,
  cause: DeathCause,
  seen: Observation | null
): Loss => {
  if (state.report !== null) return "ended"
  if (cause === "preempted") return "lost"
  if (seen !== null && seen.exitCode !== null) return "ended"
  // the same image would crash on the next machine as well, unless it never got so far
  if (cause === "failed") return phase.ready ? "ended" : "lost"
  // a command that ends says so: by its provider, in a report, or at the end of its log
  return "lost"
}

/** All candidates, beginning after one: that one is the last. */
const orderAfter = ({ spec }: SessionState, candidate: number): readonly [number, ...ReadonlyArray<number>] => {
  const count = spec.candidates.length
  const [first = 0, ...left] = Array.from({ length: count }, (_, index) => (candidate + 1 + index) % count)
  return [first, ...left]
}

/** The session without its machine: it waits until the old one is gone, and then asks the other places first. */
export const withoutMachine = (state: SessionState, step: Step, { attempt }: PhaseOf<"Live">): SessionState => {
  const [candidate, ...left] = orderAfter(state, attempt.candidate)
  return {
    ...state,
    phase: {
      _tag: "Waiting",
      candidate,
      limited: 0,
      lost: 0,
      search: { left, limited: [] },
      until: step.now.mono + longestTermination,
      why: "respawn"
    },
    timers: noTimers
  }
}

export const mayRespawn = ({ respawns, spec: { policy: { onFailure } } }: SessionState): boolean =>
  onFailure._tag === "Respawn" && respawns < onFailure.max

/** Goes on to rent a replacement, unless a limit is reached. */
export const replace = (state: SessionState, step: Step): SessionState => {
  const reason = reachedLimit(state, step.now)
  return reason === null ? { ...state, respawns: state.respawns + 1 } : end(state, step, { reason })
}
