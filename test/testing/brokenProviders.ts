/**
 * For every promise of a provider, one that breaks it: the mock with a part of it spoilt.
 */
import { AtlasError, Compute, ComputeRequest, Gpu, Ids, Provider, Resources } from "effect-atlas"
import * as Adapter from "effect-atlas/provider/Adapter"
import type * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { bearerOf } from "../support/secrets.ts"

export const reasonOf = <A, R>(self: Effect.Effect<A, AtlasError.AtlasError, R>) =>
  Effect.mapError(self, (error) => error.reason)

export type Mock = Effect.Success<ReturnType<typeof MockProvider.make>>

/** The mock, written as an adapter again so that a test can spoil a part of it. */
export const adapterOver = ({ provider }: Mock) =>
  Adapter.make({
    id: "mock",
    settleWindow: provider.settleWindow,
    compute: {
      prepare: ({ request, stamp }) =>
        Effect.map(reasonOf(provider.compute.prepare(request, { stamp })), ({ prepared }) => prepared),
      send: (prepared) =>
        Effect.map(reasonOf(provider.compute.rent(prepared)), (made) => new Compute.Compute({ ...made, auth: null })),
      get: (id) => reasonOf(provider.compute.get(id)),
      list: () => reasonOf(provider.compute.list()),
      terminate: (id) => reasonOf(provider.compute.terminate(id))
    },
    power: { stop: (id) => reasonOf(provider.power.stop(id)), start: (id) => reasonOf(provider.power.start(id)) },
    gpus: { list: () => reasonOf(provider.gpus.list()) },
    logs: {
      stream: (id, options) => Stream.mapError(provider.logs.stream(id, options), (error) => error.reason)
    }
  })

export type Whole = ReturnType<typeof adapterOver>

/** The same with the resources that the mock has besides computes. */
export const resourcesOver = (adapter: Whole, { provider }: Mock) =>
  Adapter.make({
    ...adapter,
    jobs: {
      submit: (request) => reasonOf(provider.jobs.submit(request)),
      get: (job) => reasonOf(provider.jobs.get(job)),
      cancel: (job) => reasonOf(provider.jobs.cancel(job)),
      chunk: (job) => reasonOf(provider.jobs.chunk(job))
    },
    volumes: {
      list: () => reasonOf(provider.volumes.list()),
      get: (id) => reasonOf(provider.volumes.get(id)),
      create: (request) => reasonOf(provider.volumes.create(request)),
      delete: (id) => reasonOf(provider.volumes.delete(id))
    },
    templates: {
      list: () => reasonOf(provider.templates.list()),
      get: (id) => reasonOf(provider.templates.get(id)),
      create: ({ image, name }) => reasonOf(provider.templates.create({ name, image })),
      delete: (id) => reasonOf(provider.templates.delete(id))
    },
    endpoints: {
      list: () => reasonOf(provider.endpoints.list()),
      get: (id) => reasonOf(provider.endpoints.get(id)),
      delete: (id) => reasonOf(provider.endpoints.delete(id))
    },
    billing: { spend: (id, window) => reasonOf(provider.billing.spend(id, window)) }
  })

/** A provider with all its facets, those it has and those that answer "unsupported". */
export const whole = <Prepared>(adapter: Adapter.Adapter<Prepared>): Provider.Service =>
  Provider.neutral(Provider.make(adapter))

export type Spoil = (adapter: Whole, mock: Mock) => Provider.Service

export const withCompute = (adapter: Whole, compute: Partial<Adapter.LookAdapter & Adapter.PreparedCreate<object>>) =>
  whole({ ...adapter, compute: { ...adapter.compute, ...compute } })

export const changed = (compute: Compute.Compute, fields: Partial<Compute.Compute>) =>
  new Compute.Compute({ ...compute, ...fields })

export const someAuth = bearerOf("short")

