/**
 * What an orchestrator costs above its provider: time to a settled spawn, requests, time to a replacement, a boot, and memory.
 */
import { Orchestrator, Session, SessionEngine, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { addLive, makePlainCloud, owner, type PlainCloud, type PlainOptions } from "../orchestrator/plainCloud.ts"

type Store = SessionStore.SessionStore["Service"]

/** Rows as text, so that what the engine reads is its own copy; what it writes is dropped. */
const textStore = (rows: ReadonlyArray<string>): Store => ({
  lock: () => Effect.succeed({ lostTo: Effect.succeed(null) }),
  load: (_, after = "0") =>
    Effect.sync(() => {
      const [start, end] = [Number(after), Number(after) + 500]
      return {
        sessions: rows.slice(start, end).map((row): Session.SessionState => JSON.parse(row)),
        unreadable: [],
        next: end < rows.length ? String(end).padStart(9, "0") : null
      }
    }),
  read: () => Effect.succeed({ sessions: [], unreadable: [] }),
  commit: () => Effect.succeed([]),
  attempts: () => Effect.succeed({ sessions: new Map(), unknown: [] })
})

const orchestratorOver = (cloud: PlainCloud, store: Store, pollInterval: Orchestrator.Options["pollInterval"]) =>
  Effect.map(
    Layer.build(
      Orchestrator.layer({ owner: "team1", closeWithin: "1 millis", pollInterval }).pipe(
        Layer.provide([
          Layer.succeed(SessionStore.SessionStore, store),
          Layer.succeed(Providers.Providers, Providers.make([cloud.provider], { default: "plain" }))
        ])
      )
    ),
    (context) => ({
      orchestrator: Context.get(context, Orchestrator.Orchestrator),
      engine: Context.get(context, SessionEngine.SessionEngine)
    })
  )

/** A cloud and the rows of so many sessions that have lived in it for a while. */
const populated = (count: number, options?: PlainOptions, wall = Date.now() - 3_600_000) =>
  Effect.map(makePlainCloud(options), (cloud) => ({
    cloud,
    rows: Array.from({ length: count }, (_, number) => JSON.stringify(addLive(cloud, number, { wall, mono: 0 })))
  }))

const until = (test: () => boolean) =>
  Effect.gen(function*() {
    while (!test()) yield* Effect.sleep("1 millis")
  })

const run = <A, E>(self: Effect.Effect<A, E, never>) => Effect.runPromise(Effect.provide(self, Logger.layer([])))

const shown = (value: number, digits = 0): string => value.toLocaleString("en", { maximumFractionDigits: digits })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

await run(
  Effect.gen(function*() {
    const cloud = yield* makePlainCloud()
    const { orchestrator } = yield* orchestratorOver(cloud, textStore([]), "1 hour")
    for (const concurrent of [1, 100, 1_000]) {
      const rounds = concurrent === 1_000 ? 5 : 15
      const time = Effect.fnUntraced(function*<E>(one: Effect.Effect<unknown, E>) {
        const took: Array<number> = []
        for (let round = 0; round <= rounds; round++) {
          const start = performance.now()
          yield* Effect.all(Array.from({ length: concurrent }, () => one), { concurrency: "unbounded", discard: true })
          // the first round only warms up
          if (round > 0) took.push((performance.now() - start) / concurrent * 1_000)
        }
        return median(took)
      })
      const bare = yield* time(cloud.provider.compute.spawn({}))
      const tracked = yield* time(orchestrator.spawn({}, { heartbeat: false }))
      console.log(
        `spawn to settled, ${shown(concurrent)} at once: ${shown(tracked)} us each, ${
          shown(tracked - bare)
        } us above the provider's ${shown(bare)}`
      )
    }
  }).pipe(Effect.scoped)
)

await run(
  Effect.gen(function*() {
    const { cloud, rows } = yield* populated(10_000, { pageSize: 1_000, perSecond: 1 }, 0)
    yield* orchestratorOver(cloud, textStore(rows), "1 minute")
    const seconds = (count: number) =>
      Effect.forEach(Array.from({ length: count }), () => TestClock.adjust("1 second"), { discard: true })
    yield* seconds(30)
    const before = cloud.seen.list
    const start = performance.now()
    const minutes = 5
    yield* seconds(minutes * 60)
    const { get, list, refused } = cloud.seen
    const perMinute = (list - before) / minutes
    console.log(
      `10,000 sessions, a page of 1,000 and 1 request/s: ${
        shown(perMinute, 1)
      } requests a minute (10 pages), ${get} of one machine, ${refused} answered 429; ${
        shown((performance.now() - start) / minutes)
      } ms of work a minute`
    )
  }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
)

await run(
  Effect.gen(function*() {
    const { cloud, rows } = yield* populated(10_000, { pollInterval: "1 second" })
    const { engine } = yield* orchestratorOver(cloud, textStore(rows), "1 second")
    yield* until(() => cloud.seen.list > 0 && engine.isQuiet())
    const took: Array<number> = []
    for (let number = 0; number < 5; number++) {
      const id = Session.SessionId.make(`session-${number}`)
      cloud.machines.delete(`old-${number}`)
      const start = performance.now()
      yield* engine.when(id, ({ state }) => state.respawns === 1 && state.phase._tag === "Live", "bench")
      took.push(performance.now() - start)
    }
    console.log(
      `preempted to replaced at 10,000 sessions, listed every second: ${shown(median(took))} ms (worst ${
        shown(Math.max(...took))
      })`
    )
  }).pipe(Effect.scoped)
)

for (const count of [10_000, 100_000]) {
  await run(
    Effect.gen(function*() {
      const { cloud, rows } = yield* populated(count)
      globalThis.gc?.()
      const before = process.memoryUsage().heapUsed
      const start = performance.now()
      const { engine } = yield* orchestratorOver(cloud, textStore(rows), "1 hour")
      yield* until(() => cloud.seen.list > 0 && engine.isQuiet())
      const booted = performance.now() - start
      yield* Effect.sleep("500 millis")
      globalThis.gc?.()
      const bytes = (process.memoryUsage().heapUsed - before) / count
      const seen = Array.from(engine.all()).filter(({ compute }) => compute !== null).length
      if (seen !== count) throw new Error(`${seen} of ${count} machines were seen`)
      console.log(
        `boot with ${shown(count)} rows: adopted and listed in ${
          shown(booted)
        } ms; heap of a session, record, meter and machine included: ${shown(bytes)} bytes (bound 3,072)`
      )
    }).pipe(Effect.scoped)
  )
}

if (owner !== "team1") throw new Error("the rows belong to another owner")
