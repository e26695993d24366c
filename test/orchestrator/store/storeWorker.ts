/**
 * A child process that uses a store until it is done or killed, and prints what it has done.
 *
 * Arguments: a file, or the port of a PostgreSQL; then `hold` (takes the owner lock and prints that it has it, or why not) or
 * `commit` (writes a batch again and again and prints each stored version) with the version to go on from.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import * as SessionStoreSql from "../../../src/orchestrator/SessionStoreSql.ts"
import * as SessionStoreSqlite from "../../../src/orchestrator/SessionStoreSqlite.ts"
import { over, sessionOf, team } from "./harness.ts"

const [database = "", mode = "", from = "0"] = process.argv.slice(2)

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const layer = /^\d+$/.test(database)
  ? SessionStoreSql.layer.pipe(Layer.provide(
    PgClient.layer({ host: "127.0.0.1", port: Number(database), username: "atlas", database: "postgres" })
  ))
  : SessionStoreSqlite.layer({ filename: database }).pipe(Layer.provide(NodeServices.layer))

/** How many rows a batch has. */
const rows = 10

const program = Effect.gen(function*() {
  const store = yield* SessionStore.SessionStore
  yield* store.lock(team)
  if (mode === "hold") {
    yield* say("held")
    // a timer keeps the process alive, which a promise alone does not
    return yield* Effect.sleep("1 hour")
  }
  for (let version = Number(from);; version++) {
    const lost = yield* store.commit(
      team,
      Array.from({ length: rows }, (_, index) => over(version, sessionOf(`session-${index}`, String(version + 1))))
    )
    yield* say(lost.length === 0 ? String(version + 1) : `lost ${lost.join(" ")}`)
  }
})

await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(layer),
    Effect.catchTag("AtlasError", ({ reason }) => say(`refused: ${reason.message}`))
  )
)
