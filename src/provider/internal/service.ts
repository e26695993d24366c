/** The full service from an adapter: every call checked, observed and mapped to the one error. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AtlasError, type AtlasErrorReason, Timeout, Unsupported } from "../../domain/AtlasError.ts"
import { decoder } from "../../domain/Decode.ts"
import * as GpuCatalog from "../../domain/GpuCatalog.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import * as JobRequest from "../../domain/JobRequest.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import { NetworkVolumeRequest, SpendWindow, type TemplateInput, TemplateRequest } from "../../domain/Resources.ts"
import { type Adapter, ComputeFilter, LogOptions, type PlainCreate, type SpawnDraft } from "../Adapter.ts"
import { type Call, type CallOptions, decode as decodeCall } from "../Call.ts"
import { Capability } from "../Capability.ts"
import type { Facets, Service } from "../Facets.ts"
import { bounded } from "./bounded.ts"
import { applyFilter, asAsked } from "./filter.ts"
import { idAttribute, makeObserver } from "./observe.ts"
import * as Renting from "./renting.ts"

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

const capabilityOf = {
  power: "power",
  gpus: "gpu_catalog",
  logs: "logs",
  jobs: "serverless",
  volumes: "manage_network_volumes",
  templates: "manage_templates",
  endpoints: "manage_endpoints",
  billing: "billing"
} as const satisfies Record<Exclude<keyof Facets, "compute">, Capability>

type Optional = keyof typeof capabilityOf

const optional: ReadonlyArray<Optional> = [
  "power",
  "gpus",
  "logs",
  "jobs",
  "volumes",
  "templates",
  "endpoints",
  "billing"
]

const capabilitiesOf = <Prepared>(adapter: Adapter<Prepared>): ReadonlyArray<Capability> => {
  const held = new Set<Capability>([
    ...(adapter.flags ?? []),
    ...optional.filter((facet) => adapter[facet] !== undefined).map((facet) => capabilityOf[facet])
  ])
  return Capability.literals.filter((capability) => held.has(capability))
}

/** What is unsupported is known where it is missing, what was asked for only here. */
const said = ({ capability, message, raw, status }: Unsupported, operation: string) =>
  new Unsupported({ capability, message: `${operation}: ${message}`, raw, status })

/** Whether it arrived is not known to an adapter that stopped listening, so nobody may submit it again. */
const asSubmitted = ({ lastSeen, message, raw, status }: Timeout) =>
  new Timeout({ lastSeen, message, raw, status, mayHaveActed: true })

/** What a create with nothing to prepare is checked by. */
const checkOf = ({ check }: PlainCreate) => ({ request }: SpawnDraft, call: Call): Answer<void> =>
  check === undefined ? Effect.void : check(request, call)

type Answer<B> = Effect.Effect<B, AtlasErrorReason>
type Checked<B> = Effect.Effect<B, AtlasError>

