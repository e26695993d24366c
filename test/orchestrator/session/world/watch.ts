/** Checks every decision of a play against the ledger of the cloud and against the decisions before. */
import type { ComputeId } from "effect-atlas/domain/Ids"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import * as Session from "../../../../src/orchestrator/Session.ts"
import type { Check } from "./check.ts"
import type { Cloud } from "./cloud.ts"

const mayDiffer = 1e-6

const encode = Schema.encodeUnknownSync(Session.SessionJson)
const decode = Schema.decodeUnknownSync(Session.SessionJson)

/** A state as a store would return it. */
export const reread = (state: Session.SessionState): Session.SessionState =>
  decode(JSON.parse(JSON.stringify(encode(state))))

/** The machines that the session has or is ending. */
export const knownOf = (state: Session.SessionState): ReadonlySet<ComputeId> => {
  const known = new Set(state.pendingTerminations.map(({ computeId }) => computeId))
  if (state.phase._tag === "Live") known.add(state.phase.computeId)
  return known
}

/** The parts of a play that the checks look at. */
export interface Scene {
  readonly cloud: Cloud
  readonly config: Session.DecideConfig
  readonly now: () => Session.Clock.Now
  /** Commands that are not answered yet. */
  readonly inFlight: () => ReadonlyArray<Session.Command>
  /** All events so far. */
  readonly published: () => ReadonlyArray<Session.SessionEvent>
  /** Whether there were a crash and a wall clock that was set back: then the time between cannot be known. */
  readonly isTimeLost: () => boolean
  readonly fail: (check: Check, facts: string) => never
}

type Before = Session.SessionState | null

