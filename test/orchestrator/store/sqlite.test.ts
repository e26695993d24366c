/**
 * Sessions in an SQLite file: its path and permissions, its failures, and that a caller's transaction does not hold it up.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, vi } from "@effect/vitest"
import * as SessionStoreSql from "effect-atlas/orchestrator/SessionStoreSql"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import * as Tracer from "effect/Tracer"
import * as fs from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Session from "../../../src/orchestrator/Session.ts"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import * as harness from "./harness.ts"

const canary = "canary-51d0"
const state = harness.sessionOf("s", canary)
const modeOf = (file: string) => fs.statSync(file).mode & 0o777

/** A store on a client of the test, so that the test can spoil its database. */
const onClient = (options: SqliteNode.Options) =>
  Effect.gen(function*() {
    const client = SqliteNode.layer(options).pipe(Layer.provide(NodeServices.layer))
    const context = yield* Layer.build(Layer.fresh(SessionStoreSql.layer.pipe(Layer.provideMerge(client))))
    return {
      sql: Context.get(context, SqlClient.SqlClient),
      store: Context.get(context, SessionStore.SessionStore)
    }
  })

/** The message of a `StorageFault`. */
const faultOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const fault = error instanceof Error && "reason" in error ? error.reason : null
    assert.isTrue(fault instanceof Error && "_tag" in fault && fault._tag === "StorageFault", String(error))
    const text = fault instanceof Error ? fault.message : ""
    assert.notInclude(`${text} ${String(error)} ${JSON.stringify(error)}`, canary)
    return text
  })

