/**
 * What really exists in the clouds of a simulation, and what it has really cost; no process under test can read it.
 *
 * @since 0.1.0
 */
import type { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import * as NameStamp from "../../provider/NameStamp.ts"

/**
 * The identity of the store of every simulated world.
 *
 * @category constants
 * @since 0.1.0
 */
export const storeIdentity = "the store of the simulated world"

/**
 * How a machine came to be: asked for, made by the cloud beside one that was asked for, made long after its caller gave up,
 * or put there by the simulation for the reaper to judge.
 *
 * @category models
 * @since 0.1.0
 */
export type Origin = "rent" | "duplicate" | "late" | "planted"

/**
 * One machine. Times are true time in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Machine {
  readonly id: ComputeId
  readonly provider: ProviderId
  /** As its cloud shows it now. */
  name: string
  readonly madeAs: string
  /** From the stamp it was made with; null without one, and where another store has made it. */
  readonly owner: string | null
  readonly attempt: string | null
  readonly origin: Origin
  readonly isSpot: boolean
  readonly bornAt: number
  /** From when on the cloud's answers show it. */
  readonly visibleAt: number
  /** US dollars an hour, truly. */
  rate: number
  /** Whether answers name the price. */
  isPriced: boolean
  /** Every price that an answer has named. */
  readonly named: Set<number | null>
  /** From when on each port that was asked for has an address; `Infinity` for never. */
  mapsAt: number
  /** Whether an answer has shown it as running, with an address for each port. */
  wasShownRunning: boolean
  status: ComputeStatus
  exitCode: number | null
  /** When it stopped costing money; null while it costs. */
  goneAt: number | null
  /** Whether the cloud has forgotten it. */
  isRemoved: boolean
  /** Deletes that are answered and do nothing. */
  ignores: number
  /** How long an accepted delete takes. */
  slowness: number
  /** Listings are without it until then. */
  hiddenUntil: number
  /** Listings still show it as running until then. */
  ghostUntil: number
  /** When a look at it last said that there is no such machine. */
  deniedAt: number
}

/**
 * Every machine and its cost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  readonly all: ReadonlyArray<Machine>
  readonly add: (made: NewMachine) => Machine
  readonly find: (provider: string, id: string) => Machine | undefined
  readonly ofAttempt: (attempt: string) => ReadonlyArray<Machine>
  /** Those that cost money, or will once they are made. */
  readonly billing: () => ReadonlyArray<Machine>
  /** Whether it costs money now. */
  readonly bills: (machine: Machine) => boolean
  readonly isVisible: (machine: Machine) => boolean
  /** Listings of an account fail until then. */
  readonly blind: (provider: string, until: number) => void
  /** Whether its cloud has said lately that it is not there; a process believes that until a listing shows it. */
  readonly isDenied: (machine: Machine) => boolean
  /** It costs nothing from now on. */
  readonly end: (machine: Machine) => void
  readonly setRate: (machine: Machine, rate: number) => void
  /** A session that counts the machine has heard its price; null when it was not named. */
  readonly told: (machine: Machine, rate: number | null) => void
  readonly toldRate: (machine: Machine) => number | null
  /** US dollars so far. */
  readonly cost: (machine: Machine) => number
  /** The part of the cost that no caller could know yet, because no answer has named the price. */
  readonly untold: (machine: Machine) => number
}

/**
 * What is chosen of a machine when it is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewMachine
  extends
    Pick<Machine, "provider" | "name" | "origin" | "isSpot" | "bornAt" | "visibleAt" | "rate" | "isPriced">,
    Partial<Pick<Machine, "id" | "status" | "ignores" | "slowness" | "mapsAt">>
{}

/**
 * Whether this part of a row is about that machine: two clouds may use the same id.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSame = (
  one: { readonly provider: string; readonly computeId: string },
  machine: Pick<Machine, "provider" | "id">
): boolean => one.computeId === machine.id && one.provider === machine.provider

/**
 * Whether one of these places in a row is the machine's.
 *
 * @category reading
 * @since 0.1.0
 */
export const isAmong = (
  places: ReadonlyArray<string | Parameters<typeof isSame>[0]>,
  machine: Parameters<typeof isSame>[1]
): boolean => places.some((one) => typeof one !== "string" && isSame(one, machine))

