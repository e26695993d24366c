/**
 * Every call RunPod's two APIs offer here, as data: the client sends from it and the fake answers from it.
 *
 * @since 0.1.0
 */
import * as Billing from "./billing.ts"
import {
  cancelJob,
  createNetworkVolume,
  createPod,
  createTemplate,
  deleteEndpoint,
  deleteNetworkVolume,
  deletePod,
  deleteTemplate,
  getEndpoint,
  getJob,
  getNetworkVolume,
  getPod,
  getPodLogs,
  getTemplate,
  listEndpoints,
  listGpuTypes,
  listNetworkVolumes,
  listPodBilling,
  listPods,
  listTemplates,
  podAction,
  run,
  runSync,
  streamJob
} from "./calls.ts"
import * as Catalog from "./catalog.ts"
import { ask, change, create, logs, type Operation, read, readWith, remove } from "./operation.ts"
import * as Pods from "./pods.ts"
import * as Resources from "./resources.ts"
import * as Runtime from "./runtime.ts"
import * as Serverless from "./serverless.ts"

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
  getSshKeys: read("getSshKeys", "/account/ssh-keys", Resources.SshKeys),
  updateSshKeys: change("updateSshKeys", "PUT", "/account/ssh-keys", Resources.UpdateSshKeysRequest, Resources.SshKeys),

  listPods,
  createPod,
  getPod,
  updatePod: change("updatePod", "PATCH", "/pods/{id}", Pods.UpdatePodRequest, Pods.Pod),
  deletePod,
  podAction,
  getPodLogs,

  listEndpoints,
  createEndpoint: create("createEndpoint", "/serverless", Serverless.CreateEndpointRequest, Serverless.Endpoint),
  getEndpoint,
  updateEndpoint: change(
    "updateEndpoint",
    "PATCH",
    "/serverless/{id}",
    Serverless.UpdateEndpointRequest,
    Serverless.Endpoint
  ),
  deleteEndpoint,
  listEndpointWorkers: read("listEndpointWorkers", "/serverless/{id}/workers", Serverless.WorkerList),
  getWorkerLogs: logs("getWorkerLogs", "/serverless/{id}/workers/{workerId}/logs"),
  listEndpointReleases: readWith(
    "listEndpointReleases",
    "/serverless/{id}/releases",
    Serverless.ReleaseList,
    Serverless.PageQuery
  ),

  listTemplates,
  createTemplate,
  getTemplate,
  updateTemplate: change(
    "updateTemplate",
    "PATCH",
    "/templates/{id}",
    Resources.UpdateTemplateRequest,
    Resources.Template
  ),
  deleteTemplate,

  listNetworkVolumes,
  createNetworkVolume,
  getNetworkVolume,
  updateNetworkVolume: change(
    "updateNetworkVolume",
    "PATCH",
    "/network-volumes/{id}",
    Resources.UpdateNetworkVolumeRequest,
    Resources.NetworkVolume
  ),
  deleteNetworkVolume,

  listRegistries: read("listRegistries", "/registries", Resources.RegistryList),
  createRegistry: create("createRegistry", "/registries", Resources.CreateRegistryRequest, Resources.Registry),
  getRegistry: read("getRegistry", "/registries/{id}", Resources.Registry),
  deleteRegistry: remove("deleteRegistry", "/registries/{id}"),

  listGpuTypes,
  getGpuType: readWith("getGpuType", "/catalog/gpus/{id}", Catalog.GpuType, Catalog.GpuTypeQuery),
  listCpuTypes: readWith("listCpuTypes", "/catalog/cpus", Catalog.CpuTypeList, Catalog.CpuTypeQuery),
  getCpuType: readWith("getCpuType", "/catalog/cpus/{id}", Catalog.CpuType, Catalog.CpuTypeQuery),
  listDataCenters: readWith(
    "listDataCenters",
    "/catalog/datacenters",
    Catalog.DataCenterList,
    Catalog.DataCenterListQuery
  ),
  getDataCenter: readWith("getDataCenter", "/catalog/datacenters/{id}", Catalog.DataCenter, Catalog.DataCenterQuery),
  listPublicTemplates: readWith(
    "listPublicTemplates",
    "/catalog/templates",
    Catalog.PublicTemplateList,
    Catalog.PublicTemplateQuery
  ),

  listBilling: readWith("listBilling", "/billing", Billing.BillingList, Billing.BillingQuery),
  listPodBilling,
  listServerlessBilling: readWith(
    "listServerlessBilling",
    "/billing/serverless",
    Billing.ServerlessBillingList,
    Billing.ServerlessBillingQuery
  ),
  listEndpointBilling: readWith(
    "listEndpointBilling",
    "/billing/endpoints",
    Billing.EndpointBillingList,
    Billing.BillingQuery
  ),
  listNetworkVolumeBilling: readWith(
    "listNetworkVolumeBilling",
    "/billing/network-volumes",
    Billing.NetworkVolumeBillingList,
    Billing.NetworkVolumeBillingQuery
  ),
  listClusterBilling: readWith(
    "listClusterBilling",
    "/billing/clusters",
    Billing.ClusterBillingList,
    Billing.ClusterBillingQuery
  ),

  run,
  runSync,
  getJob,
  streamJob,
  cancelJob,
  retryJob: ask("retryJob", "create", "POST", "/{endpointId}/retry/{jobId}", Runtime.JobAnswer),
  purgeQueue: ask("purgeQueue", "idempotent", "POST", "/{endpointId}/purge-queue", Runtime.PurgeAnswer),
  health: ask("health", "read", "GET", "/{endpointId}/health", Runtime.Health),
  listJobs: ask("listJobs", "read", "GET", "/{endpointId}/requests", Runtime.RequestsAnswer)
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
