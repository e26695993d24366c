/**
 * Real processes that are killed: what they were told is stored is stored, no batch is half there, and their seat is free.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { SessionStore } from "../../../src/orchestrator/SessionStore.ts"
import * as Postgres from "../../support/postgres.ts"
import * as harness from "./harness.ts"

/** Commits go on while it is killed: so many are acknowledged first, and then it gets this many turns of our loop. */
const commitAndKill = (database: string, from: number) =>
  Effect.scoped(Effect.gen(function*() {
    const child = yield* harness.worker(database, "commit", String(from))
    const wanted = 1 + Math.floor(Math.random() * 15)
    const enough = yield* Latch.make()
    let sure = from
    const said = yield* Effect.forkChild(
      harness.lines(child, (line) => {
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
    yield* harness.kill(child)
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
  () => Effect.forEach([10, 10], killMany, { concurrency: "unbounded" }).pipe(Effect.scoped),
  120_000
)

/** What holds for the seat in any database that processes share. */
const seats = (database: Effect.Effect<string, unknown, Scope.Scope>) => {
  it.live(
    "a second process is refused and told who sits there, and gets the seat when that one is killed",
    () =>
      Effect.gen(function*() {
        const where = yield* database
        const first = yield* harness.worker(where, "hold")
        assert.strictEqual(yield* harness.word(first), "held")
        const second = yield* harness.worker(where, "hold")
        const refusal = (yield* harness.word(second)) ?? ""
        assert.include(
          refusal,
          `the owner ${harness.team} is running already: process ${first.pid} on ${hostname()} since 20`
        )
        yield* harness.kill(first)
        // a server may take a moment to see that its client is gone
        const third = yield* Effect.gen(function*() {
          const child = yield* harness.worker(where, "hold")
          return (yield* harness.word(child)) === "held" ? child : yield* Effect.fail("still refused")
        }).pipe(Effect.retry({ times: 5 }))
        const fourth = yield* harness.worker(where, "hold")
        assert.include((yield* harness.word(fourth)) ?? "", `process ${third.pid} `)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("of six processes that start at once one gets the seat", () =>
    Effect.gen(function*() {
      const where = yield* database
      const words = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.flatMap(harness.worker(where, "hold"), harness.word),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(words.filter((one) => one === "held").length, 1, words.join("\n"))
      assert.strictEqual(words.filter((one) => one?.startsWith("refused: an orchestrator of the owner")).length, 5)
    }).pipe(Effect.scoped), 60_000)
}

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
        const thief = yield* harness.worker(file, "hold")
        assert.strictEqual(yield* harness.word(thief), "held")
        assert.include(yield* seat.lostTo, `process ${thief.pid} on ${hostname()}`)
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(1, state)]), [state.spec.id])
      }).pipe(Effect.scoped),
    60_000
  )
})

describe.skipIf(Postgres.whyNot !== null)(`PostgreSQL ${Postgres.whyNot ?? ""}`, () => {
  seats(Effect.map(Postgres.server, ({ port }) => String(port)))
})
