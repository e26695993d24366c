/**
 * The orchestrators of a world: each owner has one process at a time, which is started, closed, killed, started again, or
 * falls asleep and finds that another has taken its place.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as Dispatcher from "../../events/Dispatcher.ts"
import * as Orchestrator from "../../orchestrator/Orchestrator.ts"
import type { EventEnvelope } from "../../orchestrator/OrchestratorTopics.ts"
import type { SessionId } from "../../orchestrator/Session.ts"
import * as SessionEngine from "../../orchestrator/SessionEngine.ts"
import { SessionSecrets } from "../../orchestrator/SessionSecrets.ts"
import { SessionStore } from "../../orchestrator/SessionStore.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Providers from "../../provider/Providers.ts"
import type { Cloud } from "./Cloud.ts"
import type { Database } from "./Database.ts"
import * as Faults from "./Faults.ts"
import * as Host from "./Host.ts"
import type { HostFaults } from "./HostFaults.ts"
import * as Process from "./Process.ts"
import * as Secrets from "./Secrets.ts"
import type { World } from "./World.ts"

/**
 * What a process offers once it has started.
 *
 * @category models
 * @since 0.1.0
 */
export interface Services {
  readonly orchestrator: Orchestrator.Orchestrator["Service"]
  readonly engine: SessionEngine.SessionEngine["Service"]
  readonly providers: Providers.Providers["Service"]
  readonly scope: Scope.Closeable
}

/**
 * One process of an owner, from its start to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly process: Process.Process
  readonly owner: Owner
  readonly bornAt: number
  /** Null until it has started. */
  services: Services | null
  startedAt: number
  isClosing: boolean
  /** True time since which it closes; null while it does not. */
  closingSince: number | null
  /** What it has logged of sessions that were not over when it closed. */
  unclosed: string
  /** Whether another process has taken its owner lock. */
  isZombie: boolean
  /** Monotonic times at which each session was touched here. */
  readonly touches: Map<SessionId, Array<number>>
  /** True times at which the end of each session was asked for here. */
  readonly stops: Map<SessionId, number>
  /** Rows that another process had written. */
  readonly lost: Set<SessionId>
  /** What a subscriber to all events has received, gaps and states left out; null before it subscribes. */
  heard: Array<EventEnvelope> | null
  /** What the process has published to the bus since that subscriber is there. */
  readonly told: Array<EventEnvelope>
}

/**
 * One owner: its settings, its host, and the process that serves it now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly owner: Owner
  readonly options: Orchestrator.Options
  host: Host.Host
  member: Member | null
}

/**
 * All owners.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fleet {
  readonly places: ReadonlyArray<Place>
  readonly memberOf: (process: Process.Process) => Member | undefined
  /** Every process that has started and is neither killed nor ended. */
  readonly running: () => ReadonlyArray<Member>
  readonly start: (place: Place) => void
  /** Ends a process between two instructions; its place starts another one after a while. */
  readonly kill: (process: Process.Process) => void
  /** Closes the process of a place in good order; another one follows. */
  readonly close: (place: Place) => void
  /** The host falls asleep, a new process elsewhere takes the owner lock, and the old one wakes and goes on for a while. */
  readonly usurp: (place: Place) => void
  /** Ends every process that has lost its owner lock. */
  readonly endZombies: () => void
  /** Runs everything that can go on. */
  readonly drain: () => void
}

/** An environment value of a session, as its application would supply it again. */
export const environment = (id: string): string => `${Secrets.marker}${id}`

