/** The cloud the mock plays: machines in memory, what they cost, and calls that are still on their way to it. */
import * as DateTime from "effect/DateTime"
import * as Latch from "effect/Latch"
import { Compute, type ComputeStatus, PortBinding } from "../../../domain/Compute.ts"
import type { ComputeRequest } from "../../../domain/ComputeRequest.ts"
import type { ComputeId, ProviderId } from "../../../domain/Ids.ts"
import { Usd } from "../../../domain/Money.ts"
import type { Ledger, LedgerEntry } from "../MockControls.ts"

/** An address that is set aside for documentation, so nothing answers there. */
const publicIp = "203.0.113.1"

export interface Line {
  readonly at: number
  readonly text: string
}

export interface Machine {
  readonly id: ComputeId
  readonly name: string
  readonly request: ComputeRequest
  /** All times are wall-clock milliseconds. */
  readonly createdAt: number
  /** Absent from every look before this. */
  readonly visibleAt: number
  readonly runsAt: number
  /** Null while it follows from the time since the create. */
  status: ComputeStatus | null
  exitCode: number | null
  failure: string | null
  costPerHour: Usd | null
  endedAt: number | null
  /** Dollars until `meteredAt`. */
  dollars: number
  meteredAt: number
  /** The provider does not know it any more; only the ledger still does. */
  forgotten: boolean
  readonly lines: Array<Line>
  /** Opened and replaced whenever there is something new to see. */
  changed: Latch.Latch
}

export interface Birth {
  readonly id: ComputeId
  readonly name: string
  readonly request: ComputeRequest
  readonly costPerHour: Usd | null
}

export const statusOf = (machine: Machine, now: number): ComputeStatus =>
  machine.status ?? (now >= machine.runsAt ? "running" : "provisioning")

const dollarsOf = (machine: Machine, now: number): number =>
  machine.endedAt === null
    ? machine.dollars + (machine.costPerHour ?? 0) * Math.max(0, now - machine.meteredAt) / 3_600_000
    : machine.dollars

/** Brings the meter up to now; to be called before price or status change. */
const meter = (machine: Machine, now: number): void => {
  machine.dollars = dollarsOf(machine, now)
  machine.meteredAt = now
}

const announce = (machine: Machine): void => {
  const { changed } = machine
  machine.changed = Latch.makeUnsafe()
  changed.openUnsafe()
}

const portsOf = (machine: Machine, isKnown: boolean): ReadonlyArray<PortBinding> =>
  machine.request.ports.map(({ port, protocol }) =>
    new PortBinding({
      internal: port,
      external: isKnown ? port : null,
      protocol,
      url: !isKnown
        ? null
        : protocol === "http"
        ? `https://${machine.id}-${port}.mock.local`
        : `tcp://${publicIp}:${port}`
    })
  )

/** The machine as a caller sees it. */
export const view = (machine: Machine, provider: ProviderId, now: number): Compute => {
  const status = statusOf(machine, now)
  const isKnown = status !== "provisioning"
  const { gpu, gpuCount, image, regionHints } = machine.request
  const region = regionHints[0] ?? null
  return new Compute({
    id: machine.id,
    provider,
    status,
    name: machine.name,
    publicIp: isKnown ? publicIp : null,
    ports: portsOf(machine, isKnown),
    gpuType: gpu,
    gpuCount,
    costPerHour: machine.costPerHour,
    region,
    image,
    createdAt: DateTime.makeUnsafe(machine.createdAt),
    exitCode: machine.exitCode,
    failure: machine.failure,
    raw: { id: machine.id, label: machine.name, state: status, gpu, gpuCount, region, image }
  })
}

const entryOf = (machine: Machine, now: number): LedgerEntry => ({
  id: machine.id,
  name: machine.name,
  status: statusOf(machine, now),
  costPerHour: machine.costPerHour,
  createdAt: DateTime.makeUnsafe(machine.createdAt),
  endedAt: machine.endedAt === null ? null : DateTime.makeUnsafe(machine.endedAt),
  dollars: Usd.make(dollarsOf(machine, now))
})

