/** RunPod as an adapter: what to send for each verb, and what the answer means. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { type AtlasErrorReason, ProviderFault, Uncertain } from "../../../domain/AtlasError.ts"
import type { ComputeRequest } from "../../../domain/ComputeRequest.ts"
import * as GpuCatalog from "../../../domain/GpuCatalog.ts"
import type { Adapter, Rent } from "../../../provider/Adapter.ts"
import type { ApiKey } from "../../../provider/ApiKey.ts"
import type { Call } from "../../../provider/Call.ts"
import type { Options } from "../RunPod.ts"
import * as Jobs from "./jobs.ts"
import { provider } from "./native.ts"
import * as Pages from "./pages.ts"
import { podBody } from "./podBody.ts"
import * as PodLogs from "./podLogs.ts"
import { type Kept, part } from "./raw.ts"
import { templateBody, toEndpoint, toSpend, toTemplate, toVolume, volumeBody } from "./resources.ts"
import { type CatalogEntry, toCompute, toGpuTypes } from "./translate.ts"
import type { Wire } from "./wire.ts"

/** Longer than any stamped name: bodies are checked before the name is known. */
const anyName = "x".repeat(64)

/** One thing of an answer; without an id that can be asked by, the answer is as good as malformed. */
const one =
  <W extends { readonly id: string }, A>(to: (value: W, body: unknown) => A | null) => ({ body, value }: Kept<W>) => {
    const translated = value.id === "" ? null : to(value, body)
    return translated === null
      ? Effect.fail(new ProviderFault({ message: "the answer has an id that nothing can be asked by" }))
      : Effect.succeed(translated)
  }

const each =
  <W extends { readonly id: string }, A>(to: (value: W, body: unknown) => A | null) =>
  (values: ReadonlyArray<W>, bodies: unknown) =>
    Effect.forEach(values, (value, index) => one(to)({ value, body: part(bodies, index) }))

/** What a create answered: it acted, whether or not we can read what it made. */
const made = <A>(translated: Effect.Effect<A, ProviderFault>, computeName: string | null = null) =>
  Effect.mapError(
    translated,
    ({ message }) => new Uncertain({ message: `the provider says it acted, but ${message}`, computeName })
  )

const page = <A>(
  value: Effect.Effect<ReadonlyArray<A>, ProviderFault>,
  pagination: Pages.Page<unknown>["pagination"]
) => Effect.map(value, (value): Pages.Page<ReadonlyArray<A>> => ({ value, pagination }))

/** A list that is read to its end. */
const paged = <A>(
  read: (
    query: { readonly cursor?: string },
    call: Call
  ) => Effect.Effect<Pages.Page<ReadonlyArray<A>>, AtlasErrorReason>
) =>
(call: Call) =>
  Effect.map(
    Pages.all((cursor, call) => read(cursor === null ? {} : { cursor }, call), call),
    (pages) => pages.flat()
  )

