/**
 * What happens in a world besides what the orchestrator does: callers, containers, operators, clouds and clocks act.
 *
 * @since 0.1.0
 */
import { AttemptId } from "../../orchestrator/Session.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import * as Callers from "./Callers.ts"
import type { Cloud, CloudControls } from "./Cloud.ts"
import type { CreateWatch } from "./CreateWatch.ts"
import type { Database } from "./Database.ts"
import type { EarlyWatch } from "./EarlyWatch.ts"
import type { EndWatch } from "./EndWatch.ts"
import { noFaults, scaled } from "./FaultProfile.ts"
import type { Fleet, Place } from "./Fleet.ts"
import { type Machine, storeIdentity } from "./Ledger.ts"
import type { EventRates, Profile } from "./Profile.ts"
import type { RowWatch } from "./RowWatch.ts"
import * as Stateless from "./Stateless.ts"
import type { World } from "./World.ts"

/** Letters of an attempt at the end of a stamped name. */
/** The attempt in a name, its last digit apart, and the mark of the store. */
const stampEnd = /([a-z2-7]{11})([a-z2-7])([a-z2-7]{4})?$/
const storeMark = NameStamp.storeMark(storeIdentity)
const otherMark = NameStamp.storeMark("another store")
const minute = 60_000

/**
 * Starts everything that will happen in a world; `stop` ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (options: {
  readonly world: World
  readonly profile: Profile
  readonly fleet: Fleet
  readonly clouds: ReadonlyArray<Cloud>
  readonly database: Database
  readonly stateless: Stateless.Stateless
  readonly rows: RowWatch
  readonly creates: CreateWatch
  readonly early: EarlyWatch
  readonly ends: EndWatch
}): { readonly stop: () => void } => {
  const { clouds, creates, database, early, ends, fleet, profile, rows, stateless, world } = options
  const { ledger, timeline } = world
  const rng = world.rng.fork()
  const callers = Callers.make({ world, profile, fleet, clouds, rows, creates, early, ends, rng })
  let isOn = true

  const machine = (isWanted: (machine: Machine) => boolean): Machine | undefined =>
    rng.one(ledger.all.filter((one) => ledger.bills(one) && ledger.isVisible(one) && isWanted(one)))

  const cloudOf = ({ provider }: Machine): Cloud | undefined => clouds.find(({ id }) => id === provider)
  const controlsOf = (one: Machine): CloudControls | undefined => cloudOf(one)?.controls

  /** A machine ends without being asked to. */
  const strike = (): void => {
    const isAtWork = ({ exitCode, status }: Machine) =>
      (status === "running" || status === "provisioning") && exitCode === null
    const victim = machine(isAtWork)
    const controls = victim && controlsOf(victim)
    if (victim === undefined || controls === undefined) return
    const kind = rng.below(victim.isSpot ? 5 : 4)
    world.note(() => `${victim.id} ${["vanishes", "fails", "stops", "ends its command", "is preempted"][kind]}`)
    if (kind === 0) controls.vanish(victim)
    else if (kind === 1) controls.fail(victim)
    else controls.stop(victim, kind === 3 && !victim.isSpot ? rng.below(3) : null)
  }

  const blind = (): void => {
    const cloud = rng.one(clouds)
    const by = rng.pick(10, 20, 40) * minute
    world.note(() => `${cloud?.id} cannot be listed for ${by} ms`)
    cloud?.controls.blind(by)
  }

  const finish = (): void => {
    const found = machine((one) => one.status === "running" && controlsOf(one)?.isCommanded(one) === true)
    if (found === undefined) return
    world.note(() => `the command of ${found.id} ends`)
    controlsOf(found)?.stop(found, rng.below(3))
  }

  const reprice = (): void => {
    const found = machine(() => true)
    if (found === undefined) return
    if (!found.isPriced && rng.chance(0.5)) found.isPriced = true
    else controlsOf(found)?.setRate(found, rng.pick(0.25, 0.5, 1, 2, 4, 8))
    world.note(() => `${found.id} costs ${found.rate}${found.isPriced ? "" : ", which no answer names"}`)
  }

  const hide = (): void => {
    // once it was seen it may be missing now and then; before, its cloud keeps to the settle window
    const found = machine((one) => ledger.toldRate(one) !== null)
    if (found === undefined) return
    found.hiddenUntil = timeline.now() + rng.pick(3_000, 30_000, 3 * minute)
    world.note(() => `listings are without ${found.id} until ${found.hiddenUntil}`)
  }

  const plant = (): void => {
    const owner = rng.pick<string | null>(rng.one(fleet.places)?.owner ?? null, "adhoc", "stranger", null)
    const store = rng.pick(undefined, storeMark, otherMark)
    const attempt = Array.from({ length: 12 }, () => rng.pick("a", "b", "c", "d", "2", "3")).join("")
    rng.one(clouds)?.controls.plant(
      owner === null
        ? `database-${attempt}`
        : NameStamp.render({ owner, slug: "old", attempt: AttemptId.make(attempt), store })
    )
  }

  const withHost = (act: (place: Place) => void): void => {
    const place = rng.one(fleet.places)
    if (place !== undefined) act(place)
  }

  const jump = ({ host }: Place): void => {
    const by = rng.pick(1, 1, -1) * rng.pick(500, 7_000, 10 * minute, 30 * minute, 24 * 60 * minute)
    world.note(() => `the wall clock of ${host.name} jumps by ${by} ms`)
    host.jump(by)
  }

  const suspend = ({ host }: Place): void => {
    const by = rng.pick(5_000, minute, 12 * minute)
    world.note(() => `${host.name} falls asleep for ${by} ms`)
    host.suspend(by)
  }

  /** The fault rates of this kind of world in full, in part, or none for a while. */
  const changeFaultRates = (): void => {
    const share = rng.pick(1, 1, 0.3, 0)
    world.note(() => `the fault rates are ${share} of the kind's`)
    world.setFaultRates(scaled(profile.faultRates, share))
  }

  const withTarget = (act: (target: Callers.Target) => void) => (): void => {
    const target = callers.pickTarget()
    if (target !== null) act(target)
  }

  /** The row of a session that is not over cannot be read, or not be written, for a while. */
  const damage = (): void => {
    const row = rng.one([...database.open()])
    const strike = rng.pick(database.controls.damage, database.controls.refuse)
    if (row !== undefined) strike(row.spec.id, rng.pick(5, 15, 40) * minute)
  }

  /** People rename what they see: a machine that its session knows, or one that can be recognised without its name. */
  const rename = (): void => {
    const isKnown = (one: Machine): boolean =>
      one.owner === Stateless.owner ? cloudOf(one)?.echoes === true : ledger.toldRate(one) !== null
    const found = machine((one) => one.owner !== null && !Number.isFinite(one.deniedAt) && isKnown(one))
    if (found === undefined) return
    // a stamped name that was copied badly looks like that of a machine which no session has
    const miscopied = found.owner === Stateless.owner
      ? "my copy"
      : found.madeAs.replace(stampEnd, "$2$1$3")
    const name = rng.pick("my gpu", `database-${found.id}`, "do not delete", miscopied)
    world.note(() => `a person renames ${found.id} to ${name}`)
    cloudOf(found)?.controls.rename(found, name)
  }

  const acts: Readonly<Record<keyof EventRates, () => void>> = {
    spawn: withTarget(callers.spawn),
    touch: withTarget(callers.touch),
    stop: withTarget(callers.stop),
    report: withTarget(callers.report),
    machine: strike,
    finish,
    price: reprice,
    hide,
    close: () => withHost(fleet.close),
    kill: () =>
      withHost(({ member }) => {
        if (member === null) return
        world.note(() => `${member.process.name} is killed`)
        fleet.kill(member.process)
      }),
    usurp: () => withHost(fleet.usurp),
    jump: () => withHost(jump),
    suspend: () => withHost(suspend),
    plant,
    faultRates: changeFaultRates,
    burst: withTarget(callers.burst),
    outage: () => database.controls.stop(rng.between(10, 60) * minute),
    rollback: () => database.controls.rollBack(1 + rng.below(30)),
    damage,
    rename,
    rent: withTarget(stateless.rent),
    wait: withTarget(callers.wait),
    blind
  }

  const often = (act: () => void, perMinute: number): void => {
    if (perMinute <= 0) return
    const arrange = (): void => {
      timeline.after(-Math.log(1 - rng.next()) * minute / perMinute, () => {
        if (!isOn) return
        act()
        arrange()
      })
    }
    arrange()
  }

  world.setFaultRates(profile.faultRates)
  for (const name of eventNames) often(acts[name], profile.eventRates[name])
  return {
    stop: () => {
      isOn = false
      world.setFaultRates(noFaults)
      database.controls.repair()
      for (const cloud of clouds) cloud.controls.blind(0)
      for (const one of ledger.all) {
        one.ignores = 0
        one.slowness = Math.min(one.slowness, 1_000)
        one.hiddenUntil = 0
      }
    }
  }
}

const eventNames = [
  "spawn",
  "touch",
  "stop",
  "report",
  "machine",
  "price",
  "hide",
  "close",
  "kill",
  "usurp",
  "jump",
  "suspend",
  "plant",
  "faultRates",
  "burst",
  "outage",
  "rollback",
  "damage",
  "rename",
  "rent",
  "wait",
  "finish",
  "blind"
] as const satisfies ReadonlyArray<keyof EventRates>
