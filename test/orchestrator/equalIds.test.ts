/**
 * Two providers that give out equal ids: each machine is its own session's, and an id alone that means two sessions means none.
 */
import { assert, describe, it } from "@effect/vitest"
import { Validation } from "effect-atlas/domain/AtlasError"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Reaper, Recovery, Session, SessionStore } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as Providers from "effect-atlas/provider/Providers"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Table from "../../src/orchestrator/engine/Table.ts"
import { sessionOf } from "../../src/orchestrator/internal/lookup.ts"
import { inTime, makeTestStore, reasonOf } from "./harness.ts"
import { addLive, makePlainCloud, owner, plain } from "./plainCloud.ts"
import { acme, other, start } from "./session/harness.ts"

const mock = ProviderId.make("mock")
const m1 = ComputeId.make("m1")

/** A session that lives on the machine of that id at that provider. */
const liveOn = (number: number, provider: ProviderId, computeId: ComputeId) =>
  Effect.gen(function*() {
    const spec = { candidates: [{ provider, gpu: null, regionHints: [] }] } as const
    const state = addLive(yield* makePlainCloud(), number, { wall: 0, mono: 0 }, spec)
    if (state.phase._tag !== "Live") return yield* Effect.die("it does not live")
    return { ...state, last: computeId, phase: { ...state.phase, provider, computeId } }
  })

/** A machine at the mock that a person has given the stamped name of no attempt, long after it was made. */
const renamed = Effect.fnUntraced(function*() {
  const cloud = yield* MockProvider.make()
  const stamp = yield* NameStamp.make(owner, "renamed")
  const { compute } = cloud.provider
  const machine = yield* compute.rent(yield* compute.prepare({}, { stamp }))
  return { cloud, machine }
})

describe("of two sessions on machines with equal ids", () => {
  it.effect("each is found by its provider and the id, whichever came last and whichever has gone", () =>
    Effect.gen(function*() {
      const table = Table.make()
      const [one, two] = [yield* liveOn(1, plain, m1), yield* liveOn(2, other, m1)]
      const idAt = (provider: ProviderId) => table.byCompute(provider, m1)?.state.spec.id
      for (const state of [one, two]) table.put(state, Table.emptyMemory)
      assert.deepStrictEqual([idAt(plain), idAt(other), idAt(acme)], [one.spec.id, two.spec.id, undefined])
      assert.deepStrictEqual(table.withComputeId(m1).map(({ state }) => state.spec.id), [one.spec.id, two.spec.id])
      table.remove(two.spec.id)
      assert.deepStrictEqual([idAt(plain), idAt(other)], [one.spec.id, undefined])
      table.remove(one.spec.id)
      assert.deepStrictEqual(table.withComputeId(m1), [])
    }))

  it.effect.each(
    [
      ["it lives", (state: Session.SessionState) => state],
      [
        "it ends",
        (state: Session.SessionState) =>
          Session.decide(state, { _tag: "StopRequested", by: "caller" }, state.clock, Session.defaults).state
      ]
    ] as const
  )(
    "the machine of neither is an orphan to the reaper, also when it was renamed, while %s",
    ([, change]) =>
      Effect.gen(function*() {
        const { cloud, machine } = yield* renamed()
        const table = Table.make()
        for (const state of [yield* liveOn(1, mock, machine.id), yield* liveOn(2, plain, machine.id)]) {
          table.put(change(state), Table.emptyMemory)
        }
        const reaper = Reaper.make({
          engine: {
            owner,
            unreadable: () => [],
            byAttempt: () => undefined,
            byCompute: (provider, id) => table.byCompute(provider, id)
          },
          store: { attempts: () => Effect.succeed({ sessions: new Map(), unknown: [] }) }
        })
        const judge = (mono: number) =>
          reaper.judge({
            provider: Provider.neutral(cloud.provider),
            begunAt: { wall: 3_600_000 + mono, mono },
            computes: [machine],
            unaddressable: []
          })
        yield* judge(0)
        const { left } = yield* judge(600_000)
        assert.deepStrictEqual(left.map(({ why }) => why), ["known"])
      })
  )

  it.effect("the machine of neither is an orphan to a dry run of a recovery", () =>
    Effect.gen(function*() {
      const { cloud, machine } = yield* renamed()
      const store = yield* makeTestStore
      const states = [yield* liveOn(1, mock, machine.id), yield* liveOn(2, plain, machine.id)]
      yield* store.service.commit(owner, states.map((state) => ({ id: state.spec.id, version: 0, state })))
      const { ended, left } = yield* inTime(
        Recovery.run({ owner, dryRun: true, grace: "1 second", provider: mock }).pipe(
          Effect.provideService(SessionStore.SessionStore, store.service),
          Effect.provideService(Providers.Providers, Providers.make([cloud.provider]))
        )
      )
      assert.deepStrictEqual([ended, left.map(({ why }) => why)], [[], ["known"]])
    }))

  it.effect("neither is meant by the id alone: the refusal names both, with their providers", () =>
    Effect.gen(function*() {
      const both = [yield* liveOn(1, plain, m1), yield* liveOn(2, other, m1)]
      const seen = both.map((state) => ({ state, compute: null, recorded: true }))
      const answer = sessionOf(m1, seen, "stopTracked")
      if (answer === null) return assert.fail("no session was found")
      const reason = yield* reasonOf(Effect.fromResult(answer))
      assert.instanceOf(reason, Validation)
      assert.include(reason.message, "session-1 at plain and session-2 at other")
      assert.isNull(sessionOf(m1, [], "info"))
    }))
})

it("an id that one provider has given out again means the machine that is there", () => {
  const [now, before] = [start(), start()]
  for (const session of [now, before]) session.rented()
  before.stop()
  before.markTerminated()
  assert.strictEqual(before.phase._tag, "Ended")
  const seen = [now, before].map(({ state }) => ({ state, compute: null, recorded: true }))
  const answer = sessionOf(m1, seen, "info")
  assert.strictEqual(answer === null ? null : Result.getOrNull(answer)?.state, now.state)
})

it("a machine that is gone at one provider is not taken for gone at another one with the same id", () => {
  const session = start()
  session.rented()
  session.stop()
  session.markTerminated()
  assert.isTrue(Session.isTerminated(session.state, { provider: acme, computeId: m1 }))
  assert.isFalse(Session.isTerminated(session.state, { provider: other, computeId: m1 }))
  assert.strictEqual(Session.providerOfMachine(session.state), acme)
  // as earlier builds wrote it
  assert.isTrue(Session.isTerminated({ terminatedIds: [m1] }, { provider: other, computeId: m1 }))
})
