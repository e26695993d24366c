/**
 * Many rents at once above a cloud that answers after 50 ms: the time until each caller has its machine, against the physical limit
 * (one answer of the cloud), and against the bare provider.
 */
import { NotFound } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Usd } from "effect-atlas/domain/Money"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as Provider from "effect-atlas/provider/Provider"
import * as Providers from "effect-atlas/provider/Providers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"

/** Milliseconds between a request and its answer. */
const latency = 50

const far = ProviderId.make("far")

/** A cloud that does all it is asked, after its latency. */
const makeFar = () => {
  const machines = new Map<string, Compute>()
  const answer = <A, E>(self: Effect.Effect<A, E>) => Effect.delay(self, latency)
  const find = (id: string) =>
    Effect.suspend(() => {
      const machine = machines.get(id)
      return machine === undefined
        ? Effect.fail(new NotFound({ message: `there is no ${id}` }))
        : Effect.succeed(machine)
    })
  let made = 0
  return Provider.make({
    id: far,
    compute: {
      spawn: ({ name }) =>
        answer(Effect.sync(() => {
          made += 1
          const id = ComputeId.make(`far-${made}`)
          const machine = new Compute({ id, provider: far, status: "running", name, costPerHour: Usd.make(1) })
          machines.set(id, machine)
          return machine
        })),
      get: (id) => answer(find(id)),
      list: () => answer(Effect.sync(() => [...machines.values()])),
      terminate: (id) => answer(Effect.map(find(id), () => void machines.delete(id)))
    }
  })
}

const orchestratorOver = (provider: Provider.Made, concurrency: number | undefined) =>
  Effect.map(
    Layer.build(
      Layer.fresh(Orchestrator.layer({ owner: "team1", closeWithin: "1 millis", pollInterval: "1 hour", concurrency }))
        .pipe(
          Layer.provide([
            SessionStore.layerMemory,
            Layer.succeed(Providers.Providers, Providers.make([provider], { default: "far" }))
          ])
        )
    ),
    (context) => Context.get(context, Orchestrator.Orchestrator)
  )

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const rounds = 5

/** Milliseconds until all of so many rents are answered: the median of some rounds, and their processor time. */
const time = Effect.fnUntraced(function*<E>(many: number, rent: Effect.Effect<unknown, E>) {
  const wall: Array<number> = []
  const cpu: Array<number> = []
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now()
    const before = process.cpuUsage()
    yield* Effect.all(Array.from({ length: many }, () => rent), { concurrency: "unbounded", discard: true })
    const { system, user } = process.cpuUsage(before)
    // the first round only warms up
    if (round === 0) continue
    wall.push(performance.now() - start)
    cpu.push((system + user) / many)
  }
  return { wall: median(wall), cpu: median(cpu) }
})

const shown = (value: number, digits = 0): string => value.toLocaleString("en", { maximumFractionDigits: digits })

await Effect.runPromise(
  Effect.gen(function*() {
    for (const many of [1, 50, 200, 1_000]) {
      const bare = yield* time(many, makeFar().compute.spawn({}))
      for (const concurrency of [undefined, 64]) {
        const { cpu, wall } = yield* Effect.scoped(Effect.gen(function*() {
          const orchestrator = yield* orchestratorOver(makeFar(), concurrency)
          return yield* time(many, orchestrator.spawn({}, { heartbeat: false }))
        }))
        const width = concurrency ?? 256
        const waves = Math.ceil(many / width) * latency
        console.log(
          `${shown(many).padStart(5)} rents at once, ${String(width).padStart(3)} creates at once: ${
            shown(wall).padStart(5)
          } ms, ${shown(wall / latency, 2)}x one answer of the cloud, ${
            shown(wall / waves, 2)
          }x the ${waves} ms of its waves, ${shown(wall / bare.wall, 2)}x the bare provider; ${
            shown(cpu)
          } us CPU each (bare ${shown(bare.cpu)})`
        )
      }
    }
  }).pipe(Effect.provide(Logger.layer([])))
)
