/**
 * A provider in memory, with controls: it answers like a cloud, fails on order, and keeps a ledger of what really exists.
 *
 * All state lives in the layer, so every test has a cloud of its own. It accepts the GPUs of every provider in the
 * catalog, so that it can stand in for any of them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AtlasError, type AtlasErrorReason, NotFound, ProviderFault, Validation } from "../domain/AtlasError.ts"
import type { ComputeRequest } from "../domain/ComputeRequest.ts"
import * as Entropy from "../domain/Entropy.ts"
import { GpuType } from "../domain/Gpu.ts"
import * as GpuCatalog from "../domain/GpuCatalog.ts"
import { ComputeId, type ProviderId } from "../domain/Ids.ts"
import { LogElement } from "../domain/LogElement.ts"
import { Usd } from "../domain/Money.ts"
import { Spend } from "../domain/Resources.ts"
import * as AccountId from "../provider/AccountId.ts"
import * as Adapter from "../provider/Adapter.ts"
import * as LayerSettings from "../provider/LayerSettings.ts"
import * as Provider from "../provider/Provider.ts"
import { makeCalls } from "./mock/internal/calls.ts"
import { type Cloud, type Machine, makeCloud, statusOf, view } from "./mock/internal/cloud.ts"
import { makeFaults, millisOf } from "./mock/internal/faults.ts"
import { makeJobs } from "./mock/internal/jobs.ts"
import { makeStock } from "./mock/internal/stock.ts"
import { type Controls, MockControls } from "./mock/MockControls.ts"

export { type Controls, MockControls } from "./mock/MockControls.ts"
export type { Delay, Ledger, LedgerEntry, Operation, RecordedCall } from "./mock/MockControls.ts"

/**
 * How the mock's cloud behaves when nothing is ordered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What this provider is called in everything that is said of it; default `mock`. A second one needs an id of its own. */
  readonly id?: string | undefined
  /** How long a compute takes from its create until it is running; default 0: running at once. */
  readonly provisioning?: Duration.Input
  /** How long after a create it may still be absent from a listing; default 5 seconds. */
  readonly settleWindow?: Duration.Input
  /** How often to look while waiting for a compute to become ready; default 5 seconds. */
  readonly pollInterval?: Duration.Input
  /** Refuses what it has no such option for in `providerOpts`; default false: it stands in for any cloud, with any options. */
  readonly refuseUnknownOpts?: boolean
}

const cloudName = "mock"

const newName = Effect.map(Entropy.word(12), (word) => `mock-${word}`)

const newId = Effect.map(newName, (name) => ComputeId.make(name))

const gpuTypesOf = (provider: ProviderId) => [
  new GpuType({
    id: "mock-h100",
    provider,
    canonical: "h100",
    displayName: "Mock H100",
    memoryGb: 80,
    lowestPricePerHour: Usd.make(0),
    spotPricePerHour: Usd.make(0),
    stock: "high",
    // it plays any cloud, so it tells both kinds apart
    clouds: [
      { cloudType: "secure", pricePerHour: Usd.make(0), stock: "high" },
      { cloudType: "community", pricePerHour: Usd.make(0), stock: "high" }
    ]
  })
]

const invalid = (path: string, message: string) => new Validation({ issues: [{ path, message }] })

const unknown = (id: string) => new NotFound({ message: `there is no ${id}` })

const isUsd = Schema.is(Usd)

const checkOpts = ({ providerOpts }: ComputeRequest): Result.Result<void, Validation> => {
  const [unknown] = Object.keys(providerOpts).filter((name) => name !== "costPerHour")
  return unknown === undefined
    ? Result.void
    : Result.fail(invalid(`providerOpts.${unknown}`, "is no option of the mock; it has: costPerHour"))
}

/** Absent: free. Null: a provider that does not say what it costs. */
const priceOf = ({ providerOpts }: ComputeRequest): Result.Result<Usd | null, Validation> => {
  const given = providerOpts["costPerHour"]
  if (given === undefined) return Result.succeed(Usd.make(0))
  if (given === null) return Result.succeed(null)
  return isUsd(given)
    ? Result.succeed(given)
    : Result.fail(invalid("providerOpts.costPerHour", "Expected US dollars per hour, 0 or more, or null"))
}

