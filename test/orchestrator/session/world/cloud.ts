/** The cloud of a play, with its ledger: it lags, makes duplicates, loses answers, accepts terminates and ignores them. */
import type { ComputeStatus } from "effect-atlas/domain/Compute"
import { ComputeId, type ProviderId } from "effect-atlas/domain/Ids"
import * as Duration from "effect/Duration"
import * as Session from "../../../../src/orchestrator/Session.ts"
import type { Random } from "./random.ts"
import { type Focus, window } from "./setting.ts"

export const epoch = 1_700_000_000_000

export interface Machine {
  readonly id: ComputeId
  readonly provider: ProviderId
  readonly name: string
  readonly bornAt: number
  readonly visibleAt: number
  readonly rate: number
  readonly price: number | null
  /** Whether it is the second machine of one create. */
  readonly isDuplicate: boolean
  status: ComputeStatus
  /** True time at which it stopped billing; null while it bills. */
  goneAt: number | null
  /** Whether the cloud has forgotten it. */
  removed: boolean
}

const fault = (reason: Session.Fault.Fault["reason"], retryAfter: number | null = null): Session.Fault.Fault => ({
  ...Session.Fault.make(reason, reason),
  retryAfter: retryAfter === null ? null : Duration.millis(retryAfter)
})

export const makeCloud = ({ focus, mono, rng, time }: {
  readonly rng: Random
  readonly focus: Focus
  /** True time. */
  readonly time: () => number
  /** The monotonic clock of the process that asks. */
  readonly mono: () => number
}) => {
  const machines: Array<Machine> = []
  const find = (computeId: ComputeId): Machine | undefined => machines.find(({ id }) => id === computeId)

  const isVisible = (machine: Machine): boolean =>
    machine.visibleAt <= time() && machine.bornAt <= time() && !machine.removed
  const bills = (machine: Machine): boolean => machine.bornAt <= time() && machine.goneAt === null
  const cost = (machine: Machine): number =>
    machine.rate * Math.max(0, Math.min(machine.goneAt ?? time(), time()) - machine.bornAt) / 3_600_000
  const seen = (machine: Machine): Session.Observation.Observation => ({
    computeId: machine.id,
    provider: machine.provider,
    name: machine.name,
    status: machine.status,
    costPerHour: machine.price,
    createdAt: epoch + machine.bornAt,
    exitCode: null
  })
  const end = (machine: Machine): void => {
    if (machine.goneAt === null) machine.goneAt = time()
    machine.status = "terminated"
    if (rng.chance(0.7)) machine.removed = true
  }

  const make = (name: string, provider: ProviderId, bornAt: number, isDuplicate: boolean): Machine => {
    const rate = 1 + rng.below(4)
    const machine: Machine = {
      id: ComputeId.make(`m${machines.length + 1}`),
      provider,
      name,
      bornAt,
      visibleAt: bornAt + rng.below(window),
      rate,
      price: rng.chance(0.1) ? null : rate,
      isDuplicate,
      status: "provisioning",
      goneAt: null,
      removed: false
    }
    machines.push(machine)
    return machine
  }

  const rent = (
    { attempt, candidate }: Extract<Session.Command, { readonly _tag: "Rent" }>,
    trouble: (share: number) => boolean
  ): Session.SessionInput => {
    if (trouble(0.2)) {
      const why = rng.pick<Session.Fault.Fault["reason"]>(
        "NoCapacity",
        "NoCapacity",
        "RateLimited",
        "Forbidden",
        "Validation"
      )
      return { _tag: "Refused", attempt: attempt.id, fault: fault(why, why === "RateLimited" ? 1_500 : null) }
    }
    if (trouble(focus === "rents" ? 0.9 : 0.4)) {
      if (rng.chance(0.6)) {
        make(attempt.name, candidate.provider, time() + rng.below(window), false)
        if (rng.chance(0.3)) make(attempt.name, candidate.provider, time() + rng.below(window), true)
      }
      return { _tag: "Unanswered", attempt: attempt.id, fault: fault("Uncertain"), authHash: null }
    }
    const machine = make(attempt.name, candidate.provider, time(), false)
    if (trouble(0.1)) make(attempt.name, candidate.provider, time(), true)
    return { _tag: "Rented", attempt: attempt.id, compute: seen(machine), authHash: null }
  }

  /** Carries out one command; null when it has no answer. */
  const carryOut = (command: Session.Command, noFaults: boolean): Session.SessionInput | null => {
    const trouble = (share: number): boolean => !noFaults && rng.chance(share)
    switch (command._tag) {
      case "Rent":
        return rent(command, trouble)
      case "Resolve": {
        const { attempt } = command
        if (trouble(0.3)) return { _tag: "LookFailed", attempt: attempt.id, fault: fault("Transport") }
        const complete = !trouble(0.2)
        const found = machines
          .filter((machine) => machine.name === attempt.name && isVisible(machine) && (complete || rng.chance(0.5)))
          .map(seen)
        return { _tag: "Looked", attempt: attempt.id, found, complete, at: mono() }
      }
      case "Confirm": {
        const { computeId, provider } = command
        if (trouble(0.3)) return { _tag: "ConfirmFailed", provider, computeId, fault: fault("ProviderFault") }
        const machine = find(computeId)
        const compute = machine !== undefined && isVisible(machine) ? seen(machine) : null
        return { _tag: "Confirmed", provider, computeId, compute }
      }
      case "Terminate": {
        const { computeId, provider } = command
        const machine = find(computeId)
        if (machine === undefined || !isVisible(machine)) {
          return { _tag: "TerminateFailed", provider, computeId, fault: fault("NotFound") }
        }
        if (trouble(0.3)) {
          if (rng.chance(0.3)) end(machine)
          return { _tag: "TerminateFailed", provider, computeId, fault: fault("Transport") }
        }
        // a cloud may accept a terminate and ignore it
        if (!trouble(0.3)) end(machine)
        return { _tag: "TerminateAnswered", provider, computeId }
      }
      case "Reconcile": {
        const { computeId, provider } = command
        if (trouble(0.3)) {
          return { _tag: "BillFailed", provider, computeId, fault: fault(rng.pick("Unsupported", "Transport")) }
        }
        const machine = find(computeId)
        return { _tag: "Billed", provider, computeId, usd: machine === undefined ? 0 : cost(machine) * rng.next() }
      }
      case "Forget":
        return null
    }
  }

  /** One of the machines changes its status by itself. */
  const changeOne = (): void => {
    const machine = machines[rng.below(machines.length)]
    if (machine === undefined || machine.goneAt !== null || machine.bornAt > time()) return
    const kind = rng.below(4)
    if (kind === 0) end(machine)
    else if (kind === 1) {
      machine.status = "failed"
      machine.goneAt = time()
    } else if (kind === 2) machine.status = "stopped"
    else if (machine.status === "provisioning") machine.status = "running"
  }

  return { machines, find, isVisible, bills, cost, seen, carryOut, changeOne }
}

export type Cloud = ReturnType<typeof makeCloud>