describe("the file", () => {
  it.live("whose path is longer than SQLite takes is said to be", () =>
    Effect.gen(function*() {
      const directory = join(yield* harness.directory, "d".repeat(200), "d".repeat(200), "d".repeat(200))
      fs.mkdirSync(directory, { recursive: true })
      const opened = Effect.scoped(Layer.build(harness.fileStore(join(directory, "sessions.db"))))
      assert.match(yield* faultOf(opened), /path is too long/)
    }).pipe(Effect.scoped))

  it.live("is private from its first byte, with all that lies beside it, in a private directory", () =>
    Effect.gen(function*() {
      const directory = join(yield* harness.directory, "a", "b")
      const filename = join(directory, "sessions.db")
      yield* Effect.gen(function*() {
        const store = yield* SessionStore.SessionStore
        yield* store.lock(harness.team)
        yield* store.commit(harness.team, [harness.over(0, state)])
        const files = fs.readdirSync(directory)
        assert.includeMembers(files, ["sessions.db", "sessions.db-wal", `sessions.db.${harness.team}.lock`])
        assert.deepStrictEqual([...new Set(files.map((file) => modeOf(join(directory, file))))], [0o600])
        assert.deepStrictEqual([modeOf(directory), modeOf(join(directory, ".."))], [0o700, 0o700])
      }).pipe(Effect.scoped, Effect.provide(harness.fileStore(filename)))
    }).pipe(Effect.scoped))

  it.live("that is deleted or replaced while it is in use takes no session any more, and that is said", () =>
    Effect.gen(function*() {
      const filename = join(yield* harness.directory, "sessions.db")
      yield* Effect.gen(function*() {
        const store = yield* SessionStore.SessionStore
        yield* store.lock(harness.team)
        yield* store.commit(harness.team, [harness.over(0, state)])
        const copy = fs.readFileSync(filename)
        fs.renameSync(filename, `${filename}.old`)
        assert.include(yield* faultOf(store.commit(harness.team, [harness.over(1, state)])), "deleted or replaced")
        fs.writeFileSync(filename, copy)
        assert.include(yield* faultOf(store.commit(harness.team, [harness.over(1, state)])), filename)
        fs.renameSync(`${filename}.old`, filename)
        assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(1, state)]), [])
      }).pipe(Effect.scoped, Effect.provide(harness.fileStore(filename)))
    }).pipe(Effect.scoped))

  it.live("is in ATLAS_STATE_DIR, else in the user's state directory", () =>
    Effect.gen(function*() {
      const root = yield* harness.directory
      const opened = (env: Record<string, string>) =>
        Effect.scoped(Layer.build(harness.fileStore())).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env))
        )
      yield* opened({ ATLAS_STATE_DIR: join(root, "given"), XDG_STATE_HOME: join(root, "xdg"), HOME: root })
      yield* opened({ XDG_STATE_HOME: join(root, "xdg"), HOME: root })
      yield* opened({ HOME: join(root, "home") })
      const files = fs.readdirSync(root, { recursive: true }).map(String).filter((file) => file.endsWith(".db"))
      assert.deepStrictEqual(files.toSorted(), [
        "given/sessions.db",
        "home/.local/state/effect-atlas/sessions.db",
        "xdg/effect-atlas/sessions.db"
      ])
    }).pipe(Effect.scoped))

  it.live("is written through to the disk before a commit is answered", () =>
    Effect.gen(function*() {
      const exec = vi.spyOn(DatabaseSync.prototype, "exec")
      yield* Effect.scoped(Layer.build(harness.fileStore(join(yield* harness.directory, "sessions.db"))))
      const pragmas = exec.mock.calls.map(([text]) => text)
      exec.mockRestore()
      assert.includeMembers(pragmas, ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"])
    }).pipe(Effect.scoped))

  it.live("names rows that were changed by hand: of another owner, under another id, without a version", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* onClient({ filename: ":memory:" })
      for (const id of ["a", "b", "c", "d"]) yield* store.commit(harness.team, [harness.over(0, harness.sessionOf(id))])
      yield* sql`UPDATE atlas_sessions SET state = replace(state, 'team1', 'team2') WHERE id = 'a'`
      yield* sql`UPDATE atlas_sessions SET id = 'z' WHERE id = 'b'`
      yield* sql`UPDATE atlas_sessions SET version = 'x' WHERE id = 'c'`
      const { sessions, unreadable } = yield* store.load(harness.team)
      assert.deepStrictEqual(sessions.map(({ spec }) => spec.id), [harness.sessionOf("d").spec.id])
      assert.deepStrictEqual(unreadable.map(({ id, message, version }) => ({ id, message, version })), [
        { id: "a", message: "it holds another session, or another owner's", version: 1 },
        { id: "c", message: "its row has no version", version: 0 },
        { id: "z", message: "it holds another session, or another owner's", version: 1 }
      ])
    }).pipe(Effect.scoped))

  it.live("is opened by a later build of the same tables, and its rows are read again", () =>
    Effect.gen(function*() {
      const filename = join(yield* harness.directory, "sessions.db")
      for (const version of [0, 1, 2]) {
        yield* SessionStore.SessionStore.use((store) => store.commit(harness.team, [harness.over(version, state)]))
          .pipe(
            Effect.provide(harness.fileStore(filename))
          )
      }
      const { sessions } = yield* SessionStore.SessionStore.use((store) => store.load(harness.team)).pipe(
        Effect.provide(harness.fileStore(filename))
      )
      assert.deepStrictEqual(sessions, [{ ...state, version: 3 }])
    }).pipe(Effect.scoped))

  it.live("has an identity that stays with its rows, that no other file has, and that the caller may give", () =>
    Effect.gen(function*() {
      const directory = yield* harness.directory
      const identityOf = (name: string, identity?: string) =>
        SessionStore.SessionStore.use((store) => Effect.succeed(store.identity)).pipe(
          Effect.provide(
            Layer.fresh(SessionStoreSqlite.layer({ filename: join(directory, name), identity })).pipe(
              Layer.provide(NodeServices.layer)
            )
          )
        )
      const one = yield* identityOf("one.db")
      assert.match(one ?? "", /^[a-z2-7]{20}$/)
      assert.strictEqual(yield* identityOf("one.db"), one)
      assert.notStrictEqual(yield* identityOf("two.db"), one)
      assert.strictEqual(yield* identityOf("one.db", "given"), "given")
    }).pipe(Effect.scoped))

  it.live("that is not a database, or cannot be created, fails as a storage fault that names it and what to do", () =>
    Effect.gen(function*() {
      const root = yield* harness.directory
      const junk = join(root, "junk.db")
      fs.writeFileSync(junk, `${canary} `.repeat(1_000))
      for (const filename of [junk, root, join(junk, "below.db")]) {
        const message = yield* faultOf(Effect.scoped(Layer.build(harness.fileStore(filename))))
        assert.include(message, filename)
        assert.include(message, "ATLAS_STATE_DIR")
      }
      assert.include(yield* faultOf(Effect.scoped(Layer.build(harness.fileStore(junk)))), "is not an SQLite database")
    }).pipe(Effect.scoped))
})

