/**
 * A cloud without latency for ten thousand machines: it lists in pages, counts its requests, and refuses those above its limit.
 */
import { type AtlasErrorReason, NotFound, RateLimited } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Usd } from "effect-atlas/domain/Money"
import { Session } from "effect-atlas/orchestrator"
import type * as Listing from "effect-atlas/provider/Listing"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as RateLimits from "effect-atlas/provider/RateLimits"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export const plain = ProviderId.make("plain")
export const owner = Owner.make("team1")

export interface PlainOptions {
  /** Machines of a page; default all. */
  readonly pageSize?: number
  /** Requests it takes in a second; more are answered with 429. Default any number. */
  readonly perSecond?: number
  /** How often it may be listed; default 5 seconds. */
  readonly pollInterval?: Duration.Input
}

export interface PlainCloud {
  readonly provider: Provider.Made
  readonly machines: Map<string, Compute>
  /** Entries of the listing that cannot be addressed. */
  readonly odd: Array<Listing.Unaddressable>
  /** Requests that reached it. */
  readonly seen: { list: number; get: number; spawn: number; terminate: number; refused: number }
}

const machineOf = (id: string, name: string, at: number): Compute =>
  new Compute({
    id: ComputeId.make(id),
    provider: plain,
    status: "running",
    name,
    costPerHour: Usd.make(1),
    createdAt: DateTime.makeUnsafe(at)
  })

export const makePlainCloud = ({ pageSize, perSecond, pollInterval }: PlainOptions = {}): Effect.Effect<PlainCloud> =>
  Effect.gen(function*() {
    const machines: PlainCloud["machines"] = new Map()
    const odd: PlainCloud["odd"] = []
    const seen: PlainCloud["seen"] = { list: 0, get: 0, spawn: 0, terminate: 0, refused: 0 }
    const limits = yield* RateLimits.make(
      perSecond === undefined ? [] : [{ requests: perSecond, per: "1 second" }]
    )
    const limiter = limits.account({ provider: plain, baseUrl: "http://plain", apiKey: null })
    let second = -1
    let inSecond = 0
    let made = 0

    const request = <A>(
      operation: Exclude<keyof typeof seen, "refused">,
      act: (now: number) => Effect.Effect<A, AtlasErrorReason>
    ): Effect.Effect<A, AtlasErrorReason> => {
      const sent = Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        seen[operation] += 1
        if (Math.floor(now / 1_000) !== second) inSecond = 0
        second = Math.floor(now / 1_000)
        inSecond += 1
        if (perSecond !== undefined && inSecond > perSecond) {
          seen.refused += 1
          return yield* new RateLimited({ status: 429, retryAfter: Duration.seconds(1) })
        }
        return { status: 200, headers: null, value: yield* act(now) }
      })
      if (perSecond === undefined) return Effect.map(sent, ({ value }) => value)
      return Effect.map(
        limiter.run(
          { priority: operation === "terminate" ? "terminate" : "normal", patience: Duration.hours(1) },
          sent
        ),
        ({ value }) => value
      )
    }

    const pages = (all: ReadonlyArray<Compute>): ReadonlyArray<ReadonlyArray<Compute>> => {
      if (pageSize === undefined || all.length === 0) return [all]
      const count = Math.ceil(all.length / pageSize)
      return Array.from({ length: count }, (_, page) => all.slice(page * pageSize, (page + 1) * pageSize))
    }

    const find = (id: string) => {
      const machine = machines.get(id)
      return machine === undefined
        ? Effect.fail(new NotFound({ message: `there is no ${id}` }))
        : Effect.succeed(machine)
    }

    const provider = Provider.make({
      id: plain,
      flags: ["spot"],
      settleWindow: "5 seconds",
      pollInterval: pollInterval ?? "5 seconds",
      compute: {
        spawn: ({ name }) =>
          request("spawn", (now) =>
            Effect.sync(() => {
              made += 1
              const machine = machineOf(`plain-${made}`, name, now)
              machines.set(machine.id, machine)
              return machine
            })),
        get: (id) => request("get", () => find(id)),
        list: () =>
          Effect.map(
            Effect.forEach(pages([...machines.values()]), (page) => request("list", () => Effect.succeed(page))),
            (all) => [...all.flat(), ...odd]
          ),
        terminate: (id) => request("terminate", () => Effect.map(find(id), () => void machines.delete(id)))
      }
    })
    return { provider, machines, odd, seen }
  })

/** A session whose first create is under way. */
export const renting = (
  number: number,
  now: Session.Clock.Now,
  spec?: Partial<Session.SessionSpec>
): Session.SessionState => {
  const base: Session.SessionSpec = {
    id: Session.SessionId.make(`session-${number}`),
    owner,
    mode: "interactive",
    userId: `user-${number}`,
    persist: true,
    request: {
      gpuCount: 1,
      image: null,
      cloudType: "any",
      spot: false,
      ports: [],
      envNames: [],
      volumeGb: null,
      containerDiskGb: null,
      networkVolumeId: null,
      templateId: null,
      name: null,
      auth: "none",
      providerOpts: {},
      withheld: [],
      command: null,
      selfTerminate: true
    },
    candidates: [{ provider: plain, gpu: null, regionHints: [] }],
    policy: {
      ...Session.Policy.interactive,
      idleTtl: null,
      heartbeat: null,
      reconcileSpend: null,
      onFailure: { _tag: "Respawn", max: 3 }
    },
    ...spec
  }
  const { state } = Session.decide(null, { _tag: "Started", spec: base }, now, Session.defaults)
  if (state === null) throw new Error("a session did not start")
  return state
}

/** A session that lives, as a row would hold it, and its machine in the cloud. */
export const addLive = (
  { machines }: PlainCloud,
  number: number,
  now: Session.Clock.Now,
  spec?: Partial<Session.SessionSpec>
): Session.SessionState => {
  const started = renting(number, now, spec)
  if (started.phase._tag !== "Renting") throw new Error("a session did not start")
  const { attempt } = started.phase
  const machine = machineOf(`old-${number}`, attempt.name, now.wall)
  machines.set(machine.id, machine)
  const compute = Session.Observation.fromCompute(machine)
  return Session.decide(
    started,
    { _tag: "Rented", attempt: attempt.id, compute, authHash: null },
    now,
    Session.defaults
  )
    .state
}
