/** Which call a method and a path mean, and the route that answers it. */
import type * as Effect from "effect/Effect"
import { type OperationName, operations } from "../schema/operations.ts"
import * as Billing from "./billingRoutes.ts"
import * as Catalog from "./catalogRoutes.ts"
import * as Endpoints from "./endpointRoutes.ts"
import type { Input } from "./input.ts"
import * as Jobs from "./jobRoutes.ts"
import * as Logs from "./logRoutes.ts"
import * as Pods from "./podRoutes.ts"
import type { Immediate, Written } from "./reply.ts"
import * as Resources from "./resourceRoutes.ts"
import type { State } from "./state.ts"

export type Route = (state: State, input: Input) => Effect.Effect<Immediate, Written>

/** `createPod` is here for its name alone: it can be asked for duplicates, so the server calls it by itself. */
export const routes: Readonly<Record<OperationName, Route>> = {
  getSshKeys: Resources.getSshKeys,
  updateSshKeys: Resources.updateSshKeys,
  listPods: Pods.listPods,
  createPod: (state, input) => Pods.createPod(state, input, undefined),
  getPod: Pods.getPod,
  updatePod: Pods.updatePod,
  deletePod: Pods.deletePod,
  podAction: Pods.podAction,
  getPodLogs: Logs.getPodLogs,
  listEndpoints: Endpoints.listEndpoints,
  createEndpoint: Endpoints.createEndpoint,
  getEndpoint: Endpoints.getEndpoint,
  updateEndpoint: Endpoints.updateEndpoint,
  deleteEndpoint: Endpoints.deleteEndpoint,
  listEndpointWorkers: Endpoints.listEndpointWorkers,
  getWorkerLogs: Logs.getWorkerLogs,
  listEndpointReleases: Endpoints.listEndpointReleases,
  listTemplates: Resources.listTemplates,
  createTemplate: Resources.createTemplate,
  getTemplate: Resources.getTemplate,
  updateTemplate: Resources.updateTemplate,
  deleteTemplate: Resources.deleteTemplate,
  listNetworkVolumes: Resources.listNetworkVolumes,
  createNetworkVolume: Resources.createNetworkVolume,
  getNetworkVolume: Resources.getNetworkVolume,
  updateNetworkVolume: Resources.updateNetworkVolume,
  deleteNetworkVolume: Resources.deleteNetworkVolume,
  listRegistries: Resources.listRegistries,
  createRegistry: Resources.createRegistry,
  getRegistry: Resources.getRegistry,
  deleteRegistry: Resources.deleteRegistry,
  listGpuTypes: Catalog.listGpuTypes,
  getGpuType: Catalog.getGpuType,
  listCpuTypes: Catalog.listCpuTypes,
  getCpuType: Catalog.getCpuType,
  listDataCenters: Catalog.listDataCenters,
  getDataCenter: Catalog.getDataCenter,
  listPublicTemplates: Catalog.listPublicTemplates,
  listBilling: Billing.listBilling,
  listPodBilling: Billing.listPodBilling,
  listServerlessBilling: Billing.listServerlessBilling,
  listEndpointBilling: Billing.listEndpointBilling,
  listNetworkVolumeBilling: Billing.listNetworkVolumeBilling,
  listClusterBilling: Billing.listClusterBilling,
  run: Jobs.run,
  runSync: Jobs.runSync,
  getJob: Jobs.getJob,
  streamJob: Jobs.streamJob,
  cancelJob: Jobs.cancelJob,
  retryJob: Jobs.retryJob,
  purgeQueue: Jobs.purgeQueue,
  health: Jobs.health,
  listJobs: Jobs.listJobs
}

export type Plane = "management" | "runtime"

interface Pattern {
  readonly operation: OperationName
  readonly plane: Plane
  readonly method: string
  readonly segments: ReadonlyArray<string>
}

const patterns: ReadonlyArray<Pattern> = Object.entries(operations).map(([name, { method, path, plane }]) => ({
  // the boundary to Object.entries, which forgets the names of its keys
  operation: name as OperationName,
  plane,
  method,
  segments: path.slice(1).split("/")
}))

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const paramsOf = (pattern: Pattern, segments: ReadonlyArray<string>): Readonly<Record<string, string>> | undefined => {
  if (pattern.segments.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.segments.entries()) {
    const given = segments[index] ?? ""
    if (part.startsWith("{")) params[part.slice(1, -1)] = decoded(given)
    else if (part !== given) return undefined
  }
  return params
}

export interface Match {
  readonly plane: Plane
  /** Null where another method would do. */
  readonly operation: OperationName | null
  readonly params: Readonly<Record<string, string>>
  readonly allow: ReadonlyArray<string>
}

/** The call of a path behind `/v2`; management paths first, since no endpoint is called like one. */
export const match = (planes: ReadonlyArray<Plane>, method: string, path: string): Match | undefined => {
  const segments = path.slice(1).split("/")
  const fitting = patterns.flatMap((pattern) => {
    const params = planes.includes(pattern.plane) ? paramsOf(pattern, segments) : undefined
    return params === undefined ? [] : [{ pattern, params }]
  })
  const [first] = fitting
  if (first === undefined) return undefined
  const right = fitting.find(({ pattern }) => pattern.method === method)
  return {
    plane: (right ?? first).pattern.plane,
    operation: right?.pattern.operation ?? null,
    params: (right ?? first).params,
    allow: fitting.map(({ pattern }) => pattern.method)
  }
}
