/** Adoption, the first input after a restart: requests that were on their way are lost, so they are sent again. */
import { activityOf } from "../Limits.ts"
import type { SessionState } from "../State.ts"
import { stop } from "./ending.ts"
import * as living from "./living.ts"
import * as renting from "./renting.ts"
import { pauseAfter, type Step } from "./step.ts"
import * as terminations from "./terminations.ts"

/** The caller of an adopted session has at least this long to touch it. */
const shortestIdle = 60_000

/** The longest that the end of the old machine may hold up its replacement. */
const longestTermination = 60_000

/** The last touch on the new monotonic clock, so that idle time neither begins anew nor ends the session at once. */
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
      // on this process's clock, whether the machine is kept or terminated
      const settles = terminations.settlesAgain(step, phase, phase.rentedAt)
      const rebased = { ...phase, settles }
      return spec.persist
        ? living.adopt(state, step, rebased)
        : stop({ ...state, phase: rebased }, step, "node_restart")
    }
    case "Waiting": {
      if (!spec.persist) return stop(state, step, "node_restart")
      const pause = phase.why === "respawn" ? longestTermination : pauseAfter(phase.limited, spec.id)
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