const hour = 3_600_000
const storeMark = NameStamp.storeMark(storeIdentity)

const isOfOtherStore = ({ store }: NameStamp.NameStamp): boolean => store !== undefined && store !== storeMark

/** How long what a cloud said of a machine may still be acted upon, in milliseconds. */
const mostDenied = 300_000

interface Account {
  usd: number
  untold: number
  told: number | null
  since: number
}

/**
 * An empty ledger.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: () => number): Ledger => {
  const all: Array<Machine> = []
  const byId = new Map<string, Machine>()
  const byAttempt = new Map<string, Array<Machine>>()
  const accounts = new Map<Machine, Account>()
  const blindUntil = new Map<string, number>()
  let unended: Array<Machine> = []
  let hasEnded = false

  /** Brings what it has cost up to now. */
  const settle = (machine: Machine): Account => {
    const account = accounts.get(machine) ?? { usd: 0, untold: 0, told: null, since: machine.bornAt }
    const until = Math.max(account.since, Math.min(machine.goneAt ?? now(), now()))
    const hours = (until - account.since) / hour
    account.usd += machine.rate * hours
    account.untold += Math.max(0, machine.rate - (account.told ?? 0)) * hours
    account.since = until
    return account
  }

  return {
    all,
    add: (made) => {
      const stamp = NameStamp.parse(made.name)
      const machine: Machine = {
        status: "provisioning",
        mapsAt: 0,
        ignores: 0,
        slowness: 0,
        id: ComputeId.make(`m${all.length + 1}`),
        ...made,
        owner: stamp === null || isOfOtherStore(stamp) ? null : stamp.owner,
        attempt: stamp?.attempt ?? null,
        madeAs: made.name,
        named: new Set(),
        wasShownRunning: false,
        exitCode: null,
        goneAt: null,
        isRemoved: false,
        hiddenUntil: 0,
        ghostUntil: 0,
        deniedAt: Number.NEGATIVE_INFINITY
      }
      all.push(machine)
      unended.push(machine)
      byId.set(`${machine.provider} ${machine.id}`, machine)
      accounts.set(machine, { usd: 0, untold: 0, told: null, since: machine.bornAt })
      if (machine.attempt !== null) {
        byAttempt.set(machine.attempt, [...(byAttempt.get(machine.attempt) ?? []), machine])
      }
      return machine
    },
    billing: () => {
      if (hasEnded) unended = unended.filter(({ goneAt }) => goneAt === null)
      hasEnded = false
      return unended
    },
    find: (provider, id) => byId.get(`${provider} ${id}`),
    ofAttempt: (attempt) => byAttempt.get(attempt) ?? [],
    bills: ({ bornAt, goneAt }) => bornAt <= now() && goneAt === null,
    isVisible: ({ bornAt, isRemoved, visibleAt }) => bornAt <= now() && visibleAt <= now() && !isRemoved,
    blind: (provider, until) => void blindUntil.set(provider, until),
    isDenied: ({ deniedAt, provider }) => {
      const until = blindUntil.get(provider) ?? 0
      // an account that cannot be listed shows nothing until it can
      return now() - (Number.isFinite(deniedAt) ? Math.max(deniedAt, Math.min(until, now())) : deniedAt) < mostDenied
    },
    end: (machine) => {
      if (machine.goneAt !== null) return
      settle(machine)
      machine.goneAt = Math.max(now(), machine.bornAt)
      hasEnded = true
    },
    setRate: (machine, rate) => {
      settle(machine)
      machine.rate = rate
    },
    told: (machine, rate) => {
      const account = settle(machine)
      // a price that is not named any more keeps the last one
      if (rate === null || rate === account.told) return
      // the first one counts from the beginning
      if (account.told === null) {
        account.untold = Math.max(0, account.usd - rate * Math.max(0, account.since - machine.bornAt) / hour)
      }
      account.told = rate
    },
    toldRate: (machine) => accounts.get(machine)?.told ?? null,
    cost: (machine) => settle(machine).usd,
    untold: (machine) => settle(machine).untold
  }
}
