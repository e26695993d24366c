/**
 * Real processes that are killed: what they were told is stored is stored, no batch is half there, and their seat is free.
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
import * as processes from "./processes.ts"
import { seats } from "./seats.ts"

/** Commits go on while it is killed: so many are acknowledged first, and then it gets this many turns of our loop. */
const commitAndKill = (database: string, from: number) =>
  Effect.scoped(Effect.gen(function*() {
    const child = yield* processes.worker(database, "commit", String(from))
    const wanted = 1 + Math.floor(Math.random() * 15)
    const enough = yield* Latch.make()
    let sure = from
    const said = yield* Effect.forkChild(
      processes.lines(child, (line) => {
        assert.match(line, /^\d+$/)
        sure = Number(line)
        if (sure >= from + wanted) enough.openUnsafe()
        return true
      }),
      { startImmediately: true }
    )
    yield* enough.await
    for (let turn = Math.floor(Math.random() * 40); turn > 0; turn--) {
      yield* Effect.promise(() => new Promise(setImmediate))
    }
    yield* processes.kill(child)
    // whatever it said before it died is read to the end
    yield* Fiber.await(said)
    return sure
  }))

/** Kills writers of one file, one after the other, and looks after each what is stored. */
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
      // one more may have been stored than it could say
      assert.isTrue(version === sure || version === sure + 1, `it was told ${sure}, and ${version} is stored`)
    }
    assert.isAtLeast(version, kills)
  })

it.live(
  "a process killed in the middle of its commits, many times, loses none of them and leaves none half done",
  () => Effect.forEach(isFull ? [10, 10] : [5, 5], killMany, { concurrency: "unbounded" }).pipe(Effect.scoped),
  120_000
)

describe("an SQLite file", () => {
  seats(Effect.map(harness.directory, (directory) => join(directory, "sessions.db")))

  it.live(
    "whose lock file was deleted has a seat that another process can take: who sat there is told, and writes nothing",
    () =>
      Effect.gen(function*() {
        const file = join(yield* harness.directory, "sessions.db")
        const context = yield* Layer.build(harness.fileStore(file))
        const store = Context.get(context, SessionStore)
        const seat = yield* store.lock(harness.team)
        const state = harness.sessionOf("s")
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(0, state)]), [])
        assert.isNull(yield* seat.lostTo)
        fs.rmSync(`${file}.${harness.team}.lock`)
        assert.isNull(yield* seat.lostTo)
        const thief = yield* processes.worker(file, "hold")
        assert.strictEqual(yield* processes.word(thief), "held")
        assert.include(yield* seat.lostTo, `process ${thief.pid} on ${hostname()}`)
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(1, state)]), [state.spec.id])
      }).pipe(Effect.scoped),
    60_000
  )
})
