/**
 * RunPod in a simulated world: the real adapter, handed in, over the fake cloud in memory. What is in the fake's ledger is
 * true here too; what goes wrong on the way is ordered from the fake, as often as the fault profile says.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { ComputeStatus } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { connectionFailure } from "../../http/FakeHost.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import * as Provider from "../../provider/Provider.ts"
import * as FakeRunPod from "../../providers/runpod/FakeRunPod.ts"
import type { Cloud, Witness } from "./Cloud.ts"
import * as Host from "./Host.ts"
import type { Machine } from "./Ledger.ts"
import * as Lies from "./Lies.ts"
import * as PodLogs from "./PodLogs.ts"
import * as Process from "./Process.ts"
import type { Rng } from "./Rng.ts"
import * as RunPodFaults from "./RunPodFaults.ts"
import { marker } from "./Secrets.ts"
import type { World } from "./World.ts"

/**
 * Makes the adapter over an `HttpClient`, as `RunPod.make` does.
 *
 * @category models
 * @since 0.1.0
 */
export type Maker = (options: {
  readonly apiKey: Redacted.Redacted
}) => Effect.Effect<Provider.Made, AtlasError, HttpClient.HttpClient>

const id = ProviderId.make("runpod")

type Heard = (result: Result.Result<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>) => void

const statuses: Readonly<Record<FakeRunPod.LedgerEntry["status"], ComputeStatus>> = {
  PROVISIONING: "provisioning",
  STARTING: "provisioning",
  RUNNING: "running",
  EXITED: "stopped",
  ERROR: "failed",
  TERMINATED: "terminated"
}

/** What a create asks for, as it goes out. */
interface Wanted {
  readonly name: string
  readonly env: ReadonlyArray<string>
  readonly hasCommand: boolean
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {}

const wantedIn = ({ body }: HttpClientRequest.HttpClientRequest): Wanted => {
  const { args, env, name } = record(
    body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : null
  )
  return {
    name: String(name),
    env: Object.values(record(env)).map(String).filter((value) => value !== name),
    hasCommand: args !== undefined
  }
}

/** What a request is about; a page of a list is a list. */
const operationOf = (method: string, path: string): RunPodFaults.Operation | null => {
  if (path === "/v2/pods") return method === "POST" ? "createPod" : "listPods"
  if (!path.startsWith("/v2/pods/")) return null
  return method === "DELETE" ? "deletePod" : method === "GET" ? "getPod" : null
}

/** What a person does in the console. */
const renaming = (pod: string, name: string, apiKey: Redacted.Redacted): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.patch(`https://api.runpod.io/v2/pods/${pod}`).pipe(
    HttpClientRequest.bearerToken(apiKey),
    HttpClientRequest.setHeader("user-agent", "a person"),
    HttpClientRequest.bodyText(JSON.stringify({ name }), "application/json")
  )

/** The pod whose log a request reads. */
const logOf = (method: string, path: string): string | undefined =>
  method === "GET" ? /^\/v2\/pods\/([^/]+)\/logs$/.exec(path)?.[1] : undefined

/** The end of a log, as the shell around a command writes it. */
const markerOf = (name: string, exitCode: number): string => `atlas: ${name} exited with ${exitCode}`

/** How long the shell around a command waits before it ends its pod. */
const readable = 60_000

/** A pause that a refusal may ask for and a log be read nevertheless, in seconds. */
const mostPause = 10

/** How much rarer a connection is refused than an answer lost. */
const unreachableShare = 0.1

/**
 * A RunPod account in a world.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, witness: Witness, maker: Maker, traits: Rng): Cloud => {
  const { ledger, timeline } = world
  const rng = world.rng.fork()
  const faultFor = RunPodFaults.make(rng.fork(), world.faultRates)
  const apiKey = Redacted.make(`${marker}key-${rng.below(1_000_000)}`)
  world.secrets.add(Redacted.value(apiKey))
  /** Whether something may have changed since the ledger was read. */
  let isStale = false
  // a host of its own, whose clocks are never moved
  const host = Host.make(id, timeline)
  const self = Process.make({
    name: id,
    host: {
      ...host,
      after: (millis, run) =>
        host.after(millis, () => {
          isStale = true
          run()
        })
    },
    rng: rng.fork(),
    isShuffled: false,
    onLog: () => {},
    tracer: null,
    onSpin: () => world.broken("liveness", "the cloud runs on without ever waiting")
  })
  const mapsNever = traits.chance(0.15)
  const settings = {
    provisioning: rng.pick(1_000, 10_000, 40_000),
    starting: rng.pick(500, 20_000),
    portsLag: rng.pick(0, 0, 5_000, 90_000) + (mapsNever ? Number.POSITIVE_INFINITY : 0),
    lingering: rng.pick(0, 0, 20_000, 300_000),
    pageSize: rng.pick(3, 10, 1_000),
    quotas: rng.pick(FakeRunPod.generousQuotas, FakeRunPod.documentedQuotas.slice(0, 1))
  }
  /** Whether the adapter may have to wait before it asks. */
  let isSlow = settings.quotas !== FakeRunPod.generousQuotas
  const built: { fake?: Context.Context<FakeRunPod.FakeRunPod | FakeRunPod.FakeRunPodControls> } = {}
  self.run(
    Layer.buildWithScope(
      FakeRunPod.layer(settings),
      Scope.makeUnsafe()
    ),
    (exit) => {
      if (Exit.isSuccess(exit)) built.fake = exit.value
    }
  )
  self.drain()
  if (built.fake === undefined) throw new Error("the cloud could not be built")
  const { client } = Context.get(built.fake, FakeRunPod.FakeRunPod)
  const controls = Context.get(built.fake, FakeRunPod.FakeRunPodControls)
  const planted = new Set<string>()
  const late = new Set<string>()
  /** Names of pods that run a command, under the shell that ends them. */
  const commanded = new Set<string>()
  const exits = rng.fork()
  const logs = PodLogs.make(world, {
    travel: () => 5 + exits.below(120),
    breaks: (pod) => {
      if (!exits.chance(world.faultRates().lose)) return false
      failed(pod)
      return true
    }
  })
  let lag = 0
  /** Until when no listing is answered. */
  let blindUntil = 0

