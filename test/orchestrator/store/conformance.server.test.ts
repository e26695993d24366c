/**
 * The session stores keep what every session store promises: in memory, in an SQLite file and in PostgreSQL.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import * as SessionStoreSql from "effect-atlas/orchestrator/SessionStoreSql"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import { SessionStoreConformance } from "effect-atlas/testing"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { schemaVersion } from "../../../src/orchestrator/Session.ts"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import * as Postgres from "../../support/postgres.ts"

const framework = { describe, it }

const root = fs.mkdtempSync(join(tmpdir(), "atlas-session-store-"))
afterAll(() => fs.rmSync(root, { recursive: true }))

/** Changes a row by hand. */
const spoil =
  (client: Layer.Layer<SqlClient.SqlClient, unknown>): SessionStoreConformance.Options["spoil"] => (id, how) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      if (how === "not JSON") {
        yield* sql`UPDATE atlas_sessions SET state = substr(state, 1, length(state) - 40), schema_version = ${schemaVersion} WHERE id = ${id}`
      } else if (how === "a newer form") {
        yield* sql`UPDATE atlas_sessions SET schema_version = ${schemaVersion + 1} WHERE id = ${id}`
      } else {
        yield* sql`UPDATE atlas_sessions SET schema_version = ${schemaVersion}, state = replace(state, '"mode"', '"canary"') WHERE id = ${id}`
      }
    }).pipe(Effect.provide(client), Effect.orDie)

SessionStoreConformance.suite(framework, "memory", SessionStore.layerMemory)

const filename = join(root, "private", "sessions.db")
const sqlite = SessionStoreSqlite.layer({ filename }).pipe(Layer.provide(NodeServices.layer))
SessionStoreConformance.suite(framework, "an SQLite file", sqlite, {
  again: sqlite,
  spoil: spoil(SqliteNode.layer({ filename }).pipe(Layer.provide(NodeServices.layer)))
})

const inMemory = SqliteNode.layer({ filename: ":memory:" }).pipe(Layer.provide(NodeServices.layer))
SessionStoreConformance.suite(framework, "SQLite in memory", SessionStoreSql.layer.pipe(Layer.provide(inMemory)))

describe.skipIf(Postgres.isSkipped)("in a database of their own", () => {
  const scope = Scope.makeUnsafe()
  let client: Context.Context<SqlClient.SqlClient> | undefined
  beforeAll(async () => {
    client = await Effect.runPromise(Layer.buildWithScope(Postgres.layer, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const shared = Layer.effectContext(
    Effect.suspend(() => client === undefined ? Effect.die("no client") : Effect.succeed(client))
  )
  const postgres = SessionStoreSql.layer.pipe(Layer.provide(shared))
  SessionStoreConformance.suite(framework, "PostgreSQL", postgres, { again: postgres, spoil: spoil(shared) })
})
