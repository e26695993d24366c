/**
 * Every call of RunPod's two APIs as data: the native client sends by it, and the fake answers by it.
 *
 * @since 0.1.0
 */
import * as Bills from "./bills.ts"
import {
  ask,
  cancelJob,
  change,
  create,
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
  listRegistries,
  listTemplates,
  logs,
  type Operation,
  podAction,
  read,
  readWith,
  remove,
  run,
  runSync,
  streamJob
} from "./calls.ts"
import * as Catalog from "./catalog.ts"
import * as Changes from "./changes.ts"
import * as Credentials from "./credentials.ts"
import * as EndpointRequests from "./endpointRequests.ts"
import * as Endpoints from "./endpoints.ts"
import * as GpuTypes from "./gpuTypes.ts"
import * as Offers from "./offers.ts"
import * as PodAnswers from "./podAnswers.ts"
import * as Queue from "./queue.ts"
import * as Registries from "./registries.ts"
import * as ResourceLists from "./resourceLists.ts"
import * as Resources from "./resources.ts"
import * as Runtime from "./runtime.ts"
import * as Wire from "./wire.ts"
import * as Workers from "./workers.ts"

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
  getSshKeys: read("getSshKeys", "/account/ssh-keys", Credentials.SshKeys),
  updateSshKeys: change(
    "updateSshKeys",
    "PUT",
    "/account/ssh-keys",
    Credentials.UpdateSshKeysRequest,
    Credentials.SshKeys
  ),

  listPods: listPods(PodAnswers.PodList),
  createPod: createPod(PodAnswers.Pod),
  getPod: getPod(PodAnswers.Pod),
  updatePod: change("updatePod", "PATCH", "/pods/{id}", Changes.UpdatePodRequest, PodAnswers.Pod),
  deletePod,
  podAction: podAction(PodAnswers.Pod),
  getPodLogs,

  listEndpoints: listEndpoints(Endpoints.EndpointList),
  createEndpoint: create("createEndpoint", "/serverless", EndpointRequests.CreateEndpointRequest, Endpoints.Endpoint),
  getEndpoint: getEndpoint(Endpoints.Endpoint),
  updateEndpoint: change(
    "updateEndpoint",
    "PATCH",
    "/serverless/{id}",
    EndpointRequests.UpdateEndpointRequest,
    Endpoints.Endpoint
  ),
  deleteEndpoint,
  listEndpointWorkers: read("listEndpointWorkers", "/serverless/{id}/workers", Workers.WorkerList),
  getWorkerLogs: logs("getWorkerLogs", "/serverless/{id}/workers/{workerId}/logs"),
  listEndpointReleases: readWith(
    "listEndpointReleases",
    "/serverless/{id}/releases",
    Workers.ReleaseList,
    Wire.PageQuery
  ),

  listTemplates: listTemplates(ResourceLists.TemplateList),
  createTemplate: createTemplate(ResourceLists.Template),
  getTemplate: getTemplate(ResourceLists.Template),
  updateTemplate: change(
    "updateTemplate",
    "PATCH",
    "/templates/{id}",
    Changes.UpdateTemplateRequest,
    ResourceLists.Template
  ),
  deleteTemplate,

  listNetworkVolumes: listNetworkVolumes(ResourceLists.NetworkVolumeList),
  createNetworkVolume,
  getNetworkVolume,
  updateNetworkVolume: change(
    "updateNetworkVolume",
    "PATCH",
    "/network-volumes/{id}",
    Changes.UpdateNetworkVolumeRequest,
    Resources.NetworkVolume
  ),
  deleteNetworkVolume,

  listRegistries,
  createRegistry: create("createRegistry", "/registries", Credentials.CreateRegistryRequest, Registries.Registry),
  getRegistry: read("getRegistry", "/registries/{id}", Registries.Registry),
  deleteRegistry: remove("deleteRegistry", "/registries/{id}"),

  listGpuTypes: listGpuTypes(GpuTypes.GpuTypeList),
  getGpuType: readWith("getGpuType", "/catalog/gpus/{id}", GpuTypes.GpuType, Catalog.GpuTypeQuery),
  listCpuTypes: readWith("listCpuTypes", "/catalog/cpus", Offers.CpuTypeList, Offers.CpuTypeQuery),
  getCpuType: readWith("getCpuType", "/catalog/cpus/{id}", Offers.CpuType, Offers.CpuTypeQuery),
  listDataCenters: readWith(
    "listDataCenters",
    "/catalog/datacenters",
    Offers.DataCenterList,
    Offers.DataCenterListQuery
  ),
  getDataCenter: readWith("getDataCenter", "/catalog/datacenters/{id}", Offers.DataCenter, Offers.DataCenterQuery),
  listPublicTemplates: readWith(
    "listPublicTemplates",
    "/catalog/templates",
    Offers.PublicTemplateList,
    Offers.PublicTemplateQuery
  ),

  listBilling: readWith("listBilling", "/billing", Bills.BillingList, Bills.BillingQuery),
  listPodBilling: listPodBilling(Bills.PodBillingList),
  listServerlessBilling: readWith(
    "listServerlessBilling",
    "/billing/serverless",
    Bills.ServerlessBillingList,
    Bills.ServerlessBillingQuery
  ),
  listEndpointBilling: readWith(
    "listEndpointBilling",
    "/billing/endpoints",
    Bills.EndpointBillingList,
    Bills.BillingQuery
  ),
  listNetworkVolumeBilling: readWith(
    "listNetworkVolumeBilling",
    "/billing/network-volumes",
    Bills.NetworkVolumeBillingList,
    Bills.NetworkVolumeBillingQuery
  ),
  listClusterBilling: readWith(
    "listClusterBilling",
    "/billing/clusters",
    Bills.ClusterBillingList,
    Bills.ClusterBillingQuery
  ),

  run,
  runSync,
  getJob,
  streamJob,
  cancelJob,
  retryJob: ask("retryJob", "create", "POST", "/{endpointId}/retry/{jobId}", Runtime.JobAnswer),
  purgeQueue: ask("purgeQueue", "idempotent", "POST", "/{endpointId}/purge-queue", Queue.PurgeAnswer),
  health: ask("health", "read", "GET", "/{endpointId}/health", Queue.Health),
  listJobs: ask("listJobs", "read", "GET", "/{endpointId}/requests", Queue.RequestsAnswer)
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
