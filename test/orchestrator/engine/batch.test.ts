/**
 * What a batch makes of messages that cannot be taken in: each harms nothing but itself, and no create is left without a result.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as Batch from "../../../src/orchestrator/engine/Batch.ts"
import type { Message } from "../../../src/orchestrator/engine/Mailbox.ts"
import * as Table from "../../../src/orchestrator/engine/Table.ts"
import { Observation, type SessionState } from "../../../src/orchestrator/Session.ts"
import { acme, start } from "../session/harness.ts"

const machine = (facts: Partial<Compute> = {}) =>
  new Compute({ id: ComputeId.make("m1"), provider: acme, status: "running", ...facts })

/** A compute of which one field has another value than its class allows, as an adapter in plain JavaScript makes it. */
const odd = (compute: Compute, field: string, value: unknown): Compute =>
  Object.defineProperty(compute, field, { value, enumerable: true })

const decideOn = (state: SessionState, ...messages: ReadonlyArray<Omit<Message, "id">>) => {
  const table = Table.make()
  table.put(state, Table.emptyMemory)
  const { config, now } = start()
  const { failed, updates } = Batch.decideAll(
    messages.map((message) => ({ ...message, id: state.spec.id })),
    table,
    now,
    config
  )
  return { failed, update: updates.get(state.spec.id) }
}

const rented = (name: string, attempt: ReturnType<ReturnType<typeof start>["attempt"]>, compute: Compute) => ({
  event: {
    _tag: "Rented",
    attempt: attempt.id,
    compute: Observation.fromCompute(new Compute({ ...machine(), name })),
    authHash: null
  },
  computes: [compute]
} as const)

describe("a machine of which its adapter says", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])("that it costs %d is remembered without a price", (price) => {
    const session = start()
    const attempt = session.attempt()
    const { failed, update } = decideOn(
      session.state,
      rented(attempt.name, attempt, odd(machine({ name: attempt.name }), "costPerHour", price))
    )
    assert.deepStrictEqual(failed, [])
    assert.deepStrictEqual(
      [update?.after.phase._tag, update?.compute?.id, update?.compute?.costPerHour],
      ["Live", ComputeId.make("m1"), null]
    )
  })

  it("what no compute can hold is lived on all the same, and the messages behind it are decided", () => {
    const session = start()
    const attempt = session.attempt()
    const answer = rented(attempt.name, attempt, odd(machine({ name: attempt.name }), "ports", [{ internal: "x" }]))
    const { failed, update } = decideOn(session.state, answer, { event: { _tag: "StopRequested", by: "caller" } })
    assert.strictEqual(failed.length, 1)
    assert.deepStrictEqual(update?.after.pendingTerminations.map(({ computeId }) => computeId), [ComputeId.make("m1")])
  })
})

it("a create whose answer cannot be decided on is looked for by its name", () => {
  const session = start()
  const attempt = session.attempt()
  const answer = rented(attempt.name, attempt, machine())
  const { failed, update } = decideOn(session.state, {
    event: Object.defineProperty({ ...answer.event }, "compute", {
      get: () => {
        throw new Error("no such field")
      }
    })
  })
  assert.strictEqual(failed.length, 1)
  assert.strictEqual(update?.after.phase._tag, "Resolving")
})
