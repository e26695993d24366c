/**
 * Rows that an earlier build wrote: the fixture is the text of one of version 1, as that build stored it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Providers from "effect-atlas/provider/Providers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as fs from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Orchestrator from "../../../src/orchestrator/Orchestrator.ts"
import * as Session from "../../../src/orchestrator/Session.ts"
import { SessionStore } from "../../../src/orchestrator/SessionStore.ts"
import { makePlainCloud, plain } from "../plainCloud.ts"
import * as harness from "./harness.ts"

const stored = fs.readFileSync(new URL("fixtures/session.version1.json", import.meta.url), "utf8").trimEnd()
const id = Session.SessionId.make("earlier")
const current = ComputeId.make("plain-current")
const duplicate = ComputeId.make("plain-duplicate")
const gone = ComputeId.make("plain-gone")

/** A database in which the earlier build has left its row. */
const database = Effect.fnUntraced(function*(form = 1, text = stored) {
  const filename = join(yield* harness.directory, "sessions.db")
  yield* Effect.scoped(Layer.build(harness.fileStore(filename)))
  const sql = new DatabaseSync(filename)
  yield* Effect.addFinalizer(() => Effect.sync(() => sql.close()))
  sql.prepare("INSERT INTO atlas_sessions VALUES (?, ?, 7, ?, ?, 'earlier-build', 0, 0)").run(
    id,
    harness.team,
    form,
    text
  )
  const row = () =>
    sql.prepare("SELECT version, schema_version AS form, state FROM atlas_sessions WHERE id = ?").get(id) ?? {}
  return { filename, row }
})

const storeAt = (filename: string) => Effect.map(Layer.build(harness.fileStore(filename)), Context.get(SessionStore))

describe("a row of version 1", () => {
  it.live("is read as a session of version 2, and stays in the table as it is", () =>
    Effect.gen(function*() {
      const { filename, row } = yield* database()
      const store = yield* storeAt(filename)
      const { sessions: [session], unreadable } = yield* store.load(harness.team)
      assert.deepStrictEqual(unreadable, [])
      assert.deepStrictEqual([session?.schemaVersion, session?.version], [2, 7])
      assert.deepStrictEqual(session?.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [
        [duplicate, "duplicate"]
      ])
      assert.deepStrictEqual(session?.terminatedIds, [gone])
      // it counts among the rows that can be read, so "no session has this attempt" is an answer
      const holders = yield* store.attempts(harness.team, [Session.AttemptId.make("aaaaaaaaaaaa")])
      assert.deepStrictEqual([holders.sessions.size, holders.unknown], [0, []])
      assert.deepStrictEqual({ ...row() }, { version: 7, form: 1, state: stored })
    }).pipe(Effect.scoped))

  it.live("is adopted: the machine it wanted terminated is ended, its own lives on, and the row is written as version 2", () =>
    Effect.gen(function*() {
      const { filename, row } = yield* database()
      const cloud = yield* makePlainCloud()
      for (const one of [current, duplicate]) {
        const name = "atlas-team1-job-vbxrnc66lqj4"
        cloud.machines.set(one, new Compute({ id: one, provider: plain, status: "running", name }))
      }
      const orchestrator = Orchestrator.layer({ owner: harness.team }).pipe(
        Layer.provide(Layer.succeed(Providers.Providers, Providers.make([cloud.provider]))),
        Layer.provide(harness.fileStore(filename))
      )
      yield* Effect.gen(function*() {
        yield* Effect.sync(() => row()["form"] === 2 && cloud.machines.size === 1).pipe(
          Effect.repeat({ until: (isDone) => isDone, schedule: Schedule.spaced("10 millis") })
        )
        const info = yield* Orchestrator.info(id)
        assert.deepStrictEqual([info.state, info.computeId], ["live", current])
      }).pipe(Effect.provide(orchestrator))
      assert.deepStrictEqual([...cloud.machines.keys()], [current])
      assert.notMatch(String(row()["state"]), /residuals|buried|"twin"/)
    }).pipe(Effect.scoped))

  it.live("of which a cause was \"stray\" is read as an orphan, and one with any other cause cannot be read", () =>
    Effect.gen(function*() {
      const { filename } = yield* database(1, stored.replace("\"twin\"", "\"stray\""))
      const { sessions: [session] } = yield* (yield* storeAt(filename)).load(harness.team)
      assert.strictEqual(session?.pendingTerminations[0]?.why, "orphan")
      const other = yield* database(1, stored.replace("\"twin\"", "\"toString\""))
      const { unreadable } = yield* (yield* storeAt(other.filename)).load(harness.team)
      assert.deepStrictEqual(unreadable, [
        { id, message: "it does not have the form of version 1 (at pendingTerminations)", version: 7, createdAt: 0 }
      ])
    }).pipe(Effect.scoped))
})

describe("a row of version 1 under another version in its column", () => {
  for (
    const [form, message] of [
      [2, "it does not have the form of version 2 (at schemaVersion)"],
      [3, "its form is version 3, and this build reads the versions 1 and 2"]
    ] as const
  ) {
    it.live(`cannot be read where that says ${form}`, () =>
      Effect.gen(function*() {
        const { filename } = yield* database(form)
        const { unreadable } = yield* (yield* storeAt(filename)).load(harness.team)
        assert.deepStrictEqual(unreadable, [{ id, message, version: 7, createdAt: 0 }])
      }).pipe(Effect.scoped))
  }
})
