/** The bill over HTTP: the meters' dollars, cut at the borders of hours, days, weeks, months or years (UTC). */
import * as Effect from "effect/Effect"
import { advance } from "./endpointState.ts"
import { type Input, iso, wholeIn } from "./input.ts"
import { type Meter, type Rate, spent, total } from "./meter.ts"
import { demand, json, refuseIf, type Written } from "./reply.ts"
import type { State } from "./state.ts"

const sizes = ["hour", "day", "week", "month", "year"] as const

const day = 86_400_000

/** The border at or before a moment. */
const floorOf = (at: number, size: string): number => {
  const date = new Date(at)
  switch (size) {
    case "hour":
      return at - at % 3_600_000
    case "week":
      // weeks begin on Monday; the first day of all, 1970-01-01, was a Thursday
      return at - (at + 3 * day) % (7 * day)
    case "month":
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
    case "year":
      return Date.UTC(date.getUTCFullYear(), 0)
    default:
      return at - at % day
  }
}

/** The border after a moment. */
const afterOf = (at: number, size: string): number => {
  const date = new Date(at)
  switch (size) {
    case "hour":
      return floorOf(at, size) + 3_600_000
    case "week":
      return floorOf(at, size) + 7 * day
    case "month":
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
    case "year":
      return Date.UTC(date.getUTCFullYear() + 1, 0)
    default:
      return floorOf(at, size) + day
  }
}

interface Window {
  readonly from: number
  readonly to: number
  readonly size: string
  readonly stretches: ReadonlyArray<{ readonly from: number; readonly to: number }>
}

const timeIn = ({ query }: Input, name: string): Effect.Effect<number | null, Written> => {
  const given = query.get(name)
  if (given === null) return Effect.succeed(null)
  const at = Date.parse(given)
  return Effect.as(demand(Number.isFinite(at), `$.query.${name}: must be an RFC 3339 time`), at)
}

const readWindow = (state: State, input: Input): Effect.Effect<Window, Written> =>
  Effect.gen(function*() {
    for (const endpoint of state.endpoints.values()) advance(state, endpoint, input.now)
    const size = input.query.get("bucketSize") ?? "day"
    yield* demand(sizes.some((one) => one === size), `$.query.bucketSize: one of ${sizes.join(", ")}`)
    const lastN = yield* wholeIn(input.query, "lastN", 1, 100_000)
    const start = yield* timeIn(input, "startTime")
    const end = yield* timeIn(input, "endTime")
    yield* refuseIf(
      lastN !== null && (start !== null || end !== null),
      400,
      "lastN cannot be combined with startTime or endTime"
    )
    const last = end ?? input.now
    const to = lastN === null && floorOf(last, size) === last ? last : afterOf(last, size)
    let from = floorOf(start ?? input.now - 30 * day, size)
    if (lastN !== null) {
      from = floorOf(to - 1, size)
      for (let index = 1; index < lastN; index++) from = floorOf(from - 1, size)
    }
    yield* refuseIf(from >= to, 400, "startTime must be before endTime")
    const stretches: Array<{ readonly from: number; readonly to: number }> = []
    for (let at = from; at < to; at = afterOf(at, size)) stretches.push({ from: at, to: afterOf(at, size) })
    return { from, to, size, stretches }
  })

type Amounts = Readonly<Record<string, number>>

/** Nothing is billed before it happened. */
const spentBy = (meter: Meter, from: number, to: number, now: number): Rate => spent(meter, from, Math.min(to, now))

const sum = (all: ReadonlyArray<Amounts>, zero: Amounts): Amounts =>
  Object.fromEntries(
    Object.keys(zero).map((name) => [name, all.reduce((before, one) => before + (one[name] ?? 0), 0)])
  )

interface Kind {
  /** The query's filter and the record's id, and the name of the count in the metadata. */
  readonly id: string
  readonly unique: string
  readonly meters: (state: State) => ReadonlyArray<readonly [string, Meter]>
  readonly amounts: (rate: Rate, id: string, state: State) => Amounts
}

const noRate: Rate = { gpu: 0, cpu: 0, disk: 0 }

const perResource = (kind: Kind) => (state: State, input: Input) =>
  Effect.map(readWindow(state, input), (window) => {
    const wanted = input.query.get(kind.id)
    const meters = kind.meters(state).filter(([id]) => wanted === null || id === wanted)
    const records = window.stretches.flatMap(({ from, to }) =>
      meters.flatMap(([id, meter]) => {
        const rate = spentBy(meter, from, to, input.now)
        return total(rate) === 0 ? [] : [{
          startTime: iso(from),
          endTime: iso(to),
          [kind.id]: id,
          amounts: kind.amounts(rate, id, state)
        }]
      })
    )
    return json(200, {
      records: records.map(({ amounts, ...record }) => ({ ...record, ...amounts })),
      metadata: {
        query: {
          startTime: iso(window.from),
          endTime: iso(window.to),
          bucketSize: window.size,
          ...(wanted === null ? {} : { [kind.id]: wanted })
        },
        recordCount: records.length,
        [kind.unique]: new Set(records.map((record) => record[kind.id])).size,
        totals: sum(records.map(({ amounts }) => amounts), kind.amounts(noRate, "", state))
      }
    })
  })