export const adapterOf = (
  { apiKey, options, wire }: { readonly apiKey: ApiKey; readonly wire: Wire; readonly options: Options }
) => {
  const bodyOf = (request: ComputeRequest, rent: Pick<Rent, "env" | "name">) =>
    Effect.flatMap(
      GpuCatalog.CurrentGpuCatalog,
      (catalog) => Effect.fromResult(podBody(request, { catalog, env: rent.env, name: rent.name }))
    )

  const [createPod, getPod, listPods] = [wire.kept("createPod"), wire.kept("getPod"), wire.kept("listPods")]
  const [act, deletePod] = [wire.ask("podAction"), wire.ask("deletePod")]
  const [listGpus, podBill] = [wire.kept("listGpuTypes"), wire.kept("listPodBilling")]
  const [createVolume, getVolume] = [wire.kept("createNetworkVolume"), wire.kept("getNetworkVolume")]
  const [listVolumes, deleteVolume] = [wire.kept("listNetworkVolumes"), wire.ask("deleteNetworkVolume")]
  const [createTemplate, getTemplate] = [wire.kept("createTemplate"), wire.kept("getTemplate")]
  const [listTemplates, deleteTemplate] = [wire.kept("listTemplates"), wire.ask("deleteTemplate")]
  const [getEndpoint, listEndpoints] = [wire.kept("getEndpoint"), wire.kept("listEndpoints")]
  const deleteEndpoint = wire.ask("deleteEndpoint")

  const action = (action: "start" | "stop") => (id: string, call: Call) =>
    Effect.asVoid(act({ id, body: { action } }, call))

  /** The catalog of one cloud; RunPod tells of one at a time what is left there. */
  const entriesOf = (cloud: "SECURE" | "COMMUNITY", call: Call) =>
    Effect.map(
      listGpus({ query: { include: ["AVAILABILITY"], product: ["POD"], cloud } }, call),
      ({ body, value }) => {
        const bodies = part(body, "gpus")
        return value.gpus.map((entry, index): CatalogEntry => ({ entry, body: part(bodies, index) }))
      }
    )

  return {
    id: provider,
    flags: [
      "network_volumes",
      "http_proxy",
      "raw_tcp",
      "symmetric_ports",
      "webhooks",
      "global_networking",
      "self_terminate"
    ],
    missing: apiKey.missing,
    settleWindow: options.settleWindow ?? "5 seconds",
    pollInterval: options.pollInterval ?? "5 seconds",
    compute: {
      check: (request, call) =>
        Effect.andThen(apiKey.forCall(call), Effect.asVoid(bodyOf(request, { env: request.env, name: anyName }))),
      spawn: (rent, call) =>
        Effect.gen(function*() {
          const body = yield* bodyOf(rent.request, rent)
          const answer = yield* Effect.catchTag(
            createPod({ body }, call),
            "Uncertain",
            ({ computeId, message, raw, status }) =>
              Effect.fail(new Uncertain({ computeId, message, raw, status, computeName: rent.name }))
          )
          return yield* made(one(toCompute)(answer), rent.name)
        }),
      get: (id, call) => Effect.flatMap(getPod({ id }, call), one(toCompute)),
      list: (_filter, call) =>
        paged((query, call) =>
          Effect.flatMap(
            listPods({ query }, call),
            ({ body, value }) => page(each(toCompute)(value.pods, part(body, "pods")), value.pagination)
          )
        )(call),
      terminate: (id, call) => deletePod({ id }, call)
    },
    power: { stop: action("stop"), start: action("start") },
    gpus: {
      list: (call) =>
        Effect.gen(function*() {
          const catalog = yield* GpuCatalog.CurrentGpuCatalog
          const [secure = [], community = []] = yield* Effect.forEach(
            ["SECURE", "COMMUNITY"] as const,
            (cloud) => entriesOf(cloud, call),
            { concurrency: 2 }
          )
          return toGpuTypes(catalog, secure, community)
        })
    },
    logs: PodLogs.make(wire, options),
    jobs: Jobs.make(wire),
    volumes: {
      list: (call) =>
        Effect.flatMap(
          listVolumes({}, call),
          ({ body, value }) => each(toVolume)(value.networkVolumes, part(body, "networkVolumes"))
        ),
      get: (id, call) => Effect.flatMap(getVolume({ id }, call), one(toVolume)),
      create: (request, call) =>
        Effect.gen(function*() {
          const body = yield* Effect.fromResult(volumeBody(request))
          return yield* made(one(toVolume)(yield* createVolume({ body }, call)))
        }),
      delete: (id, call) => deleteVolume({ id }, call)
    },
    templates: {
      list: paged((query, call) =>
        Effect.flatMap(
          listTemplates({ query }, call),
          ({ body, value }) => page(each(toTemplate)(value.templates, part(body, "templates")), value.pagination)
        )
      ),
      get: (id, call) => Effect.flatMap(getTemplate({ id }, call), one(toTemplate)),
      create: (request, call) =>
        Effect.gen(function*() {
          const body = yield* Effect.fromResult(templateBody(request))
          return yield* made(one(toTemplate)(yield* createTemplate({ body }, call)))
        }),
      delete: (id, call) => deleteTemplate({ id }, call)
    },
    endpoints: {
      list: paged((query, call) =>
        Effect.flatMap(
          listEndpoints({ query }, call),
          ({ body, value }) => page(each(toEndpoint)(value.endpoints, part(body, "endpoints")), value.pagination)
        )
      ),
      get: (id, call) => Effect.flatMap(getEndpoint({ id }, call), one(toEndpoint)),
      delete: (id, call) => deleteEndpoint({ id }, call)
    },
    billing: {
      spend: (id, { from, to }, call) =>
        Effect.gen(function*() {
          const { body, value } = yield* podBill({
            query: {
              podId: id,
              ...(from === null || from === undefined ? {} : { startTime: DateTime.formatIso(from) }),
              ...(to === null || to === undefined ? {} : { endTime: DateTime.formatIso(to) })
            }
          }, call)
          const spend = toSpend(id, value, body)
          return spend ?? (yield* new ProviderFault({ message: "an amount is missing from the bill" }))
        })
    }
  } as const satisfies Adapter
}
