/** The full service from an adapter: every call checked, limited in time, observed and mapped to the one error. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AtlasError, type AtlasErrorReason, ProviderFault, Timeout, Unsupported } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import { decoder } from "../../domain/Decode.ts"
import * as GpuCatalog from "../../domain/GpuCatalog.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import * as JobRequest from "../../domain/JobRequest.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import { NetworkVolumeRequest, SpendWindow, TemplateRequest } from "../../domain/Resources.ts"
import type { ProviderOperation } from "../../telemetry/Spans.ts"
import {
  type Adapter,
  ComputeFilter,
  LogOptions,
  type PlainCreate,
  type PreparedCreate,
  type RequestOpts
} from "../Adapter.ts"
import { type Call, type CallOptions, decode as decodeCall } from "../Call.ts"
import type { Service } from "../Facets.ts"
import * as Listing from "../Listing.ts"
import * as NameStamp from "../NameStamp.ts"
import { limited, limitedCreate, limitedLines, limitedSubmit } from "./bounded.ts"
import { capabilitiesOf, capabilityOf, type Optional } from "./capabilities.ts"
import * as LostResources from "./lostResources.ts"
import { idAttribute, makeObserver } from "./observe.ts"
import * as Spawning from "./spawning.ts"

type Answer<B> = Effect.Effect<B, AtlasErrorReason>
type Checked<B> = Effect.Effect<B, AtlasError>

/** The calls that every kind of resource has. */
interface Managed<A> {
  readonly list: (call: Call) => Answer<ReadonlyArray<A>>
  readonly get: (id: string, call: Call) => Answer<A>
  readonly delete: (id: string, call: Call) => Answer<void>
}

/** Requests of a kind under way at once: many, since an account's own limits pace it and a slow cloud is no reason to wait. */
const defaultConcurrency = 256

/** Refuses an answer about another compute, whose end would be taken for the end of the one asked for. */
const asAsked = (looked: Effect.Effect<Compute, AtlasErrorReason>, id: string) =>
  Effect.filterOrFail(
    looked,
    (seen) => seen.id === id,
    () => new ProviderFault({ message: "the answer is about another compute" })
  )

const isUnaddressable = (entry: Compute | Listing.Unaddressable): entry is Listing.Unaddressable => "_tag" in entry

/**
 * The four list filters, applied whether or not the provider filtered itself, and each compute once: one that moved while
 * pages were read can be on two of them. What cannot be addressed may match any filter.
 */
const applyFilter = (
  all: ReadonlyArray<Compute | Listing.Unaddressable>,
  filter: ComputeFilter,
  cloud: string,
  catalog: Effect.Effect<GpuCatalog.GpuCatalog>
): Effect.Effect<Listing.Listing> =>
  Effect.map(
    catalog,
    (catalog) => {
      const byId = new Map<string, Compute>()
      const unaddressable: Array<Listing.Unaddressable> = []
      for (const entry of all) {
        if (isUnaddressable(entry)) unaddressable.push(entry)
        // the later reading is the newer one
        else byId.set(entry.id, entry)
      }
      const computes = [...byId.values()].filter((compute) =>
        (filter.status === undefined || compute.status === filter.status)
        && (filter.name === undefined || NameStamp.matches(filter.name, compute.name)
          || NameStamp.isRenamed(filter.name, compute))
        && (filter.region === undefined || compute.region === filter.region)
        && (filter.gpu === undefined || (compute.gpuType !== null && (
          compute.gpuType === filter.gpu
          || GpuCatalog.canonicalOf(catalog, cloud, compute.gpuType) === filter.gpu
        )))
      )
      return { computes, unaddressable }
    }
  )

/** An id of something other than a compute: it is encoded as one segment of a path, so any text will do. */
const ResourceId = Schema.String.check(
  Schema.makeFilter((id: string) => id.length > 0 && id.length <= 256 && !id.includes("\0"), {
    expected: "an id of 1 to 256 characters"
  })
)

const decodeId = decoder(ComputeId, "id")
const decodeResourceId = decoder(ResourceId, "id")
const decodeFilter = decoder(ComputeFilter)
const decodeLogs = decoder(LogOptions)
const decodeJob = decoder(JobRequest.JobRef)
const decodeVolume = decoder(NetworkVolumeRequest)
const decodeTemplate = decoder(TemplateRequest)
const decodeWindow = decoder(SpendWindow)

