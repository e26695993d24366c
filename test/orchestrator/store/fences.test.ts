/**
 * What a commit may not write: rows of another owner, rows that were changed meanwhile, and anything once the owner lock is lost.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as SessionStoreSql from "effect-atlas/orchestrator/SessionStoreSql"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SqlClient from "effect/sql/SqlClient"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"
import * as harness from "./harness.ts"

const open = Effect.gen(function*() {
  const client = SqliteNode.layer({ filename: ":memory:" }).pipe(Layer.provide(NodeServices.layer))
  const context = yield* Layer.build(Layer.fresh(SessionStoreSql.layer.pipe(Layer.provideMerge(client))))
  return { sql: Context.get(context, SqlClient.SqlClient), store: Context.get(context, SessionStore.SessionStore) }
})

it.live("a row of another owner, which is not written over", () =>
  Effect.gen(function*() {
    const { store } = yield* open
    const other = Owner.make("other")
    const theirs = harness.sessionOf("s", null, other)
    assert.deepStrictEqual([...yield* store.commit(other, [harness.over(0, theirs)])], [])
    const ours = harness.sessionOf("s")
    assert.deepStrictEqual([...yield* store.commit(harness.team, [harness.over(1, ours)])], [ours.spec.id])
    assert.deepStrictEqual((yield* store.load(other)).sessions.map(({ spec }) => spec.owner), [other])
  }).pipe(Effect.scoped))

it.live("a row that another write has changed meanwhile, which is not written over, with its attempts", () =>
  Effect.gen(function*() {
    const { store } = yield* open
    const state = harness.sessionOf("s")
    yield* store.commit(harness.team, [harness.over(0, state)])
    yield* store.commit(harness.team, [harness.over(1, { ...state, respawns: 1 })])
    const late = { ...state, attempts: [], respawns: 2 }
    assert.deepStrictEqual([...yield* store.commit(harness.team, [harness.over(1, late)])], [state.spec.id])
    assert.deepStrictEqual((yield* store.load(harness.team)).sessions.map(({ respawns }) => respawns), [1])
    const ids = state.attempts.map(({ id }) => id)
    assert.deepStrictEqual([...(yield* store.attempts(harness.team, ids)).sessions.keys()], ids)
  }).pipe(Effect.scoped))

it.live("anything, once another process has the owner lock", () =>
  Effect.gen(function*() {
    const { sql, store } = yield* open
    yield* store.lock(harness.team)
    const state = harness.sessionOf("s")
    assert.deepStrictEqual([...yield* store.commit(harness.team, [harness.over(0, state)])], [])
    yield* sql`UPDATE atlas_session_seats SET token = 'another process'`
    const late = harness.sessionOf("late")
    const lost = yield* store.commit(harness.team, [harness.over(1, state), harness.over(0, late)])
    assert.deepStrictEqual([...lost].toSorted(), [late.spec.id, state.spec.id])
    assert.lengthOf((yield* store.load(harness.team)).sessions, 1)
  }).pipe(Effect.scoped))
