/**
 * One seed played to its end: orchestrators, a store and clouds with faults, then an hour without any, all of it checked.
 *
 * @since 0.1.0
 */
import { Owner } from "../../provider/NameStamp.ts"
import * as CallWatch from "./CallWatch.ts"
import * as Cloud from "./Cloud.ts"
import * as CreateWatch from "./CreateWatch.ts"
import * as Database from "./Database.ts"
import * as Digests from "./Digests.ts"
import * as EarlyWatch from "./EarlyWatch.ts"
import * as EndWatch from "./EndWatch.ts"
import * as ExitWatch from "./ExitWatch.ts"
import type { Fault } from "./Faults.ts"
import * as Fleet from "./Fleet.ts"
import * as Host from "./Host.ts"
import * as HostFaults from "./HostFaults.ts"
import type { Violation } from "./Invariant.ts"
import * as Listings from "./Listings.ts"
import * as Profile from "./Profile.ts"
import * as QuietWatch from "./QuietWatch.ts"
import * as Rng from "./Rng.ts"
import * as RowWatch from "./RowWatch.ts"
import * as RunPodCloud from "./RunPodCloud.ts"
import * as Stateless from "./Stateless.ts"
import * as Workload from "./Workload.ts"
import * as World from "./World.ts"

export { type Fault, faults, isFault } from "./Faults.ts"
export { type Invariant, invariants, Violation } from "./Invariant.ts"
export { type Kind, kindOf, kinds, seedsOf } from "./Profile.ts"
export type { Maker } from "./RunPodCloud.ts"

/**
 * What is played.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** A whole number, 0 or more. */
  readonly seed: number
  /** A planted fault; default none. */
  readonly fault?: Fault | null | undefined
  /** `RunPod.make`; without it, worlds of the kind `runpod` are played on the clouds of all the others. */
  readonly runpod?: RunPodCloud.Maker | undefined
  /**
   * Whether everything that is written anywhere is searched for secrets; default true. Without it a seed plays the same run, in
   * less time.
   */
  readonly seeksSecrets?: boolean | undefined
  /** Reads the trace, line by line. */
  readonly trace?: ((line: string) => void) | undefined
}

/**
 * What came of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly seed: number
  readonly kind: Profile.Kind
  /** The providers that were rented from. */
  readonly clouds: ReadonlyArray<string>
  /** The first invariant that was broken; null when all held. */
  readonly violation: Violation | null
  /** True time that was played, in milliseconds. */
  readonly simulated: number
  readonly sessions: number
  readonly machines: number
}

const minute = 60_000
const faultFree = 60 * minute
const grace = minute

const ownersOf = (count: number): ReadonlyArray<Owner> =>
  ["team", "other"].slice(0, count).map((name) => Owner.make(name))

/**
 * Plays one seed: the same seed gives the same run, event for event.
 *
 * **Details**
 *
 * Two worlds of twenty-four rent through RunPod's own adapter, over a RunPod in memory, when `runpod` hands it in.
 *
 * **Example** (One seed)
 *
 * ```ts
 * import { Simulation } from "effect-atlas/testing"
 *
 * const { violation } = Simulation.play({ seed: 7 })
 * if (violation !== null) throw violation
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const play = (options: Options): Result => Digests.atOnce(() => playSeed(options))

const playSeed = ({ fault = null, runpod, seed, seeksSecrets = true, trace }: Options): Result => {
  const world = World.make(seed, trace ?? null, seeksSecrets)
  const { timeline } = world
  const profile = Profile.of(seed, world.rng.fork())
  // the parts know each other: what is asked for here is there when it is first needed
  const late: { database?: Database.Database; fleet?: Fleet.Fleet } = {}
  const there = <A>(part: A | undefined): A => {
    if (part === undefined) throw new Error("the world is not built yet")
    return part
  }
  const parts = { database: () => there(late.database), fleet: () => there(late.fleet) }
  // what later kinds need draws from a source of its own, so that seeds of the first kinds play as they always did
  const rng = Rng.make(seed + 1)
  const tellsSleep = Rng.make(seed + 2).chance(0.5)
  const exits = ExitWatch.make(world, parts.fleet)
  const traits = Rng.make(seed + 3)
  const listings = Listings.make(world, profile.faultRates.deny > 0)
  const early = EarlyWatch.make(world)
  const rows = RowWatch.make(world, parts.fleet, { exits, early, listings })
  const creates = CreateWatch.make(world, parts.database, parts.fleet)
  const ends = EndWatch.make({ world, ...parts })
  const stateless = Stateless.make(world, profile, rng.fork())
  const calls = CallWatch.make({ world, ...parts, rows, creates, ends, exits, listings, stateless, grace })
  const database = late.database = Database.make(world, rows, {
    keepsCopies: profile.eventRates.rollback > 0,
    isStrict: profile.faultRates.odd > 0
  })
  const isRunPod = profile.isRunPod && runpod !== undefined
  const names = isRunPod ? ["acme"].slice(0, profile.clouds - 1) : ["acme", "bolt"].slice(0, profile.clouds)
  const clouds = [
    ...(isRunPod ? [RunPodCloud.make(world, calls, runpod, traits.fork())] : []),
    ...names.map((name) => Cloud.make(world, name, calls, profile, traits.fork()))
  ]
  const places = ownersOf(profile.owners).map((owner, index): Fleet.Place => ({
    owner,
    options: { owner, retention: profile.retention * minute, reapGrace: grace },
    host: Host.make(`host${index + 1}`, timeline, tellsSleep),
    member: null
  }))
  const fleet = late.fleet = Fleet.make({
    world,
    database,
    clouds,
    places,
    fault,
    isShuffled: profile.isShuffled,
    host: HostFaults.make(world, profile.faultRates.host > 0, rng.fork()),
    told: calls.told,
    closed: ends.closed
  })
  world.onKill = fleet.kill
  const quiet = QuietWatch.make({ world, database, fleet, rows, ends, profile })
  world.note(() => `seed ${seed}: ${JSON.stringify(profile)}`)
  for (const place of places) fleet.start(place)
  const workload = Workload.start({ world, profile, fleet, clouds, database, stateless, rows, creates, early, ends })

  /** Plays on until a true time, until nothing is left to happen, or until something breaks. */
  const until = (limit: number, isOver: () => boolean): void => {
    while (world.violation() === null && !isOver()) {
      fleet.drain()
      quiet.quiet()
      if (world.violation() !== null || !timeline.step(limit)) return
    }
  }
  until(profile.minutes * minute, () => false)
  workload.stop()
  fleet.endZombies()
  until(profile.minutes * minute + faultFree + profile.believed * minute, quiet.isOver)
  if (world.violation() === null) quiet.rest()
  return {
    seed,
    kind: profile.kind,
    clouds: clouds.map(({ id }) => id),
    violation: world.violation(),
    simulated: timeline.now(),
    sessions: rows.begun.size,
    machines: world.ledger.all.length
  }
}
