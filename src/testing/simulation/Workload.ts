/**
 * What happens in a world besides what the orchestrator does: callers, containers, operators, clouds and clocks act.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { AttemptId } from "../../orchestrator/Session.ts"
import type { Seen } from "../../orchestrator/SessionEngine.ts"
import type * as SpawnOptions from "../../orchestrator/SpawnOptions.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Cloud, CloudControls } from "./Cloud.ts"
import { type FaultProfile, noFaults } from "./FaultProfile.ts"
import { environment, type Fleet, type Member, type Place, type Services } from "./Fleet.ts"
import type { Machine } from "./Ledger.ts"
import type { EventRates, Profile } from "./Profile.ts"
import type * as Rng from "./Rng.ts"
import type { RowWatch } from "./RowWatch.ts"
import type { World } from "./World.ts"

const minute = 60_000

/** A process that callers can ask now, with its owner's place. */
interface Target {
  readonly place: Place
  readonly member: Member
  readonly services: Services
}

/** The choices of one session. */
const optionsOf = (
  rng: Rng.Rng,
  profile: Profile,
  clouds: ReadonlyArray<Cloud>,
  isTask: boolean
): SpawnOptions.SpawnOptions => {
  const ids = clouds.map(({ id }) => id)
  const isCapped = rng.chance(profile.capped)
  const common: SpawnOptions.SpawnOptions = {
    provider: rng.chance(0.5) ? ids : rng.one(ids),
    userId: rng.pick("ada", "bob", null),
    persist: rng.chance(profile.persist),
    maxCost: isCapped ? rng.pick(0.02, 0.2, 1) : null,
    onFailure: rng.chance(profile.respawn) ? { respawn: 1 + rng.below(3) } : "stop",
    reconcileSpend: rng.chance(0.3) ? 5 * minute : false,
    finishGrace: rng.chance(0.8) ? rng.pick(10_000, minute) : false,
    readyTimeout: rng.chance(0.2) ? 2 * minute : false
  }
  return isTask
    ? { ...common, maxRuntime: rng.pick(5 * minute, 20 * minute, 60 * minute) }
    : {
      ...common,
      idleTtl: rng.pick(minute, 5 * minute, 30 * minute),
      heartbeat: rng.chance(0.5) ? minute : false,
      maxRuntime: rng.chance(0.2) ? rng.pick(10 * minute, 40 * minute) : false
    }
}

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
  readonly rows: RowWatch
}): { readonly stop: () => void } => {
  const { clouds, fleet, profile, rows, world } = options
  const { ledger, timeline } = world
  const rng = world.rng.fork()
  let isOn = true
  let calls = 0

  const pickTarget = (): Target | null => {
    const place = rng.one(fleet.places)
    const member = place?.member
    return place === undefined || member === null || member === undefined || member.services === null ||
        member.isClosing ||
        member.process.host.isAsleep()
      ? null
      : { place, member, services: member.services }
  }

  const session = ({ services }: Target, isWanted: (seen: Seen) => boolean): Seen | undefined =>
    rng.one([...services.engine.all()].filter(isWanted))

  const isOver = ({ state: { phase } }: Seen): boolean => phase._tag === "Ended" || phase._tag === "Ending"

  const spawn = (target: Target): void => {
    const { member, services: { orchestrator } } = target
    const isTask = rng.chance(profile.tasks)
    const number = ++calls
    // RunPod rents nothing without an image and a GPU, and knows every option
    const isPlain = profile.kind !== "runpod"
    const request: SpawnOptions.Input = {
      gpu: rng.chance(0.5) || !isPlain ? ["h100", "a100_80g"] : null,
      image: isPlain ? null : "me/server:1",
      name: `job ${number}`,
      spot: rng.chance(profile.spot),
      auth: rng.chance(0.3) ? "signed_url" : "none",
      env: rng.chance(0.5) ? { KEY: environment(`env${number}`) } : {},
      command: isTask ? ["run"] : null,
      providerOpts: isPlain && rng.chance(0.2) ? { region: "eu", api_key: environment(`opt${number}`) } : {}
    }
    const spawnOptions = optionsOf(rng, profile, clouds, isTask)
    const asked = isTask ? orchestrator.runTask(request, spawnOptions) : orchestrator.spawn(request, spawnOptions)
    const patience = rng.chance(profile.impatient) ? 50 + rng.below(10_000) : null
    world.note(() => `a caller of ${member.process.name} asks for ${isTask ? "a task" : "a session"} ${number}`)
    const waiting = patience === null ? Effect.asSome(asked) : Effect.timeoutOption(asked, patience)
    member.process.run(waiting, (exit) => {
      world.note(() =>
        `the caller of ${number} has ${Exit.isSuccess(exit) ? "its answer" : String(exit.cause.reasons)}`
      )
      scan(exit)
    })
  }

  /** No secret may stand in an error that a caller gets. */
  const scan = (exit: Exit.Exit<unknown, unknown>): void => {
    if (Exit.isSuccess(exit)) return
    const { reasons } = exit.cause
    const leaked = world.secrets.find(() => reasons.map((reason) => JSON.stringify(reason) + String(reason)).join(" "))
    if (leaked !== undefined) world.broken("secrets", `an error holds ${leaked}`)
  }

  const touch = (target: Target): void => {
    const found = session(target, (seen) => seen.state.phase._tag === "Live" && seen.state.spec.mode === "interactive")
    if (found === undefined) return
    const { id } = found.state.spec
    const { member, services: { orchestrator } } = target
    const touches = member.touches.get(id) ?? []
    member.touches.set(id, touches)
    touches.push(member.process.host.mono())
    world.note(() => `a caller touches ${id}`)
    member.process.run(orchestrator.touch(id))
  }

  const stop = (target: Target): void => {
    const isEarly = rng.chance(0.5)
    const found = session(target, (seen) => !isOver(seen) && (!isEarly || seen.state.phase._tag !== "Live")) ??
      session(target, (seen) => !isOver(seen))
    if (found === undefined) return
    const { id } = found.state.spec
    const { member, services: { orchestrator } } = target
    world.note(() => `a caller stops ${id}`)
    member.process.run(orchestrator.stopTracked(id, { timeout: rng.pick("5 seconds", "1 minute") }), scan)
    member.stops.set(id, timeline.now())
  }

  const report = (target: Target): void => {
    const found = session(target, (seen) => !isOver(seen))
    const attempts = found?.state.attempts ?? []
    const attempt = rng.chance(0.5) ? attempts.at(0) : attempts.at(-1)
    if (found === undefined || attempt === undefined) return
    const exitCode = rng.chance(0.3) ? 0 : 1 + (++calls % 250)
    rows.reported(attempt.id, exitCode)
    world.note(() => `a container says that ${attempt.id} ended with ${exitCode}`)
    target.member.process.run(
      target.services.engine.tell(found.state.spec.id, { _tag: "Report", attempt: attempt.id, exitCode })
    )
  }

  const machine = (isWanted: (machine: Machine) => boolean): Machine | undefined =>
    rng.one(ledger.all.filter((one) => ledger.bills(one) && ledger.isVisible(one) && isWanted(one)))

  const controlsOf = ({ provider }: Machine): CloudControls | undefined =>
    clouds.find(({ id }) => id === provider)?.controls

  /** A machine ends without being asked to. */
  const strike = (): void => {
    const victim = machine(({ status }) => status === "running" || status === "provisioning")
    const controls = victim && controlsOf(victim)
    if (victim === undefined || controls === undefined) return
    const kind = rng.below(victim.isSpot ? 5 : 4)
    world.note(() => `${victim.id} ${["vanishes", "fails", "stops", "ends its command", "is preempted"][kind]}`)
    if (kind === 0) controls.vanish(victim)
    else if (kind === 1) controls.fail(victim)
    else controls.stop(victim, kind === 3 && !victim.isSpot ? rng.below(3) : null)
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
    const attempt = Array.from({ length: 12 }, () => rng.pick("a", "b", "c", "d", "2", "3")).join("")
    rng.one(clouds)?.controls.plant(
      owner === null
        ? `database-${attempt}`
        : NameStamp.render({ owner, slug: "old", attempt: AttemptId.make(attempt) })
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

  const withTarget = (act: (target: Target) => void) => (): void => {
    const target = pickTarget()
    if (target !== null) act(target)
  }

  const acts: Readonly<Record<keyof EventRates, () => void>> = {
    spawn: withTarget(spawn),
    touch: withTarget(touch),
    stop: withTarget(stop),
    report: withTarget(report),
    machine: strike,
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
    faultRates: changeFaultRates
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
  "faultRates"
] as const satisfies ReadonlyArray<keyof EventRates>

const scaled = (rates: FaultProfile, share: number): FaultProfile => ({
  refuse: rates.refuse * share,
  limit: rates.limit * share,
  lose: rates.lose * share,
  duplicate: rates.duplicate * share,
  late: rates.late * share,
  listFails: rates.listFails * share,
  getFails: rates.getFails * share,
  deleteFails: rates.deleteFails * share,
  deleteIgnored: rates.deleteIgnored * share,
  deleteSlow: rates.deleteSlow * share,
  flicker: rates.flicker * share,
  noPrice: rates.noPrice * share,
  commitFails: rates.commitFails * share,
  commitSlow: rates.commitSlow * share,
  loadFails: rates.loadFails * share,
  crash: rates.crash * share
})
