/** The catalog over HTTP: what is sold, where, and how much of it is there. */
import * as Effect from "effect/Effect"
import {
  type CloudName,
  type Cpu,
  cpus,
  type DataCenter,
  dataCenters,
  type Gpu,
  maxCount,
  type Stock
} from "./catalogData.ts"
import { type Input, listIn, wholeIn } from "./input.ts"
import { cudaOf, stockOf } from "./placing.ts"
import { demand, json, refuse, refuseIf, type Written } from "./reply.ts"
import type { State } from "./state.ts"

const scarcity: ReadonlyArray<Stock> = ["NONE", "LOW", "MEDIUM", "HIGH"]

const best = (levels: ReadonlyArray<Stock>): Stock =>
  levels.reduce<Stock>((most, level) => scarcity.indexOf(level) > scarcity.indexOf(most) ? level : most, "NONE")

const needInclude = ["product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion", "vcpuCount"]

/** Whether availability was asked for, by rules that hold for GPUs and CPUs alike. */
const asksForAvailability = (
  { query }: Input,
  products: ReadonlyArray<string>
): Effect.Effect<boolean, Written> =>
  Effect.gen(function*() {
    const include = listIn(query, "include") ?? []
    yield* demand(include.every((one) => one === "AVAILABILITY"), "$.query.include: value must be 'AVAILABILITY'")
    const product = listIn(query, "product")
    yield* demand(
      (product ?? []).every((one) => products.includes(one)),
      `$.query.product: one of ${products.join(", ")}`
    )
    const isAsked = include.length > 0
    yield* refuseIf(isAsked && (product ?? []).length === 0, 400, "product is required with include=AVAILABILITY")
    const early = needInclude.find((name) => query.has(name))
    yield* refuseIf(!isAsked && early !== undefined, 400, `${early} needs include=AVAILABILITY`)
    return isAsked
  })

interface GpuAsk {
  readonly isAsked: boolean
  readonly cloud: CloudName
  readonly count: number
  readonly countries: ReadonlyArray<string> | null
  readonly exact: ReadonlyArray<string> | null
  readonly floor: string | null
}

const readGpuAsk = (input: Input): Effect.Effect<GpuAsk, Written> =>
  Effect.gen(function*() {
    const { query } = input
    const isAsked = yield* asksForAvailability(input, ["POD", "CLUSTER", "SERVERLESS"])
    const count = (yield* wholeIn(query, "count", 1, 1_000_000)) ?? 1
    const cloud = query.get("cloud") ?? "SECURE"
    const countries = listIn(query, "countryCodes")
    const exact = listIn(query, "cudaVersions")
    const floor = query.get("minCudaVersion")
    yield* demand(
      (countries ?? []).every((one) => /^[A-Z]{2}$/.test(one)),
      "$.query.countryCodes: two capital letters each"
    )
    yield* demand((exact ?? []).every((one) => /^\d+\.\d+$/.test(one)), "$.query.cudaVersions: major.minor each")
    yield* demand(floor === null || /^\d+(\.\d+)?$/.test(floor), "$.query.minCudaVersion: major or major.minor")
    yield* refuseIf(exact !== null && floor !== null, 400, "cudaVersions and minCudaVersion cannot be combined")
    if (cloud !== "SECURE" && cloud !== "COMMUNITY") {
      return yield* refuse(422, "Request validation failed.", ["$.query.cloud: one of SECURE, COMMUNITY"])
    }
    return { isAsked, cloud, count, countries, exact, floor }
  })

const availabilityOf = (state: State, gpu: Gpu, ask: GpuAsk) => {
  const isSold = ask.cloud === "SECURE" ? gpu.secure > 0 : gpu.community > 0
  const most = ask.cloud === "SECURE" ? maxCount.secure : maxCount.community
  const versions = cudaOf(gpu, ask.exact, ask.floor)
  const canHave = isSold && ask.count <= most && (gpu.manufacturer === "AMD" || versions.length > 0)
  const places = !canHave ? [] : dataCenters
    .filter(({ country }) => ask.countries === null || ask.countries.includes(country))
    .map(({ id, name }) => ({ id, name, availability: stockOf(state, gpu.id, ask.cloud, id) }))
    .filter(({ availability }) => availability !== "NONE")
  return { availability: best(places.map(({ availability }) => availability)), places, versions }
}

const gpuView = (state: State, gpu: Gpu, ask: GpuAsk): object => {
  const base = {
    id: gpu.id,
    name: gpu.name,
    pool: gpu.pool,
    manufacturer: gpu.manufacturer,
    memory: gpu.memory,
    secure: gpu.secure > 0,
    community: gpu.community > 0,
    price: {
      secure: gpu.secure,
      community: gpu.community,
      ...(gpu.serverless === null ? {} : { serverless: gpu.serverless })
    },
    maxCount: { secure: gpu.secure > 0 ? maxCount.secure : 0, community: gpu.community > 0 ? maxCount.community : 0 }
  }
  if (!ask.isAsked) return base
  const { availability, places, versions } = availabilityOf(state, gpu, ask)
  return {
    ...base,
    availability,
    ...(places.length === 0 ? {} : { dataCenters: places }),
    ...(versions.length === 0 || places.length === 0
      ? {}
      : { cudaVersions: versions.map((version) => ({ version, available: true })) })
  }
}

