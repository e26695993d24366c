/**
 * Every call RunPod's two APIs offer here, as data: the client sends from it and the fake answers from it.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as Billing from "./billing.ts"
import * as Catalog from "./catalog.ts"
import * as Pods from "./pods.ts"
import * as Resources from "./resources.ts"
import * as Runtime from "./runtime.ts"
import * as Serverless from "./serverless.ts"
import * as Wire from "./wire.ts"

/**
 * The shape of a body, a query or an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape = Schema.Constraint & { readonly DecodingServices: never }

/**
 * One call. `management` paths stand behind `https://api.runpod.io/v2`, `runtime` paths behind `https://api.runpod.ai/v2`.
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

const read = <const Path extends string, Success extends Shape>(path: Path, success: Success) =>
  ({ plane: "management", class: "read", method: "GET", path, success, status: [200] }) as const

const readWith = <const Path extends string, Success extends Shape, Query extends Shape>(
  path: Path,
  success: Success,
  query: Query
) => ({ ...read(path, success), query }) as const

const create = <const Path extends string, Request extends Shape, Success extends Shape>(
  path: Path,
  request: Request,
  success: Success
) => ({ plane: "management", class: "create", method: "POST", path, request, success, status: [201] }) as const

const change = <const Path extends string, Request extends Shape, Success extends Shape>(
  method: "PATCH" | "PUT",
  path: Path,
  request: Request,
  success: Success
) => ({ plane: "management", class: "idempotent", method, path, request, success, status: [200] }) as const

const remove = <const Path extends string>(path: Path) =>
  ({ plane: "management", class: "idempotent", method: "DELETE", path, status: [204] }) as const

const logs = <const Path extends string>(path: Path) =>
  ({ ...readWith(path, Wire.LogEvent, Wire.LogQuery), sse: true }) as const

const submit = <const Path extends string, Success extends Shape>(path: Path, success: Success) =>
  ({
    plane: "runtime",
    class: "create",
    method: "POST",
    path,
    request: Runtime.RunRequest,
    success,
    status: [200]
  }) as const

const ask = <
  const Class extends Operation["class"],
  const Method extends "GET" | "POST",
  const Path extends string,
  Success extends Shape
>(
  callClass: Class,
  method: Method,
  path: Path,
  success: Success
) => ({ plane: "runtime", class: callClass, method, path, success, status: [200] }) as const

/**
 * All calls, by the operation ids of RunPod's document; the runtime's are named after their paths.
 *
 * **Gotchas**
 *
 * `podAction` with `terminate` answers 204 without a body, with the others 200 and the pod. An answer of `streamJob` that is
 * lost takes what it held with it. `retryJob` starts paid work again, so it counts as a create.
 *
 * @category operations
 * @since 0.1.0
 */
