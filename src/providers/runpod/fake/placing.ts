/** Where a new pod goes and what it costs, or RunPod's refusal where no machine is left. */
import * as Effect from "effect/Effect"
import type { CreatePodRequest } from "../schema/pods.ts"
import {
  type CloudName,
  cpus,
  cudaVersions,
  type DataCenter,
  dataCenters,
  type Gpu,
  maxCount,
  type Stock
} from "./catalogData.ts"
import { refuse, refuseIf, type Written } from "./reply.ts"
import type { State } from "./state.ts"

/** All were seen in live answers; none of them means that anything was made. */
export const noCapacity = [
  "There are no longer any instances available with the requested specifications. Please refresh and try again.",
  "There are no instances currently available.",
  "This machine does not have the resources to deploy your pod. Please try a different machine",
  "could not find any pods with required specifications",
  "There are no longer any instances available with enough disk space.",
  "create pod: There are no instances currently available"
] as const

/** What a start says when others have rented the GPUs of the pod's host meanwhile. */
export const hostFull = "There are not enough free GPUs on the host machine to start this pod."

const full = refuse(400, noCapacity[0])

/** The last rule that fits decides; plenty unless one does. */
export const stockOf = (state: State, gpu: string, cloud: CloudName, dataCenter: string | null): Stock =>
  state.stock.findLast((rule) =>
    rule.gpu === gpu && (rule.cloud === null || rule.cloud === cloud)
    && (rule.dataCenter === null || rule.dataCenter === dataCenter)
  )?.level ?? "HIGH"

const isAtLeast = (version: string, floor: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const [least = 0, lesser = 0] = floor.split(".").map(Number)
  return major > least || (major === least && minor >= lesser)
}

/** CUDA versions that fit, newest first. */
export const cudaOf = (
  gpu: Gpu,
  exact: ReadonlyArray<string> | null | undefined,
  floor: string | null | undefined
): ReadonlyArray<string> => {
  if (gpu.manufacturer !== "NVIDIA") return []
  if (exact !== null && exact !== undefined && exact.length > 0) {
    return cudaVersions.filter((one) => exact.includes(one))
  }
  return typeof floor === "string" ? cudaVersions.filter((one) => isAtLeast(one, floor)) : cudaVersions
}

export interface Placed {
  readonly cloud: CloudName
  readonly dataCenterId: string
  readonly cudaVersion: string | null
  readonly price: number
}

const placeGpu = (
  state: State,
  request: NonNullable<CreatePodRequest["gpu"]>,
  cloud: CloudName,
  centers: ReadonlyArray<DataCenter>
): Effect.Effect<Placed, Written> =>
  Effect.gen(function*() {
    const gpu = state.gpus.find(({ id }) => id === request.id)
    if (gpu === undefined) return yield* refuse(400, `gpu type ${JSON.stringify(request.id)} does not exist`)
    yield* refuseIf(state.forbidden.includes(gpu.id), 403, "access denied")
    const price = cloud === "SECURE" ? gpu.secure : gpu.community
    const most = cloud === "SECURE" ? maxCount.secure : maxCount.community
    // without a count creates failed so in live use
    if (request.count === undefined || price === 0 || request.count > most) return yield* full
    const [cudaVersion = null] = cudaOf(gpu, request.allowedCudaVersions, request.minCudaVersion)
    if (cudaVersion === null && gpu.manufacturer === "NVIDIA") return yield* full
    const center = centers.find(({ id }) => stockOf(state, gpu.id, cloud, id) !== "NONE")
    if (center === undefined) return yield* full
    return { cloud, dataCenterId: center.id, cudaVersion, price: Number((price * request.count).toFixed(6)) }
  })

const placeCpu = (
  request: NonNullable<CreatePodRequest["cpu"]>,
  cloud: CloudName,
  centers: ReadonlyArray<DataCenter>
): Effect.Effect<Placed, Written> =>
  Effect.gen(function*() {
    const flavor = cpus.find(({ id }) => id === request.id)
    if (flavor === undefined) return yield* refuse(400, `cpu flavor ${JSON.stringify(request.id)} does not exist`)
    const { vcpuCount } = request
    yield* refuseIf(
      !Number.isInteger(Math.log2(vcpuCount)) || vcpuCount < flavor.vcpu.min || vcpuCount > flavor.vcpu.max,
      400,
      `cpu.vcpuCount must be a power of two from ${flavor.vcpu.min} to ${flavor.vcpu.max}`
    )
    const [center] = centers
    if (center === undefined || cloud !== "SECURE") return yield* full
    const price = Number((flavor.price.securePerVcpu * vcpuCount).toFixed(6))
    return { cloud, dataCenterId: center.id, cudaVersion: null, price }
  })

/** In one of the data centers asked for and nowhere else, and where the network volume is. */
export const place = (
  state: State,
  body: CreatePodRequest,
  volumeAt: string | undefined,
  dice: (below: number) => number
): Effect.Effect<Placed, Written> =>
  Effect.gen(function*() {
    const cloud = body.cloud ?? "SECURE"
    const wanted = body.dataCenterIds ?? []
    const open = dataCenters.filter(({ id }) =>
      (wanted.length === 0 || wanted.includes(id)) && (volumeAt === undefined || volumeAt === id)
    )
    const fitting = body.globalNetworking === true ? open.filter(({ globalNetwork }) => globalNetwork) : open
    const first = fitting.length === 0 ? 0 : dice(fitting.length)
    const centers = [...fitting.slice(first), ...fitting.slice(0, first)]
    if (body.gpu !== undefined) return yield* placeGpu(state, body.gpu, cloud, centers)
    return body.cpu === undefined ? yield* full : yield* placeCpu(body.cpu, cloud, centers)
  })