  const failed = (pod: string): void => {
    const machine = ledger.find(id, pod)
    if (machine !== undefined) witness.unreadable(machine)
  }

  /** Keeps the world's ledger as the fake's is. */
  const mirror = ({ made }: FakeRunPod.Ledger): void => {
    for (const entry of made) {
      const rate = entry.status === "EXITED" || entry.status === "ERROR" ? 0 : entry.costPerHour
      const known = ledger.find(id, entry.id)
      if (known === undefined) {
        const bornAt = DateTime.toEpochMillis(entry.createdAt) - Host.epoch
        const attempt = NameStamp.parse(entry.name)?.attempt ?? ""
        const origin = planted.has(entry.name)
          ? "planted"
          : ledger.ofAttempt(attempt).length > 0
          ? "duplicate"
          : late.has(entry.name)
          ? "late"
          : "rent"
        const machine = ledger.add({
          id: ComputeId.make(entry.id),
          provider: id,
          name: entry.name,
          origin,
          isSpot: false,
          bornAt,
          visibleAt: bornAt + (origin === "planted" ? 0 : lag),
          rate,
          mapsAt: mapsNever ? Number.POSITIVE_INFINITY : 0,
          isPriced: true
        })
        machine.named.add(rate)
        world.note(() => `${id} makes ${entry.id} (${origin}) for ${entry.name}`)
      } else if (known.goneAt === null) {
        if (known.name !== entry.name) world.note(() => `${id}: ${entry.id} is called ${entry.name}`)
        known.name = entry.name
        known.status = statuses[entry.status]
        if (known.rate !== rate) ledger.setRate(known, rate)
        known.named.add(rate)
        if (entry.endedAt !== null) {
          ledger.end(known)
          known.isRemoved = true
          logs.end(entry.id)
          world.note(() => `${id}: ${entry.id} is gone`)
        }
      }
    }
  }