const checkGpu = (gpu: string | null, gpuTypes: ReadonlyArray<GpuType>): Effect.Effect<void, Validation> =>
  Effect.flatMap(GpuCatalog.CurrentGpuCatalog, (catalog) => {
    const known = GpuCatalog.canonicalNames(catalog)
    const isKnown = gpu === null || known.includes(gpu) || gpuTypes.some(({ id }) => id === gpu)
      // a cloud it stands in for may call it so
      || [...catalog.gpus.values()].some(({ aliases }) => aliases.includes(gpu))
      || [...catalog.providers.keys()].some((one) => GpuCatalog.nativeId(catalog, one, gpu) !== null)
    if (isKnown) return Effect.void
    const near = GpuCatalog.suggest(catalog, gpu)
    return Effect.fail(
      invalid("gpu", `Expected a GPU of the catalog: ${near.length === 0 ? known.join(", ") : near.join(" or ")}`)
    )
  })

/** Lines after the cursor, which is the number of lines before it; with `follow` until the compute is over. */
const linesOf = (
  machine: Machine,
  { after, follow }: Adapter.LogOptions
): Stream.Stream<LogElement, AtlasErrorReason> => {
  const from = after ?? "0"
  if (!/^\d{1,9}$/.test(from) || Number(from) > machine.lines.length) {
    return Stream.fail(invalid("after", "Expected a cursor of this compute's log"))
  }
  return Stream.paginate(Number(from), (start) =>
    Effect.suspend(() => {
      const next = machine.lines.slice(start).map(({ at, text }, index) =>
        new LogElement({ cursor: String(start + index + 1), at: DateTime.makeUnsafe(at), stream: "output", text })
      )
      const rest = Option.some(start + next.length)
      if (next.length > 0) return Effect.succeed([next, rest] as const)
      return follow === true && machine.endedAt === null
        ? Effect.as(machine.changed.await, [next, rest] as const)
        : Effect.succeed([next, Option.none<number>()] as const)
    }))
}