export const makeWatch = ({ cloud, config, fail, inFlight, isTimeLost, now, published }: Scene) => {
  const { bills, cost, machines } = cloud
  const created = new Set<string>()
  let inputs = 0
  let spentBefore = 0
  let lastDeadline: number | null = null

  const has = (tag: Session.Command["_tag"], id?: string): boolean =>
    inFlight().some((command) =>
      command._tag === tag && (id === undefined || ("computeId" in command && command.computeId === id))
    )

  /** Checks one command as it is asked for. */
  const asked = (command: Session.Command, after: Session.SessionState): void => {
    if (command._tag === "Forget" && knownOf(after).size > 0) {
      fail("a machine once known is known until it is gone", "forgotten with pending terminations")
    }
    if (command._tag !== "Rent") return
    if (created.has(command.attempt.id)) fail("one create for an attempt", command.attempt.id)
    created.add(command.attempt.id)
    const known = knownOf(after)
    const beside = machines.find((machine) => machine.goneAt === null && !machine.isDuplicate && !known.has(machine.id))
    if (beside !== undefined) {
      fail("no create beside a machine that is not being terminated", `${beside.id} of ${beside.name}`)
    }
  }

  const isEveryMachineKnown = (before: Before, input: Session.SessionInput, after: Session.SessionState): void => {
    const { phase } = after
    const known = knownOf(after)
    if (before !== null) {
      const knownBefore = knownOf(before)
      const lost = machines.find((machine) => bills(machine) && knownBefore.has(machine.id) && !known.has(machine.id))
      if (lost !== undefined) fail("a machine once known is known until it is gone", `${lost.id} after ${input._tag}`)
    }
    if (input._tag === "Observed" && input.compute.status !== "terminated" && !known.has(input.compute.computeId)) {
      const isAwaited = phase._tag === "Renting" && phase.attempt.name === input.compute.name
      if (!isAwaited) fail("a machine that is seen is known", input.compute.computeId)
    }
  }

  const isNothingStalled = (input: Session.SessionInput, after: Session.SessionState): void => {
    const { phase } = after
    const wake = Session.nextWake(after, now(), config)
    const stalled = (what: string): never =>
      fail("a request is under way, or a wake time is set", `${what} after ${input._tag}`)
    if (phase._tag === "Renting" && !has("Rent")) stalled("a create")
    if (phase._tag === "Resolving" && !has("Resolve") && wake === null) stalled("a lost answer")
    if (phase._tag === "Waiting" && wake === null) stalled("a pause")
    if (phase._tag === "Live" && wake === null && !has("Confirm") && !has("Reconcile")) stalled("a machine")
    for (const pending of after.pendingTerminations) {
      if (pending.at === null && !has("Terminate", pending.computeId) && !has("Confirm", pending.computeId)) {
        stalled(pending.computeId)
      }
    }
    if (phase._tag === "Ending" && after.pendingTerminations.length === 0) {
      if (after.doubt === undefined) stalled("an end with nothing left")
      if (!has("Resolve") && wake === null) stalled("a doubt")
    }
  }

  const isMoneyRight = (input: Session.SessionInput, after: Session.SessionState): void => {
    const { phase, spec: { policy: { maxCost } } } = after
    const known = knownOf(after)
    const spent = Session.spentUsd(after, now())
    if (input._tag !== "Adopted" && spent < spentBefore - mayDiffer) {
      fail("the spend never goes back", `${spentBefore} to ${spent} after ${input._tag}`)
    }
    spentBefore = spent
    const ledger = machines
      .filter((machine) =>
        machine.price !== null &&
        (known.has(machine.id) || Session.isTerminated(after, { provider: machine.provider, computeId: machine.id }))
      )
      .reduce((sum, machine) => sum + cost(machine), 0)
    if (!isTimeLost() && spent < ledger - mayDiffer) {
      fail("the spend is never below the ledger", `${spent} < ${ledger} after ${input._tag}`)
    }
    if (phase._tag !== "Live" || maxCost === null) return
    if (input._tag === "WokeUp" && spent >= maxCost + mayDiffer) {
      fail("a capped session does not live past its cap", `${spent} of ${maxCost}`)
    }
    const machine = cloud.find(phase.computeId)
    if (machine?.price === null) fail("a capped session has no machine of unknown price", machine.id)
  }

  const isDeadlineKept = (input: Session.SessionInput, after: Session.SessionState): void => {
    // what is left shrinks at least as fast as the monotonic clock runs
    const left = Session.runtimeLeft(after, now())
    if (left === null) return
    const deadline = now().mono + left
    if (input._tag !== "Adopted" && lastDeadline !== null && deadline > lastDeadline + 1 && left > 0) {
      fail("a deadline never moves later", `${lastDeadline} to ${deadline}`)
    }
    lastDeadline = deadline
  }

  const isReportKept = (before: Before, input: Session.SessionInput, { phase, report }: Session.SessionState): void => {
    if (before === null) return
    if (input._tag === "Report" && before.report !== report) {
      const current = "attempt" in before.phase ? before.phase.attempt.id : null
      if (current !== input.attempt) fail("only reports of the current attempt count", input.attempt)
    }
    if (input._tag === "Closing" && before.spec.persist && before.report === null && before.phase !== phase) {
      fail("closing keeps what persists", `${before.phase._tag} became ${phase._tag}`)
    }
  }

  const tellsOneEnd = (isTask: boolean): void => {
    const told = published()
    const tags = told.map(({ _tag }) => _tag)
    const one = (tag: Session.SessionEvent["_tag"]): number => {
      const first = tags.indexOf(tag)
      if (first === -1 || first !== tags.lastIndexOf(tag)) fail("events tell one end, in order", tags.join(" "))
      return first
    }
    const terminating = one("Terminating")
    if (isTask && one("Task") > terminating) fail("events tell one end, in order", tags.join(" "))
    const last = told.at(-2)
    if (one("Ended") !== tags.length - 1 || last?._tag !== "Status" || last.status !== "terminated") {
      fail("events tell one end, in order", tags.join(" "))
    }
  }

  /** Checks one decision after its commands were sent. */
  const decided = (before: Before, input: Session.SessionInput, after: Session.SessionState): void => {
    isEveryMachineKnown(before, input, after)
    isNothingStalled(input, after)
    isMoneyRight(input, after)
    isDeadlineKept(input, after)
    isReportKept(before, input, after)
    // a sample, since it costs more than all other checks; a crash reads the state back as well
    const isSample = inputs++ % 16 === 0
    if (isSample && !Equal.equals(reread(after), after)) {
      fail("a state survives its JSON", JSON.stringify(after))
    }
    if (after.phase._tag === "Ended" && before?.phase._tag !== "Ended") tellsOneEnd(after.spec.mode === "task")
  }

  return {
    asked,
    decided,
    /** The process is another one: its monotonic clock cannot be compared with the last. */
    rebooted: (): void => {
      lastDeadline = null
    }
  }
}
