/**
 * What the callers of an orchestrator do: they rent, touch, stop, wait, leave, and come fifty at once; and their containers say
 * how they ended.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SessionId } from "../../orchestrator/Session.ts"
import type { Seen } from "../../orchestrator/SessionEngine.ts"
import type * as SpawnOptions from "../../orchestrator/SpawnOptions.ts"
import type { Cloud } from "./Cloud.ts"
import type { CreateWatch } from "./CreateWatch.ts"
import type { EarlyWatch } from "./EarlyWatch.ts"
import type { EndWatch } from "./EndWatch.ts"
import { environment, type Fleet, type Member, type Place, type Services } from "./Fleet.ts"
import type { Profile } from "./Profile.ts"
import type * as Rng from "./Rng.ts"
import type { RowWatch } from "./RowWatch.ts"
import type { World } from "./World.ts"

const minute = 60_000

/**
 * A process that callers can ask now, with its owner's place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly place: Place
  readonly member: Member
  readonly services: Services
}

/**
 * What callers do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Callers {
  /** A process that can be asked now, if one is found. */
  readonly pickTarget: () => Target | null
  readonly spawn: (target: Target) => void
  readonly touch: (target: Target) => void
  readonly stop: (target: Target) => void
  readonly report: (target: Target) => void
  readonly wait: (target: Target) => void
  readonly burst: (target: Target) => void
}

/** How many callers come at once. */
const crowd = 50

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
    readyTimeout: rng.chance(profile.readyTimeout) ? 2 * minute : false
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

const isOver = ({ state: { phase } }: Seen): boolean => phase._tag === "Ended" || phase._tag === "Ending"