const adapterOf = (
  provider: ProviderId,
  options: Options,
  cloud: Cloud,
  faults: ReturnType<typeof makeFaults>
) => {
  const gpuTypes = gpuTypesOf(provider)
  const calls = makeCalls(cloud, faults)
  const jobs = makeJobs(provider, calls, newName)
  const stock = makeStock(provider, calls, newName)
  const bills = new Map<string, Usd>()

  /** The bill as the ledger has it, unless a test says otherwise. */
  const billed = (machine: Machine, at: number): Spend =>
    new Spend({
      computeId: machine.id,
      provider,
      totalUsd: bills.get(machine.id) ?? cloud.dollars(machine, at),
      gpuUsd: null,
      cpuUsd: null,
      diskUsd: null,
      from: DateTime.makeUnsafe(machine.createdAt),
      to: DateTime.makeUnsafe(at),
      raw: null
    })

  /** A stop or a start; a machine that has ended cannot be changed any more. */
  const power = (operation: "stop" | "start", status: "stopped" | "running") => (id: ComputeId) =>
    calls.make(operation, { id }, (at): Result.Result<void, AtlasErrorReason> => {
      const machine = cloud.find(id)
      if (machine === undefined) return Result.fail(unknown(id))
      const now = statusOf(machine, at)
      if (now === "terminated" || now === "failed") {
        return Result.fail(new ProviderFault({ status: 409, code: "over", message: `${id} is ${now}` }))
      }
      return Result.succeed(cloud.change(machine, at, { status }))
    })

  const adapter = Adapter.make({
    id: provider,
    cloud: cloudName,
    flags: ["spot", "network_volumes", "http_proxy", "raw_tcp", "webhooks", "exit_codes"],
    settleWindow: options.settleWindow ?? "5 seconds",
    pollInterval: options.pollInterval ?? "5 seconds",
    compute: {
      prepare: ({ request }) =>
        checkGpu(request.gpu, gpuTypes).pipe(
          Effect.andThen(Effect.fromResult(options.refuseUnknownOpts === true ? checkOpts(request) : Result.void)),
          Effect.andThen(Effect.fromResult(priceOf(request)))
        ),
      send: (spawn) =>
        Effect.gen(function*() {
          const { prepared: costPerHour } = spawn
          const birth = { name: spawn.name, request: spawn.request, costPerHour }
          const id = yield* newId
          const duplicateId = yield* newId
          return yield* calls.make("spawnCompute", { spawn }, (at) => {
            const machine = cloud.create({ ...birth, id }, at)
            const apart = faults.takeDuplicate()
            if (apart !== undefined) {
              cloud.send(at + apart, (later) => {
                cloud.create({ ...birth, id: duplicateId }, later)
              })
            }
            return Result.succeed(view(machine, provider, at))
          })
        }),
      get: (id) =>
        calls.make("getCompute", { id }, (at) => {
          const machine = cloud.find(id)
          return machine === undefined || machine.visibleAt > at
            ? Result.fail(unknown(id))
            : Result.succeed(view(machine, provider, at))
        }),
      list: (filter) =>
        calls.make(
          "listCompute",
          { filter },
          (at) => Result.succeed(cloud.visible(at).map((machine) => view(machine, provider, at)))
        ),
      terminate: (id) =>
        calls.make("terminate", { id }, (at): Result.Result<void, AtlasErrorReason> => {
          const machine = cloud.find(id)
          if (machine === undefined) return Result.fail(unknown(id))
          if (!faults.takeIgnoredDelete()) cloud.change(machine, at, { status: "terminated" })
          return Result.succeed(undefined)
        })
    },
    power: { stop: power("stop", "stopped"), start: power("start", "running") },
    gpus: { list: () => calls.make("listGpuTypes", {}, () => Result.succeed(gpuTypes)) },
    logs: {
      stream: (id, wanted) =>
        Stream.unwrap(calls.make("streamLogs", { id }, () => {
          const machine = cloud.find(id)
          return machine === undefined ? Result.fail(unknown(id)) : Result.succeed(linesOf(machine, wanted))
        }))
    },
    jobs: jobs.adapter,
    volumes: stock.volumes,
    templates: stock.templates,
    endpoints: stock.endpoints,
    billing: {
      spend: (id) =>
        calls.make("computeSpend", { id }, (at) => {
          const machine = cloud.find(id)
          return machine === undefined ? Result.fail(unknown(id)) : Result.succeed(billed(machine, at))
        })
    }
  })
  return { provider, adapter, calls, jobs, stock, bills }
}

