/**
 * An orchestrator with 10,000 and 100,000 sessions in SQLite: how long a boot takes, the longest stall of the event loop at the boot
 * and at listings, and what it costs while nothing happens.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ComputeId } from "effect-atlas/domain/Ids"
import { Orchestrator, SessionEngine, SessionStore } from "effect-atlas/orchestrator"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as Providers from "effect-atlas/provider/Providers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { addLive, makePlainCloud, owner } from "../orchestrator/plainCloud.ts"
import { exactly, hold } from "./bounds.ts"

/** No stall may be longer than this, in milliseconds. */
const bound = 200

const shown = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 0 })

/** The longest time that the event loop stood still while the effect ran, in milliseconds. */
const stallOf = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const delays = monitorEventLoopDelay({ resolution: 1 })
    delays.enable()
    yield* Effect.sleep("20 millis")
    delays.reset()
    const start = performance.now()
    const value = yield* self
    const took = performance.now() - start
    yield* Effect.sleep("5 millis")
    delays.disable()
    return { value, took, stall: delays.max / 1e6 }
  })

const until = (test: () => boolean) =>
  Effect.gen(function*() {
    while (!test()) yield* Effect.sleep("2 millis")
  })

const run = <A, E>(self: Effect.Effect<A, E, never>) => Effect.runPromise(Effect.provide(self, Logger.layer([])))

for (const count of [10_000, 100_000]) {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-bench-"))
  const store = SessionStoreSqlite.layer({ filename: join(directory, "sessions.db") }).pipe(
    Layer.provide(NodeServices.layer)
  )
  await run(
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud({ pollInterval: "1 second", pageSize: 1_000 })
      const wall = Date.now() - 3_600_000
      yield* SessionStore.SessionStore.use((stored) =>
        Effect.gen(function*() {
          for (let start = 0; start < count; start += 500) {
            const writes = Array.from({ length: Math.min(500, count - start) }, (_, index) => {
              const state = addLive(cloud, start + index, { wall, mono: 0 })
              return { id: state.spec.id, version: 0, state }
            })
            yield* stored.commit(owner, writes)
          }
        })
      ).pipe(Effect.provide(Layer.fresh(store)))
      globalThis.gc?.()
      const before = process.memoryUsage().heapUsed

      const layer = Orchestrator.layer({ owner, closeWithin: "1 millis", pollInterval: "10 seconds" }).pipe(
        Layer.provide([
          store,
          Layer.succeed(Providers.Providers, Providers.make([cloud.provider], { default: "plain" }))
        ])
      )
      const started = process.cpuUsage()
      const boot = yield* stallOf(Layer.build(layer))
      const { system, user } = process.cpuUsage(started)
      const sessions = `${shown(count)} sessions`
      if (count === 100_000) {
        hold({
          path: `boot of ${sessions}, each`,
          against: null,
          unit: "us",
          limit: 20,
          aim: null,
          rounds: exactly((user + system) / count)
        })
      }
      const engine = Context.get(boot.value, SessionEngine.SessionEngine)
      const orchestrator = Context.get(boot.value, Orchestrator.Orchestrator)
      console.log(
        `${shown(count)} sessions: boot ${shown(boot.took)} ms, longest stall ${shown(boot.stall)} ms (bound ${bound})`
      )
      const last = ComputeId.make(`old-${count - 1}`)
      const isListed = () => (engine.byCompute(cloud.provider.id, last)?.compute ?? null) !== null && engine.isQuiet()
      const first = yield* stallOf(until(isListed))
      const next = yield* stallOf(
        Effect.suspend(() => {
          const listed = cloud.seen.list
          return until(() => cloud.seen.list > listed && engine.isQuiet())
        })
      )
      console.log(`  first listing, longest stall ${shown(first.stall)} ms; the next one ${shown(next.stall)} ms`)
      const orphans = Array.from({ length: 100 }, (_, number) => addLive(cloud, count + number, { wall, mono: 0 }))
      const cycle = Effect.map(orchestrator.reapNow({ dryRun: true }), ({ ended }) => ended.length)
      yield* cycle
      const reap = yield* stallOf(cycle)
      console.log(
        `  a cycle of the reaper with ${orphans.length} orphans: ${shown(reap.took)} ms, longest stall ${
          shown(reap.stall)
        } ms`
      )
      for (const number of orphans.keys()) cloud.machines.delete(`old-${count + number}`)
      const cpu = process.cpuUsage()
      const start = performance.now()
      const steady = yield* stallOf(Effect.sleep("65 seconds"))
      const used = process.cpuUsage(cpu)
      globalThis.gc?.()
      const heap = (process.memoryUsage().heapUsed - before) / count
      if (count === 100_000) {
        hold({
          path: `heap of a session of ${sessions}`,
          against: null,
          unit: "B",
          limit: 2_200,
          aim: 2_000,
          rounds: exactly(heap)
        })
        const stall = Math.max(boot.stall, first.stall, next.stall, reap.stall, steady.stall)
        hold({
          path: `stall with ${sessions}`,
          against: null,
          unit: "ms",
          limit: bound,
          aim: null,
          rounds: exactly(stall)
        })
      }
      console.log(
        `  steady, listed every 10 s: ${
          ((used.user + used.system) / 10 / (performance.now() - start)).toFixed(1)
        } % of a processor, longest stall ${shown(steady.stall)} ms; heap ${shown(heap)} bytes a session`
      )
    }).pipe(Effect.scoped)
  )
  fs.rmSync(directory, { recursive: true })
}
