/** The first event after a restart: whatever was on its way is lost, so it is asked for again. */
import { activityOf } from "../Limits.ts"
import type { SessionState } from "../State.ts"
import { stop } from "./ending.ts"
import * as living from "./living.ts"
import * as renting from "./renting.ts"
import { pauseAfter, type Step } from "./step.ts"
import * as terminations from "./terminations.ts"

/** Whoever used it gets this long to say so. */
const shortestIdle = 60_000

/** The longest that a dying machine may hold up its replacement. */
const longestFarewell = 60_000

/** The last touch as the new monotonic clock would have it, so that idleness neither begins anew nor ends at once. */
const touchedAgain = (state: SessionState, step: Step): number => {
  const { idleTtl } = state.spec.policy
  const now = activityOf(step.now)
  if (idleTtl === null) return now
  const left = Math.max(state.touchedAt + idleTtl - step.now.wall, Math.min(idleTtl, shortestIdle))
  return now + Math.min(left, idleTtl) - idleTtl
}

const adoptPhase = (state: SessionState, step: Step): SessionState => {
  const { phase, spec } = state
  const lostCaller = spec.persist ? (spec.mode === "interactive" ? "caller_lost" : null) : "node_restart"
  switch (phase._tag) {
    case "Renting":
    case "Resolving":
      return renting.adopt(state, step, phase, lostCaller)
    case "Live": {
      // on this process's clock, whatever is to become of the machine
      const settles = terminations.settlesAgain(step, phase, phase.rentedAt)
      const rebased = { ...phase, settles }
      return spec.persist
        ? living.adopt(state, step, rebased)
        : stop({ ...state, phase: rebased }, step, "node_restart")
    }
    case "Waiting": {
      if (!spec.persist) return stop(state, step, "node_restart")
      const pause = phase.why === "respawn" ? longestFarewell : pauseAfter(phase.limited, spec.id)
      return { ...state, phase: { ...phase, until: step.now.mono + pause } }
    }
    case "Ending":
      return state
    case "Ended":
      return phase.forgetting ? { ...state, phase: { ...phase, forgetting: false } } : state
  }
}

export const adopt = (state: SessionState, step: Step): SessionState => {
  const rebased: SessionState = { ...state, touched: touchedAgain(state, step), clock: step.now }
  return adoptPhase(terminations.adopt(rebased, step), step)
}
