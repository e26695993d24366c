/**
 * Stored sessions that are adopted hold once what they have in common.
 */
import { assert, it } from "@effect/vitest"
import { shared } from "../../../src/orchestrator/engine/Sharing.ts"
import * as harness from "../store/harness.ts"

const state = harness.sessionOf("s")

/** A session as a store reads it: nothing in it is in another one. */
const read = (one: typeof state): typeof state => shared(structuredClone(one))

it("what adopted sessions have in common is held once, and what they have not is not", () => {
  const [one, other] = [read(state), read({ ...state, respawns: 1 })]
  assert.deepStrictEqual([one, other], [state, { ...state, respawns: 1 }])
  assert.strictEqual(one.spec.policy, other.spec.policy)
  assert.strictEqual(one.spec.candidates, other.spec.candidates)
  assert.strictEqual(one.spec.request, other.spec.request)
  assert.strictEqual(one.refusals, other.refusals)
  const longer = { ...state, spec: { ...state.spec, policy: { ...state.spec.policy, maxRuntime: 5 } } }
  assert.deepStrictEqual(read(longer), longer)
})

it("what is held for adopted sessions to come is bounded", () => {
  const one = read(state)
  for (let maxRuntime = 1; maxRuntime < 1_000; maxRuntime++) {
    read({ ...state, spec: { ...state.spec, policy: { ...state.spec.policy, maxRuntime } } })
  }
  assert.notStrictEqual(read(state).spec.policy, one.spec.policy)
  assert.deepStrictEqual(read(state), one)
})
