/**
 * What a seed has most of: each kind of world has its own faults, so that every mistake has a fair chance to show.
 *
 * @since 0.1.0
 */
import { type FaultProfile, noFaults } from "./FaultProfile.ts"
import type * as Rng from "./Rng.ts"

/** The kinds whose faults RunPod may have as well. */
const mixable = [
  "mixed",
  "rents",
  "deletes",
  "crashes",
  "clocks",
  "money",
  "preemption",
  "usurpers",
  "owners",
  "closing",
  "peace"
] as const

const firstKinds = [...mixable, "runpod"] as const

const laterKinds = [
  "burst",
  "outage",
  "rollback",
  "rows",
  "stalls",
  "namesakes",
  "slow",
  "liar",
  "renames",
  "host",
  "ready",
  "stateless"
] as const

/**
 * The kinds of worlds.
 *
 * **Details**
 *
 * `runpod` is RunPod's own adapter over a RunPod in memory, with the faults of any of the eleven before it; `liar` is the same
 * with answers that say what is not so.
 *
 * @category models
 * @since 0.1.0
 */
export const kinds = [...firstKinds, ...laterKinds] as const

/**
 * One kind.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = (typeof kinds)[number]

/** A kind with faults of its own. */
type Plain = Exclude<Kind, "runpod">

/** Seeds come in rounds of as many as there are first kinds, and of later ones. */
const roundSize = firstKinds.length

/**
 * The kind of world a seed plays in: the remainder of the seed chooses among the first kinds or, in the second and the third
 * of every four rounds of seeds, among the later ones.
 *
 * @category constructors
 * @since 0.1.0
 */
export const kindOf = (seed: number): Kind => {
  const round = Math.floor(seed / roundSize) % 4
  const set = round === 1 || round === 2 ? laterKinds : firstKinds
  return set[seed % roundSize] ?? "mixed"
}

/**
 * The first seeds of one kind of world, from a seed on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seedsOf = (kind: Kind, count: number, from = 0): ReadonlyArray<number> => {
  const seeds: Array<number> = []
  for (let seed = from; seeds.length < count; seed++) if (kindOf(seed) === kind) seeds.push(seed)
  return seeds
}

/**
 * How often something is done, per minute of true time.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventRates {
  readonly spawn: number
  readonly touch: number
  readonly stop: number
  readonly report: number
  /** A machine vanishes, fails, stops, is preempted or ends its command. */
  readonly machine: number
  /** A command ends whose machine is gone soon after, with its log. */
  readonly finish: number
  /** An account cannot be listed for 10 to 40 minutes. */
  readonly blind: number
  /** A price changes or becomes known. */
  readonly price: number
  /** A listing is without a machine for a while. */
  readonly hide: number
  readonly close: number
  readonly kill: number
  readonly usurp: number
  readonly jump: number
  readonly suspend: number
  /** A machine appears that no session asked for: stamped by one of our owners, by another owner, or not stamped. */
  readonly plant: number
  /** The fault rates change. */
  readonly faultRates: number
  /** Fifty callers at once, who then stop, leave, or see their process close. */
  readonly burst: number
  /** The store cannot be used for 10 to 60 minutes. */
  readonly outage: number
  /** The store is as it was some commits ago: restored from a copy, or failed over to one. */
  readonly rollback: number
  /** A row cannot be read, or not be written, for a while. */
  readonly damage: number
  /** A person renames a machine. */
  readonly rename: number
  /** A caller rents without an orchestrator, for as long as it has work. */
  readonly rent: number
  /** A caller waits until a machine runs, or ties it to a scope. */
  readonly wait: number
}

/**
 * What kind of world a seed plays in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profile {
  readonly kind: Kind
  /** The kind whose faults it has: its own, but for those of RunPod. */
  readonly like: Plain
  /** Whether one of the accounts is RunPod's own adapter. */
  readonly isRunPod: boolean
  readonly owners: number
  readonly clouds: number
  readonly isShuffled: boolean
  /** Minutes with faults before the time without them. */
  readonly minutes: number
  readonly eventRates: EventRates
  readonly faultRates: FaultProfile
  readonly persist: number
  readonly tasks: number
  readonly capped: number
  readonly spot: number
  readonly respawn: number
  readonly impatient: number
  /** How long rows are kept, in minutes. */
  readonly retention: number
  /** How many sessions have a bearer token. */
  readonly bearer: number
  /** How many sessions must be ready in time. */
  readonly readyTimeout: number
  /** How many sessions ask for ports, at clouds that may map them late or never; all do at RunPod. */
  readonly ports: number
  /** Whether both clouds number their machines alike. */
  readonly isNumberedAlike: boolean
  /** How many minutes a process may believe a cloud that asks it to wait, and look at nothing meanwhile. */
  readonly believed: number
  /** How long a listing takes, with and without faults; null where it takes as long as other calls. */
  readonly listing: readonly [least: number, most: number] | null
}

