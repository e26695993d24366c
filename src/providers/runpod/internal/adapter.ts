/** RunPod as an adapter: the request of each verb, and the translation of its answer. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { ProviderFault, Uncertain } from "../../../domain/AtlasError.ts"
import * as GpuCatalog from "../../../domain/GpuCatalog.ts"
import * as Adapter from "../../../provider/Adapter.ts"
import type { Call } from "../../../provider/Call.ts"
import { unaddressable } from "../../../provider/Listing.ts"
import type { WithBody } from "../../../provider/Raw.ts"
import * as Calls from "../schema/calls.ts"
import * as Resources from "../schema/resources.ts"
import { type Account, cloud } from "./account.ts"
import { anyCloud } from "./anyCloud.ts"
import * as Facts from "./facts.ts"
import { gpuNames } from "./gpuNames.ts"
import * as Jobs from "./jobsFacet.ts"
import * as Listing from "./listing.ts"
import type { Options } from "./options.ts"
import { podBody } from "./podBody.ts"
import { calls as podCalls, PodFacts } from "./podFacts.ts"
import * as PodLogs from "./podLogs.ts"
import * as Power from "./power.ts"
import { requestOptsOf } from "./requestOpts.ts"
import { secret } from "./requests.ts"
import { templateBody, toEndpoint, toSpend, toTemplate, toVolume, volumeBody } from "./resourceFacets.ts"
import { type CatalogEntry, toCompute, toGpuTypes } from "./translate.ts"

/** One resource of an answer; one without a usable id counts as malformed. */
const one = <W extends { readonly id: string }, A>(to: (value: W, body: unknown) => A | null) =>
(
  { body, value }: WithBody<W>
) => {
  const translated = value.id === "" ? null : to(value, body)
  return translated === null
    ? Effect.fail(new ProviderFault({ message: "the answer holds an id that cannot be used" }))
    : Effect.succeed(translated)
}

const podsOf = Listing.each(PodFacts, toCompute, unaddressable)
const gpusOf = Listing.usable("GPU types", Facts.GpuTypeFacts, (entry, body): CatalogEntry => ({ entry, body }))
const volumesOf = Listing.usable("network volumes", Resources.NetworkVolume, toVolume)
const templatesOf = Listing.usable("templates", Facts.TemplateFacts, toTemplate)
const endpointsOf = Listing.usable("endpoints", Facts.EndpointFacts, toEndpoint)

/** The answer to a create; an unreadable one is `Uncertain`, since the create was done. */
const made = <A>(translated: Effect.Effect<A, ProviderFault>, computeName: string | null = null) =>
  Effect.mapError(
    translated,
    ({ message }) => new Uncertain({ message: `the provider answered with success, but ${message}`, computeName })
  )

const page = <A>(
  items: Effect.Effect<ReadonlyArray<A>>,
  pagination: Listing.Page<unknown>["pagination"]
) => Effect.map(items, (items): Listing.Page<A> => ({ items, pagination }))