const controlsOf = (
  cloud: Cloud,
  faults: ReturnType<typeof makeFaults>,
  { bills, calls, jobs, provider, stock }: ReturnType<typeof adapterOf>
): Controls => {
  const now = Effect.tap(Clock.currentTimeMillis, (at) => Effect.sync(() => cloud.settle(at)))

  const onMachine = (operation: string, id: string, act: (machine: Machine, at: number) => void) =>
    Effect.flatMap(now, (at) => {
      const machine = cloud.find(id)
      return machine === undefined
        ? Effect.fail(new AtlasError({ provider, operation, reason: unknown(id) }))
        : Effect.sync(() => act(machine, at))
    })

  return {
    setStatus: (id, status, facts) =>
      onMachine("setStatus", id, (machine, at) =>
        cloud.change(machine, at, {
          status,
          exitCode: facts?.exitCode ?? machine.exitCode,
          failure: facts?.failure ?? machine.failure
        })),
    setCostPerHour: (id, costPerHour) =>
      onMachine(
        "setCostPerHour",
        id,
        (machine, at) => cloud.change(machine, at, { costPerHour: costPerHour === null ? null : Usd.make(costPerHour) })
      ),
    failNext: (operation, reason, times = 1) =>
      Effect.sync(() => faults.order(operation, { _tag: "Fail", reason }, times)),
    dieNext: (operation, defect) => Effect.sync(() => faults.order(operation, { _tag: "Die", defect }, 1)),
    delay: (operation, delay) => Effect.sync(() => faults.delay(operation, delay)),
    loseNextAnswer: ({ created }) =>
      Effect.sync(() => faults.order("spawnCompute", { _tag: "LoseAnswer", created }, 1)),
    twinNext: (options) => Effect.sync(() => faults.orderDuplicate(millisOf(options?.apart))),
    setListingLag: (lag) => Effect.sync(() => cloud.setListingLag(millisOf(lag))),
    ignoreDeletes: (times) => Effect.sync(() => faults.ignoreDeletes(times)),
    forget: (id) =>
      Effect.map(now, (at) => {
        const machine = cloud.find(id)
        if (machine !== undefined) cloud.change(machine, at, { forgotten: true })
      }),
    setSpend: (id, totalUsd) => onMachine("setSpend", id, () => bills.set(id, Usd.make(totalUsd))),
    addEndpoint: (id, name) => Effect.sync(() => stock.addEndpoint(id, name ?? null)),
    writeLog: (id, text) => onMachine("writeLog", id, (machine, at) => cloud.write(machine, { at, text })),
    counts: Effect.sync(calls.counts),
    requests: Effect.sync(calls.recorded),
    ledger: Effect.map(now, cloud.ledger),
    reset: Effect.sync(() => {
      cloud.reset()
      faults.reset()
      calls.reset()
      jobs.reset()
      stock.reset()
      bills.clear()
    })
  }
}

/**
 * The mock with exactly the facets it has, which are all there are.
 *
 * **Example** (Stopping)
 *
 * ```ts
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const mock = yield* MockProvider.MockProvider
 *   const { id } = yield* mock.compute.spawn({ gpu: "h100" })
 *   yield* mock.power.stop(id)
 * }).pipe(Effect.provide(MockProvider.layer()))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class MockProvider extends Context.Service<
  MockProvider,
  Provider.Of<
    "compute" | "power" | "gpus" | "logs" | "jobs" | "volumes" | "templates" | "endpoints" | "billing"
  >
>()("effect-atlas/providers/mock/MockProvider") {}

/**
 * A new cloud in memory: the provider to give to the code under test, and the controls to keep.
 *
 * **Example** (As a value)
 *
 * ```ts
 * import { Atlas, Providers } from "effect-atlas"
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.gen(function*() {
 *   const { controls, provider } = yield* MockProvider.make({ provisioning: "10 seconds" })
 *   const { status } = yield* Atlas.spawnCompute({ image: "me/server" }, { provider })
 *   return { status, live: (yield* controls.ledger).live.length } // { status: "provisioning", live: 1 }
 * }).pipe(Effect.provide(Providers.layer()))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<{
  readonly provider: MockProvider["Service"]
  readonly controls: Controls
}, AtlasError> => Effect.map(made(options), ({ adapter, controls }) => ({ provider: Provider.make(adapter), controls }))

const made = (options: Options) =>
  Effect.map(Effect.tap(AccountId.decode(options.id ?? cloudName), LayerSettings.check(options)), (id) => {
    const cloud = makeCloud(millisOf(options.provisioning))
    const faults = makeFaults()
    const parts = adapterOf(id, options, cloud, faults)
    return { adapter: parts.adapter, controls: controlsOf(cloud, faults, parts) }
  })

/**
 * The mock as a layer: under its own tag, as the provider in use, and with its controls.
 *
 * **Example** (In a test)
 *
 * ```ts
 * import { Providers } from "effect-atlas"
 * import * as MockProvider from "effect-atlas/providers/MockProvider"
 * import * as Layer from "effect/Layer"
 *
 * const mock = MockProvider.layer({ settleWindow: "1 second" })
 * const layerTest = Layer.merge(Providers.layer(mock), mock)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<MockProvider | MockControls | Provider.Provider, AtlasError> =>
  Layer.unwrap(
    Effect.map(made(options), ({ adapter, controls }) =>
      Layer.merge(Provider.layer(MockProvider, Effect.succeed(adapter)), Layer.succeed(MockControls, controls)))
  )
