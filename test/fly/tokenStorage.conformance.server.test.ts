/**
 * The four storages of tokens keep what every token storage promises; the one in a database on SQLite and on PostgreSQL.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { TokenStorage } from "effect-atlas/fly"
import * as TokenStorageSql from "effect-atlas/fly/TokenStorageSql"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import { TokenStorageConformance } from "effect-atlas/testing"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Postgres from "../support/postgres.ts"

const root = fs.mkdtempSync(join(tmpdir(), "atlas-token-conformance-"))
afterAll(() => fs.rmSync(root, { recursive: true }))

const framework = { describe, it }

TokenStorageConformance.suite(framework, "memory", TokenStorage.layerMemory)

const files = TokenStorage.layerFile({ directory: join(root, "files") }).pipe(Layer.provide(NodeServices.layer))
TokenStorageConformance.suite(framework, "files", files, { again: files })

const keyValue = TokenStorage.layerKeyValueStore.pipe(
  Layer.provide(KeyValueStore.layerFileSystem(join(root, "values"))),
  Layer.provide(NodeServices.layer)
)
TokenStorageConformance.suite(framework, "key-value store", keyValue, { again: keyValue })

const sqlite = TokenStorageSql.layer.pipe(
  Layer.provide(SqliteNode.layer({ filename: join(root, "sqlite", "tokens.db") })),
  Layer.provide(NodeServices.layer)
)
TokenStorageConformance.suite(framework, "SQLite", sqlite, { again: sqlite })

describe.skipIf(Postgres.isSkipped)("in a database of their own", () => {
  const scope = Scope.makeUnsafe()
  let client: Context.Context<SqlClient.SqlClient> | undefined
  beforeAll(async () => {
    client = await Effect.runPromise(Layer.buildWithScope(Postgres.layer, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const postgres = TokenStorageSql.layer.pipe(
    Layer.provide(
      Layer.effectContext(Effect.suspend(() => client === undefined ? Effect.die("no client") : Effect.succeed(client)))
    )
  )
  TokenStorageConformance.suite(framework, "PostgreSQL", postgres, { again: postgres })
})