export const operations = {
  getSshKeys: read("/account/ssh-keys", Resources.SshKeys),
  updateSshKeys: change("PUT", "/account/ssh-keys", Resources.UpdateSshKeysRequest, Resources.SshKeys),

  listPods: readWith("/pods", Pods.PodList, Pods.ListPodsQuery),
  createPod: create("/pods", Pods.CreatePodRequest, Pods.Pod),
  getPod: read("/pods/{id}", Pods.Pod),
  updatePod: change("PATCH", "/pods/{id}", Pods.UpdatePodRequest, Pods.Pod),
  deletePod: remove("/pods/{id}"),
  podAction: {
    plane: "management",
    class: "idempotent",
    method: "POST",
    path: "/pods/{id}/action",
    request: Pods.PodActionRequest,
    success: Pods.Pod,
    status: [200, 204]
  },
  getPodLogs: logs("/pods/{id}/logs"),

  listEndpoints: readWith("/serverless", Serverless.EndpointList, Serverless.PageQuery),
  createEndpoint: create("/serverless", Serverless.CreateEndpointRequest, Serverless.Endpoint),
  getEndpoint: read("/serverless/{id}", Serverless.Endpoint),
  updateEndpoint: change("PATCH", "/serverless/{id}", Serverless.UpdateEndpointRequest, Serverless.Endpoint),
  deleteEndpoint: remove("/serverless/{id}"),
  listEndpointWorkers: read("/serverless/{id}/workers", Serverless.WorkerList),
  getWorkerLogs: logs("/serverless/{id}/workers/{workerId}/logs"),
  listEndpointReleases: readWith("/serverless/{id}/releases", Serverless.ReleaseList, Serverless.PageQuery),

  listTemplates: readWith("/templates", Resources.TemplateList, Serverless.PageQuery),
  createTemplate: create("/templates", Resources.CreateTemplateRequest, Resources.Template),
  getTemplate: read("/templates/{id}", Resources.Template),
  updateTemplate: change("PATCH", "/templates/{id}", Resources.UpdateTemplateRequest, Resources.Template),
  deleteTemplate: remove("/templates/{id}"),

  listNetworkVolumes: read("/network-volumes", Resources.NetworkVolumeList),
  createNetworkVolume: create("/network-volumes", Resources.CreateNetworkVolumeRequest, Resources.NetworkVolume),
  getNetworkVolume: read("/network-volumes/{id}", Resources.NetworkVolume),
  updateNetworkVolume: change(
    "PATCH",
    "/network-volumes/{id}",
    Resources.UpdateNetworkVolumeRequest,
    Resources.NetworkVolume
  ),
  deleteNetworkVolume: remove("/network-volumes/{id}"),

  listRegistries: read("/registries", Resources.RegistryList),
  createRegistry: create("/registries", Resources.CreateRegistryRequest, Resources.Registry),
  getRegistry: read("/registries/{id}", Resources.Registry),
  deleteRegistry: remove("/registries/{id}"),

  listGpuTypes: readWith("/catalog/gpus", Catalog.GpuTypeList, Catalog.GpuTypeQuery),
  getGpuType: readWith("/catalog/gpus/{id}", Catalog.GpuType, Catalog.GpuTypeQuery),
  listCpuTypes: readWith("/catalog/cpus", Catalog.CpuTypeList, Catalog.CpuTypeQuery),
  getCpuType: readWith("/catalog/cpus/{id}", Catalog.CpuType, Catalog.CpuTypeQuery),
  listDataCenters: readWith("/catalog/datacenters", Catalog.DataCenterList, Catalog.DataCenterListQuery),
  getDataCenter: readWith("/catalog/datacenters/{id}", Catalog.DataCenter, Catalog.DataCenterQuery),
  listPublicTemplates: readWith("/catalog/templates", Catalog.PublicTemplateList, Catalog.PublicTemplateQuery),

  listBilling: readWith("/billing", Billing.BillingList, Billing.BillingQuery),
  listPodBilling: readWith("/billing/pods", Billing.PodBillingList, Billing.PodBillingQuery),
  listServerlessBilling: readWith("/billing/serverless", Billing.ServerlessBillingList, Billing.ServerlessBillingQuery),
  listEndpointBilling: readWith("/billing/endpoints", Billing.EndpointBillingList, Billing.BillingQuery),
  listNetworkVolumeBilling: readWith(
    "/billing/network-volumes",
    Billing.NetworkVolumeBillingList,
    Billing.NetworkVolumeBillingQuery
  ),
  listClusterBilling: readWith("/billing/clusters", Billing.ClusterBillingList, Billing.ClusterBillingQuery),

  run: submit("/{endpointId}/run", Runtime.JobAnswer),
  runSync: { ...submit("/{endpointId}/runsync", Runtime.JobAnswer), query: Runtime.RunSyncQuery },
  getJob: { ...ask("read", "GET", "/{endpointId}/status/{jobId}", Runtime.JobAnswer), query: Runtime.StatusQuery },
  streamJob: {
    ...ask("read", "GET", "/{endpointId}/stream/{jobId}", Runtime.StreamAnswer),
    query: Runtime.StreamQuery
  },
  cancelJob: ask("idempotent", "POST", "/{endpointId}/cancel/{jobId}", Runtime.JobAnswer),
  retryJob: ask("create", "POST", "/{endpointId}/retry/{jobId}", Runtime.JobAnswer),
  purgeQueue: ask("idempotent", "POST", "/{endpointId}/purge-queue", Runtime.PurgeAnswer),
  health: ask("read", "GET", "/{endpointId}/health", Runtime.Health),
  listJobs: ask("read", "GET", "/{endpointId}/requests", Runtime.RequestsAnswer)
} as const satisfies Readonly<Record<string, Operation>>

/**
 * @category operations
 * @since 0.1.0
 */
export type Operations = typeof operations

/**
 * The name of a call.
 *
 * @category operations
 * @since 0.1.0
 */
export type OperationName = keyof Operations
