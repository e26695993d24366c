/**
 * Sessions in PostgreSQL: an owner lock whose connection is cut, a server that goes away, a caller's transaction.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import * as SessionStoreSql from "../../../src/orchestrator/SessionStoreSql.ts"
import * as Postgres from "../../support/postgres.ts"
import { repeatUntil } from "../../support/until.ts"
import * as harness from "./harness.ts"
import { ownerLockCases } from "./ownerLocks.ts"

const state = harness.sessionOf("s")

describe.skipIf(Postgres.isSkipped)("in a database of their own", () => {
  const scope = Scope.makeUnsafe()
  let address: Effect.Success<typeof Postgres.server> | undefined
  beforeAll(async () => {
    address = await Effect.runPromise(Scope.provide(Postgres.server, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  /** A store with connections of its own, as a process has. */
  const open = (maxConnections = 4) =>
    Effect.gen(function*() {
      if (address === undefined) return yield* Effect.die("no server")
      const client = PgClient.layer({ ...address, maxConnections })
      const context = yield* Layer.build(Layer.fresh(SessionStoreSql.layer.pipe(Layer.provideMerge(client))))
      const sql = Context.get(context, SqlClient.SqlClient)
      const store = Context.get(context, SessionStore.SessionStore)
      yield* sql`DELETE FROM atlas_sessions`
      return { sql, store }
    })

  /** Ends the connections that hold advisory locks, as a cut cable would. */
  const cut = (sql: SqlClient.SqlClient) =>
    Effect.gen(function*() {
      const rows =
        yield* sql`SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted`
      assert.strictEqual(rows.length, 1)
      // asked to end is not gone
      const holder = sql`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = ${rows[0]?.["pid"]}`
      yield* repeatUntil(holder, (locks) => locks.length === 0)
    })

  it.live("an owner lock whose connection was cut is taken again, while commits go on", () =>
    Effect.gen(function*() {
      const first = yield* open()
      const second = yield* open()
      yield* first.store.lock(harness.team)
      yield* cut(second.sql)
      assert.deepStrictEqual(yield* first.store.commit(harness.team, [harness.over(0, state)]), [])
      const holders = second.sql`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted`
      yield* repeatUntil(holders, (rows) => rows.length === 1)
      const refused = yield* Effect.flip(Effect.scoped(second.store.lock(harness.team)))
      assert.include(refused.message, `process ${process.pid}`)
      assert.deepStrictEqual(yield* first.store.commit(harness.team, [harness.over(1, state)]), [])
    }).pipe(Effect.scoped), 60_000)

  it.live(
    "a process that lost the lock to another writes nothing any more: every id is answered, rows stay as they are",
    () =>
      Effect.gen(function*() {
        const first = yield* open()
        const second = yield* open()
        const lock = yield* first.store.lock(harness.team)
        assert.deepStrictEqual(yield* first.store.commit(harness.team, [harness.over(0, state)]), [])
        assert.isNull(yield* lock.lostTo)
        yield* cut(second.sql)
        yield* Effect.retry(second.store.lock(harness.team), Schedule.spaced("20 millis"))
        assert.include(yield* lock.lostTo, `process ${process.pid} on`)
        const fresh = harness.sessionOf("fresh")
        // also a new session, which no version would have protected
        assert.deepStrictEqual(
          yield* first.store.commit(harness.team, [harness.over(1, state), harness.over(0, fresh)]),
          [state.spec.id, fresh.spec.id]
        )
        assert.deepStrictEqual((yield* second.store.load(harness.team)).sessions, [{ ...state, version: 1 }])
        assert.deepStrictEqual(
          yield* second.store.commit(harness.team, [harness.over(1, state), harness.over(0, fresh)]),
          []
        )
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("a commit inside the caller's transaction stays when that one is rolled back", () =>
    Effect.gen(function*() {
      const { sql, store } = yield* open()
      yield* Effect.flip(sql.withTransaction(
        Effect.andThen(store.commit(harness.team, [harness.over(0, state)]), Effect.fail("rolled back"))
      ))
      assert.deepStrictEqual((yield* store.load(harness.team)).sessions, [{ ...state, version: 1 }])
    }).pipe(Effect.scoped))

  it.live(
    "many writers that commit the same rows in every order wait for each other and do not deadlock",
    () =>
      Effect.gen(function*() {
        const stores = yield* Effect.all([open(), open(), open()])
        const [first] = stores
        const states = Array.from({ length: 40 }, (_, index) => harness.sessionOf(`s${index}`))
        yield* first.store.commit(harness.team, states.map((one) => harness.over(0, one)))
        const answers = yield* Effect.forEach(
          Array.from({ length: 30 }, (_, index) => index),
          (index) => {
            const own = states.map(({ spec }) => harness.over(1, harness.sessionOf(spec.id, `writer ${index}`)))
            const store = stores[index % 3]?.store ?? first.store
            return store.commit(harness.team, index % 2 === 0 ? own : own.toReversed())
          },
          { concurrency: "unbounded" }
        )
        // the first writer has written all rows, the others none
        assert.strictEqual(answers.filter(({ length }) => length === 0).length, 1)
        assert.strictEqual(answers.filter(({ length }) => length === 40).length, 29)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("stores that are opened at once make the tables once", () =>
    Effect.gen(function*() {
      const { sql } = yield* open()
      for (const table of ["sessions", "session_attempts", "session_seats", "session_store", "session_migrations"]) {
        yield* sql.unsafe(`DROP TABLE atlas_${table}`)
      }
      yield* Effect.all(Array.from({ length: 5 }, () => open()), { concurrency: "unbounded" })
      assert.deepStrictEqual((yield* sql`SELECT migration_id FROM atlas_session_migrations`).length, 2)
      assert.deepStrictEqual((yield* sql`SELECT identity FROM atlas_session_store`).length, 1)
    }).pipe(Effect.scoped), 60_000)

  it.live("a server that went away is a storage fault, in the middle of a commit too", () =>
    Effect.gen(function*() {
      const own = yield* Scope.fork(yield* Effect.scope)
      const server = yield* Scope.provide(Postgres.server, own)
      const context = yield* Layer.build(Layer.fresh(SessionStoreSql.layer.pipe(Layer.provide(PgClient.layer(server)))))
      const store = Context.get(context, SessionStore.SessionStore)
      yield* store.commit(harness.team, [harness.over(0, state)])
      const states = Array.from({ length: 500 }, (_, index) => harness.sessionOf(`s${index}`))
      const [during] = yield* Effect.all([
        Effect.exit(
          Effect.forEach(states, (one) => store.commit(harness.team, [harness.over(0, one)]), {
            concurrency: 4,
            discard: true
          })
        ),
        Scope.close(own, Exit.void)
      ], { concurrency: "unbounded" })
      for (const exit of [during, yield* Effect.exit(Effect.asVoid(store.load(harness.team)))]) {
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error.reason._tag, "StorageFault")
        assert.match(error.reason.message, /cannot be reached|failed/)
      }
    }).pipe(Effect.scoped), 60_000)
})

describe.skipIf(Postgres.isSkipped)("shared by processes", () => {
  ownerLockCases(Effect.map(Postgres.server, ({ port }) => String(port)))
})