/** Adds the operation to the message: where a facet is found missing, the operation is not known. */
const withOperation = ({ capability, message, raw, status }: Unsupported, operation: string) =>
  new Unsupported({ capability, message: `${operation}: ${message}`, raw, status })

/** A submit whose answer was not awaited may have arrived, so the caller must not repeat it. */
const asSubmitted = ({ lastSeen, message, raw, status }: Timeout) =>
  new Timeout({ lastSeen, message, raw, status, mayHaveActed: true })

/** A create that has nothing to prepare, in the two steps of those that do. */
const plainCreate = (compute: PlainCreate): PreparedCreate<void> => ({
  prepare: ({ request }, call) => compute.check?.(request, call) ?? Effect.void,
  send: (draft, call) => compute.spawn(draft, call)
})

export const makeService = <Prepared>(adapter: Adapter<Prepared>, implemented: boolean): Service => {
  const id = ProviderId.make(adapter.id)
  const settleWindow = Duration.fromInputUnsafe(adapter.settleWindow ?? "5 seconds")
  const pollInterval = Duration.fromInputUnsafe(adapter.pollInterval ?? "5 seconds")
  const cloud = adapter.cloud ?? id
  const observer = makeObserver({ id, cloud })
  const { billing, compute, endpoints, gpus, jobs, logs, power, requestOpts, templates, volumes } = adapter
  const capabilities = capabilitiesOf(adapter)
  const gpuNames = adapter.gpuNames ?? []
  const catalog = GpuCatalog.inUse(cloud, gpuNames)

  const wrap = (operation: string) => (reason: AtlasErrorReason) =>
    new AtlasError({
      provider: id,
      operation,
      reason: reason._tag === "Unsupported" ? withOperation(reason, operation) : reason
    })

  const unsupported = (facet: Optional) => {
    const capability = capabilityOf[facet]
    return new Unsupported({
      capability,
      message: implemented
        ? `${id} has no ${capability}`
        : `${id} is a reserved name: this version cannot talk to it yet`
    })
  }

  /** A call with one checked input: options and input are decoded, then the adapter is asked, all under a span. */
  const unlimited = <I, A, B>(
    operation: ProviderOperation,
    check: (input: I) => Checked<A>,
    ask: (input: A, call: Call) => Answer<B>,
    attributes?: (input: I) => Readonly<Record<string, string>>,
    spanOf: ProviderOperation = operation
  ) => {
    const observed = observer.effect(spanOf)
    const fail = wrap(operation)
    return (input: I, options?: CallOptions): Checked<B> =>
      observed(
        Effect.flatMap(decodeCall(options, operation), (call) =>
          Effect.flatMap(check(input), (checked) => Effect.mapError(ask(checked, call), fail))),
        attributes?.(input)
      )
  }

  /** The same, and the adapter is asked for as long as the call may take. */
  const verb = <I, A, B>(
    operation: ProviderOperation,
    check: (input: I) => Checked<A>,
    ask: (input: A, call: Call) => Answer<B>,
    attributes?: (input: I) => Readonly<Record<string, string>>,
    spanOf?: ProviderOperation
  ) => unlimited(operation, check, limited(ask), attributes, spanOf)

  /** Asks a facet the adapter may not have. */
  const via =
    <F, I, B>(facet: Optional, held: F | undefined, ask: (held: F, input: I, call: Call) => Answer<B>) =>
    (input: I, call: Call): Answer<B> => held === undefined ? Effect.fail(unsupported(facet)) : ask(held, input, call)

  const onCompute = <B>(operation: ProviderOperation, ask: (id: ComputeId, call: Call) => Answer<B>) =>
    verb(operation, (input: string) => decodeId(input, operation, id), ask, idAttribute)

  const onResource = <B>(operation: ProviderOperation, ask: (id: string, call: Call) => Answer<B>) =>
    verb(operation, (input: string) => decodeResourceId(input, operation, id), ask)

  const onJob = <B>(
    operation: ProviderOperation,
    ask: (job: JobRequest.JobRef, call: Call) => Answer<B>,
    spanOf?: ProviderOperation
  ) => verb(operation, (input: JobRequest.JobRef) => decodeJob(input, operation, id), ask, undefined, spanOf)

  /** What is answered is of the account that was asked, whatever its adapter calls that: its end is asked for here. */
  const here = <A extends { readonly provider: ProviderId }>(seen: A): A =>
    seen.provider === id ? seen : Object.assign(Object.create(Object.getPrototypeOf(seen)), seen, { provider: id })
  const found = <A extends { readonly provider: ProviderId }>(answer: Answer<A>) => Effect.map(answer, here)

  /** All there are of a kind: a call without an input. */
  const listed = <A extends { readonly provider: ProviderId }>(
    operation: ProviderOperation,
    facet: Optional,
    held: { readonly list: (call: Call) => Answer<ReadonlyArray<A>> } | undefined
  ) => {
    const list = verb(
      operation,
      () => Effect.void,
      via(facet, held, (held, _: void, call) => Effect.map(held.list(call), (all) => all.map(here)))
    )
    return (options?: CallOptions) => list(undefined, options)
  }

  /** What can be done with any kind of resource, whose name its operations bear. */
  const managed = <A extends { readonly provider: ProviderId }>(
    name: "NetworkVolume" | "Template" | "Endpoint",
    facet: Optional,
    held: Managed<A> | undefined
  ) => ({
    list: listed(`list${name}s`, facet, held),
    get: onResource(`get${name}`, via(facet, held, (held, wanted, call) => found(held.get(wanted, call)))),
    delete: onResource(`delete${name}`, via(facet, held, (held, wanted, call) => held.delete(wanted, call)))
  })

  /** Makes a resource once; one whose answer is lost is looked for by what `wanted` says of it. */
  const made = <I, R, A extends { readonly id: string; readonly provider: ProviderId }>(
    operation: ProviderOperation,
    facet: Optional,
    held: Managed<A> & { readonly create: (request: R, call: Call) => Answer<A> } | undefined,
    decode: (input: unknown, operation: string, provider: ProviderId) => Checked<R>,
    wanted: (request: R) => LostResources.Wanted<A>
  ) =>
    unlimited(
      operation,
      (input: I) => decode(input, operation, id),
      via(facet, held, (held, request, call) => {
        const create = limited((request: R, call) => held.create(request, call))(request, call)
        return found(LostResources.create(
          wanted(request),
          { create: Effect.mapError(create, asUnrepeatable), list: held.list(call) },
          call,
          settleWindow
        ))
      })
    )

  const get = onCompute(
    "getCompute",
    (computeId, call) => found(asAsked(compute.get(computeId, call), computeId))
  )
  const terminate = onCompute("terminate", (computeId, call) => compute.terminate(computeId, call))
  const filtered = verb(
    "listCompute",
    (filter: ComputeFilter) => decodeFilter(filter, "listCompute", id),
    (filter, call) =>
      Effect.flatMap(
        compute.list(filter, call),
        (all) => applyFilter(all.map((entry) => isUnaddressable(entry) ? entry : here(entry)), filter, cloud, catalog)
      )
  )
  const listAll = (filter: ComputeFilter = {}, options?: CallOptions) => filtered(filter, options)
  const list = (filter?: ComputeFilter, options?: CallOptions) =>
    Effect.flatMap(listAll(filter, options), ({ computes, unaddressable }) =>
      unaddressable.length === 0
        ? Effect.succeed(computes)
        : Effect.as(
          Effect.forEach(unaddressable, (entry) => Effect.logWarning(`${id}: ${Listing.describe(entry)}`)),
          computes
        ))

  const spend = verb(
    "computeSpend",
    (input: { readonly id: string; readonly window: SpendWindow }) =>
      Effect.flatMap(
        decodeId(input.id, "computeSpend", id),
        (computeId) =>
          Effect.map(decodeWindow(input.window, "computeSpend", id), (window) => ({ id: computeId, window }))
      ),
    via("billing", billing, (held, input, call) => found(held.spend(input.id, input.window, call))),
    (input) => idAttribute(input.id)
  )

  /** Asks for the fields of `providerOpts` that only some clouds have. */
  const opts = (operation: keyof RequestOpts, what: string) => {
    const missing = new Unsupported({ capability: operation, message: `${id} has no ${what}` })
    return verb(
      operation,
      (wanted: string) => Effect.succeed(wanted),
      (wanted, call) => requestOpts?.[operation]?.(wanted, call) ?? Effect.fail(missing)
    )
  }

  const wiring = { id, capabilities, settleWindow, observer, wrap, get, listAll, terminate }
  return {
    id,
    cloud,
    implemented,
    capabilities,
    gpuNames,
    secretOpts: adapter.secretOpts ?? [],
    requestOpts: {
      minCuda: opts("minCuda", "choice of a CUDA version"),
      registryAuth: opts("registryAuth", "credentials for image registries"),
      logLimit: opts("logLimit", "limit of a log that could be set")
    },
    missing: adapter.missing ?? [],
    settleWindow,
    pollInterval,
    concurrency: adapter.concurrency ?? defaultConcurrency,
    compute: {
      ...(compute.prepare === undefined
        ? Spawning.make({ ...wiring, create: limitedCreate(plainCreate(compute), found) })
        : Spawning.make({ ...wiring, create: limitedCreate(compute, found) })),
      get,
      list,
      listAll,
      terminate
    },
    power: {
      stop: onCompute("stop", via("power", power, (held, computeId, call) => held.stop(computeId, call))),
      start: onCompute("start", via("power", power, (held, computeId, call) => held.start(computeId, call)))
    },
    gpus: { list: listed("listGpuTypes", "gpus", gpus) },
    logs: {
      outlivesCompute: logs?.outlivesCompute ?? false,
      stream: (input, wanted = {}, options) =>
        observer.stream("streamLogs", idAttribute(input))(Stream.unwrap(Effect.gen(function*() {
          const call = yield* decodeCall(options, "streamLogs")
          const computeId = yield* decodeId(input, "streamLogs", id)
          const checked = yield* decodeLogs(wanted, "streamLogs", id)
          return Stream.mapError(
            logs === undefined ? Stream.fail(unsupported("logs")) : limitedLines(logs, computeId, checked, call),
            wrap("streamLogs")
          )
        }))),
      exit: (input, { follow = false, name }, options) =>
        observer.effect("readExit")(
          Effect.gen(function*() {
            const call = yield* decodeCall(options, "readExit")
            const computeId = yield* decodeId(input, "readExit", id)
            const exit = limited((computeId: ComputeId, call) =>
              logs?.exit?.(computeId, { follow, name }, call) ?? Effect.fail(
                new Unsupported({ capability: "logs", message: `${id} has no exit codes in its logs` })
              )
            )
            return yield* Effect.mapError(exit(computeId, call), wrap("readExit"))
          }),
          idAttribute(input)
        )
    },
    jobs: {
      submit: unlimited(
        "runJob",
        (input: JobRequest.Input | JobRequest.JobRequest) => JobRequest.decode(input),
        via("jobs", jobs, (held, request, call) =>
          // a sync job that outlasts its limit was submitted: the failure says so
          Effect.mapError(found(limitedSubmit(held, request, call)), (reason) =>
            reason._tag === "Timeout" ? asSubmitted(reason) : asUnrepeatable(reason)))
      ),
      get: onJob("getJob", via("jobs", jobs, (held, job, call) => found(held.get(job, call)))),
      cancel: onJob("cancelJob", via("jobs", jobs, (held, job, call) => held.cancel(job, call))),
      // the stream that the chunks are of has the span of that name
      chunk: onJob("streamJob", via("jobs", jobs, (held, job, call) => held.chunk(job, call)), "readJobChunk")
    },
    volumes: {
      ...managed("NetworkVolume", "volumes", volumes),
      create: made("createNetworkVolume", "volumes", volumes, decodeVolume, LostResources.volume)
    },
    templates: {
      ...managed("Template", "templates", templates),
      create: made("createTemplate", "templates", templates, decodeTemplate, LostResources.template)
    },
    endpoints: managed("Endpoint", "endpoints", endpoints),
    billing: { spend: (input, window = {}, options) => spend({ id: input, window }, options) }
  }
}
