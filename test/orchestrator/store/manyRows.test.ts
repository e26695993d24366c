/**
 * Rows are checked by a compiled schema once there were many: what it refuses and leaves out stays the same.
 */
import { assert, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Rows from "../../../src/orchestrator/store/rows.ts"
import * as harness from "./harness.ts"

const state = harness.sessionOf("s")
const rowOf = (text: unknown) => ({ id: "s", owner: "team1", version: 1, schema_version: 2, state: text })
const textOf = (one: typeof state) => Rows.textOf(harness.team, harness.over(1, one))

/** All that a row can be refused for, and all that is left out of one. */
const answers = () => {
  const wrong = [
    { ...state, createdAt: Number.NaN },
    { ...state, respawns: 0.5 },
    { ...state, spec: { ...state.spec, request: { ...state.spec.request, gpuCount: Number.POSITIVE_INFINITY } } }
  ]
  const withMore = { ...state, token: "canary", spec: { ...state.spec, token: "canary" } }
  return {
    text: textOf(state),
    withMore: textOf(withMore),
    refused: wrong.map((one) => textOf(one)),
    read: Rows.read(harness.team, rowOf(JSON.stringify(withMore))),
    unreadable: wrong.map((one) => Rows.read(harness.team, rowOf(JSON.stringify(one)))),
    json: Rows.read(harness.team, rowOf("{"))
  }
}

it("many rows are checked as the first were: no unknown field is stored or read, and nothing wrong is", () => {
  const first = answers()
  for (let row = 0; row < 300; row++) {
    Rows.read(harness.team, rowOf(JSON.stringify(state)))
    textOf(state)
  }
  assert.deepStrictEqual(answers(), first)
  assert.deepStrictEqual(first.withMore, first.text)
  assert.deepStrictEqual(first.read, Result.succeed({ ...state, version: 1 }))
  const refused = [...first.refused, ...first.unreadable, first.json]
  assert.deepStrictEqual(refused.filter((one) => Result.isSuccess<unknown, unknown>(one)), [])
})