const usualRates: EventRates = {
  spawn: 0.6,
  touch: 1,
  stop: 0.2,
  report: 0.1,
  machine: 0.1,
  finish: 0,
  blind: 0,
  price: 0.05,
  hide: 0,
  close: 0,
  kill: 0,
  usurp: 0,
  jump: 0,
  suspend: 0,
  plant: 0,
  faultRates: 0.3,
  burst: 0,
  outage: 0,
  rollback: 0,
  damage: 0,
  rename: 0,
  rent: 0,
  wait: 0
}

const changes: Readonly<
  Record<Plain, {
    readonly eventRates?: Partial<EventRates>
    readonly faultRates?: Partial<FaultProfile>
    readonly rest?: Partial<Omit<Profile, "kind" | "eventRates" | "faultRates">>
  }>
> = {
  mixed: {
    eventRates: { kill: 0.05, close: 0.03, jump: 0.05, suspend: 0.03, plant: 0.05, hide: 0.1, machine: 0.3 },
    faultRates: {
      refuse: 0.1,
      limit: 0.05,
      lose: 0.15,
      duplicate: 0.05,
      late: 0.05,
      listFails: 0.1,
      getFails: 0.1,
      deleteFails: 0.15,
      deleteIgnored: 0.15,
      deleteSlow: 0.15,
      flicker: 0.05,
      noPrice: 0.05,
      commitFails: 0.05,
      commitSlow: 0.03,
      loadFails: 0.1,
      crash: 0.002
    }
  },
  rents: {
    eventRates: { spawn: 2, stop: 0.8 },
    faultRates: { refuse: 0.2, limit: 0.1, lose: 0.6, duplicate: 0.3, late: 0.2, listFails: 0.4, getFails: 0.2 },
    rest: { impatient: 0.2 }
  },
  deletes: {
    eventRates: { spawn: 1.5, stop: 1 },
    faultRates: { deleteFails: 0.4, deleteIgnored: 0.5, deleteSlow: 0.4, getFails: 0.3, lose: 0.1, duplicate: 0.2 }
  },
  crashes: {
    eventRates: { spawn: 1.5, kill: 0.3, stop: 0.3 },
    faultRates: { crash: 0.02, lose: 0.1, commitFails: 0.05, loadFails: 0.1, deleteSlow: 0.1 },
    rest: { persist: 0.8, tasks: 0.6 }
  },
  clocks: {
    eventRates: { jump: 0.3, suspend: 0.2, kill: 0.05, stop: 0.05, touch: 2 },
    faultRates: { lose: 0.1, deleteSlow: 0.2 },
    rest: { minutes: 60, capped: 0.6, persist: 0.5 }
  },
  money: {
    eventRates: { price: 0.6, kill: 0.1, suspend: 0.1, spawn: 0.8, stop: 0.1 },
    faultRates: { noPrice: 0.3, deleteSlow: 0.5, lose: 0.1, getFails: 0.1 },
    rest: { capped: 0.7, minutes: 60, persist: 0.7 }
  },
  preemption: {
    eventRates: { machine: 2, hide: 0.6, report: 0.4, spawn: 2, stop: 0.1 },
    faultRates: { deleteSlow: 0.3, deleteFails: 0.2, getFails: 0.1, lose: 0.1, refuse: 0.1 },
    rest: { spot: 0.9, respawn: 0.9, tasks: 0.6, minutes: 30 }
  },
  usurpers: {
    eventRates: { usurp: 0.15, spawn: 1, machine: 0.8, stop: 0.2, touch: 2 },
    faultRates: { lose: 0.2, refuse: 0.1, deleteSlow: 0.2 },
    rest: { persist: 0.9, spot: 0.8, respawn: 0.9, minutes: 40 }
  },
  owners: {
    eventRates: { plant: 0.6, kill: 0.15, spawn: 0.8 },
    faultRates: { loadFails: 0.95, lose: 0.2, late: 0.3, listFails: 0.1 },
    rest: { owners: 2, persist: 0.7, retention: 15, minutes: 40 }
  },
  closing: {
    eventRates: { close: 0.2, spawn: 1, stop: 0.1 },
    faultRates: { deleteSlow: 0.3, deleteFails: 0.2, lose: 0.1, commitSlow: 0.05, getFails: 0.1 },
    rest: { persist: 0.6 }
  },
  peace: {
    eventRates: { spawn: 0.3, touch: 0.5, stop: 0.02, machine: 0.02, kill: 0.01 },
    rest: { minutes: 120, capped: 0.4 }
  },
  burst: {
    eventRates: { burst: 0.15, spawn: 0.2, stop: 0.1 },
    faultRates: { hang: 0.8, lose: 0.1, refuse: 0.1, commitSlow: 0.02 },
    rest: { minutes: 15, persist: 0.3 }
  },
  outage: {
    eventRates: { outage: 0.05, spawn: 1, stop: 0.5, kill: 0.01, close: 0.01 },
    faultRates: { lose: 0.1, deleteSlow: 0.2, deleteFails: 0.1 },
    rest: { minutes: 60, capped: 0.4, persist: 0.6, bearer: 0.3 }
  },
  rollback: {
    eventRates: { rollback: 0.1, spawn: 1, stop: 0.4, kill: 0.04 },
    faultRates: { lose: 0.1, deleteSlow: 0.2, refuse: 0.1 },
    rest: { minutes: 30, persist: 0.7, capped: 0.3 }
  },
  rows: {
    eventRates: { damage: 0.15, kill: 0.05, spawn: 1, stop: 0.3, burst: 0.04 },
    faultRates: { odd: 0.05, limit: 0.1, lose: 0.1, deleteSlow: 0.1 },
    rest: { minutes: 30, persist: 0.7, respawn: 0.7 }
  },
  stalls: {
    eventRates: { jump: 0.6, suspend: 0.05, spawn: 1, stop: 0.2 },
    faultRates: { commitSlow: 0.4, commitFails: 0.1, lose: 0.1 },
    rest: { minutes: 45, persist: 0.5 }
  },
  namesakes: {
    eventRates: { spawn: 1.5, stop: 0.6, machine: 0.5, plant: 0.05, kill: 0.05, hide: 0.2, rename: 2 },
    faultRates: { lose: 0.2, duplicate: 0.2, deleteSlow: 0.3, deleteFails: 0.1 },
    rest: { clouds: 2, isNumberedAlike: true, owners: 1, respawn: 0.8, spot: 0.7, persist: 0.6 }
  },
  slow: {
    eventRates: { spawn: 1, stop: 0.3, machine: 0.6, blind: 0.04 },
    faultRates: { lose: 0.4, duplicate: 0.1, listFails: 0.05, deleteSlow: 0.1, deny: 0.05 },
    rest: { minutes: 45, listing: [3_000, 10_000] }
  },
  liar: {
    eventRates: { spawn: 1, stop: 0.5, jump: 0.1 },
    faultRates: { quota: 0.1, hours: 0.5, limit: 0.05, deleteFails: 0.1, getFails: 0.05, lose: 0.05 },
    rest: { minutes: 30, believed: 60 }
  },
  renames: {
    eventRates: { rename: 0.5, spawn: 1, stop: 0.4, machine: 0.2, kill: 0.03 },
    faultRates: { deny: 0.1, lose: 0.1, deleteSlow: 0.2, deleteFails: 0.1 },
    rest: { persist: 0.6, bearer: 0.3 }
  },
  host: {
    eventRates: { spawn: 1, stop: 0.4, kill: 0.1, machine: 0.5, touch: 2 },
    faultRates: { host: 0.05, lose: 0.1, deleteSlow: 0.2 },
    rest: { persist: 0.7, respawn: 0.9, spot: 0.7, bearer: 0.5 }
  },
  ready: {
    eventRates: { wait: 1.5, spawn: 0.3, machine: 1.5, stop: 0.2, close: 0.02, blind: 0.03 },
    faultRates: { lose: 0.1, refuse: 0.05, deleteSlow: 0.2, getFails: 0.1 },
    rest: { spot: 0, respawn: 0.9, readyTimeout: 0.7, bearer: 0.4, ports: 0.7 }
  },
  stateless: {
    eventRates: { rent: 1.5, spawn: 0.2, stop: 0.1, rename: 0.5 },
    faultRates: { lose: 0.3, duplicate: 0.4, refuse: 0.05, deleteFails: 0.1, deleteSlow: 0.1, getFails: 0.1 },
    rest: { bearer: 0.4 }
  }
}