export const makeService = <Prepared>(adapter: Adapter<Prepared>, implemented: boolean): Service => {
  const id = ProviderId.make(adapter.id)
  const settleWindow = Duration.fromInputUnsafe(adapter.settleWindow ?? "5 seconds")
  const pollInterval = Duration.fromInputUnsafe(adapter.pollInterval ?? "5 seconds")
  const observer = makeObserver(id)
  const { billing, compute, endpoints, gpus, jobs, logs, power, templates, volumes } = bounded(adapter)
  const capabilities = capabilitiesOf(adapter)
  const gpuNames = adapter.gpuNames ?? []
  const catalog = GpuCatalog.inUse(id, gpuNames)

  const wrap = (operation: string) => (reason: AtlasErrorReason) =>
    new AtlasError({
      provider: id,
      operation,
      reason: reason._tag === "Unsupported" ? said(reason, operation) : reason
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
  const verb = <I, A, B>(
    operation: string,
    check: (input: I) => Checked<A>,
    ask: (input: A, call: Call) => Answer<B>,
    attributes?: (input: I) => Readonly<Record<string, string>>
  ) => {
    const observed = observer.effect(operation)
    const fail = wrap(operation)
    return (input: I, options?: CallOptions): Checked<B> =>
      observed(
        Effect.flatMap(decodeCall(options, operation), (call) =>
          Effect.flatMap(check(input), (checked) => Effect.mapError(ask(checked, call), fail))),
        attributes?.(input)
      )
  }

  /** A call without an input of its own. */
  const plain = <B>(operation: string, ask: (call: Call) => Answer<B>) => {
    const call = verb(operation, () => Effect.void, (_: void, call) => ask(call))
    return (options?: CallOptions) => call(undefined, options)
  }

  /** Asks a facet the adapter may not have. */
  const via = <F, I, B>(facet: Optional, held: F | undefined, ask: (held: F) => (input: I, call: Call) => Answer<B>) =>
    held === undefined ? () => Effect.fail(unsupported(facet)) : ask(held)

  const onCompute = <B>(operation: string, ask: (id: ComputeId, call: Call) => Answer<B>) =>
    verb(operation, (input: string) => decodeId(input, operation, id), ask, idAttribute)

  const onResource = <B>(operation: string, ask: (id: string, call: Call) => Answer<B>) =>
    verb(operation, (input: string) => decodeResourceId(input, operation, id), ask)

  const onJob = <B>(operation: string, ask: (job: JobRequest.JobRef, call: Call) => Answer<B>) =>
    verb(operation, (input: JobRequest.JobRef) => decodeJob(input, operation, id), ask)

  const get = onCompute("getCompute", (computeId, call) => asAsked(compute.get(computeId, call), computeId))
  const terminate = onCompute("terminate", (computeId, call) => compute.terminate(computeId, call))
  const filtered = verb(
    "listCompute",
    (filter: ComputeFilter) => decodeFilter(filter, "listCompute", id),
    (filter, call) => Effect.flatMap(compute.list(filter, call), (all) => applyFilter(all, filter, catalog))
  )
  const list = (filter: ComputeFilter = {}, options?: CallOptions) => filtered(filter, options)

  const spend = verb(
    "computeSpend",
    (input: { readonly id: string; readonly window: SpendWindow }) =>
      Effect.flatMap(
        decodeId(input.id, "computeSpend", id),
        (computeId) =>
          Effect.map(decodeWindow(input.window, "computeSpend", id), (window) => ({ id: computeId, window }))
      ),
    via("billing", billing, (held) => (input, call) => held.spend(input.id, input.window, call)),
    (input) => idAttribute(input.id)
  )

  const wiring = { id, capabilities, settleWindow, observer, wrap, get, list, terminate }
  return {
    id,
    implemented,
    capabilities,
    gpuNames,
    missing: adapter.missing ?? [],
    settleWindow,
    pollInterval,
    compute: {
      ...(compute.prepare === undefined
        ? Renting.make({ ...wiring, create: { prepare: checkOf(compute), send: compute.spawn } })
        : Renting.make({ ...wiring, create: compute })),
      get,
      list,
      terminate
    },
    power: {
      stop: onCompute("stop", via("power", power, (held) => held.stop)),
      start: onCompute("start", via("power", power, (held) => held.start))
    },
    gpus: {
      list: plain("listGpuTypes", (call) => gpus === undefined ? Effect.fail(unsupported("gpus")) : gpus.list(call))
    },
    logs: {
      stream: (input, wanted = {}, options) =>
        observer.stream("streamLogs", idAttribute(input))(Stream.unwrap(Effect.gen(function*() {
          const call = yield* decodeCall(options, "streamLogs")
          const computeId = yield* decodeId(input, "streamLogs", id)
          const checked = yield* decodeLogs(wanted, "streamLogs", id)
          return Stream.mapError(
            logs === undefined ? Stream.fail(unsupported("logs")) : logs.stream(computeId, checked, call),
            wrap("streamLogs")
          )
        })))
    },
    jobs: {
      submit: verb(
        "runJob",
        (input: JobRequest.Input | JobRequest.JobRequest) => JobRequest.decode(input),
        via("jobs", jobs, (held) => (request, call) =>
          // a sync job that outlasts its limit was submitted, and says so
          Effect.mapError(held.submit(request, call), (reason) =>
            reason._tag === "Timeout" ? asSubmitted(reason) : asUnrepeatable(reason)))
      ),
      get: onJob("getJob", via("jobs", jobs, (held) => held.get)),
      cancel: onJob("cancelJob", via("jobs", jobs, (held) => held.cancel)),
      chunk: onJob("streamJob", via("jobs", jobs, (held) => held.chunk))
    },
    volumes: {
      list: plain(
        "listNetworkVolumes",
        (call) => volumes === undefined ? Effect.fail(unsupported("volumes")) : volumes.list(call)
      ),
      get: onResource("getNetworkVolume", via("volumes", volumes, (held) => held.get)),
      create: verb(
        "createNetworkVolume",
        (input: typeof NetworkVolumeRequest.Encoded) => decodeVolume(input, "createNetworkVolume", id),
        via(
          "volumes",
          volumes,
          (held) => (request, call) => Effect.mapError(held.create(request, call), asUnrepeatable)
        )
      ),
      delete: onResource("deleteNetworkVolume", via("volumes", volumes, (held) => held.delete))
    },
    templates: {
      list: plain(
        "listTemplates",
        (call) => templates === undefined ? Effect.fail(unsupported("templates")) : templates.list(call)
      ),
      get: onResource("getTemplate", via("templates", templates, (held) => held.get)),
      create: verb(
        "createTemplate",
        (input: TemplateInput) => decodeTemplate(input, "createTemplate", id),
        via(
          "templates",
          templates,
          (held) => (request, call) => Effect.mapError(held.create(request, call), asUnrepeatable)
        )
      ),
      delete: onResource("deleteTemplate", via("templates", templates, (held) => held.delete))
    },
    endpoints: {
      list: plain(
        "listEndpoints",
        (call) => endpoints === undefined ? Effect.fail(unsupported("endpoints")) : endpoints.list(call)
      ),
      get: onResource("getEndpoint", via("endpoints", endpoints, (held) => held.get)),
      delete: onResource("deleteEndpoint", via("endpoints", endpoints, (held) => held.delete))
    },
    billing: { spend: (input, window = {}, options) => spend({ id: input, window }, options) }
  }
}
