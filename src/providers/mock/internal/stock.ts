/** What the mock has besides machines: network volumes, templates and serverless endpoints. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type AtlasErrorReason, NotFound } from "../../../domain/AtlasError.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import { Endpoint, NetworkVolume, Template } from "../../../domain/Resources.ts"
import type { EndpointsAdapter, TemplatesAdapter, VolumesAdapter } from "../../../provider/Adapter.ts"
import type { Operation } from "../MockControls.ts"
import type { Calls } from "./calls.ts"

/** One kind of resource, by id. */
const resourcesOf = <A extends { readonly id: string }>(calls: Calls, what: string, names: {
  readonly list: Operation
  readonly get: Operation
  readonly create: Operation
  readonly delete: Operation
}) => {
  const things = new Map<string, A>()
  const missing = (id: string): Result.Result<never, AtlasErrorReason> =>
    Result.fail(new NotFound({ message: `there is no ${what} ${id}` }))
  return {
    list: () => calls.make(names.list, {}, () => Result.succeed([...things.values()])),
    get: (id: string) =>
      calls.make(names.get, { id }, () => {
        const found = things.get(id)
        return found === undefined ? missing(id) : Result.succeed(found)
      }),
    put: (thing: A) =>
      calls.make(names.create, { id: thing.id }, () => {
        things.set(thing.id, thing)
        return Result.succeed(thing)
      }),
    delete: (id: string) =>
      calls.make(names.delete, { id }, () => things.delete(id) ? Result.succeed(undefined) : missing(id)),
    add: (thing: A): void => void things.set(thing.id, thing),
    clear: (): void => things.clear()
  }
}

export interface Stock {
  readonly volumes: VolumesAdapter
  readonly templates: TemplatesAdapter
  readonly endpoints: EndpointsAdapter
  readonly addEndpoint: (id: string, name: string | null) => void
  readonly reset: () => void
}

export const makeStock = (provider: ProviderId, calls: Calls, newId: Effect.Effect<string>): Stock => {
  const volumes = resourcesOf<NetworkVolume>(calls, "network volume", {
    list: "listNetworkVolumes",
    get: "getNetworkVolume",
    create: "createNetworkVolume",
    delete: "deleteNetworkVolume"
  })
  const templates = resourcesOf<Template>(calls, "template", {
    list: "listTemplates",
    get: "getTemplate",
    create: "createTemplate",
    delete: "deleteTemplate"
  })
  const endpoints = resourcesOf<Endpoint>(calls, "endpoint", {
    list: "listEndpoints",
    get: "getEndpoint",
    create: "getEndpoint",
    delete: "deleteEndpoint"
  })
  return {
    volumes: {
      list: volumes.list,
      get: volumes.get,
      delete: volumes.delete,
      create: ({ name, region, sizeGb }) =>
        Effect.flatMap(
          newId,
          (id) => volumes.put(new NetworkVolume({ id, provider, name, sizeGb, region, raw: { id, name } }))
        )
    },
    templates: {
      list: templates.list,
      get: templates.get,
      delete: templates.delete,
      create: ({ image, name, serverless }) =>
        Effect.flatMap(
          newId,
          (id) => templates.put(new Template({ id, provider, name, image, serverless, raw: { id, name } }))
        )
    },
    endpoints: { list: endpoints.list, get: endpoints.get, delete: endpoints.delete },
    addEndpoint: (id, name) =>
      endpoints.add(
        new Endpoint({
          id,
          provider,
          name,
          type: "queue",
          workersMin: 0,
          workersMax: 1,
          gpuPools: [],
          regionHints: [],
          networkVolumeIds: [],
          createdAt: null,
          raw: { id, name }
        })
      ),
    reset: () => {
      volumes.clear()
      templates.clear()
      endpoints.clear()
    }
  }
}