  const change = <A, E>(effect: Effect.Effect<A, E>, done?: (exit: Exit.Exit<A, E>) => void): void => {
    isStale = true
    self.run(effect, done)
  }

  const drain = (): boolean => {
    if (!self.drain() && !isStale) return false
    isStale = false
    self.run(controls.ledger, (exit) => {
      if (Exit.isSuccess(exit)) mirror(exit.value)
    })
    self.drain()
    return true
  }

  const travel = (): number => rng.chance(0.9) ? 5 + rng.below(120) : 200 + rng.below(1_500)

  /** An answer as it goes out, at times with headers that say what is not so. */
  const lied = (response: HttpClientResponse.HttpClientResponse): HttpClientResponse.HttpClientResponse => {
    const { quota } = world.faultRates()
    if (quota === 0 || !rng.chance(quota)) return response
    world.note(() => `${id} lies about its quotas`)
    isSlow = true
    return Lies.tell(response, rng, timeline.now())
  }

  /** A request arrives at the cloud; `null` is an operation that no fault is ordered for. */
  const arrive = (
    request: HttpClientRequest.HttpClientRequest,
    operation: RunPodFaults.Operation | null,
    name: string,
    answer: Heard
  ): void => {
    const isBlind = operation === "listPods" && timeline.now() < blindUntil
    const order = operation === null ? RunPodFaults.nothing : isBlind ? RunPodFaults.broken : faultFor(operation)
    if (operation === "createPod") {
      witness.created(name)
      if (order.isLate) late.add(name)
    }
    if (order.fault?._tag === "Refuse" && (order.fault.retryAfter ?? 0) > mostPause) isSlow = true
    if (order.fault !== null) world.note(() => `${id} orders: ${JSON.stringify(order.fault)}`)
    const enact = operation === "createPod" || operation === "deletePod" ? change : self.run
    enact(
      Effect.gen(function*() {
        yield* controls.clearFaults
        if (order.fault !== null) yield* controls.order(order.fault)
        yield* controls.ignoreDeletes(order.isIgnored ? 1 : 0)
        if (operation === "createPod") {
          lag = order.lag
          yield* controls.setListingLag(lag, { get: order.lagHidesGet })
        }
        return yield* Effect.result(client.execute(request))
      }),
      (exit) => {
        if (!Exit.isSuccess(exit)) return
        const { value } = exit
        const isRefused = Result.isSuccess(value) && value.success.status === 429
        if (isRefused && operation === "createPod") witness.refused(name)
        if (!order.isUnheard) answer(Result.map(value, lied))
      }
    )
  }

  /** A request for a log arrives. */
  const openLog = (
    process: Process.Process,
    request: HttpClientRequest.HttpClientRequest,
    pod: string,
    answer: Heard
  ) =>
    exits.chance(world.faultRates().lose)
      ? (failed(pod), answer(Result.fail(connectionFailure(request, "ECONNRESET", "read"))))
      : arrive(request, null, "", (result) =>
        answer(Result.map(result, (response) =>
          response.status === 200 ? logs.served(process, pod, request, response) : response)))

