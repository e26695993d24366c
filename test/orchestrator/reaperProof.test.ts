/**
 * What the reaper takes for proof: listings in a row, and a session that has this very machine at this very provider.
 */
import { assert, it } from "@effect/vitest"
import { NotFound } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Reaper } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { addLive, makePlainCloud } from "./plainCloud.ts"

const owner = NameStamp.Owner.make("team1")
const minute = 60_000

/** An account with one machine of this owner that no session has, long after it was made, and a reaper that judges its listings. */
const account = Effect.fnUntraced(function*(engine: Partial<Reaper.Options["engine"]> = {}, grace = minute) {
  const { provider: made } = yield* MockProvider.make()
  const provider = Provider.neutral(made)
  const spawn = yield* provider.compute.prepare({}, { stamp: yield* NameStamp.make(owner, "lost") })
  const machine = yield* provider.compute.rent(spawn)
  const reaper = Reaper.make({
    engine: { owner, unreadable: () => [], byAttempt: () => undefined, byCompute: () => undefined, ...engine },
    store: { attempts: () => Effect.succeed({ sessions: new Map(), unknown: [] }) },
    grace
  })
  const listed = (at: number, computes: ReadonlyArray<Compute> = [machine]) =>
    Effect.map(
      reaper.judge({ provider, begunAt: { wall: 60 * minute + at, mono: at }, computes, unaddressable: [] }),
      ({ ended, left }) => ended.length > 0 ? "ended" : left[0]?.why ?? "not listed"
    )
  return { machine, listed }
})

it.effect("one listing is no proof, whatever the age of a machine", () =>
  Effect.gen(function*() {
    const { listed } = yield* account({}, 0)
    assert.strictEqual(yield* listed(0), "seen_once")
    assert.strictEqual(yield* listed(1), "ended")
  }))

it.effect("listings count in a row: one without the machine begins the proof anew", () =>
  Effect.gen(function*() {
    const { listed } = yield* account()
    assert.strictEqual(yield* listed(0), "young")
    assert.strictEqual(yield* listed(minute / 2, []), "not listed")
    assert.strictEqual(yield* listed(2 * minute), "young")
    assert.strictEqual(yield* listed(3 * minute), "ended")
  }))

it.effect("the age that a clock tells is believed for an hour: a machine from the future is ended after that", () =>
  Effect.gen(function*() {
    const { listed, machine } = yield* account()
    const early = [new Compute({ ...machine, createdAt: DateTime.makeUnsafe(1_000 * 60 * minute) })]
    for (const at of [0, 2, 59]) assert.strictEqual(yield* listed(at * minute, early), "young")
    assert.strictEqual(yield* listed(61 * minute, early), "ended")
  }))

it.effect("an end that hangs in the adapter holds up no other machine for longer than five minutes", () =>
  Effect.gen(function*() {
    const ids = ["stuck-1", "stuck-2"].map((id) => ComputeId.make(id))
    const ended: Array<string> = []
    const provider = Provider.make({
      id: "stuck",
      compute: {
        spawn: () => Effect.fail(new NotFound({})),
        get: () => Effect.fail(new NotFound({})),
        list: () => Effect.succeed([]),
        terminate: (id) => id === ids[0] ? Effect.uninterruptible(Effect.never) : Effect.sync(() => void ended.push(id))
      }
    })
    const reaper = Reaper.make({
      engine: { owner, unreadable: () => [], byAttempt: () => undefined, byCompute: () => undefined },
      store: { attempts: () => Effect.succeed({ sessions: new Map(), unknown: [] }) },
      grace: 0
    })
    const name = NameStamp.render(yield* NameStamp.make(owner, "lost"))
    const computes = ids.map((id) => new Compute({ id, provider: ProviderId.make("stuck"), status: "running", name }))
    const account = Provider.neutral(provider)
    const judge = (at: number) =>
      reaper.judge({ provider: account, begunAt: { wall: at, mono: at }, computes, unaddressable: [] })
    yield* judge(0)
    const cycle = yield* Effect.forkChild(judge(minute))
    yield* TestClock.adjust("5 minutes")
    const { left } = yield* Fiber.join(cycle)
    assert.deepStrictEqual([ended, left.map(({ computeId, why }) => [computeId, why])], [["stuck-2"], [[
      "stuck-1",
      "end_failed"
    ]]])
  }))

it.effect("a machine of another provider with the same id is another machine", () =>
  Effect.gen(function*() {
    const state = addLive(yield* makePlainCloud(), 1, { wall: 0, mono: 0 })
    const { phase } = state
    assert.strictEqual(phase._tag, "Live")
    if (phase._tag !== "Live") return
    let held: string | null = null
    const { listed, machine } = yield* account({
      byCompute: (provider, id) =>
        id === held && provider === phase.provider
          ? { state: { ...state, phase: { ...phase, computeId: id } }, compute: null, recorded: true }
          : undefined
    })
    held = machine.id
    yield* listed(0)
    assert.strictEqual(yield* listed(2 * minute), "ended")
  }))
