/**
 * Processes that are killed: answered commits are stored, no batch is stored in part, and the owner lock is free.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { SessionStore } from "../../../src/orchestrator/SessionStore.ts"
import { isFull } from "../../support/full.ts"
import * as harness from "./harness.ts"
import { ownerLockCases } from "./ownerLocks.ts"
import * as processes from "./processes.ts"

/** Kills a process in the middle of its commits: after a random number of answers and ticks of the event loop. */
const commitAndKill = (database: string, from: number) =>
  Effect.scoped(Effect.gen(function*() {
    const child = yield* processes.worker(database, "commit", String(from))
    const wanted = 1 + Math.floor(Math.random() * 15)
    const enough = yield* Latch.make()
    let sure = from
    const reading = yield* Effect.forkChild(
      processes.lines(child, (line) => {
        assert.match(line, /^\d+$/)
        sure = Number(line)
        if (sure >= from + wanted) enough.openUnsafe()
        return true
      }),
      { startImmediately: true }
    )
    yield* enough.await
    for (let ticks = Math.floor(Math.random() * 40); ticks > 0; ticks--) {
      yield* Effect.promise(() => new Promise(setImmediate))
    }
    yield* processes.kill(child)
    // its output is read to the end
    yield* Fiber.await(reading)
    return sure
  }))

/** Kills writers of one file, one after the other, and checks after each what is stored. */
const killMany = (kills: number) =>
  Effect.gen(function*() {
    const filename = join(yield* harness.directory, "sessions.db")
    let version = 0
    for (let kill = 0; kill < kills; kill++) {
      const sure = yield* commitAndKill(filename, version)
      const { sessions, unreadable } = yield* SessionStore.use((store) => store.load(harness.team)).pipe(
        Effect.provide(harness.fileStore(filename))
      )
      assert.deepStrictEqual(unreadable, [])
      assert.strictEqual(sessions.length, 10)
      const versions = new Set(sessions.map((session) => `${session.version}/${session.spec.userId}`))
      assert.strictEqual(versions.size, 1, `half a batch: ${[...versions].join(", ")}`)
      const [stored] = sessions
      version = stored?.version ?? 0
      assert.strictEqual(stored?.spec.userId, String(version))
      // one more may have been stored than was answered
      assert.isTrue(version === sure || version === sure + 1, `${sure} was answered, and ${version} is stored`)
    }
    assert.isAtLeast(version, kills)
  })

it.live(
  "a process killed in the middle of its commits, many times, loses none of them and leaves none half done",
  () => Effect.forEach(isFull ? [10, 10] : [5, 5], killMany, { concurrency: "unbounded" }).pipe(Effect.scoped),
  120_000
)

describe("an SQLite file", () => {
  ownerLockCases(Effect.map(harness.directory, (directory) => join(directory, "sessions.db")))

  it.live(
    "whose lock file was deleted lets another process take the lock: the first holder learns of it, and writes nothing",
    () =>
      Effect.gen(function*() {
        const file = join(yield* harness.directory, "sessions.db")
        const context = yield* Layer.build(harness.fileStore(file))
        const store = Context.get(context, SessionStore)
        const lock = yield* store.lock(harness.team)
        const state = harness.sessionOf("s")
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(0, state)]), [])
        assert.isNull(yield* lock.lostTo)
        fs.rmSync(`${file}.${harness.team}.lock`)
        assert.isNull(yield* lock.lostTo)
        const newHolder = yield* processes.worker(file, "hold")
        assert.strictEqual(yield* processes.firstLine(newHolder), "held")
        assert.include(yield* lock.lostTo, `process ${newHolder.pid} on ${hostname()}`)
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(1, state)]), [state.spec.id])
      }).pipe(Effect.scoped),
    60_000
  )
})