export const adapterOf = (
  { apiKey, id, options, wire }: Account & { readonly options: Options }
) => {
  const gpuCatalog = GpuCatalog.inUse(cloud, gpuNames)
  const createPod = wire.send(podCalls.createPod)
  const [getPod, listPods] = [wire.askWithBody(podCalls.getPod), wire.askWithBody(Listing.calls.pods)]
  const deletePod = wire.ask(Calls.deletePod)
  const [listGpus, podBill] = [wire.askWithBody(Listing.calls.gpus), wire.askWithBody(Facts.calls.listPodBilling)]
  const [createVolume, getVolume] = [wire.send(Calls.createNetworkVolume), wire.askWithBody(Calls.getNetworkVolume)]
  const [listVolumes, deleteVolume] = [
    wire.askWithBody(Listing.calls.networkVolumes),
    wire.ask(Calls.deleteNetworkVolume)
  ]
  const [createTemplate, getTemplate] = [
    wire.send(Facts.calls.createTemplate),
    wire.askWithBody(Facts.calls.getTemplate)
  ]
  const [listTemplates, deleteTemplate] = [wire.askWithBody(Listing.calls.templates), wire.ask(Calls.deleteTemplate)]
  const [getEndpoint, listEndpoints] = [
    wire.askWithBody(Facts.calls.getEndpoint),
    wire.askWithBody(Listing.calls.endpoints)
  ]
  const deleteEndpoint = wire.ask(Calls.deleteEndpoint)

  /** The catalog of one cloud; RunPod reports availability for one cloud at a time. */
  const entriesOf = (cloud: "SECURE" | "COMMUNITY", call: Call) =>
    Effect.flatMap(
      listGpus({ query: { include: ["AVAILABILITY"], product: ["POD"], cloud } }, call),
      ({ value }) => gpusOf(value.gpus)
    )

  /** What is sold at all, without what is left of it. */
  const typesOf = (call: Call) =>
    listGpus({}, call).pipe(
      Effect.flatMap(({ value }) => gpusOf(value.gpus)),
      Effect.map((entries) => entries.map(({ entry }) => entry))
    )

  return Adapter.make({
    id,
    cloud,
    flags: [
      "network_volumes",
      "http_proxy",
      "raw_tcp",
      "symmetric_ports",
      "webhooks",
      "global_networking",
      "self_terminate"
    ],
    gpuNames,
    secretOpts: [...secret.texts, ...secret.records],
    requestOpts: requestOptsOf(wire),
    missing: apiKey.missing,
    settleWindow: options.settleWindow ?? "5 seconds",
    pollInterval: options.pollInterval ?? "5 seconds",
    // each is a connection of its own; RunPod's request limits pace them
    concurrency: 128,
    compute: {
      prepare: ({ env, name, request }, call) =>
        Effect.andThen(
          apiKey.forCall(call),
          Effect.flatMap(
            gpuCatalog,
            (catalog) => Effect.fromResult(podBody(request, { catalog, env, name }))
          )
        ),
      send: ({ name, prepared }, call) =>
        anyCloud((sent) => createPod(sent, call), typesOf(call))(prepared).pipe(
          Effect.catchTag(
            "Uncertain",
            ({ computeId, message, raw, saidNoCapacity, status }) =>
              Effect.fail(new Uncertain({ computeId, message, raw, saidNoCapacity, status, computeName: name }))
          ),
          Effect.flatMap((answer) => made(one(toCompute)(answer), name))
        ),
      get: (id, call) => Effect.flatMap(getPod({ id }, call), one(toCompute)),
      list: (_filter, call) =>
        Listing.all((query, call) =>
          Effect.flatMap(
            listPods({ query }, call),
            ({ value }) => page(Effect.sync(() => podsOf(value.pods)), value.pagination)
          )
        )(call),
      terminate: (id, call) => deletePod({ id }, call)
    },
    power: Power.make(wire),
    gpus: {
      list: (call) =>
        Effect.gen(function*() {
          const catalog = yield* gpuCatalog
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
          ({ value }) => volumesOf(value.networkVolumes)
        ),
      get: (id, call) => Effect.flatMap(getVolume({ id }, call), one(toVolume)),
      create: (request, call) =>
        Effect.fromResult(volumeBody(request)).pipe(
          Effect.flatMap((sent) => createVolume(sent, call)),
          Effect.flatMap((answer) => made(one(toVolume)(answer)))
        ),
      delete: (id, call) => deleteVolume({ id }, call)
    },
    templates: {
      list: Listing.all((query, call) =>
        Effect.flatMap(
          listTemplates({ query }, call),
          ({ value }) => page(templatesOf(value.templates), value.pagination)
        )
      ),
      get: (id, call) => Effect.flatMap(getTemplate({ id }, call), one(toTemplate)),
      create: (request, call) =>
        Effect.fromResult(templateBody(request)).pipe(
          Effect.flatMap((sent) => createTemplate(sent, call)),
          Effect.flatMap((answer) => made(one(toTemplate)(answer)))
        ),
      delete: (id, call) => deleteTemplate({ id }, call)
    },
    endpoints: {
      list: Listing.all((query, call) =>
        Effect.flatMap(
          listEndpoints({ query }, call),
          ({ value }) => page(endpointsOf(value.endpoints), value.pagination)
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
  })
}