/**
 * The callers of a world.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly world: World
  readonly profile: Profile
  readonly fleet: Fleet
  readonly clouds: ReadonlyArray<Cloud>
  readonly rows: RowWatch
  readonly creates: CreateWatch
  readonly early: EarlyWatch
  readonly ends: EndWatch
  readonly rng: Rng.Rng
}): Callers => {
  const { clouds, creates, early, ends, fleet, profile, rng, rows, world } = options
  const { timeline } = world
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

  /** No secret may stand in an error that a caller gets. */
  const scan = (exit: Exit.Exit<unknown, unknown>): void => {
    if (Exit.isSuccess(exit)) return
    const { reasons } = exit.cause
    const leaked = world.secrets.find(() => reasons.map((reason) => JSON.stringify(reason) + String(reason)).join(" "))
    if (leaked !== undefined) world.broken("secrets", `an error holds ${leaked}`)
  }

  /** The request of the caller of this number. */
  const requestOf = (number: number, isTask: boolean): SpawnOptions.Input => {
    // RunPod rents nothing without an image and a GPU, and knows every option
    const isPlain = !profile.isRunPod
    const name = `job ${number}`
    early.asked(name)
    return {
      gpu: rng.chance(0.5) || !isPlain ? ["h100", "a100_80g"] : null,
      image: isPlain ? null : "me/server:1",
      name,
      ports: !isPlain || (profile.ports > 0 && rng.chance(profile.ports)) ? ["8000/http", "22/tcp"] : [],
      spot: rng.chance(profile.spot),
      auth: rng.chance(0.3) ? "signed_url" : profile.bearer > 0 && rng.chance(profile.bearer) ? "bearer" : "none",
      env: rng.chance(0.5) ? { KEY: environment(`env${number}`) } : {},
      command: isTask ? ["run"] : null,
      providerOpts: isPlain && rng.chance(0.2) ? { region: "eu", api_key: environment(`opt${number}`) } : {}
    }
  }

  /** A caller asks for a session or a task, and leaves when its patience is over; null waits as long as it takes. */
  const ask = (target: Target, patienceOf: () => number | null): number => {
    const { member, services: { orchestrator } } = target
    const isTask = rng.chance(profile.tasks)
    const number = ++calls
    const request = requestOf(number, isTask)
    const spawnOptions = optionsOf(rng, profile, clouds, isTask)
    const asked = isTask ? orchestrator.runTask(request, spawnOptions) : orchestrator.spawn(request, spawnOptions)
    const patience = patienceOf()
    world.note(() => `a caller of ${member.process.name} asks for ${isTask ? "a task" : "a session"} ${number}`)
    const waiting = patience === null ? Effect.asSome(asked) : Effect.timeoutOption(asked, patience)
    member.process.run(waiting, (exit) => {
      const hasLeft = Exit.isSuccess(exit) && exit.value._tag === "None"
      if (hasLeft) creates.left(member, number)
      world.note(() =>
        `the caller of ${number} ${
          hasLeft ? "leaves" : Exit.isSuccess(exit) ? "has its answer" : `has ${String(exit.cause.reasons)}`
        }`
      )
      scan(exit)
    })
    return number
  }

  const spawn = (target: Target): void =>
    void ask(target, () => rng.chance(profile.impatient) ? 50 + rng.below(10_000) : null)

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

  const stopOne = ({ member, services: { orchestrator } }: Target, id: SessionId): void => {
    const timeout = rng.pick("5 seconds", "1 minute")
    world.note(() => `a caller stops ${id}`)
    const attempts = ends.attemptsOf(member, id)
    member.process.run(orchestrator.stopTracked(id, { timeout }), (exit) => {
      world.note(() => `the stop of ${id} ${Exit.isSuccess(exit) ? "succeeds" : "fails"}`)
      if (Exit.isSuccess(exit)) {
        ends.succeeded(member, `stopTracked of ${id}`, [...attempts, ...ends.attemptsOf(member, id)])
      }
      scan(exit)
    })
    member.stops.set(id, timeline.now())
  }

  const stop = (target: Target): void => {
    const isEarly = rng.chance(0.5)
    const found = session(target, (seen) => !isOver(seen) && (!isEarly || seen.state.phase._tag !== "Live")) ??
      session(target, (seen) => !isOver(seen))
    if (found !== undefined) stopOne(target, found.state.spec.id)
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

  /** A caller rents in a scope, waits until the machine runs, uses it for a while, and closes the scope. */
  const wait = ({ member, services: { orchestrator } }: Target): void => {
    const number = ++calls
    const spawnOptions = optionsOf(rng, profile, clouds, false)
    const use = rng.pick(1_000, 30_000, 5 * minute)
    const limit = rng.pick("10 seconds", "5 minutes")
    let id: SessionId | null = null
    let attempts: ReadonlyArray<string> = []
    world.note(() => `a caller of ${member.process.name} ties session ${number} to a scope`)
    const work = Effect.gen(function*() {
      const tracked = yield* orchestrator.scoped(requestOf(number, false), spawnOptions)
      id = tracked.id
      const ready = yield* Effect.exit(orchestrator.awaitReady(tracked.id, { timeout: limit }))
      scan(ready)
      if (Exit.isSuccess(ready)) {
        const { id: computeId, provider } = ready.value
        const mapsAt = world.ledger.find(provider, computeId)?.mapsAt ?? 0
        if (mapsAt > timeline.now()) {
          world.broken("ready", `${tracked.id} was awaited, and ${computeId} has no ports yet`)
        }
        yield* Effect.sleep(use)
      }
      attempts = ends.attemptsOf(member, tracked.id)
    })
    member.process.run(Effect.scoped(work), (exit) => {
      scan(exit)
      world.note(() => `the scope of ${number} is closed: ${Exit.isSuccess(exit) ? "it succeeds" : "it fails"}`)
      if (id === null || Exit.isFailure(exit)) return
      ends.succeeded(member, `the scope of ${id}`, [...attempts, ...ends.attemptsOf(member, id)])
    })
  }

  /** Fifty callers at once; a while later they leave, their sessions are stopped, or their process closes. */
  const burst = (target: Target): void => {
    const then = rng.pick<"leave" | "stop" | "close">("leave", "stop", "close")
    const after = 200 + rng.below(20_000)
    const numbers = Array.from({ length: crowd }, () => ask(target, () => then === "leave" ? after : null))
    world.note(() => `${numbers.length} callers came at once, to ${then} after ${after} ms`)
    if (then === "leave") return
    timeline.after(after, () => {
      if (!target.member.process.isAlive() || target.member.process.host.isAsleep()) return
      if (then === "close") return fleet.close(target.place)
      const open = [...target.services.engine.all()].filter((seen) => !isOver(seen))
      for (const { state } of open) stopOne(target, state.spec.id)
    })
  }

  return { pickTarget, spawn, touch, stop, report, wait, burst }
}
