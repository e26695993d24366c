/**
 * Recovery from code: what a process that is gone has left is settled within one run, or named with its reason.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasError } from "effect-atlas/domain/AtlasError"
import { Forbidden, Unauthorized } from "effect-atlas/domain/AtlasError"
import { Recovery, SessionStore } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Providers from "effect-atlas/provider/Providers"
import * as Effect from "effect/Effect"
import { type Cloud, inTime, live, makeTestStore, open, reasonOf, settle, type TestStore } from "./harness.ts"
import { addLive, makePlainCloud, owner } from "./plainCloud.ts"

interface Left {
  readonly cloud: Cloud
  readonly store: TestStore
}

/** Recovers what was left, with these providers or that of the cloud. */
const recover = (
  { cloud, store }: Left,
  options?: Partial<Recovery.Options>,
  made: ReadonlyArray<Providers.Made> = [cloud.provider]
): Effect.Effect<Recovery.Report, AtlasError> =>
  inTime(
    Recovery.run({ owner: "team1", ...options }).pipe(
      Effect.provideService(SessionStore.SessionStore, store.service),
      Effect.provideService(Providers.Providers, Providers.make(made))
    )
  )

/** A machine under this owner's name that no session has. */
const orphan = Effect.fnUntraced(function*({ cloud }: Left) {
  const stamp = yield* NameStamp.make(NameStamp.Owner.make("team1"), "lost")
  const { compute } = cloud.provider
  return (yield* compute.rent(yield* compute.prepare({}, { stamp }))).id
})

/** A session whose process is gone; it was to end with it, or to go on. */
const abandoned = Effect.fnUntraced(function*(options: { readonly persist: boolean }) {
  const harness = yield* open()
  const { compute, id } = yield* harness.orchestrator.spawn({}, { persist: true })
  yield* harness.close
  const { service } = harness.store
  const load: typeof service.load = (owner, after) =>
    Effect.map(service.load(owner, after), (loaded) => ({
      ...loaded,
      sessions: loaded.sessions.map((state) => ({ ...state, spec: { ...state.spec, ...options } }))
    }))
  return { ...harness, id, computeId: compute.id, store: { ...harness.store, service: { ...service, load } } }
})

const empty: Recovery.Report = { ended: [], left: [], unlisted: [], sessions: [], unsettled: [], unreadable: [] }

describe("a recovery", () => {
  it.effect("ends a session that was to end with its process, and names it", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: false })
      const report = yield* recover(left)
      assert.deepStrictEqual(report, { ...empty, sessions: [{ id: left.id, computeId: left.computeId }] })
      assert.deepStrictEqual(yield* live(left), [])
      assert.deepStrictEqual(yield* recover(left), empty)
    }))

  it.effect("leaves alone what persists and runs", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: true })
      const { left: judged, sessions, unsettled } = yield* recover(left)
      assert.deepStrictEqual({ sessions, unsettled }, { sessions: [], unsettled: [] })
      assert.deepStrictEqual(judged.map(({ computeId, why }) => [computeId, why]), [[left.computeId, "known"]])
      assert.deepStrictEqual(yield* live(left), [left.computeId])
    }))

  it.effect("ends an orphaned machine after two listings, and announces each step", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: false })
      const lost = yield* orphan(left)
      const steps: Array<Recovery.Step> = []
      const { ended } = yield* recover(left, {
        grace: "5 seconds",
        onStep: (step) => Effect.sync(() => void steps.push(step))
      })
      assert.deepStrictEqual(ended.map(({ computeId }) => computeId), [lost])
      assert.deepStrictEqual(yield* live(left), [])
      assert.deepStrictEqual(steps.map(({ _tag }) => _tag), ["Settling", "Listing", "Proving"])
    }))

  it.effect("ends a machine that is listed again after its session was over", () =>
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud()
      const state = addLive(cloud, 1, { wall: 0, mono: 0 }, { persist: false })
      const store = yield* makeTestStore
      yield* store.restore(owner, [state])
      const run = inTime(
        Recovery.run({ owner }).pipe(
          Effect.provideService(SessionStore.SessionStore, store.service),
          Effect.provideService(Providers.Providers, Providers.make([cloud.provider]))
        )
      )
      // a wrong account under the right id does not know it
      const machines = [...cloud.machines]
      cloud.machines.clear()
      const { id } = state.spec
      assert.deepStrictEqual((yield* run).sessions.map((one) => one.id), [id])

      for (const [key, machine] of machines) cloud.machines.set(key, machine)
      const { left, sessions, unsettled } = yield* run
      assert.deepStrictEqual([[...cloud.machines.keys()], left, unsettled], [[], [], []])
      assert.deepStrictEqual(sessions.map((one) => one.id), [id])
    }))

  it.effect("names a session whose machine could not be ended", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: false })
      yield* left.controls.failNext("terminate", new Forbidden({ message: "the key may not delete" }), 10_000)
      const { computeId, id } = left
      const { sessions, unsettled } = yield* recover(left)
      assert.deepStrictEqual(sessions, [])
      assert.deepStrictEqual(unsettled, [
        { id, provider: left.cloud.provider.id, computeId, state: "ending", message: "the key may not delete" }
      ])
    }))

  it.effect("names an account that could not be listed", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.close
      yield* harness.controls.failNext("listCompute", new Unauthorized({ message: "no" }), 100)
      assert.deepStrictEqual((yield* recover(harness)).unlisted, [harness.cloud.provider.id])
    }))

  it.effect("names a provider that a session needs and that has no key here, and does not wait for it", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: false })
      // a provider without a key refuses every call
      yield* left.controls.failNext("terminate", new Unauthorized({ message: "no key" }), 10_000)
      const keyless = [{ ...left.cloud.provider, missing: ["MOCK_API_KEY"] }]
      const message = "mock needs MOCK_API_KEY, which is not set here"
      const { unlisted, unsettled } = yield* recover(left, {}, keyless)
      assert.deepStrictEqual(unlisted, [left.cloud.provider.id])
      assert.deepStrictEqual(unsettled.map((one) => [one.id, one.message]), [[left.id, message]])
      assert.deepStrictEqual((yield* recover(left, { dryRun: true }, keyless)).unlisted, [left.cloud.provider.id])
      // a recovery of one account names no other
      const plain = yield* makePlainCloud()
      const other = yield* recover(left, { provider: "plain" }, [...keyless, plain.provider])
      assert.deepStrictEqual(other, empty)
    }))
})

