/**
 * A provider as its users see it: facets of typed calls, each with a span, metrics and one kind of error.
 *
 * An adapter goes in, the full service comes out (`make`). What the adapter lacks answers `Unsupported`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AtlasError, type AtlasErrorReason, Unsupported } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type * as ComputeRequest from "../domain/ComputeRequest.ts"
import { decoder } from "../domain/Decode.ts"
import type { GpuType } from "../domain/Gpu.ts"
import { ComputeId, ProviderId } from "../domain/Ids.ts"
import type { LogElement } from "../domain/LogElement.ts"
import * as Attributes from "../telemetry/Attributes.ts"
import { type Adapter, ComputeFilter, LogOptions, type Rent } from "./Adapter.ts"
import { type CallOptions, decode as decodeCall } from "./Call.ts"
import { Capability, type Flag } from "./Capability.ts"
import { applyFilter } from "./internal/filter.ts"
import { makeObserver } from "./internal/observe.ts"
import * as Renting from "./internal/renting.ts"
import type { NameStamp } from "./NameStamp.ts"

/**
 * Options of a rent: those of any call, and the stamp to rent under where somebody else keeps the books.
 *
 * @category models
 * @since 0.1.0
 */
export interface RentOptions extends CallOptions {
  /** Default: a new stamp with the owner `adhoc`. */
  readonly stamp?: NameStamp | undefined
}

/**
 * Options of ending: those of any call, and when the compute was made where its renter knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOptions extends CallOptions {
  /**
   * Monotonic nanoseconds of the create's answer: until the settle window has passed since, "not found" proves
   * nothing. Default: long ago.
   */
  readonly madeAt?: bigint | undefined
}

/**
 * Renting, looking and handing back.
 *
 * @category facets
 * @since 0.1.0
 */
export interface ComputeFacet {
  /**
   * Rents one compute. An unanswered create is looked for by its name; interrupting ends what was rented.
   *
   * Fails as `NoCapacity` and other refusals when nothing was created, as `Uncertain` when nobody can say.
   */
  readonly spawn: (
    request: ComputeRequest.Input | ComputeRequest.ComputeRequest,
    options?: RentOptions
  ) => Effect.Effect<Compute, AtlasError>
  /** Checks a request and mints its credential; sends nothing. */
  readonly prepare: (
    request: ComputeRequest.Input | ComputeRequest.ComputeRequest,
    options?: RentOptions
  ) => Effect.Effect<Rent, AtlasError>
  /** Sends one create, and nothing else: an unanswered one fails as `Uncertain` and is for the caller to resolve. */
  readonly rent: (rent: Rent, options?: CallOptions) => Effect.Effect<Compute, AtlasError>
  /** Looks for what an unanswered rent may have made: keeps the oldest, ends twins; null when there is nothing. */
  readonly resolve: (rent: Rent, options?: CallOptions) => Effect.Effect<Compute | null, AtlasError>
  /** Ends whatever was rented under this rent's name and verifies that it is gone. */
  readonly abandon: (rent: Rent, options?: CallOptions) => Effect.Effect<void, AtlasError>
  /** One compute; `NotFound` when the provider does not know it. */
  readonly get: (id: string, options?: CallOptions) => Effect.Effect<Compute, AtlasError>
  /** All computes of the account that match. */
  readonly list: (filter?: ComputeFilter, options?: CallOptions) => Effect.Effect<ReadonlyArray<Compute>, AtlasError>
  /** Asks for the end of a compute; `NotFound` when the provider does not know it. */
  readonly terminate: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
  /** Ends a compute and verifies that it is gone; one that is not there counts as ended. */
  readonly end: (id: string, options?: EndOptions) => Effect.Effect<void, AtlasError>
}

/**
 * Stopping with the storage kept, and starting again.
 *
 * @category facets
 * @since 0.1.0
 */
export interface PowerFacet {
  readonly stop: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
  readonly start: (id: string, options?: CallOptions) => Effect.Effect<void, AtlasError>
}

/**
 * The catalog of what can be rented.
 *
 * @category facets
 * @since 0.1.0
 */
export interface GpusFacet {
  readonly list: (options?: CallOptions) => Effect.Effect<ReadonlyArray<GpuType>, AtlasError>
}

