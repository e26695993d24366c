/** The calls that Atlas's own words need: a program that speaks no others bundles no others. */
import * as Billing from "./billing.ts"
import * as Catalog from "./catalog.ts"
import { ask, create, logs, read, readWith, remove, submit } from "./operation.ts"
import * as Pods from "./pods.ts"
import * as Resources from "./resources.ts"
import * as Runtime from "./runtime.ts"
import * as Serverless from "./serverless.ts"

export const listPods = readWith("listPods", "/pods", Pods.PodList, Pods.ListPodsQuery)

export const createPod = create("createPod", "/pods", Pods.CreatePodRequest, Pods.Pod)

export const getPod = read("getPod", "/pods/{id}", Pods.Pod)

export const deletePod = remove("deletePod", "/pods/{id}")

export const podAction = {
  name: "podAction",
  plane: "management",
  class: "idempotent",
  method: "POST",
  path: "/pods/{id}/action",
  request: Pods.PodActionRequest,
  success: Pods.Pod,
  status: [200, 204]
} as const

export const getPodLogs = logs("getPodLogs", "/pods/{id}/logs")

export const listEndpoints = readWith("listEndpoints", "/serverless", Serverless.EndpointList, Serverless.PageQuery)

export const getEndpoint = read("getEndpoint", "/serverless/{id}", Serverless.Endpoint)

export const deleteEndpoint = remove("deleteEndpoint", "/serverless/{id}")

export const listTemplates = readWith("listTemplates", "/templates", Resources.TemplateList, Serverless.PageQuery)

export const createTemplate = create(
  "createTemplate",
  "/templates",
  Resources.CreateTemplateRequest,
  Resources.Template
)

export const getTemplate = read("getTemplate", "/templates/{id}", Resources.Template)

export const deleteTemplate = remove("deleteTemplate", "/templates/{id}")

export const listNetworkVolumes = read("listNetworkVolumes", "/network-volumes", Resources.NetworkVolumeList)

export const createNetworkVolume = create(
  "createNetworkVolume",
  "/network-volumes",
  Resources.CreateNetworkVolumeRequest,
  Resources.NetworkVolume
)

export const getNetworkVolume = read("getNetworkVolume", "/network-volumes/{id}", Resources.NetworkVolume)

export const deleteNetworkVolume = remove("deleteNetworkVolume", "/network-volumes/{id}")

export const listGpuTypes = readWith("listGpuTypes", "/catalog/gpus", Catalog.GpuTypeList, Catalog.GpuTypeQuery)

export const listPodBilling = readWith(
  "listPodBilling",
  "/billing/pods",
  Billing.PodBillingList,
  Billing.PodBillingQuery
)

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
