/**
 * An orchestrator with 100,000 sessions in SQLite: how long a boot takes, the longest stall of the event loop at the boot and at
 * listings, what it costs while nothing happens, and the stall when 20,000 sessions reach a limit at once.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ComputeId } from "effect-atlas/domain/Ids"
import { Orchestrator, type Session, SessionEngine, SessionStore } from "effect-atlas/orchestrator"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as Providers from "effect-atlas/provider/Providers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { addLive, makePlainCloud, owner, type PlainCloud, renting } from "../orchestrator/plainCloud.ts"
import { exactly, hold, spreadOf } from "./bounds.ts"

/** No stall may be longer than this, in milliseconds. */
const bound = 200

const shown = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 0 })

/**
 * The longest turn of the event loop while the effect ran, in milliseconds of this thread's CPU time: what else the machine does is
 * no stall of ours.
 */
const stallOf = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const turnEnd = (): number => {
      const { system, user } = process.threadCpuUsage()
      return (system + user) / 1_000
    }
    let last = turnEnd()
    let stall = 0
    const watch = setInterval(() => {
      const now = turnEnd()
      stall = Math.max(stall, now - last)
      last = now
    }, 1)
    const start = performance.now()
    const value = yield* self
    const took = performance.now() - start
    yield* Effect.sleep("5 millis")
    clearInterval(watch)
    return { value, took, stall }
  })

const until = (test: () => boolean) =>
  Effect.gen(function*() {
    while (!test()) yield* Effect.sleep("2 millis")
  })

const run = <A, E>(self: Effect.Effect<A, E, never>) => Effect.runPromise(Effect.provide(self, Logger.layer([])))

/** A database with this many sessions that live since an hour ago, and their machines. */
const filled = (count: number, policy: Partial<Session.Policy.Policy> = {}) =>
  Effect.gen(function*() {
    const directory = fs.mkdtempSync(join(tmpdir(), "atlas-bench-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(directory, { recursive: true })))
    const store = SessionStoreSqlite.layer({ filename: join(directory, "sessions.db") }).pipe(
      Layer.provide(NodeServices.layer)
    )
    const cloud = yield* makePlainCloud({ pollInterval: "1 second", pageSize: 1_000 })
    const wall = Date.now() - 3_600_000
    const { spec } = renting(0, { wall, mono: 0 })
    const live = (number: number) =>
      addLive(cloud, number, { wall, mono: 0 }, { policy: { ...spec.policy, ...policy } })
    yield* SessionStore.SessionStore.use((stored) =>
      Effect.gen(function*() {
        for (let start = 0; start < count; start += 500) {
          const writes = Array.from({ length: Math.min(500, count - start) }, (_, index) => {
            const state = live(start + index)
            return { id: state.spec.id, version: 0, state }
          })
          yield* stored.commit(owner, writes)
        }
      })
    ).pipe(Effect.provide(Layer.fresh(store)))
    const layer = Orchestrator.layer({ owner, closeWithin: "1 millis", pollInterval: "10 seconds" }).pipe(
      Layer.provide([
        store,
        Layer.succeed(Providers.Providers, Providers.make([cloud.provider], { default: "plain" }))
      ])
    )
    return { cloud, layer: Layer.fresh(layer), live }
  })

/** What the process has spent until now, in microseconds of CPU. */
const cpuTime = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

const bootOf = (layer: Layer.Layer<Orchestrator.Orchestrator | SessionEngine.SessionEngine, unknown>) =>
  Effect.gen(function*() {
    const before = cpuTime()
    const boot = yield* stallOf(Layer.build(layer))
    const cpu = cpuTime() - before
    return {
      stall: boot.stall,
      took: boot.took,
      cpu,
      engine: Context.get(boot.value, SessionEngine.SessionEngine),
      orchestrator: Context.get(boot.value, Orchestrator.Orchestrator)
    }
  })

const many = 100_000
const sessions = `${shown(many)} sessions`
const rounds = 5

/** Boots once, listens to two listings, waits, and lets the reaper run: what all this holds and how long it stalls. */
const watched = (
  cloud: PlainCloud,
  layer: Parameters<typeof bootOf>[0],
  live: (number: number) => void,
  before: number
) =>
  Effect.gen(function*() {
    const boot = yield* bootOf(layer)
    const { engine, orchestrator } = boot
    console.log(`${sessions}: boot ${shown(boot.took)} ms, longest stall ${shown(boot.stall)} ms (bound ${bound})`)
    const last = ComputeId.make(`old-${many - 1}`)
    const isListed = () => (engine.byCompute(cloud.provider.id, last)?.compute ?? null) !== null && engine.isQuiet()
    const first = yield* stallOf(until(isListed))
    const next = yield* stallOf(
      Effect.suspend(() => {
        const listed = cloud.seen.list
        return until(() => cloud.seen.list > listed && engine.isQuiet())
      })
    )
    console.log(`  first listing, longest stall ${shown(first.stall)} ms; the next one ${shown(next.stall)} ms`)
    const cpu = cpuTime()
    const start = performance.now()
    const steady = yield* stallOf(Effect.sleep("15 seconds"))
    const used = cpuTime() - cpu
    const wall = performance.now() - start
    globalThis.gc?.()
    const heap = (process.memoryUsage().heapUsed - before) / many
    hold({
      path: `heap of a session of ${sessions}`,
      against: null,
      unit: "B",
      limit: 2_200,
      aim: 2_000,
      rounds: exactly(heap)
    })
    console.log(
      `  steady, listed every 10 s: ${(used / 10 / wall).toFixed(1)} % of a processor, longest stall ${
        shown(steady.stall)
      } ms; heap ${shown(heap)} bytes a session`
    )
    const orphans = Array.from({ length: 100 }, (_, number) => live(many + number))
    const cycle = Effect.map(orchestrator.reapNow({ dryRun: true }), ({ ended }) => ended.length)
    yield* cycle
    const reap = yield* stallOf(cycle)
    console.log(
      `  a cycle of the reaper with ${orphans.length} orphans: ${shown(reap.took)} ms, longest stall ${
        shown(reap.stall)
      } ms`
    )
    hold({
      path: `stall with ${sessions}`,
      against: null,
      unit: "ms",
      limit: bound,
      aim: null,
      rounds: exactly(Math.max(boot.stall, first.stall, next.stall, reap.stall, steady.stall))
    })
    return boot
  })

await run(
  Effect.gen(function*() {
    const { cloud, layer, live } = yield* filled(many)
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    const first = yield* Effect.scoped(watched(cloud, layer, live, before))
    const boots = [first.cpu / many]
    for (let round = 1; round < rounds; round++) boots.push((yield* Effect.scoped(bootOf(layer))).cpu / many)
    hold({
      path: `boot of ${sessions}, each`,
      against: null,
      unit: "us",
      limit: 20,
      aim: null,
      rounds: spreadOf(boots)
    })
  }).pipe(Effect.scoped)
)

const wave = 20_000
await run(
  Effect.gen(function*() {
    // at the boot all have reached it long ago
    const { cloud, layer } = yield* filled(wave, { maxRuntime: 60_000 })
    const { engine } = yield* bootOf(layer)
    const ended = yield* stallOf(until(() => cloud.machines.size === 0 && engine.isQuiet()))
    console.log(`${shown(wave)} sessions past their limit: ended in ${shown(ended.took)} ms`)
    hold({
      path: `stall, ${shown(wave)} sessions past their limit`,
      against: null,
      unit: "ms",
      limit: bound,
      aim: null,
      rounds: exactly(ended.stall)
    })
  }).pipe(Effect.scoped)
)
