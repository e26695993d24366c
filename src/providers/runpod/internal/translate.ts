/** Pods and GPU types as Atlas's own types. An unknown word reads as the safest state; what is missing reads as null. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Compute, type ComputeStatus, PortBinding } from "../../../domain/Compute.ts"
import { type CloudOffer, type CloudType, type GpuStock, GpuType } from "../../../domain/Gpu.ts"
import * as GpuCatalog from "../../../domain/GpuCatalog.ts"
import { ComputeId, ProviderId } from "../../../domain/Ids.ts"
import { Usd } from "../../../domain/Money.ts"
import * as NameStamp from "../../../provider/NameStamp.ts"
import type * as Wire from "../RunPodSchema.ts"
import type { GpuTypeFacts } from "./facts.ts"
import type { PodFacts } from "./podFacts.ts"
import { rawOf } from "./raw.ts"
import { nameVariable } from "./requests.ts"
import { trusted } from "./trusted.ts"

const provider = ProviderId.make("runpod")

const isComputeId = Schema.is(ComputeId)
const isUsd = Schema.is(Usd)

/** Dollars; null where the value is no price. */
export const usd = (value: number | null | undefined): Usd | null => isUsd(value) ? value : null

/** A time; null where the text is none. */
export const instant = (text: string | null | undefined): DateTime.Utc | null =>
  text === null || text === undefined ? null : Option.getOrNull(Option.map(DateTime.make(text), DateTime.toUtc))

const statuses: ReadonlyMap<string, ComputeStatus> = new Map([
  ["RUNNING", "running"],
  ["EXITED", "stopped"],
  ["TERMINATED", "terminated"],
  ["ERROR", "failed"]
])

/** An unknown state counts as alive: money may depend on it. */
export const toStatus = (status: string | undefined): ComputeStatus => statuses.get(status ?? "") ?? "provisioning"

type RuntimePort = typeof Wire.RuntimePort.Type

const highestPort = 65_535

/** The ports that the pod names, with their outside addresses as far as known; text that names no port is left out. */
const portsOf = (id: string, { ports = [], runtime }: PodFacts): ReadonlyArray<PortBinding> => {
  const named = ports.flatMap((text) => {
    const match = /^(\d{1,6})\/(\w+)$/.exec(text)
    return match === null ? [] : [{ number: Number(match[1]), isHttp: /^https?$/i.test(match[2] ?? "") }]
  })
  const live = (runtime?.ports ?? []).filter(({ type = "tcp" }) => !/^https?$/i.test(type))
  const numbers = new Set(named.map(({ number }) => number))
  // a symmetric port is asked for under a number above the highest port, and RunPod chooses the real number
  const symmetric = live.filter((port) =>
    port.private !== undefined && port.private === port.public && !numbers.has(port.private)
  )
  const tcp = (internal: number, port: RuntimePort | undefined) => {
    const external = port?.public ?? null
    const isKnown = external !== null && typeof port?.ip === "string" && port.ip !== ""
    return trusted(PortBinding, {
      internal,
      external: external !== null && Number.isSafeInteger(external) ? external : null,
      protocol: "tcp",
      url: isKnown ? `tcp://${port.ip}:${external}` : null
    })
  }
  return named.map(({ isHttp, number }) => {
    if (isHttp) {
      const url = `https://${id}-${number}.proxy.runpod.net`
      return trusted(PortBinding, { internal: number, external: null, protocol: "http", url })
    }
    if (number <= highestPort) return tcp(number, live.find((port) => port.private === number))
    const port = symmetric.shift()
    return tcp(port?.private !== undefined && Number.isSafeInteger(port.private) ? port.private : number, port)
  })
}

/** The stamped name in a pod's environment; nothing else of an environment is shown, since it holds secrets. */
const rentedAsOf = ({ env = {} }: PodFacts): string | null => {
  const name = env[nameVariable]
  return name !== undefined && NameStamp.parse(name) !== null ? name : null
}