/**
 * The kind of world a seed plays in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (seed: number, rng: Rng.Rng): Profile => {
  const kind = kindOf(seed)
  const like = kind === "runpod" ? rng.pick(...mixable) : kind
  const isRunPod = kind === "runpod" || kind === "liar" || (kind === "stateless" && rng.chance(0.5))
  const { eventRates, rest, faultRates } = changes[like]
  return {
    kind,
    like,
    isRunPod,
    owners: rng.chance(0.2) ? 2 : 1,
    clouds: rng.chance(0.5) ? 2 : 1,
    isShuffled: rng.chance(0.5),
    minutes: rng.pick(15, 30),
    persist: 0.4,
    tasks: 0.4,
    capped: 0.2,
    spot: 0.4,
    respawn: 0.5,
    impatient: 0.05,
    retention: rng.chance(0.2) ? 20 : 1_440,
    bearer: 0,
    readyTimeout: 0.2,
    ports: 0,
    isNumberedAlike: false,
    believed: 0,
    listing: null,
    ...rest,
    // RunPod has no spot machines
    ...(isRunPod ? { spot: 0 } : {}),
    eventRates: { ...usualRates, ...(isRunPod ? { finish: 0.6, blind: 0.01 } : {}), ...eventRates },
    faultRates: { ...noFaults, ...faultRates }
  }
}