/**
 * What a compute has written.
 *
 * @category facets
 * @since 0.1.0
 */
export interface LogsFacet {
  /** Lines in order; lazy, nothing is asked before the first pull. */
  readonly stream: (
    id: string,
    logs?: LogOptions,
    options?: CallOptions
  ) => Stream.Stream<LogElement, AtlasError>
}

/**
 * Every facet a provider may have.
 *
 * @category facets
 * @since 0.1.0
 */
export interface Facets {
  readonly compute: ComputeFacet
  readonly power: PowerFacet
  readonly gpus: GpusFacet
  readonly logs: LogsFacet
}

/**
 * What is known of a provider without asking it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly id: ProviderId
  /** False for a name that is only reserved: it answers its capabilities and refuses everything else. */
  readonly implemented: boolean
  readonly capabilities: ReadonlyArray<Capability>
  /** Settings that are missing, such as the environment variable of an API key. */
  readonly missing: ReadonlyArray<string>
  /** How long after a create it may still be absent from a listing. */
  readonly settleWindow: Duration.Duration
  /** How often to look while waiting for a compute to become ready. */
  readonly pollInterval: Duration.Duration
}

/**
 * A provider with every facet; missing ones fail as `Unsupported`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service extends Identity, Facets {}

/**
 * The type of a provider made from an adapter: exactly the facets the adapter has, so asking for another does not compile.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<A extends Adapter> = Pick<Service, keyof Identity | (keyof A & keyof Facets)>

/**
 * The provider in use, whichever it is.
 *
 * @category services
 * @since 0.1.0
 */
export class Provider extends Context.Service<Provider, Service>()("effect-atlas/provider/Provider") {}

const decodeId = decoder(ComputeId, "id")
const decodeFilter = decoder(ComputeFilter)
const decodeLogs = decoder(LogOptions)

const facetCapabilities = { power: "power", logs: "logs", gpus: "gpu_catalog" } as const satisfies Partial<
  Record<keyof Facets, Capability>
>

const capabilitiesOf = (adapter: Adapter): ReadonlyArray<Capability> =>
  Capability.literals.filter((capability) =>
    (adapter.flags ?? []).some((flag) => flag === capability)
    || (["power", "logs", "gpus"] as const).some((facet) =>
      adapter[facet] !== undefined && facetCapabilities[facet] === capability
    )
  )