describe("a recovery whose report is incomplete without them", () => {
  const row = { id: "old-row", message: "a row of another form" }

  it.effect.each([false, true])(
    "names sessions that cannot be read, dry run or not: %s",
    (dryRun) =>
      Effect.gen(function*() {
        const harness = yield* open()
        yield* harness.close
        harness.store.faults.unreadable = [{ ...row, version: 1, createdAt: null }]
        assert.deepStrictEqual((yield* recover(harness, { dryRun })).unreadable, [row])
      })
  )

  it.effect("says that a store cannot be read at all", () =>
    Effect.gen(function*() {
      const left = yield* abandoned({ persist: false })
      left.store.faults.loads = 1_000
      const { sessions, unreadable } = yield* recover(left)
      assert.deepStrictEqual(sessions, [])
      assert.deepStrictEqual(unreadable.map(({ id }) => id), ["*"])
      assert.deepStrictEqual(yield* live(left), [left.computeId])
    }))
})

describe("a dry run", () => {
  it.effect("ends nothing, and works beside an orchestrator of the same owner", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "1 hour", reapProviders: [] })
      const { compute } = yield* harness.orchestrator.spawn({})
      const lost = yield* orphan(harness)
      const report = yield* recover(harness, { dryRun: true, grace: "5 seconds" })
      assert.deepStrictEqual(report.ended.map(({ computeId }) => computeId), [lost])
      assert.deepStrictEqual(report.left.map(({ computeId, why }) => [computeId, why]), [[compute.id, "known"]])
      assert.sameMembers([...yield* live(harness)], [compute.id, lost])
      const refused = yield* reasonOf(recover(harness))
      assert.propertyVal(refused, "_tag", "StorageFault")
    }))

  it.effect("judges no machine while a session cannot be read", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.close
      const lost = yield* orphan(harness)
      harness.store.faults.unreadable = [
        { id: "old-row", message: "a row of another form", version: 1, createdAt: null }
      ]
      const { left } = yield* recover(harness, { dryRun: true, grace: "5 seconds" })
      assert.deepStrictEqual(left.map(({ computeId, why }) => [computeId, why]), [[lost, "store_cannot_tell"]])
      harness.store.faults.loads = 1
      assert.propertyVal(yield* reasonOf(recover(harness, { dryRun: true })), "_tag", "StorageFault")
    }))
})

it.effect.each<readonly [string, Partial<Recovery.Options>]>([
  ["owner", { owner: "Team 1" }],
  ["grace", { grace: "0 seconds" }],
  ["provider", { provider: "nowhere" }]
])("a bad %s is refused and nothing is touched", ([path, options]) =>
  Effect.gen(function*() {
    const left = yield* abandoned({ persist: false })
    yield* settle
    const reason = yield* reasonOf(recover(left, options))
    assert.deepStrictEqual("issues" in reason ? reason.issues.map((issue) => issue.path) : reason, [path])
    assert.deepStrictEqual(yield* live(left), [left.computeId])
  }))
