/**
 * A session database that is not the one the last process left: an older copy, a half of it, or damaged inside. The orchestrator
 * starts with what it can know, or says which file it is and what to do; what it does not know is ended as an orphan.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Providers from "effect-atlas/provider/Providers"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Orchestrator from "../../../src/orchestrator/Orchestrator.ts"
import type * as Session from "../../../src/orchestrator/Session.ts"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import { settle } from "../harness.ts"
import { addLive, makePlainCloud, type PlainCloud } from "../plainCloud.ts"
import * as harness from "./harness.ts"

const parts = ["", "-wal", "-shm"] as const

const copy = (from: string, to: string, which: ReadonlyArray<string> = parts) => {
  for (const part of which) if (fs.existsSync(`${from}${part}`)) fs.copyFileSync(`${from}${part}`, `${to}${part}`)
}

/** A cloud with machines, and a database with their sessions, copied after the first half and left as a crash leaves it. */
const crashed = (count = 40) =>
  Effect.gen(function*() {
    const directory = yield* harness.directory
    const filename = join(directory, "sessions.db")
    const cloud = yield* makePlainCloud({ pollInterval: "1 second" })
    const wall = yield* Clock.currentTimeMillis
    const states = Array.from({ length: count }, (_, number) => addLive(cloud, number, { wall, mono: 0 }))
    yield* Effect.scoped(Effect.gen(function*() {
      const store = Context.get(yield* Layer.build(harness.fileStore(filename)), SessionStore.SessionStore)
      const begin = (some: ReadonlyArray<Session.SessionState>) =>
        store.commit(harness.team, some.map((state) => harness.over(0, state)))
      yield* begin(states.slice(0, count / 2))
      copy(filename, join(directory, "older.db"))
      yield* begin(states.slice(count / 2))
      yield* store.commit(harness.team, states.map((state) => harness.over(1, state)))
      copy(filename, join(directory, "newest.db"))
    }))
    return { cloud, directory, older: join(directory, "older.db"), newest: join(directory, "newest.db") }
  })

/** Starts over this file, lets ten minutes pass, stops every session, and answers which machines are left. */
const settled = Effect.fnUntraced(function*(filename: string, cloud: PlainCloud) {
  const layer = Orchestrator.layer({ owner: harness.team, pollInterval: "5 seconds", reapGrace: "10 seconds" }).pipe(
    Layer.provide([
      harness.fileStore(filename),
      Layer.succeed(Providers.Providers, Providers.make([cloud.provider], { default: "plain" }))
    ])
  )
  return yield* Effect.scoped(Effect.gen(function*() {
    const orchestrator = Context.get(yield* Layer.build(layer), Orchestrator.Orchestrator)
    const known = (yield* orchestrator.listIds).length
    const pass = Effect.forEach(Array.from({ length: 60 }), () => Effect.andThen(TestClock.adjust("1 second"), settle))
    yield* pass
    const kept = cloud.machines.size
    for (const id of yield* orchestrator.listIds) {
      yield* Effect.forkScoped(Effect.ignore(orchestrator.stopTracked(id)))
    }
    yield* pass
    return { known, kept, left: cloud.machines.size, unreadable: yield* orchestrator.unreadable }
  }))
})

const messageOf = <A, E>(self: Effect.Effect<A, E>) => Effect.map(Effect.flip(self), String)

describe("an older copy of the database", () => {
  it.effect("is started with: its sessions go on, machines that it does not know are ended", () =>
    Effect.gen(function*() {
      const { cloud, older } = yield* crashed()
      assert.deepStrictEqual(yield* settled(older, cloud), { known: 20, kept: 20, left: 0, unreadable: [] })
    }).pipe(Effect.scoped))

  it.effect("beside the log of the newer one is started with, and nothing bills in the end", () =>
    Effect.gen(function*() {
      const { cloud, directory, newest, older } = yield* crashed()
      const filename = join(directory, "mixed.db")
      copy(older, filename, [""])
      copy(newest, filename, ["-wal", "-shm"])
      assert.strictEqual((yield* settled(filename, cloud)).left, 0)
    }).pipe(Effect.scoped))

  it.effect("whose log was cut off in the middle is started with, and nothing bills in the end", () =>
    Effect.gen(function*() {
      const { cloud, directory, newest } = yield* crashed()
      const filename = join(directory, "cut.db")
      copy(newest, filename)
      fs.truncateSync(`${filename}-wal`, Math.floor(fs.statSync(`${filename}-wal`).size / 2) + 100)
      const { kept, known, left } = yield* settled(filename, cloud)
      assert.strictEqual(left, 0)
      assert.strictEqual(kept, known)
    }).pipe(Effect.scoped))

  it.effect("of which nothing is left but an empty file is started with: its machines are orphans", () =>
    Effect.gen(function*() {
      const { cloud, directory } = yield* crashed(4)
      const filename = join(directory, "empty.db")
      fs.writeFileSync(filename, "", { mode: 0o600 })
      assert.deepStrictEqual(yield* settled(filename, cloud), { known: 0, kept: 0, left: 0, unreadable: [] })
    }).pipe(Effect.scoped))
})

describe("a damaged file", () => {
  /** The database in one file, without a log. */
  const whole = Effect.gen(function*() {
    const left = yield* crashed()
    yield* Effect.scoped(Layer.build(harness.fileStore(left.newest)))
    return { ...left, page: 4_096, bytes: fs.readFileSync(left.newest) }
  })

  it.effect("names itself and what to do about it, when it cannot be opened", () =>
    Effect.gen(function*() {
      const { bytes, newest, page } = yield* whole
      for (const spoilt of [bytes.subarray(0, page), Buffer.concat([Buffer.alloc(page, 7), bytes.subarray(page)])]) {
        fs.writeFileSync(newest, spoilt)
        const message = yield* messageOf(Effect.scoped(Layer.build(harness.fileStore(newest))))
        assert.include(message, "storage_fault")
        assert.include(message, newest)
        assert.include(message, "-wal and -shm")
      }
    }).pipe(Effect.scoped))

  it.effect("is read as far as it can be: rows on a damaged page are named, and the others are adopted", () =>
    Effect.gen(function*() {
      const { bytes, newest, page } = yield* whole
      // the page that holds the last session's text
      const at = Math.floor(bytes.lastIndexOf("\"session-39\"") / page) * page
      fs.writeFileSync(newest, Buffer.concat([bytes.subarray(0, at), Buffer.alloc(page, 0), bytes.subarray(at + page)]))
      const store = yield* Effect.map(
        Layer.build(harness.fileStore(newest)),
        (context) => Context.get(context, SessionStore.SessionStore)
      )
      const { sessions, unreadable } = yield* SessionStore.loadAll(store, harness.team)
      assert.isAbove(unreadable.length, 0)
      assert.isAbove(sessions.length, 20)
      assert.strictEqual(sessions.length + unreadable.length, 40)
      assert.deepStrictEqual([...new Set(unreadable.map(({ message }) => message))], [
        "the session database is damaged there"
      ])
      // their attempts are known by the index: no machine of theirs is taken for an orphan, and orphans are still found
      const attempts = yield* store.attempts(harness.team, [])
      assert.deepStrictEqual(attempts.unknown, [])
    }).pipe(Effect.scoped))
})
