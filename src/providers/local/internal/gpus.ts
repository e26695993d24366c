/**
 * What this machine has to offer: a type per real GPU, else its processor.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as os from "node:os"
import { GpuType } from "../../../domain/Gpu.ts"
import * as GpuCatalog from "../../../domain/GpuCatalog.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import type { Usd } from "../../../domain/Money.ts"

/** A driver that hangs must not hold up a spawn. */
const limit = "3 seconds"

interface Found {
  readonly name: string
  readonly memoryGb: number | null
}

const query = ChildProcess.make("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"], {
  extendEnv: true,
  stdin: "ignore"
})

const parse = (text: string): ReadonlyArray<Found> =>
  text.split("\n").flatMap((line) => {
    const match = /^\s*(\S.*?)\s*,\s*(\d+)\s*$/.exec(line)
    return match === null ? [] : [{ name: match[1] ?? "", memoryGb: Math.round(Number(match[2]) / 1024) }]
  })

/** The names and memory of the real GPUs; empty where no driver answers. */
const real: Effect.Effect<ReadonlyArray<Found>, never, ChildProcessSpawner.ChildProcessSpawner> = Effect.gen(
  function*() {
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    return parse(yield* spawner.string(query))
  }
).pipe(Effect.timeout(limit), Effect.orElseSucceed(() => []))

/** A type and how many of it this machine has. */
export interface Offer {
  readonly type: GpuType
  readonly count: number
}

/** One offer per kind of GPU, or one of type `cpu`. */
export const offers = (
  cloud: string,
  provider: ProviderId,
  price: Usd
): Effect.Effect<ReadonlyArray<Offer>, never, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function*() {
    const catalog = yield* GpuCatalog.inUse(cloud, GpuCatalog.driverNames)
    const found = yield* real
    const kinds = [...new Map(found.map((gpu) => [gpu.name, gpu])).values()]
    const all = kinds.length > 0 ? kinds : [{ name: "cpu", memoryGb: Math.round(os.totalmem() / 2 ** 30) }]
    return all.map(({ memoryGb, name }) => {
      const type = new GpuType({
        id: name,
        provider,
        canonical: GpuCatalog.canonicalOf(catalog, cloud, name),
        displayName: name === "cpu"
          ? `${os.cpus()[0]?.model.trim() ?? "CPU"} (${os.availableParallelism()} cores)`
          : name,
        memoryGb,
        lowestPricePerHour: price,
        stock: "high"
      })
      return { type, count: name === "cpu" ? 1 : found.filter((gpu) => gpu.name === name).length }
    })
  })