/**
 * Makes the full service from an adapter: spans, metrics, credentials, name stamps, filters and `Unsupported` answers.
 *
 * **Details**
 *
 * Spans are named `Provider.<operation>`. The result has exactly the facets of the adapter in its type.
 *
 * **Example** (A provider of one's own, as small as it gets)
 *
 * ```ts
 * import { AtlasError, Provider } from "effect-atlas"
 * import * as Effect from "effect/Effect"
 *
 * const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
 *
 * const acme = Provider.make({
 *   id: "acme",
 *   flags: ["http_proxy"],
 *   compute: {
 *     spawn: () => Effect.fail(new AtlasError.NoCapacity({ message: "sold out" })),
 *     get: () => nowhere,
 *     list: () => Effect.succeed([]),
 *     terminate: () => nowhere
 *   }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const A extends Adapter>(adapter: A): Of<A> => makeService(adapter, true)

const makeService = (adapter: Adapter, implemented: boolean): Service => {
  const id = ProviderId.make(adapter.id)
  const settleWindow = Duration.fromInputUnsafe(adapter.settleWindow ?? "5 seconds")
  const pollInterval = Duration.fromInputUnsafe(adapter.pollInterval ?? "5 seconds")
  const observer = makeObserver(id)
  const { compute, gpus, logs, power } = adapter

  const wrap = (operation: string) => (reason: AtlasErrorReason) => new AtlasError({ provider: id, operation, reason })

  const unsupported = (capability: Capability) =>
    new Unsupported({
      capability,
      message: implemented
        ? `${id} has no ${capability}`
        : `${id} is a reserved name: this version cannot talk to it yet`
    })

  /** A call about one compute: options and id are checked, then the adapter is asked under a span. */
  const onCompute = <B>(
    operation: string,
    ask: (id: ComputeId, call: Parameters<typeof compute.get>[1]) => Effect.Effect<B, AtlasErrorReason>
  ) => {
    const observed = observer.effect(operation)
    const fail = wrap(operation)
    return (input: string, options?: CallOptions): Effect.Effect<B, AtlasError> =>
      observed(
        Effect.flatMap(
          decodeCall(options, operation),
          (call) =>
            Effect.flatMap(
              decodeId(input, operation, id),
              (computeId) => Effect.mapError(ask(computeId, call), fail)
            )
        ),
        { [Attributes.computeId]: input }
      )
  }

  const get = onCompute("getCompute", compute.get)
  const terminate = onCompute("terminate", compute.terminate)

  const listObserved = observer.effect("listCompute")
  const list: ComputeFacet["list"] = (filter = {}, options) =>
    listObserved(
      Effect.gen(function*() {
        const call = yield* decodeCall(options, "listCompute")
        const wanted = yield* decodeFilter(filter, "listCompute", id)
        const all = yield* Effect.mapError(compute.list(wanted, call), wrap("listCompute"))
        return yield* applyFilter(all, wanted)
      })
    )

  const renting = Renting.make({
    id,
    compute,
    settleWindow,
    observer,
    get,
    list,
    terminate
  })

  const onPower = (operation: "stop" | "start") =>
    onCompute(
      operation,
      (computeId, call) => power === undefined ? Effect.fail(unsupported("power")) : power[operation](computeId, call)
    )

  const gpusObserved = observer.effect("listGpuTypes")

  return {
    id,
    implemented,
    capabilities: capabilitiesOf(adapter),
    missing: adapter.missing ?? [],
    settleWindow,
    pollInterval,
    compute: { ...renting, get, list, terminate },
    power: { stop: onPower("stop"), start: onPower("start") },
    gpus: {
      list: (options) =>
        gpusObserved(Effect.flatMap(decodeCall(options, "listGpuTypes"), (call) =>
          Effect.mapError(
            gpus === undefined ? Effect.fail(unsupported("gpu_catalog")) : gpus.list(call),
            wrap("listGpuTypes")
          )))
    },
    logs: {
      stream: (input, wanted = {}, options) =>
        observer.stream("streamLogs", { [Attributes.computeId]: input })(Stream.unwrap(Effect.gen(function*() {
          const call = yield* decodeCall(options, "streamLogs")
          const computeId = yield* decodeId(input, "streamLogs", id)
          const checked = yield* decodeLogs(wanted, "streamLogs", id)
          return Stream.mapError(
            logs === undefined ? Stream.fail(unsupported("logs")) : logs.stream(computeId, checked, call),
            wrap("streamLogs")
          )
        })))
    }
  }
}

/**
 * Reserves a name: a provider that answers its capabilities, says `implemented: false`, and refuses everything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const placeholder = (id: string, flags: ReadonlyArray<Flag>): Service => {
  const refuse = Effect.suspend(() =>
    Effect.fail(
      new Unsupported({
        capability: "compute",
        message: `${id} is a reserved name: this version cannot talk to it yet`
      })
    )
  )
  return makeService({
    id,
    flags,
    compute: {
      check: () => refuse,
      spawn: () => refuse,
      get: () => refuse,
      list: () => refuse,
      terminate: () => refuse
    }
  }, false)
}

/**
 * A layer for a provider made from an adapter: gives it as {@link Provider}, and under its own tag with its exact type.
 *
 * **Example** (A tag of one's own)
 *
 * ```ts
 * import { AtlasError, Provider } from "effect-atlas"
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 *
 * const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
 * const adapter = {
 *   id: "acme",
 *   compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
 * }
 * class Acme extends Context.Service<Acme, Provider.Of<typeof adapter>>()("acme/Acme") {}
 *
 * const layer = Provider.layer(Acme, Effect.succeed(adapter))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Self, A extends Adapter, E, R>(
  tag: Context.Key<Self, Of<A>>,
  adapter: Effect.Effect<A, E, R>
): Layer.Layer<Self | Provider, E, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(
    Effect.map(adapter, (made) => {
      const service = makeService(made, true)
      return Context.make(Provider, service).pipe(Context.add(tag, service))
    })
  )