interface OnItsWay {
  readonly due: number
  readonly arrive: (at: number) => void
}

export interface Cloud {
  /** Sends something that arrives by itself at `due`, whether or not a caller still waits for it. */
  readonly send: (due: number, arrive: (at: number) => void) => void
  /** Lets arrive what is due. Everything that looks calls it first, so no timer is needed. */
  readonly settle: (now: number) => void
  readonly create: (birth: Birth, at: number) => Machine
  /** A machine its provider still knows, visible yet or not. */
  readonly find: (id: string) => Machine | undefined
  /** What a listing shows, newest first, as many clouds do. */
  readonly visible: (now: number) => ReadonlyArray<Machine>
  readonly change: (
    machine: Machine,
    now: number,
    facts: Partial<Pick<Machine, "status" | "costPerHour" | "exitCode" | "failure" | "forgotten">>
  ) => void
  readonly write: (machine: Machine, line: Line) => void
  /** What a machine has cost so far. */
  readonly dollars: (machine: Machine, now: number) => Usd
  readonly ledger: (now: number) => Ledger
  readonly setListingLag: (millis: number) => void
  readonly reset: () => void
}

export const makeCloud = (provisioning: number): Cloud => {
  const made = new Map<string, Machine>()
  let onTheWay: Array<OnItsWay> = []
  let listingLag = 0
  let latest = Number.NEGATIVE_INFINITY
  return {
    send: (due, arrive) => {
      onTheWay = [...onTheWay, { due, arrive }].toSorted((a, b) => a.due - b.due)
    },
    settle: (now) => {
      latest = Math.max(latest, now)
      while (onTheWay[0] !== undefined && onTheWay[0].due <= now) {
        const [next, ...rest] = onTheWay
        onTheWay = rest
        next?.arrive(next.due)
      }
    },
    create: (birth, at) => {
      const machine: Machine = {
        ...birth,
        createdAt: at,
        visibleAt: at + listingLag,
        runsAt: at + provisioning,
        status: null,
        exitCode: null,
        failure: null,
        endedAt: null,
        dollars: 0,
        meteredAt: at,
        forgotten: false,
        lines: [],
        changed: Latch.makeUnsafe()
      }
      made.set(machine.id, machine)
      return machine
    },
    find: (id) => {
      const machine = made.get(id)
      return machine === undefined || machine.forgotten ? undefined : machine
    },
    visible: (now) =>
      // a wall clock of ours that is set back hides nothing that a cloud has shown
      Array.from(made.values()).filter((machine) => !machine.forgotten && machine.visibleAt <= Math.max(latest, now))
        .toReversed(),
    change: (machine, now, facts) => {
      meter(machine, now)
      Object.assign(machine, facts)
      const isOver = machine.forgotten || machine.status === "terminated" || machine.status === "failed"
      machine.endedAt = isOver ? machine.endedAt ?? now : null
      announce(machine)
    },
    write: (machine, line) => {
      machine.lines.push(line)
      announce(machine)
    },
    dollars: (machine, now) => Usd.make(dollarsOf(machine, now)),
    ledger: (now) => {
      const entries = Array.from(made.values(), (machine) => entryOf(machine, now))
      return {
        made: entries,
        live: entries.filter((entry) => entry.endedAt === null),
        dollars: Usd.make(entries.reduce((sum, entry) => sum + entry.dollars, 0))
      }
    },
    setListingLag: (millis) => {
      listingLag = millis
    },
    reset: () => {
      for (const machine of made.values()) {
        machine.forgotten = true
        // a caller that follows its log still holds it
        machine.endedAt ??= machine.meteredAt
        announce(machine)
      }
      made.clear()
      onTheWay = []
      listingLag = 0
    }
  }
}