const podMeters = (state: State) => Array.from(state.pods.values(), ({ id, meter }) => [id, meter] as const)
const endpointMeters = (state: State) =>
  [...state.endpoints.values(), ...state.pastEndpoints].map(({ id, meter }) => [id, meter] as const)
const volumeMeters = (state: State) => Array.from(state.volumes.values(), ({ id, meter }) => [id, meter] as const)

export const listPodBilling = perResource({
  id: "podId",
  unique: "uniquePodCount",
  meters: podMeters,
  amounts: (rate) => ({
    totalAmount: total(rate),
    gpuAmount: rate.gpu,
    cpuAmount: rate.cpu,
    diskAmount: rate.disk
  })
})

export const listServerlessBilling = perResource({
  id: "serverlessId",
  unique: "uniqueServerlessCount",
  meters: endpointMeters,
  amounts: (rate) => ({
    totalAmount: total(rate),
    gpuAmount: rate.gpu,
    cpuAmount: rate.cpu,
    diskAmount: rate.disk,
    feeAmount: 0
  })
})

const isFast = (state: State, id: string): boolean => state.volumes.get(id)?.type === "HIGH_PERFORMANCE"

export const listNetworkVolumeBilling = perResource({
  id: "networkVolumeId",
  unique: "uniqueNetworkVolumeCount",
  meters: volumeMeters,
  amounts: (rate, id, state) => ({
    totalAmount: total(rate),
    standardAmount: isFast(state, id) ? 0 : rate.disk,
    highPerformanceAmount: isFast(state, id) ? rate.disk : 0
  })
})

/** The fake has no clusters. */
export const listClusterBilling = perResource({
  id: "clusterId",
  unique: "uniqueClusterCount",
  meters: () => [],
  amounts: (rate) => ({ totalAmount: total(rate), gpuAmount: 0, diskAmount: 0, networkingAmount: 0 })
})

const wholeAccount = (amounts: (state: State, from: number, to: number, now: number) => Amounts) =>
(
  state: State,
  input: Input
) =>
  Effect.map(readWindow(state, input), (window) => {
    const all = window.stretches.map(({ from, to }) => ({ from, to, amounts: amounts(state, from, to, input.now) }))
    const records = all.filter((record) => record.amounts["totalAmount"] !== 0)
    return json(200, {
      records: records.map((record) => ({ startTime: iso(record.from), endTime: iso(record.to), ...record.amounts })),
      metadata: {
        query: { startTime: iso(window.from), endTime: iso(window.to), bucketSize: window.size },
        recordCount: records.length,
        totals: sum(records.map((record) => record.amounts), amounts(state, 0, 0, 0))
      }
    })
  })

const all = (meters: ReadonlyArray<readonly [string, Meter]>, from: number, to: number, now: number): Rate =>
  meters.reduce((before, [, meter]) => {
    const rate = spentBy(meter, from, to, now)
    return { gpu: before.gpu + rate.gpu, cpu: before.cpu + rate.cpu, disk: before.disk + rate.disk }
  }, noRate)

export const listBilling = wholeAccount((state, from, to, now) => {
  const pod = all(podMeters(state), from, to, now)
  const serverless = all(endpointMeters(state), from, to, now)
  const [standard, fast] = [false, true].map((which) =>
    all(volumeMeters(state).filter(([id]) => isFast(state, id) === which), from, to, now).disk
  )
  return {
    totalAmount: total(pod) + total(serverless) + (standard ?? 0) + (fast ?? 0),
    podGpuAmount: pod.gpu,
    podCpuAmount: pod.cpu,
    podDiskAmount: pod.disk,
    serverlessGpuAmount: serverless.gpu,
    serverlessCpuAmount: serverless.cpu,
    serverlessDiskAmount: serverless.disk,
    serverlessFeeAmount: 0,
    storageStandardAmount: standard ?? 0,
    storageHighPerformanceAmount: fast ?? 0,
    endpointAmount: 0,
    clusterGpuAmount: 0,
    clusterDiskAmount: 0,
    clusterNetworkingAmount: 0
  }
})

/** RunPod's public endpoints, which the fake does not have. */
export const listEndpointBilling = wholeAccount(() => ({ totalAmount: 0 }))
