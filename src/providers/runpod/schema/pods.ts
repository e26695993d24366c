/**
 * Pods: containers on rented machines.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  containerAnswer,
  containerRequest,
  CudaVersion,
  Filled,
  maybe,
  Mounts,
  MountsAnswer,
  pageQuery,
  Pagination,
  whole
} from "./wire.ts"

/**
 * The states of a pod that are known; an answer may hold other words.
 *
 * @category models
 * @since 0.1.0
 */
export const PodStatus = /* @__PURE__ */ Schema.Literals([
  "PROVISIONING",
  "STARTING",
  "RUNNING",
  "EXITED",
  "ERROR",
  "TERMINATED"
])

/**
 * @category models
 * @since 0.1.0
 */
export type PodStatus = typeof PodStatus.Type

/**
 * What can be done to a pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodAction = Schema.Literals(["start", "stop", "restart", "terminate"])

/**
 * @category models
 * @since 0.1.0
 */
export type PodAction = typeof PodAction.Type

/**
 * RunPod's own data centers, or machines of third parties.
 *
 * @category models
 * @since 0.1.0
 */
export const CloudType = Schema.Literals(["SECURE", "COMMUNITY"])

/**
 * GPUs of a pod to be: one type, `count` of them. Send `count` always: without it a create was refused as out of stock.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateGpu = Schema.Struct({
  id: Schema.String,
  count: Schema.optionalKey(whole(1)),
  allowedCudaVersions: Schema.optionalKey(Schema.Array(CudaVersion)),
  minCudaVersion: Schema.optionalKey(CudaVersion),
  minRamPerGpu: Schema.optionalKey(whole(1)),
  minVcpuCountPerGpu: Schema.optionalKey(whole(1))
})

/**
 * A CPU flavor and how many vCPUs of it, a power of two.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateCpu = Schema.Struct({ id: Filled, vcpuCount: whole(2) })

/**
 * The body of a create: `name`, one of `gpu` and `cpu`, and an `image` or a `templateId`.
 *
 * @category models
 * @since 0.1.0
 */
export const CreatePodRequest = Schema.Struct({
  ...containerRequest,
  name: Filled,
  templateId: Schema.optionalKey(Filled),
  gpu: Schema.optionalKey(CreateGpu),
  cpu: Schema.optionalKey(CreateCpu),
  cloud: Schema.optionalKey(CloudType),
  dataCenterIds: Schema.optionalKey(Schema.Array(Schema.String)),
  mounts: Schema.optionalKey(Mounts),
  globalNetworking: Schema.optionalKey(Schema.Boolean),
  startSsh: Schema.optionalKey(Schema.Boolean),
  startJupyter: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreatePodRequest = typeof CreatePodRequest.Type

/**
 * The body of an action on a pod.
 *
 * @category models
 * @since 0.1.0
 */
export const PodActionRequest = Schema.Struct({ action: PodAction })

/**
 * @category models
 * @since 0.1.0
 */
export type PodActionRequest = typeof PodActionRequest.Type

/**
 * Query of the list of pods; names it does not know are ignored by RunPod, so there is no filter.
 *
 * @category models
 * @since 0.1.0
 */
export const ListPodsQuery = Schema.Struct({ ...pageQuery, includeClusterPods: Schema.optionalKey(Schema.Boolean) })

const SshEndpoint = Schema.Struct({
  host: maybe(Schema.String),
  port: maybe(Schema.Finite),
  username: maybe(Schema.String),
  command: maybe(Schema.String)
})

/**
 * A port as it is reached from outside; RunPod lists TCP ports here, HTTP ports go through its proxy.
 *
 * @category models
 * @since 0.1.0
 */
export const RuntimePort = Schema.Struct({
  private: maybe(Schema.Finite),
  public: maybe(Schema.NullOr(Schema.Finite)),
  type: maybe(Schema.String),
  ip: maybe(Schema.NullOr(Schema.String))
})

/**
 * What a running pod does; all of it may be missing.
 *
 * @category models
 * @since 0.1.0
 */
export const PodRuntime = Schema.Struct({
  uptime: maybe(Schema.Finite),
  gpus: maybe(Schema.Array(Schema.Struct({ util: maybe(Schema.Finite), memoryUtil: maybe(Schema.Finite) }))),
  cpu: maybe(Schema.Struct({ util: maybe(Schema.Finite) })),
  memory: maybe(Schema.Struct({ util: maybe(Schema.Finite) })),
  ports: maybe(Schema.Array(RuntimePort))
})

/**
 * A pod's place in a cluster. `rank` is null until it is assigned, 0 that of the entry node; `role` is a word such as
 * `SLURM_CONTROLLER` or `RAY_WORKER`, and missing where the cluster gives no roles; `ip` is its address in the cluster's network.
 *
 * @category models
 * @since 0.1.0
 */
export const PodCluster = Schema.Struct({
  id: maybe(Schema.String),
  rank: maybe(Schema.NullOr(Schema.Finite)),
  role: maybe(Schema.String),
  ip: maybe(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type PodCluster = typeof PodCluster.Type

/**
 * A pod as RunPod reports it. `cost` is US dollars per hour now, 0 while stopped although the disk is billed. `env`
 * holds plain secrets: never log a pod.
 *
 * @category models
 * @since 0.1.0
 */
export const Pod = Schema.Struct({
  ...containerAnswer,
  id: Schema.String,
  name: maybe(Schema.String),
  status: maybe(Schema.String),
  actions: maybe(Schema.Array(Schema.String)),
  mounts: maybe(MountsAnswer),
  gpu: maybe(Schema.Struct({
    id: maybe(Schema.String),
    count: maybe(Schema.Finite),
    vcpuCount: maybe(Schema.Finite),
    memory: maybe(Schema.Finite)
  })),
  cpu: maybe(Schema.Struct({
    id: maybe(Schema.String),
    vcpuCount: maybe(Schema.Finite),
    memory: maybe(Schema.Finite)
  })),
  cloud: maybe(Schema.String),
  dataCenterId: maybe(Schema.NullOr(Schema.String)),
  cudaVersion: maybe(Schema.NullOr(Schema.String)),
  ssh: maybe(Schema.Struct({
    proxy: maybe(Schema.NullOr(SshEndpoint)),
    direct: maybe(Schema.NullOr(SshEndpoint))
  })),
  cluster: maybe(PodCluster),
  template: maybe(Schema.NullOr(Schema.String)),
  cost: maybe(Schema.Finite),
  locked: maybe(Schema.Boolean),
  globalNetworking: maybe(Schema.Struct({
    enabled: maybe(Schema.Boolean),
    ip: maybe(Schema.String),
    internalDns: maybe(Schema.String)
  })),
  runtime: maybe(Schema.NullOr(PodRuntime)),
  createdAt: maybe(Schema.String),
  startedAt: maybe(Schema.NullOr(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Pod = typeof Pod.Type

/**
 * One page of pods; a page may be short, only `pagination` says whether there is more.
 *
 * @category models
 * @since 0.1.0
 */
export const PodList = Schema.Struct({ pods: Schema.Array(Pod), pagination: Pagination })
