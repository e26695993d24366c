/**
 * Pods as they are answered; a program without the native client reads a part of them, and bundles none of this.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { containerAnswer, MountsAnswer } from "./containerAnswers.ts"
import { maybe, Pagination } from "./wire.ts"

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
