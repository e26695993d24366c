/**
 * Rows that are alike are read and held once, and read the same as each alone.
 */
import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SessionJson, type SessionState } from "../../../src/orchestrator/session/State.ts"
import * as Rows from "../../../src/orchestrator/store/rows.ts"
import { play } from "../session/world.ts"
import * as harness from "./harness.ts"

const state = harness.sessionOf("s")

const rowOf = (one: SessionState, text = JSON.stringify(Schema.encodeSync(SessionJson)(one))) => ({
  id: one.spec.id,
  owner: one.spec.owner,
  version: 3,
  schema_version: 2,
  state: text
})

const read = (one: SessionState, text?: string): SessionState => {
  const { owner } = one.spec
  return Result.getOrThrow(Rows.read(owner, rowOf(one, text)))
}

it("what the sessions of alike rows have in common is held once, and what they have not is not", () => {
  const [one, other] = [read(state), read({ ...state, respawns: 1 })]
  assert.deepStrictEqual([one, other], [{ ...state, version: 3 }, { ...state, version: 3, respawns: 1 }])
  assert.strictEqual(one.spec.policy, other.spec.policy)
  assert.strictEqual(one.spec.candidates, other.spec.candidates)
  assert.strictEqual(one.spec.request, other.spec.request)
  assert.strictEqual(one.refusals, other.refusals)
  const longer = { ...state, spec: { ...state.spec, policy: { ...state.spec.policy, maxRuntime: 5 } } }
  assert.deepStrictEqual(read(longer), { ...longer, version: 3 })
})

it("what is held for rows to come is bounded", () => {
  const one = read(state)
  for (let maxRuntime = 1; maxRuntime < 1_000; maxRuntime++) {
    read({ ...state, spec: { ...state.spec, policy: { ...state.spec.policy, maxRuntime } } })
  }
  assert.notStrictEqual(read(state).spec.policy, one.spec.policy)
  assert.deepStrictEqual(read(state), one)
})

it("any session is read from its row as it was written, also once the schemas are compiled", () => {
  const states: Array<SessionState> = []
  let seen = 0
  const witness = (_: unknown, decision: { readonly state: SessionState }): void => {
    // consecutive ones are much alike
    if (seen++ % 13 === 0) states.push(decision.state)
  }
  for (let seed = 1; seed <= 20; seed++) play({ seed, witness })
  assert.isAbove(states.length, 300)
  for (const one of states) assert.deepStrictEqual(read(one), { ...one, version: 3 })
})

it("a row that is written otherwise is read as JSON says it", () => {
  const userIds = [
    "\"request\":{",
    ",\"request\":{}},\"createdAt\":1",
    "{",
    "}},\"createdAt\":",
    "\\",
    "\\\"request\":{"
  ]
  for (const userId of userIds) {
    const odd = { ...state, spec: { ...state.spec, userId } }
    assert.deepStrictEqual(read(odd), { ...odd, version: 3 }, userId)
  }
  const { request, ...others } = state.spec
  const command = ["}},\"createdAt\":", "\"request\":{"]
  const inside = {
    ...state,
    spec: { ...state.spec, request: { ...request, command, providerOpts: { createdAt: 1, request: { a: {} } } } }
  }
  assert.deepStrictEqual(read(inside), { ...inside, version: 3 })
  const nested = {
    ...state,
    spec: { ...state.spec, request: { ...request, providerOpts: { a: { b: {} }, createdAt: 1 } } }
  }
  assert.deepStrictEqual(read(nested), { ...nested, version: 3 })
  const texts = [
    JSON.stringify(state, null, 1),
    JSON.stringify({ ...state, spec: { ...others, request } }),
    JSON.stringify({ ...state, spec: { request, ...others } }),
    JSON.stringify(state).replace("\"persist\"", "\"request\":{\"no\":1},\"persist\"").replace(/\}$/, ",\"later\":1}")
  ]
  for (const text of texts) {
    const { spec } = read(state, text)
    assert.deepStrictEqual(spec, state.spec)
  }
})

it("a row whose alike part or whose rest has a wrong field is unreadable by itself, and says where", () => {
  read(state)
  const text = JSON.stringify(state)
  for (
    const [good, bad, field] of [["\"gpuCount\":1", "\"gpuCount\":\"1\"", "spec"], [
      "\"respawns\":0",
      "\"respawns\":null",
      "respawns"
    ]] as const
  ) {
    const row = Rows.read(state.spec.owner, rowOf(state, text.replace(good, bad)))
    assert.include(Result.isFailure(row) ? row.failure.message : "", `(at ${field})`)
  }
  assert.deepStrictEqual(read(state, text), { ...state, version: 3 })
})
