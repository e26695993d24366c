/**
 * How a call is described, and the calls that the provider makes: a program without the native client bundles no others. Those
 * of whose answers the provider reads a part are functions of what is read.
 */
import type * as Schema from "effect/Schema"
import * as Billing from "./billing.ts"
import * as Catalog from "./catalog.ts"
import * as Pods from "./pods.ts"
import * as Registries from "./registries.ts"
import * as Resources from "./resources.ts"
import * as Runtime from "./runtime.ts"
import * as Wire from "./wire.ts"

/**
 * The shape of a body, a query or an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape = Schema.Constraint & { readonly DecodingServices: never }

/**
 * One call, under its `name`. `management` paths follow `https://api.runpod.io/v2`, `runtime` paths `https://api.runpod.ai/v2`.
 *
 * **Details**
 *
 * `class` says whether it may be sent twice. `query` lists are sent joined by commas. `status` are its successes; one
 * without `success` has no body. `sse` answers with server-sent events, each `data` of the shape `success`, and does
 * not end by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Operation {
  readonly name: string
  readonly plane: "management" | "runtime"
  readonly class: "read" | "create" | "idempotent"
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  readonly query?: Shape
  readonly request?: Shape
  readonly success?: Shape
  readonly status: ReadonlyArray<number>
  readonly sse?: true
}

/** A read without a query. */
export const read = <const Path extends string, Success extends Shape>(name: string, path: Path, success: Success) =>
  ({ name, plane: "management", class: "read", method: "GET", path, success, status: [200] }) as const

/** A read with a query. */
export const readWith = <const Path extends string, Success extends Shape, Query extends Shape>(
  name: string,
  path: Path,
  success: Success,
  query: Query
) => ({ ...read(name, path, success), query }) as const

/** A create: sent once. */
export const create = <const Path extends string, Request extends Shape, Success extends Shape>(
  name: string,
  path: Path,
  request: Request,
  success: Success
) => ({ name, plane: "management", class: "create", method: "POST", path, request, success, status: [201] }) as const

/** A change that may be sent again. */
export const change = <const Path extends string, Request extends Shape, Success extends Shape>(
  name: string,
  method: "PATCH" | "PUT",
  path: Path,
  request: Request,
  success: Success
) => ({ name, plane: "management", class: "idempotent", method, path, request, success, status: [200] }) as const

/** A removal, which answers nothing. */
export const remove = <const Path extends string>(name: string, path: Path) =>
  ({ name, plane: "management", class: "idempotent", method: "DELETE", path, status: [204] }) as const

/** A log, which goes on until its reader leaves. */
export const logs = <const Path extends string>(name: string, path: Path) =>
  ({ ...readWith(name, path, Wire.LogEvent, Wire.LogQuery), sse: true }) as const

/** A submit of a job: sent once. */
export const submit = <const Path extends string, Success extends Shape>(name: string, path: Path, success: Success) =>
  ({
    name,
    plane: "runtime",
    class: "create",
    method: "POST",
    path,
    request: Runtime.RunRequest,
    success,
    status: [200]
  }) as const

/** Any other call of the runtime. */
export const ask = <
  const Class extends Operation["class"],
  const Method extends "GET" | "POST",
  const Path extends string,
  Success extends Shape
>(
  name: string,
  callClass: Class,
  method: Method,
  path: Path,
  success: Success
) => ({ name, plane: "runtime", class: callClass, method, path, success, status: [200] }) as const

export const listPods = <Read extends Shape>(pods: Read) => readWith("listPods", "/pods", pods, Pods.ListPodsQuery)

export const createPod = <Read extends Shape>(pod: Read) => create("createPod", "/pods", Pods.CreatePodRequest, pod)

export const getPod = <Read extends Shape>(pod: Read) => read("getPod", "/pods/{id}", pod)

export const deletePod = remove("deletePod", "/pods/{id}")

export const podAction = <Read extends Shape>(pod: Read) =>
  ({
    name: "podAction",
    plane: "management",
    class: "idempotent",
    method: "POST",
    path: "/pods/{id}/action",
    request: Pods.PodActionRequest,
    success: pod,
    status: [200, 204]
  }) as const

export const getPodLogs = logs("getPodLogs", "/pods/{id}/logs")

export const listEndpoints = <Read extends Shape>(endpoints: Read) =>
  readWith("listEndpoints", "/serverless", endpoints, Wire.PageQuery)

export const getEndpoint = <Read extends Shape>(endpoint: Read) => read("getEndpoint", "/serverless/{id}", endpoint)

export const deleteEndpoint = remove("deleteEndpoint", "/serverless/{id}")

export const listTemplates = <Read extends Shape>(templates: Read) =>
  readWith("listTemplates", "/templates", templates, Wire.PageQuery)

export const createTemplate = <Read extends Shape>(template: Read) =>
  create("createTemplate", "/templates", Resources.CreateTemplateRequest, template)

export const getTemplate = <Read extends Shape>(template: Read) => read("getTemplate", "/templates/{id}", template)

export const deleteTemplate = remove("deleteTemplate", "/templates/{id}")

export const listNetworkVolumes = <Read extends Shape>(volumes: Read) =>
  read("listNetworkVolumes", "/network-volumes", volumes)

export const createNetworkVolume = create(
  "createNetworkVolume",
  "/network-volumes",
  Resources.CreateNetworkVolumeRequest,
  Resources.NetworkVolume
)

export const getNetworkVolume = read("getNetworkVolume", "/network-volumes/{id}", Resources.NetworkVolume)

export const deleteNetworkVolume = remove("deleteNetworkVolume", "/network-volumes/{id}")

export const listRegistries = read("listRegistries", "/registries", Registries.RegistryList)

export const listGpuTypes = <Read extends Shape>(types: Read) =>
  readWith("listGpuTypes", "/catalog/gpus", types, Catalog.GpuTypeQuery)

export const listPodBilling = <Read extends Shape>(bill: Read) =>
  readWith("listPodBilling", "/billing/pods", bill, Billing.PodBillingQuery)

export const run = submit("run", "/{endpointId}/run", Runtime.JobAnswer)

export const runSync = {
  ...submit("runSync", "/{endpointId}/runsync", Runtime.JobAnswer),
  query: Runtime.RunSyncQuery
} as const

export const getJob = {
  ...ask("getJob", "read", "GET", "/{endpointId}/status/{jobId}", Runtime.JobAnswer),
  query: Runtime.StatusQuery
} as const

export const streamJob = {
  ...ask("streamJob", "read", "GET", "/{endpointId}/stream/{jobId}", Runtime.StreamAnswer),
  query: Runtime.StreamQuery
} as const

export const cancelJob = ask("cancelJob", "idempotent", "POST", "/{endpointId}/cancel/{jobId}", Runtime.JobAnswer)