export const listGpuTypes = (state: State, input: Input) =>
  Effect.map(readGpuAsk(input), (ask) => {
    const shown = state.gpus.filter((gpu) =>
      ask.countries === null || availabilityOf(state, gpu, ask).places.length > 0
    )
    return json(200, { gpus: shown.map((gpu) => gpuView(state, gpu, ask)) })
  })

export const getGpuType = (state: State, input: Input) =>
  Effect.gen(function*() {
    const ask = yield* readGpuAsk(input)
    const gpu = state.gpus.find(({ id }) => id === input.params["id"])
    return gpu === undefined ? yield* refuse(404, "gpu type not found") : json(200, gpuView(state, gpu, ask))
  })

const cpuView = (cpu: Cpu, isAsked: boolean): object => ({
  ...cpu,
  ...(isAsked
    ? {
      availability: "HIGH",
      dataCenters: dataCenters.map(({ id, name }) => ({ id, name, availability: "HIGH" }))
    }
    : {})
})

const readCpuAsk = (input: Input): Effect.Effect<boolean, Written> =>
  Effect.gen(function*() {
    const isAsked = yield* asksForAvailability(input, ["POD", "SERVERLESS"])
    const count = yield* wholeIn(input.query, "vcpuCount", 2, 1024)
    yield* demand(count === null || Number.isInteger(Math.log2(count)), "$.query.vcpuCount: must be a power of two")
    return isAsked
  })

export const listCpuTypes = (_: State, input: Input) =>
  Effect.map(readCpuAsk(input), (isAsked) => json(200, { cpus: cpus.map((cpu) => cpuView(cpu, isAsked)) }))

export const getCpuType = (_: State, input: Input) =>
  Effect.gen(function*() {
    const isAsked = yield* readCpuAsk(input)
    const cpu = cpus.find(({ id }) => id === input.params["id"])
    return cpu === undefined ? yield* refuse(404, "cpu type not found") : json(200, cpuView(cpu, isAsked))
  })

const centerView = (state: State, center: DataCenter, include: ReadonlyArray<string>): object => {
  const { country: _, ...base } = center
  return {
    ...base,
    ...(include.includes("GPU_AVAILABILITY")
      ? {
        gpuAvailability: state.gpus.filter(({ secure }) => secure > 0).map(({ id, name }) => ({
          id,
          name,
          availability: stockOf(state, id, "SECURE", center.id)
        }))
      }
      : {}),
    ...(include.includes("CPU_AVAILABILITY")
      ? { cpuAvailability: cpus.map(({ id, name }) => ({ id, name, availability: "HIGH" })) }
      : {})
  }
}

const readCenterInclude = ({ query }: Input): Effect.Effect<ReadonlyArray<string>, Written> => {
  const include = listIn(query, "include") ?? []
  const known = ["GPU_AVAILABILITY", "CPU_AVAILABILITY"]
  return Effect.as(
    demand(include.every((one) => known.includes(one)), `$.query.include: one of ${known.join(", ")}`),
    include
  )
}

export const listDataCenters = (state: State, input: Input) =>
  Effect.map(readCenterInclude(input), (include) => {
    const { query } = input
    const regions = listIn(query, "regions")
    const types = listIn(query, "networkVolumeTypes") ?? []
    const compliance = listIn(query, "compliance") ?? []
    const network = query.get("globalNetwork")
    const shown = dataCenters.filter((center) =>
      (regions === null || regions.includes(center.region))
      && types.every((type) => center.networkVolumeTypes.some((one) => one === type))
      && compliance.every((one) => center.compliance.includes(one))
      && (network === null || String(center.globalNetwork) === network)
    )
    return json(200, { dataCenters: shown.map((center) => centerView(state, center, include)) })
  })

export const getDataCenter = (state: State, input: Input) =>
  Effect.gen(function*() {
    const include = yield* readCenterInclude(input)
    const center = dataCenters.find(({ id }) => id === input.params["id"])
    return center === undefined
      ? yield* refuse(404, "data center not found")
      : json(200, centerView(state, center, include))
  })

const publicTemplate = {
  id: "runpod-torch-v280",
  name: "Runpod Pytorch 2.8.0",
  image: "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404",
  args: "",
  disk: 20,
  mounts: { persistent: { size: 20, path: "/workspace" } },
  ports: ["8888/http", "22/tcp"],
  env: {},
  registry: null,
  serverless: false,
  public: true,
  category: "NVIDIA",
  startSsh: true,
  startJupyter: true,
  allowedCudaVersions: ["12.8", "12.9", "13.0"]
}

export const listPublicTemplates = (_: State, input: Input) => {
  const source = input.query.get("source") ?? "official"
  return Effect.as(
    demand(["official", "verified", "community"].includes(source), "$.query.source: official, verified or community"),
    json(200, { templates: source === "official" ? [publicTemplate] : [] })
  )
}
