/** What a session makes of its row when the store has another one than it wrote: as after a restored database. */
import { isTerminated, type SessionState } from "../State.ts"
import { isSame, type Machine, type Step } from "./step.ts"
import * as terminations from "./terminations.ts"

interface Named extends Machine {
  readonly name: string | null
}

/** The machines that a row says are there. */
const machinesOf = ({ pendingTerminations, phase }: SessionState): ReadonlyArray<Named> =>
  phase._tag === "Live" ? [{ ...phase, name: phase.attempt.name }, ...pendingTerminations] : pendingTerminations

/** The attempts that only the row names: before the others, since the last one is the session's newest. */
const withAttempts = (state: SessionState, stored: SessionState): SessionState => {
  const known = new Set(state.attempts.map(({ id }) => id))
  const others = stored.attempts.filter(({ id }) => !known.has(id))
  return others.length === 0 ? state : { ...state, attempts: [...others, ...state.attempts] }
}

/** Whether this machine is the session's, was, or will be as soon as its create is answered or looked for. */
const isKnown = (state: SessionState, machine: Named): boolean => {
  const { phase } = state
  if (isTerminated(state, machine) || terminations.find(state, machine) !== undefined) return true
  if (phase._tag === "Live") return isSame(phase, machine)
  return (phase._tag === "Renting" || phase._tag === "Resolving") && phase.attempt.name === machine.name
}

/** Ends a machine that only the row names; what it costs is counted from where the row began. */
const endOther = (state: SessionState, step: Step, stored: SessionState, machine: Named): SessionState => {
  const counted = stored.meter.running.find((running) => isSame(running, machine))
  const meter = counted === undefined || state.meter.running.some((running) => isSame(running, machine))
    ? state.meter
    : { ...state.meter, running: [...state.meter.running, counted] }
  step.events.push({ _tag: "OrphanFound", computeId: machine.computeId })
  const settles = step.now.mono + terminations.settleWindow(step, machine)
  return terminations.add({ ...state, meter }, step, machine, { name: machine.name, settles, why: "orphan" })
}

/** The session stands, since it is newer than any row of it; what only the row names is taken over, the machines to be ended. */
export const reread = (state: SessionState, step: Step, stored: SessionState): SessionState =>
  machinesOf(stored)
    .filter((machine) => !isKnown(state, machine))
    .reduce((state, machine) => endOther(state, step, stored, machine), withAttempts(state, stored))
