/**
 * Whether a session, as it is now, still wants a command that it asked for earlier: a queue is a place where the world changes.
 *
 * @since 0.1.0
 */
import type { Command } from "./Event.ts"
import { isSame } from "./internal/step.ts"
import * as terminations from "./internal/terminations.ts"
import type { SessionState, Timer } from "./State.ts"

/** Whether a request of this timer is on its way. */
const isUnderWay = (timer: Timer | null): boolean => timer !== null && timer.at === null

/**
 * Whether the session would wait for the result of this command.
 *
 * **Details**
 *
 * - `Rent`: only while exactly this attempt is being rented and nothing ends the session.
 * - `Resolve`: only while the machine of exactly this attempt, or at the end another one of it, is looked for and the look is
 *   under way.
 * - `Terminate`, `Confirm`: only for a pending termination in that step; `Confirm` for the current machine as well.
 * - `Reconcile`: only for the current machine, or the last one until it is verified gone.
 * - `Forget`: once the session is over.
 *
 * @category commands
 * @since 0.1.0
 */
export const isWanted = (state: SessionState, command: Command): boolean => {
  const { phase, timers } = state
  switch (command._tag) {
    case "Rent":
      return phase._tag === "Renting" && phase.attempt.id === command.attempt.id && phase.stopping === null
    case "Resolve":
      return isUnderWay(timers.look) && (phase._tag === "Resolving"
        ? phase.attempt.id === command.attempt.id
        : phase._tag === "Ending" && state.doubt?.attempt.id === command.attempt.id)
    case "Confirm":
      return terminations.find(state, command)?.step === "confirming" ||
        (phase._tag === "Live" && isSame(phase, command) && isUnderWay(timers.check))
    case "Terminate":
      return terminations.find(state, command)?.step === "terminating"
    case "Reconcile":
      return phase._tag === "Live"
        ? isSame(phase, command)
        : phase._tag === "Ending" && state.last === command.computeId && terminations.find(state, command) !== undefined
    case "Forget":
      return phase._tag === "Ended"
  }
}