/**
 * A fleet without a process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly world: World
  readonly database: Database
  readonly clouds: ReadonlyArray<Cloud>
  readonly places: ReadonlyArray<Place>
  /** The planted fault that every process has; null for none. */
  readonly fault: Faults.Fault | null
  readonly isShuffled: boolean
  readonly host: HostFaults
  /** Hears what a process publishes to the bus. */
  readonly told: (member: Member, published: EventEnvelope) => void
  /** Hears that a process has closed in good order. */
  readonly closed: (member: Member) => void
}): Fleet => {
  const { closed, clouds, database, fault, host, isShuffled, places, told, world } = options
  const { timeline } = world
  const rng = world.rng.fork()
  let members: Array<Member> = []
  let started = 0
  const byProcess = new Map<Process.Process, Member>()

  const busFor = (member: () => Member | undefined): Dispatcher.Dispatcher["Service"] => ({
    canSubscribe: false,
    publish: (topic, message) =>
      Effect.suspend(() => {
        const self = member()
        if (self === undefined || !isEnvelope(message)) return Effect.void
        world.note(() => `${self.process.name} tells ${topic.name}: ${say(message)}`)
        told(self, message)
        if (self.heard !== null) self.told.push(message)
        world.point(self.process, "told")
        return self.process.isAlive() ? host.bus : Effect.never
      }),
    subscribe: () => Effect.succeed(Stream.empty)
  })

  const programOf = (place: Place, process: Process.Process): Effect.Effect<Services, AtlasError> => {
    const providers = Effect.map(
      Effect.forEach(
        clouds,
        (cloud) => Effect.map(cloud.providerFor(process), (made) => Faults.providerWith(fault, made))
      ),
      Providers.make
    )
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const made = yield* providers
      const layer = Orchestrator.layer(place.options).pipe(
        Layer.provide(Layer.succeed(SessionStore, Faults.storeWith(fault, database.storeFor(process)))),
        Layer.provide(Layer.succeed(Providers.Providers, made))
      )
      const built = yield* Layer.buildWithScope(layer, scope)
      return {
        scope,
        providers: made,
        orchestrator: Context.get(built, Orchestrator.Orchestrator),
        engine: Context.get(built, SessionEngine.SessionEngine)
      }
    }).pipe(
      Effect.provideService(Dispatcher.Dispatcher, busFor(() => byProcess.get(process))),
      Effect.provideService(SessionSecrets, ({ envNames, id }) =>
        host.secrets(Effect.succeed({
          env: Object.fromEntries(envNames.map((name) => [name, Redacted.make(environment(id))])),
          providerOpts: {}
        })))
    )
  }

  const listen = (member: Member, { orchestrator }: Services): void => {
    const heard: Array<EventEnvelope> = []
    member.process.run(
      orchestrator.events(null).pipe(
        Stream.runForEach((element) =>
          Effect.sync(() => {
            if (element._tag === "State") return
            if (element._tag === "Gap") member.heard = null
            else heard.push(element)
          })
        )
      )
    )
    member.heard = heard
  }

  /** Those that are neither killed nor ended. */
  const alive = (): ReadonlyArray<Member> => {
    if (members.some(({ process }) => !process.isAlive())) members = members.filter(({ process }) => process.isAlive())
    return members
  }

  const reader = Secrets.tracer((name, text) => {
    const leaked = world.secrets.find(() => text)
    if (leaked !== undefined) world.broken("secrets", `a span ${name} holds ${leaked}`)
  })

  const start = (place: Place): void => {
    const process = Process.make({
      name: `${place.owner}${++started}`,
      host: place.host,
      rng: rng.fork(),
      isShuffled,
      onLog: (line) => {
        world.note(() => `${process.name} logs ${line}`)
        const leaked = world.secrets.find(() => line)
        if (leaked !== undefined) world.broken("secrets", `a line of the log holds ${leaked}`)
        if (member.isClosing && line.includes("closed before")) member.unclosed += line
      },
      tracer: world.secrets.isSought || host.isOn ? host.tracer(reader) : null,
      onSpin: () => {
        world.broken("liveness", `${process.name} runs on without ever waiting`)
        process.kill()
      }
    })
    const member: Member = {
      process,
      owner: place.owner,
      bornAt: timeline.now(),
      services: null,
      startedAt: 0,
      isClosing: false,
      closingSince: null,
      unclosed: "",
      isZombie: false,
      touches: new Map(),
      stops: new Map(),
      lost: new Set(),
      heard: null,
      told: []
    }
    place.member = member
    members.push(member)
    byProcess.set(process, member)
    world.note(() => `${process.name} starts on ${place.host.name}`)
    process.run(programOf(place, process), (exit) => {
      if (Exit.isFailure(exit)) {
        world.note(() => `${process.name} cannot start: ${String(exit.cause.reasons)}`)
        kill(process)
        return
      }
      member.services = exit.value
      member.startedAt = timeline.now()
      world.note(() => `${process.name} has started`)
      listen(member, exit.value)
    })
  }

  const follow = (place: Place): void => {
    const pause = world.faultFreeSince() === null ? rng.pick(50, 2_000, 20_000, 120_000) : 1_000
    timeline.after(pause, () => {
      if (place.member === null && !place.host.isAsleep()) start(place)
      else if (place.member === null) follow(place)
    })
  }

  const kill = (process: Process.Process): void => {
    const member = byProcess.get(process)
    if (member === undefined || !process.isAlive()) return
    process.kill()
    database.cut(process)
    const place = places.find((one) => one.member === member)
    if (place === undefined) return
    place.member = null
    if (rng.chance(0.3)) place.host.reboot()
    follow(place)
  }

  const close = (place: Place): void => {
    const { member } = place
    if (member === null || member.services === null || member.isClosing) return
    member.isClosing = true
    member.closingSince = timeline.now()
    world.note(() => `${member.process.name} closes`)
    member.process.run(Scope.close(member.services.scope, Exit.void), () => {
      world.note(() => `${member.process.name} has closed`)
      closed(member)
      kill(member.process)
    })
  }

  const usurp = (place: Place): void => {
    const { member } = place
    if (member === null || member.services === null || member.isClosing) return
    const nap = 60_000 + rng.below(400_000)
    world.note(() => `${place.host.name} falls asleep for ${nap} ms`)
    place.host.suspend(nap)
    const wakes = timeline.now() + nap
    timeline.after(5_000 + rng.below(30_000), () => {
      if (place.member !== member || !member.process.isAlive()) return
      database.cut(member.process)
      member.isZombie = true
      place.host = Host.make(`${place.host.name}'`, timeline, place.host.tellsSleep)
      place.member = null
      start(place)
      // an operator notices the old process and ends it
      timeline.after(wakes - timeline.now() + rng.below(300_000), () => kill(member.process))
    })
  }

  return {
    places,
    memberOf: (process) => byProcess.get(process),
    running: () => alive().filter(({ services }) => services !== null),
    start,
    kill,
    close,
    usurp,
    endZombies: () => {
      for (const { isZombie, process } of members) if (isZombie) kill(process)
    },
    drain: () => {
      let isBusy = true
      while (isBusy) {
        isBusy = false
        for (const { process } of alive()) if (process.drain()) isBusy = true
        for (const cloud of clouds) if (cloud.drain()) isBusy = true
      }
    }
  }
}

const isEnvelope = (message: unknown): message is EventEnvelope =>
  typeof message === "object" && message !== null && "event" in message && "id" in message && "at" in message

const say = ({ event }: EventEnvelope): string => {
  switch (event._tag) {
    case "Status":
      return `Status ${event.computeId} ${event.status}`
    case "Terminating":
      return `Terminating ${event.reason}`
    default:
      return event._tag
  }
}