/** A pod as a compute; null when its id could not be asked for again. */
export const toCompute = (pod: PodFacts, body: unknown): Compute | null => {
  const { cost, cpu, createdAt, dataCenterId = null, gpu, id, image = null, name, runtime, startedAt } = pod
  if (!isComputeId(id)) return null
  const count = gpu?.count
  return trusted(Compute, {
    id,
    provider,
    status: toStatus(pod.status),
    name: name ?? null,
    rentedAs: rentedAsOf(pod),
    publicIp: runtime?.ports?.find((port) => typeof port.ip === "string" && port.ip !== "")?.ip ?? null,
    ports: portsOf(id, pod),
    gpuType: gpu?.id ?? null,
    gpuCount: gpu === undefined && cpu !== undefined
      ? 0
      : count !== undefined && Number.isSafeInteger(count)
      ? count
      : 1,
    costPerHour: usd(cost),
    region: dataCenterId,
    image,
    auth: null,
    createdAt: instant(startedAt) ?? instant(createdAt),
    exitCode: null,
    failure: pod.status === "ERROR" ? "RunPod says that the container cannot be run" : null,
    raw: rawOf(body)
  })
}

const stocks: ReadonlyMap<string, GpuStock> = new Map([
  ["HIGH", "high"],
  ["MEDIUM", "medium"],
  ["LOW", "low"],
  ["NONE", "unavailable"]
])

const bestFirst: ReadonlyArray<GpuStock> = ["high", "medium", "low", "unknown", "unavailable"]

/** One cloud's entry for a GPU type, and the body it was read from. */
export interface CatalogEntry {
  readonly entry: typeof GpuTypeFacts.Type
  readonly body: unknown
}

const toGpuType = (
  catalog: GpuCatalog.GpuCatalog,
  secure: CatalogEntry | undefined,
  community: CatalogEntry | undefined
): ReadonlyArray<GpuType> => {
  const first = (secure ?? community)?.entry
  const memory = first?.memory
  // RunPod's placeholder for machines of an unknown type
  if (first === undefined || first.id === "unknown" || memory === 0) return []
  const clouds = [
    { name: "secure", from: secure, isOffered: first.secure === true, price: first.price?.secure },
    { name: "community", from: community, isOffered: first.community === true, price: first.price?.community }
  ] as const
  const offered = clouds.filter(({ isOffered }) => isOffered)
  const sold = offered.map(({ from, name, price }): CloudOffer => ({
    cloudType: name,
    pricePerHour: price === 0 ? null : usd(price),
    stock: stocks.get(from?.entry.availability ?? "") ?? "unknown"
  }))
  const prices = sold.flatMap(({ pricePerHour }) => pricePerHour ?? [])
  const held = new Set(sold.map(({ stock }) => stock))
  const [only] = offered
  const cloudType: CloudType = offered.length === 1 && only !== undefined ? only.name : "any"
  return [
    new GpuType({
      id: first.id,
      provider,
      canonical: GpuCatalog.canonicalOf(catalog, "runpod", first.id, memory === undefined ? undefined : memory * 1024),
      displayName: first.name ?? first.id,
      memoryGb: memory !== undefined && memory > 0 ? memory : null,
      lowestPricePerHour: prices.length === 0 ? null : prices.reduce((low, price) => price < low ? price : low),
      stock: bestFirst.find((stock) => held.has(stock)) ?? "unavailable",
      cloudType,
      clouds: sold,
      raw: rawOf({ SECURE: secure?.body ?? null, COMMUNITY: community?.body ?? null })
    })
  ]
}

/** The two readings of the catalog as one: RunPod reports availability for one cloud at a time. */
export const toGpuTypes = (
  catalog: GpuCatalog.GpuCatalog,
  secure: ReadonlyArray<CatalogEntry>,
  community: ReadonlyArray<CatalogEntry>
): ReadonlyArray<GpuType> => {
  const byId = (entries: ReadonlyArray<CatalogEntry>) => new Map(entries.map((one) => [one.entry.id, one]))
  const [own, others] = [byId(secure), byId(community)]
  return [...new Set([...own.keys(), ...others.keys()])].flatMap((id) =>
    toGpuType(catalog, own.get(id), others.get(id))
  )
}