  /** How one process reaches the account. */
  const clientFor = (process: Process.Process): HttpClient.HttpClient =>
    HttpClient.make((request, url) =>
      Effect.suspend(() => {
        const operation = operationOf(request.method, url.pathname)
        const pod = logOf(request.method, url.pathname)
        const wanted = operation === "createPod" ? wantedIn(request) : { name: "", env: [], hasCommand: false }
        if (operation === "createPod") {
          if (wanted.hasCommand) commanded.add(wanted.name)
          witness.creating(process, wanted.name)
          for (const value of wanted.env) world.secrets.add(value)
        }
        if (operation === "deletePod") witness.ending(process, id, url.pathname.split("/").at(-1) ?? "")
        if (rng.chance(world.faultRates().lose * unreachableShare)) {
          world.note(() => `${process.name} cannot connect for ${request.method} ${url.pathname}`)
          // not a byte was sent, so that even a create may be sent again
          return Effect.fail(connectionFailure(request, "ECONNREFUSED", "connect"))
        }
        return world.call<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>(process, {
          label: `${request.method} ${url.pathname}${url.search} ${wanted.name}`,
          travel: travel(),
          outlives: rng.chance(0.6),
          act: (answer) =>
            pod === undefined
              ? arrive(request, operation, wanted.name, answer)
              : openLog(process, request, pod, answer),
          back: travel()
        })
      })
    )

  /** A command ends: its pod can still be read for a while, and then goes by itself. */
  const endCommand = (machine: Machine, exitCode: number): void => {
    if (machine.exitCode !== null) return
    machine.exitCode = exitCode
    witness.exited(machine, isSlow)
    // what a command shows of another log, such as that of the machine before
    const other = exits.one(ledger.all.filter((one) => one.attempt !== null && one.attempt !== machine.attempt))
    if (other !== undefined && exits.chance(0.5)) logs.write(machine.id, markerOf(other.madeAs, 100 + exitCode))
    logs.write(machine.id, markerOf(machine.madeAs, exitCode), (process) => witness.readExit(process, machine))
    timeline.after(readable, () => {
      if (machine.goneAt === null) change(controls.vanish(machine.id))
    })
  }

  /** The same provider, with its calls known to the world from their beginning to their end. */
  const watched = (process: Process.Process, made: Provider.Made): Provider.Service => {
    const whole = Provider.neutral(made)
    const { compute } = whole
    const out = <A, E>(label: string, work: Effect.Effect<A, E>) => world.out(process, `${id} ${label}`, work)
    return {
      ...whole,
      compute: {
        ...compute,
        rent: (prepared, options) => out(`create ${prepared.name}`, compute.rent(prepared, options)),
        get: (wanted, options) => out(`get ${wanted}`, compute.get(wanted, options)),
        terminate: (wanted, options) => out(`delete ${wanted}`, compute.terminate(wanted, options)),
        listAll: (filter, options) => {
          const all = compute.listAll(filter, options)
          const name = filter?.name
          return out(
            name === undefined ? "list" : `list ${name}`,
            name === undefined
              ? Effect.tap(
                all,
                ({ computes }) => Effect.sync(() => witness.listed(process, id, computes.map((one) => one.id)))
              )
              : all
          )
        }
      }
    }
  }

  return {
    id,
    echoes: true,
    drain,
    providerFor: (process) =>
      Effect.map(
        Effect.provideService(Effect.orDie(maker({ apiKey })), HttpClient.HttpClient, clientFor(process)),
        (made) => watched(process, made)
      ),
    controls: {
      vanish: (machine) => change(controls.vanish(machine.id)),
      fail: (machine) => change(controls.failPod(machine.id)),
      stop: (machine, exitCode) => {
        if (exitCode !== null && commanded.has(machine.madeAs)) endCommand(machine, exitCode)
        else change((exitCode === null ? controls.stopPod : controls.vanish)(machine.id))
      },
      setRate: (machine, rate) => change(controls.setPrice(machine.id, rate)),
      blind: (millis) => {
        blindUntil = timeline.now() + millis
        ledger.blind(id, blindUntil)
      },
      isCommanded: (machine) => commanded.has(machine.madeAs) && machine.exitCode === null,
      rename: (machine, name) => change(client.execute(renaming(machine.id, name, apiKey))),
      plant: (name) => {
        planted.add(name)
        world.note(() => `a pod appears as ${name}`)
        change(
          controls.plantPod({ name, image: "me/other:1", gpu: { id: "NVIDIA L4", count: 1 } })
        )
      }
    }
  }
}
