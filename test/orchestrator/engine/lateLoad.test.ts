/**
 * A store that could not be read at the start and is read later: its rows are older than what is here by then.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeTestStore, open, pass } from "../harness.ts"

it.effect("a load that comes late leaves the sessions that began meanwhile as they are", () =>
  Effect.gen(function*() {
    const store = yield* makeTestStore
    store.faults.loads = 1
    const { engine, orchestrator } = yield* open({ store })
    // it does not persist, so that an adoption would end it
    const { compute, id } = yield* orchestrator.spawn({}, { idleTtl: false })
    yield* pass(60)
    assert.deepStrictEqual(engine.unreadable(), [])
    const { computeId, state } = yield* orchestrator.info(id)
    assert.deepStrictEqual([state, computeId], ["live", compute.id])
    assert.isNotNull(engine.get(id)?.compute)
  }))
