/**
 * Sessions on a disk that is really full: what becomes of those that exist is recorded, and none begins.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { join } from "node:path"
import type * as Session from "../../../src/orchestrator/Session.ts"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import { canMount, makeSmallDisk } from "../../support/smallDisk.ts"
import * as harness from "./harness.ts"

/** A disk of so many bytes, and a database on it. */
const diskOf = (size: number) =>
  Effect.map(
    Effect.acquireRelease(Effect.sync(() => makeSmallDisk(size)), (disk) => Effect.sync(disk.unmount)),
    (disk) => ({ ...disk, filename: join(disk.directory, "sessions.db") })
  )

const smallDisk = diskOf(20 * 1_048_576)

const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, number) => harness.sessionOf(`session-${String(number).padStart(6, "0")}`))

/** A session that has been refused so often, which makes its row longer. */
const longer = (state: Session.SessionState, times: number): Session.SessionState => ({
  ...state,
  refusals: Array.from({ length: times }, () => ({
    candidate: 0,
    at: times,
    fault: { reason: "NoCapacity", provider: null, message: "x".repeat(400), status: null, retryAfter: null }
  }))
})

/** Writes all rows over this version, so many at a time; counts those that were written. */
const update = Effect.fnUntraced(function*(
  store: SessionStore.SessionStore["Service"],
  rows: ReadonlyArray<Session.SessionState>,
  version: number,
  afterEach: () => void
) {
  for (let start = 0; start < rows.length; start += 50) {
    const some = rows.slice(start, start + 50)
    const lost = yield* store.commit(harness.team, some.map((state) => harness.over(version, state)))
    assert.deepStrictEqual(lost, [])
    afterEach()
  }
})

const open = (filename: string) =>
  Effect.map(Layer.build(harness.fileStore(filename)), (context) => Context.get(context, SessionStore.SessionStore))

const faultOf = <A, E>(self: Effect.Effect<A, E>) => Effect.map(Effect.flip(self), String)

describe.skipIf(!canMount)("on a full disk (skipped where no small file system can be mounted)", () => {
  it.live("hundreds of updates are recorded, also while something else takes every block that comes free", () =>
    Effect.gen(function*() {
      const { empty, filename, fill } = yield* smallDisk
      const store = yield* open(filename)
      yield* store.lock(harness.team)
      const all = rowsOf(3_000)
      for (let start = 0; start < all.length; start += 50) {
        yield* store.commit(harness.team, all.slice(start, start + 50).map((state) => harness.over(0, state)))
      }
      fill()
      const rows = all.filter((_, number) => number % 6 === 0)
      for (const version of [1, 2]) yield* update(store, rows, version, fill)
      // more pages at once than any commit before, since no two of these rows are on one; the file was given up already
      assert.isFalse(fs.existsSync(`${filename}.reserve`))
      assert.deepStrictEqual(yield* store.commit(harness.team, rows.map((state) => harness.over(3, state))), [])
      fill()
      const begin = store.commit(harness.team, [harness.over(0, harness.sessionOf("new"))])
      assert.match(yield* faultOf(begin), /disk .* is full/)
      yield* update(store, rows, 4, fill)
      const { sessions } = yield* SessionStore.loadAll(store, harness.team)
      assert.deepStrictEqual(sessions.filter(({ version }) => version === 5).length, rows.length)
      empty()
      assert.deepStrictEqual(yield* begin, [])
      assert.deepInclude(fs.statSync(`${filename}.reserve`), { size: 1_048_576, mode: 0o100600 })
    }).pipe(Effect.scoped))

  it.live("a disk that is small and not full is not filled with room for later: sessions begin on it", () =>
    Effect.gen(function*() {
      const { filename } = yield* diskOf(5 * 1_048_576)
      const store = yield* open(filename)
      yield* store.lock(harness.team)
      assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(0, harness.sessionOf("first"))]), [])
    }).pipe(Effect.scoped))

  it.live("rows grow into the reserve, which no new session may use, and which is made again when there is room", () =>
    Effect.gen(function*() {
      const { empty, filename, fill } = yield* smallDisk
      const store = yield* open(filename)
      yield* store.lock(harness.team)
      const rows = rowsOf(300)
      yield* store.commit(harness.team, rows.map((state) => harness.over(0, state)))
      fill()
      let version = 1
      while (fs.existsSync(`${filename}.reserve`)) {
        assert.isBelow(version, 40)
        yield* update(store, rows.slice(0, 50).map((state) => longer(state, version)), version, () => {})
        version += 1
      }
      // there is room now, and it is not for new sessions
      assert.isAbove(fs.statfsSync(filename).bavail, 0)
      const begin = store.commit(harness.team, [harness.over(0, harness.sessionOf("new"))])
      assert.include(yield* faultOf(begin), "kept for the sessions that exist")
      yield* update(store, rows.slice(50), 1, () => {})
      empty()
      assert.deepStrictEqual(yield* begin, [])
      assert.strictEqual(fs.statSync(`${filename}.reserve`).size, 1_048_576)
    }).pipe(Effect.scoped))

  it.live("the owner lock is taken, where there is room to open the file and not to write in it", () =>
    Effect.gen(function*() {
      const { filename, fill, leave } = yield* smallDisk
      yield* Effect.scoped(Effect.flatMap(open(filename), (store) => store.lock(harness.team)))
      assert.isTrue(fs.existsSync(`${filename}.reserve`))
      fill()
      leave(40_960)
      const store = yield* open(filename)
      assert.isTrue(fs.existsSync(`${filename}.reserve`))
      yield* store.lock(harness.team)
      assert.isFalse(fs.existsSync(`${filename}.reserve`))
    }).pipe(Effect.scoped))

  it.live("a store that a crash has left is opened, locked, read and written", () =>
    Effect.gen(function*() {
      const { directory, filename, fill } = yield* smallDisk
      const store = yield* open(filename)
      yield* store.lock(harness.team)
      const rows = rowsOf(50)
      yield* store.commit(harness.team, rows.map((state) => harness.over(0, state)))
      // as after a crash and a restart of the machine: no shared memory, and no lock file of this owner
      const crashed = join(directory, "crashed.db")
      for (const part of ["", "-wal", ".reserve"]) fs.copyFileSync(`${filename}${part}`, `${crashed}${part}`)
      fill()
      const next = yield* open(crashed)
      yield* next.lock(harness.team)
      assert.strictEqual((yield* SessionStore.loadAll(next, harness.team)).sessions.length, 50)
      yield* update(next, rows, 1, () => {})
      assert.match(
        yield* faultOf(next.commit(harness.team, [harness.over(0, harness.sessionOf("new"))])),
        /disk .* is full/
      )
    }).pipe(Effect.scoped))
})