/** In words how the provider is broken, what breaks it, and the case that has to notice it. */
export const broken: ReadonlyArray<readonly [string, Spoil, string]> = [
  [
    "claims a capability that does not exist",
    (adapter) => ({ ...whole(adapter), capabilities: JSON.parse("[\"flying\"]") }),
    "its capabilities are a list of known names, each once"
  ],
  [
    "accepts a delete and does nothing",
    (adapter) => withCompute(adapter, { terminate: () => Effect.void }),
    "a compute can be rented, looked at and ended"
  ],
  [
    "accepts a delete and keeps the compute in its list",
    (adapter) =>
      withCompute(adapter, {
        list: () =>
          Effect.map(adapter.compute.list(), (all) =>
            all.map((one) => one.status === "terminated" ? changed(one, { status: "stopped" }) : one))
      }),
    "nothing is left after terminate: not found or terminated, in no list as live"
  ],
  [
    "rents under a name of its own",
    (adapter) =>
      withCompute(adapter, { send: (prepared) => adapter.compute.send({ ...prepared, name: "my-own-name" }) }),
    "its name is stamped, and the name filter finds it by the stamped name and by the name asked for"
  ],
  [
    "has a list without its newest compute",
    (adapter) => withCompute(adapter, { list: () => Effect.map(adapter.compute.list(), (all) => all.slice(1)) }),
    "the list honours the filters for status, region and gpu"
  ],
  [
    "answers a bearer token that is too short, with a wrong hash",
    (adapter) => {
      const made = whole(adapter)
      const rent: typeof made.compute.rent = (prepared, options) =>
        Effect.map(made.compute.rent(prepared, options), (rented) => changed(rented, { auth: someAuth }))
      return { ...made, compute: { ...made.compute, rent } }
    },
    "bearer auth answers a token of 32 characters or more, its header, and a hash that verifies it"
  ],
  [
    "answers no secret to sign with",
    (adapter) => {
      const made = whole(adapter)
      const rent: typeof made.compute.rent = (prepared, options) =>
        Effect.map(made.compute.rent(prepared, options), (rented) => changed(rented, { auth: null }))
      return { ...made, compute: { ...made.compute, rent } }
    },
    "signed_url auth answers a secret to sign with"
  ],
  [
    "answers the credential to every get",
    (adapter) =>
      withCompute(adapter, {
        get: (id) => Effect.map(adapter.compute.get(id), (one) => changed(one, { auth: someAuth }))
      }),
    "only the answer to a create carries the credential: get and list do not"
  ],
  [
    "does not filter its list",
    (adapter) => {
      const made = whole(adapter)
      return { ...made, compute: { ...made.compute, list: () => made.compute.list() } }
    },
    "the list honours the filters for status, region and gpu"
  ],
  [
    "ends what it has never had",
    (adapter) => withCompute(adapter, { terminate: (id) => Effect.ignore(adapter.compute.terminate(id)) }),
    "an unknown id is not found, by get and by terminate"
  ],
  [
    "asks its cloud for any id",
    (adapter, { provider }) => {
      const made = whole(adapter)
      const terminate = (id: string) => provider.compute.terminate(id === "" ? "x" : Ids.ComputeId.make("x"))
      return { ...made, compute: { ...made.compute, terminate } }
    },
    "a malformed id is refused as such"
  ],
  [
    "rents whatever GPU it has",
    (adapter) =>
      withCompute(adapter, {
        prepare: (input) =>
          adapter.compute.prepare({
            ...input,
            request: new ComputeRequest.ComputeRequest({ ...input.request, gpu: null })
          })
      }),
    "an unknown GPU is refused, and nothing is rented"
  ],
  [
    "lets the environment of the caller win",
    (adapter) => {
      const made = whole(adapter)
      const prepare: typeof made.compute.prepare = (request, options) =>
        made.compute.prepare({ ...request, env: {} }, options)
      return { ...made, compute: { ...made.compute, prepare } }
    },
    "an environment name that the library sets is refused, and nothing is rented"
  ],
  [
    "has no power and says that it has stopped",
    (adapter) => {
      const { power: _, ...rest } = adapter
      const stopped = () => Effect.void
      return { ...whole(rest), power: { stop: stopped, start: stopped } }
    },
    "stop and start are unsupported where there is no power"
  ],
  [
    "has no logs and answers none",
    (adapter) => {
      const { logs: _, ...rest } = adapter
      const made = whole(rest)
      return { ...made, logs: { ...made.logs, stream: () => Stream.empty } }
    },
    "logs are unsupported where there are none"
  ],
  [
    "has no GPU list and answers an empty one",
    (adapter) => {
      const { gpus: _, ...rest } = adapter
      return { ...whole(rest), gpus: { list: () => Effect.succeed([]) } }
    },
    "the GPU list is unsupported where there is none"
  ],
  [
    "forgets jobs it cannot have",
    (adapter) => {
      const made = whole(adapter)
      return { ...made, jobs: { ...made.jobs, cancel: () => Effect.void } }
    },
    "jobs are unsupported where there are none"
  ],
  [
    "has no volumes and answers none",
    (adapter) => {
      const made = whole(adapter)
      return { ...made, volumes: { ...made.volumes, list: () => Effect.succeed([]) } }
    },
    "network volumes cannot be managed where there is no way to"
  ],
  [
    "has no templates and answers none",
    (adapter) => {
      const made = whole(adapter)
      return { ...made, templates: { ...made.templates, list: () => Effect.succeed([]) } }
    },
    "templates cannot be managed where there is no way to"
  ],
  [
    "has no endpoints and deletes one",
    (adapter) => {
      const made = whole(adapter)
      return { ...made, endpoints: { ...made.endpoints, delete: () => Effect.void } }
    },
    "endpoints cannot be managed where there is no way to"
  ],
  [
    "does not find a bill it cannot have",
    (adapter) => {
      const made = whole(adapter)
      const nothing = new AtlasError.AtlasError({
        provider: made.id,
        operation: "computeSpend",
        reason: new AtlasError.NotFound({})
      })
      return { ...made, billing: { spend: () => Effect.fail(nothing) } }
    },
    "the bill is unsupported where there is none"
  ],
  [
    "accepts a stop and goes on",
    (adapter) => whole({ ...adapter, power: { ...adapter.power, stop: () => Effect.void } }),
    "stop stops it and start makes it run again, under the same id"
  ],
  [
    "starts what it has never had",
    (adapter) =>
      whole({ ...adapter, power: { ...adapter.power, start: (id) => Effect.ignore(adapter.power.start(id)) } }),
    "an unknown id is not found, by stop and by start"
  ],
  [
    "lists a GPU twice",
    (adapter) =>
      whole({ ...adapter, gpus: { list: () => Effect.map(adapter.gpus.list(), (all) => [...all, ...all]) } }),
    "the GPU list names its own provider, every id once, and only canonical names of the catalog"
  ],
  [
    "lists a GPU that it takes no request for",
    (adapter, { provider }) =>
      whole({
        ...adapter,
        gpus: {
          list: () => Effect.succeed([new Gpu.GpuType({ id: "other", provider: provider.id, displayName: "Other" })])
        }
      }),
    "the GPU list names its own provider, every id once, and only canonical names of the catalog"
  ],
  [
    "follows its logs unasked, for ever",
    (adapter) =>
      whole({ ...adapter, logs: { stream: (id) => Stream.concat(adapter.logs.stream(id, {}), Stream.never) } }),
    "reading logs without following comes to an end"
  ],
  [
    "follows its logs for ever",
    (adapter) =>
      whole({ ...adapter, logs: { stream: (id) => Stream.concat(adapter.logs.stream(id, {}), Stream.never) } }),
    "following logs ends when the compute has ended"
  ],
  [
    "has empty logs for every id",
    (adapter) =>
      whole({
        ...adapter,
        logs: {
          stream: (id, options) => Stream.catch(adapter.logs.stream(id, options), () => Stream.empty)
        }
      }),
    "the logs of an unknown id are not found"
  ],
  [
    "starts its logs over at every cursor",
    (adapter) =>
      whole({
        ...adapter,
        logs: { stream: (id, { after: _, ...options }) => adapter.logs.stream(id, options) }
      }),
    "logs come in order, and a cursor resumes right after its line"
  ],
  [
    "forgets its volumes in its list",
    (adapter, mock) => {
      const resources = resourcesOver(adapter, mock)
      return whole({ ...resources, volumes: { ...resources.volumes, list: () => Effect.succeed([]) } })
    },
    "a network volume is found by its id and in the list once it is made, and not once it is deleted"
  ],
  [
    "accepts the delete of a template and keeps it",
    (adapter, mock) => {
      const resources = resourcesOver(adapter, mock)
      return whole({ ...resources, templates: { ...resources.templates, delete: () => Effect.void } })
    },
    "a template is found by its id and in the list once it is made, and not once it is deleted"
  ],
  [
    "fails in another way for an unknown endpoint",
    (adapter, mock) => {
      const resources = resourcesOver(adapter, mock)
      const forbidden = Effect.fail(new AtlasError.Forbidden({}))
      return whole({ ...resources, endpoints: { ...resources.endpoints, get: () => forbidden } })
    },
    "an unknown endpoint is not found"
  ],
  [
    "bills another compute",
    (adapter, mock) => {
      const resources = resourcesOver(adapter, mock)
      return whole({
        ...resources,
        billing: {
          spend: (id, window) =>
            Effect.map(
              resources.billing.spend(id, window),
              (spend) => new Resources.Spend({ ...spend, computeId: Ids.ComputeId.make("mock-another") })
            )
        }
      })
    },
    "the bill of a compute is its own"
  ],
  [
    "makes up jobs that were never submitted",
    (adapter, mock) => {
      const resources = resourcesOver(adapter, mock)
      const running = { items: [], status: "in_queue", error: null } as const
      return whole({ ...resources, jobs: { ...resources.jobs, chunk: () => Effect.succeed(running) } })
    },
    "a job is known by its id from the moment it was submitted, and an unknown one is not found"
  ],
  [
    "keeps the environment in raw",
    (adapter) =>
      withCompute(adapter, {
        send: (prepared) =>
          Effect.map(adapter.compute.send(prepared), (made) => {
            const env = Object.entries(prepared.env).map(([name, value]) => `${name}=${Redacted.value(value)}`)
            return changed(made, { raw: { env } })
          })
      }),
    "no secret stands in raw, in anything printed, or in an error"
  ],
  [
    "repeats a create until it is answered",
    (adapter) =>
      withCompute(adapter, { send: (prepared) => Effect.retry(adapter.compute.send(prepared), { times: 3 }) }),
    "a create whose answer was lost is not repeated: what it made is found and used"
  ],
  [
    "repeats a create that the server has failed",
    (adapter) =>
      withCompute(adapter, { send: (prepared) => Effect.retry(adapter.compute.send(prepared), { times: 3 }) }),
    "a create that was answered with a server error is not repeated"
  ]
]