describe("a failure is a storage fault in a sentence without a row", () => {
  it.live("a full disk: nothing of the batch is written, and it works again when there is room", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* onClient({ filename: join(yield* harness.directory, "sessions.db") })
      yield* store.commit(harness.team, [harness.over(0, harness.sessionOf("first", canary))])
      const [{ page_count = 0 } = {}] = yield* sql<{ page_count: number }>`PRAGMA page_count`
      yield* sql.unsafe(`PRAGMA max_page_count = ${page_count + 4}`)
      const many = Array.from({ length: 50 }, (_, index) => harness.over(0, harness.sessionOf(`s${index}`, canary)))
      assert.include(yield* faultOf(store.commit(harness.team, many)), "is full")
      assert.strictEqual((yield* store.load(harness.team)).sessions.length, 1)
      yield* sql.unsafe("PRAGMA max_page_count = 1000000")
      assert.deepStrictEqual(yield* store.commit(harness.team, many), [])
      assert.strictEqual((yield* store.load(harness.team)).sessions.length, 51)
    }).pipe(Effect.scoped))

  it.live("a database that is read-only", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* onClient({ filename: join(yield* harness.directory, "sessions.db") })
      yield* sql`PRAGMA query_only = 1`
      assert.include(yield* faultOf(store.commit(harness.team, [harness.over(0, state)])), "read-only")
      assert.include(yield* faultOf(Effect.scoped(store.lock(harness.team))), "read-only")
      // reading goes on
      assert.deepStrictEqual(yield* store.load(harness.team), { sessions: [], unreadable: [], next: null })
      yield* sql`PRAGMA query_only = 0`
      yield* Effect.scoped(store.lock(harness.team))
    }).pipe(Effect.scoped))

  it.live("a database that another connection keeps locked for longer than the client waits", () =>
    Effect.gen(function*() {
      const filename = join(yield* harness.directory, "sessions.db")
      const { store } = yield* onClient({ filename, busyTimeout: "60 millis" })
      const other = new DatabaseSync(filename)
      other.exec("BEGIN IMMEDIATE")
      assert.include(yield* faultOf(store.commit(harness.team, [harness.over(0, state)])), "locked for too long")
      other.exec("ROLLBACK")
      assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(0, state)]), [])
      other.close()
    }).pipe(Effect.scoped))

  it.live("a table that is gone", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* onClient({ filename: ":memory:" })
      yield* sql`DROP TABLE atlas_sessions`
      for (
        const verb of [
          Effect.asVoid(store.load(harness.team)),
          Effect.asVoid(store.commit(harness.team, [harness.over(0, state)]))
        ]
      ) {
        assert.include(yield* faultOf(verb), "the session database failed")
      }
      const attempt = state.attempts[0]?.id ?? Session.AttemptId.make("aaaaaaaaaaaa")
      assert.include(yield* faultOf(store.attempts(harness.team, [attempt])), "the session database failed")
    }).pipe(Effect.scoped))

  it.live("a client that was closed", () =>
    Effect.gen(function*() {
      const { store } = yield* Effect.scoped(onClient({ filename: join(yield* harness.directory, "sessions.db") }))
      yield* faultOf(store.load(harness.team))
      yield* faultOf(store.commit(harness.team, [harness.over(0, state)]))
    }).pipe(Effect.scoped))
})

it.live("a commit inside a transaction of the same client is refused instead of waiting for itself, and nothing is written", () =>
  Effect.gen(function*() {
    const { sql, store } = yield* onClient({ filename: ":memory:" })
    const message = yield* faultOf(sql.withTransaction(store.commit(harness.team, [harness.over(0, state)])))
    assert.include(message, "outside of any transaction")
    assert.deepStrictEqual(yield* store.commit(harness.team, [harness.over(0, state)]), [])
  }).pipe(Effect.scoped))

it.live("a commit of rows whose attempts stay the same is one span, however many they are", () =>
  Effect.gen(function*() {
    const { store } = yield* onClient({ filename: ":memory:" })
    yield* store.lock(harness.team)
    const states = Array.from({ length: 100 }, (_, index) => harness.sessionOf(`s${index}`))
    yield* store.commit(harness.team, states.map((one) => harness.over(0, one)))
    const spans: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        spans.push(options.name)
        return new Tracer.NativeSpan(options)
      }
    })
    const again = store.commit(harness.team, states.map((one) => harness.over(1, { ...one, respawns: 1 })))
    assert.deepStrictEqual(yield* Effect.withTracer(again, tracer), [])
    assert.deepStrictEqual(spans, ["sql.transaction"])
    const { sessions } = yield* SessionStore.loadAll(store, harness.team)
    assert.deepStrictEqual(sessions.map(({ respawns, version }) => [respawns, version]), states.map(() => [1, 2]))
  }).pipe(Effect.scoped))

it.live("an interrupted commit is whole or not there", () =>
  Effect.gen(function*() {
    const { store } = yield* onClient({ filename: join(yield* harness.directory, "sessions.db") })
    const many = Array.from({ length: 300 }, (_, index) => harness.over(0, harness.sessionOf(`s${index}`)))
    for (const ticks of [0, 1, 2, 3]) {
      let tick = 0
      const soon = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
      const stop = Effect.repeat(soon, { until: () => tick++ >= ticks })
      yield* Effect.raceFirst(store.commit(harness.team, many), stop)
      const { sessions } = yield* SessionStore.loadAll(store, harness.team)
      assert.include([0, 300], sessions.length)
      yield* store.commit(harness.team, sessions.map(({ spec, version }) => ({ id: spec.id, version, state: null })))
    }
  }).pipe(Effect.scoped))

it.live("two stores of one process on one file hold the owner lock one after the other, and share the rows", () =>
  Effect.gen(function*() {
    const filename = join(yield* harness.directory, "sessions.db")
    const build = Effect.map(
      Layer.build(harness.fileStore(filename)),
      (context) => Context.get(context, SessionStore.SessionStore)
    )
    const [first, second] = yield* Effect.all([build, build])
    yield* Effect.scoped(Effect.gen(function*() {
      yield* first.lock(harness.team)
      assert.include(yield* faultOf(Effect.scoped(second.lock(harness.team))), `process ${process.pid} `)
    }))
    yield* Effect.scoped(second.lock(harness.team))
    yield* first.commit(harness.team, [harness.over(0, state)])
    assert.deepStrictEqual(yield* second.commit(harness.team, [harness.over(0, state)]), [state.spec.id])
    assert.deepStrictEqual((yield* second.load(harness.team)).sessions, [{ ...state, version: 1 }])
  }).pipe(Effect.scoped))
