/**
 * SQLite on a real file: which users can read it, how transactions and locks behave, and what its errors are called.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

const temp = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-sqlite-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const open = (options: SqliteNode.Options) =>
  Effect.map(
    Layer.build(Layer.fresh(SqliteNode.layer(options).pipe(Layer.provide(NodeServices.layer)))),
    Context.get(SqlClient.SqlClient)
  )

const numbers = Effect.fnUntraced(function*(sql: SqlClient.SqlClient) {
  return (yield* sql`SELECT n FROM numbers ORDER BY n`).map((row) => row["n"])
})

const reasonOf = <A, E>(exit: Exit.Exit<A, E>) => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : null
  return typeof error === "object" && error !== null && "reason" in error ? error.reason : null
}

const tagOf = (reason: unknown) =>
  typeof reason === "object" && reason !== null && "_tag" in reason ? reason._tag : null

describe("SqliteNode", () => {
  it.live("the file, its log and its directory are for their owner only", () =>
    Effect.gen(function*() {
      const root = yield* temp
      const directory = join(root, "a", "b")
      const sql = yield* open({ filename: join(directory, "atlas.db") })
      yield* sql`CREATE TABLE numbers (n INTEGER)`
      yield* sql`INSERT INTO numbers VALUES (1)`
      const modes = fs.readdirSync(directory).map((name) => [name, fs.statSync(join(directory, name)).mode & 0o777])
      assert.deepStrictEqual(modes, [["atlas.db", 0o600], ["atlas.db-shm", 0o600], ["atlas.db-wal", 0o600]])
      assert.strictEqual(fs.statSync(directory).mode & 0o777, 0o700)
    }).pipe(Effect.scoped))

  it.live("values come back as they were stored: text, integers, fractions, bytes, booleans, null", () =>
    Effect.gen(function*() {
      const sql = yield* open({ filename: ":memory:" })
      const bytes = new Uint8Array([0, 1, 255])
      const rows = yield* sql`SELECT ${"a'b"} AS t, ${7} AS i, ${1.5} AS r, ${bytes} AS b, ${true} AS y, ${null} AS n`
      assert.deepStrictEqual(rows.map((row) => ({ ...row })), [{ t: "a'b", i: 7, r: 1.5, b: bytes, y: 1, n: null }])
      const big = 9_007_199_254_740_993n
      const [row] = yield* sql`SELECT ${big} AS big`.pipe(Effect.provideService(SqlClient.SafeIntegers, true))
      assert.strictEqual(row?.["big"], big)
      assert.deepStrictEqual(yield* sql`SELECT ${1} AS a, ${2} AS b`.values, [[1, 2]])
    }).pipe(Effect.scoped))

  it.live("a transaction that fails leaves nothing, also inside another one that goes on", () =>
    Effect.gen(function*() {
      const sql = yield* open({ filename: ":memory:" })
      yield* sql`CREATE TABLE numbers (n INTEGER)`
      const insert = (n: number) => sql`INSERT INTO numbers VALUES (${n})`
      yield* Effect.exit(sql.withTransaction(Effect.andThen(insert(1), Effect.fail("no"))))
      assert.deepStrictEqual(yield* numbers(sql), [])
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(2)
        yield* Effect.exit(sql.withTransaction(Effect.andThen(insert(3), Effect.fail("no"))))
        yield* insert(4)
      }))
      assert.deepStrictEqual(yield* numbers(sql), [2, 4])
    }).pipe(Effect.scoped))

  it.live("two connections that read and then write take turns, and other fibers run while one waits", () =>
    Effect.gen(function*() {
      const filename = join(yield* temp, "atlas.db")
      const [one, two] = [yield* open({ filename }), yield* open({ filename })]
      yield* one`CREATE TABLE numbers (n INTEGER)`
      yield* one`INSERT INTO numbers VALUES (0)`
      const isIn = yield* Deferred.make<void>()
      const mayGo = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(one.withTransaction(Effect.gen(function*() {
        yield* one`UPDATE numbers SET n = n + 1`
        yield* Deferred.succeed(isIn, void 0)
        yield* Deferred.await(mayGo)
      })))
      yield* Deferred.await(isIn)
      const waiter = yield* Effect.forkChild(two.withTransaction(Effect.gen(function*() {
        const [n] = yield* numbers(two)
        yield* two`UPDATE numbers SET n = ${Number(n) + 1}`
      })))
      // while it waits this very thread is free
      for (let turn = 0; turn < 20; turn++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* Deferred.succeed(mayGo, void 0)
      yield* Fiber.join(holder)
      yield* Fiber.join(waiter)
      assert.deepStrictEqual(yield* numbers(one), [2])
    }).pipe(Effect.scoped))

  it.live("a lock that is held longer than busyTimeout is a lock timeout", () =>
    Effect.gen(function*() {
      const filename = join(yield* temp, "atlas.db")
      const sql = yield* open({ filename, busyTimeout: "50 millis" })
      yield* sql`CREATE TABLE numbers (n INTEGER)`
      const other = new DatabaseSync(filename)
      other.exec("BEGIN IMMEDIATE")
      const exit = yield* Effect.exit(sql`INSERT INTO numbers VALUES (1)`)
      other.exec("ROLLBACK")
      other.close()
      assert.strictEqual(tagOf(reasonOf(exit)), "LockTimeoutError")
      yield* sql`INSERT INTO numbers VALUES (2)`
      assert.deepStrictEqual(yield* numbers(sql), [2])
    }).pipe(Effect.scoped))

  it.live("errors have different reasons: a row that exists already, any other mistake, a file that cannot be opened", () =>
    Effect.gen(function*() {
      const directory = yield* temp
      const sql = yield* open({ filename: ":memory:" })
      yield* sql`CREATE TABLE numbers (n INTEGER PRIMARY KEY)`
      yield* sql`INSERT INTO numbers VALUES (1)`
      assert.strictEqual(tagOf(reasonOf(yield* Effect.exit(sql`INSERT INTO numbers VALUES (1)`))), "UniqueViolation")
      assert.strictEqual(tagOf(reasonOf(yield* Effect.exit(sql`INSERT INTO nowhere VALUES (1)`))), "UnknownError")
      fs.writeFileSync(join(directory, "file"), "")
      const below = yield* Effect.exit(open({ filename: join(directory, "file", "atlas.db") }))
      assert.strictEqual(tagOf(reasonOf(below)), "ConnectionError")
      fs.writeFileSync(
        join(directory, "junk.db"),
        "this is no database, but it is long enough to be looked at".repeat(20)
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(open({ filename: join(directory, "junk.db") }))))
    }).pipe(Effect.scoped))

  it.live("synchronous FULL is set, and committed rows are there after the process was killed", () =>
    Effect.gen(function*() {
      const filename = join(yield* temp, "atlas.db")
      const sql = yield* open({ filename, synchronous: "FULL" })
      assert.deepStrictEqual(yield* sql`PRAGMA synchronous`.values, [[2]])
      yield* sql`CREATE TABLE numbers (n INTEGER)`
      const code = `import { DatabaseSync } from "node:sqlite"
        const db = new DatabaseSync(${JSON.stringify(filename)})
        db.exec("INSERT INTO numbers VALUES (1); BEGIN IMMEDIATE; INSERT INTO numbers VALUES (2)")
        process.kill(process.pid, "SIGKILL")`
      yield* Effect.promise(() =>
        new Promise((resolve) => spawn(process.execPath, ["--input-type=module", "-e", code]).once("exit", resolve))
      )
      assert.deepStrictEqual(yield* numbers(sql), [1])
    }).pipe(Effect.scoped))
})
