/**
 * The reaper: it ends machines with the owner's name that belong to no session, on positive proof, and leaves others alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { ProviderFault } from "effect-atlas/domain/AtlasError"
import { Reaper } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { type Harness, live, open, type Options, pass, settle } from "./harness.ts"
import { overhear } from "./overheard.ts"
import { makePlainCloud } from "./plainCloud.ts"
import { sessionOf } from "./store/harness.ts"

const team1 = NameStamp.Owner.make("team1")

/** A machine that no session has, under this owner's name. */
const orphan = Effect.fnUntraced(
  function*({ cloud }: Pick<Harness, "cloud">, owner: "team1" | "team2" | "adhoc" = "team1") {
    const stamp = owner === "adhoc"
      ? yield* NameStamp.adhoc("lost")
      : yield* NameStamp.make(NameStamp.Owner.make(owner), "lost")
    const { compute } = cloud.provider
    return (yield* compute.rent(yield* compute.prepare({}, { stamp }))).id
  }
)

const quick: Options = { pollInterval: "20 seconds", reapGrace: "1 minute" }

describe("an orphan of this owner", () => {
  it.effect("is ended once two complete listings have shown it and it is older than the grace", () =>
    Effect.gen(function*() {
      const harness = yield* open(quick)
      yield* orphan(harness)
      yield* pass(50)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* pass(50)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("is left alone by the first cycle, whatever its age", () =>
    Effect.gen(function*() {
      const harness = yield* open({ ...quick, pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      const id = yield* orphan(harness)
      yield* pass(100)
      const first = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(first.left.map(({ computeId, why }) => [computeId, why]), [[id, "young"]])
      yield* pass(2)
      const second = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(second.ended.map(({ computeId }) => computeId), [id])
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("is only named in a dry run", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      const id = yield* orphan(harness)
      yield* harness.orchestrator.reapNow({ dryRun: true })
      yield* pass(5)
      const { ended } = yield* harness.orchestrator.reapNow({ dryRun: true })
      assert.deepStrictEqual(ended.map(({ computeId }) => computeId), [id])
      assert.deepStrictEqual(yield* live(harness), [id])
    }))

  it.effect("stays while the store cannot answer, and is ended when it can again", () =>
    Effect.gen(function*() {
      const harness = yield* open(quick)
      const id = yield* orphan(harness)
      harness.store.faults.attempts = 1_000
      yield* pass(200)
      assert.deepStrictEqual(yield* live(harness), [id])
      const { left } = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(left.map(({ why }) => why), ["store_cannot_tell"])
      harness.store.faults.attempts = 0
      yield* pass(40)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("stays while a stored row cannot be read: it may be that row's", () =>
    Effect.gen(function*() {
      const first = yield* open(quick)
      first.store.faults.unreadable = [{ id: "old", message: "another form", version: 1, createdAt: null }]
      yield* first.close
      const harness = yield* open({ ...quick, store: first.store, cloud: first.cloud })
      const id = yield* orphan(harness)
      yield* pass(200)
      assert.deepStrictEqual(yield* live(harness), [id])
    }))

  it.effect("is proven to be nobody's by one question to the store a cycle, however many there are", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      const ids = yield* Effect.forEach(Array.from({ length: 30 }), () => orphan(harness))
      const { attempts } = harness.store.service
      const asked: Array<number> = []
      Object.assign(harness.store.service, {
        attempts: (...given: Parameters<typeof attempts>) => {
          asked.push(given[1].length)
          return attempts(...given)
        }
      })
      yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(asked, [])
      yield* pass(5)
      const { ended } = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(asked, [30])
      assert.sameMembers(ended.map(({ computeId }) => computeId), ids)
    }))

  it.effect("that cannot be ended is reported, and tried again", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      yield* orphan(harness)
      yield* harness.orchestrator.reapNow()
      yield* pass(5)
      yield* harness.controls.ignoreDeletes(1_000)
      const cycle = yield* Effect.forkChild(harness.orchestrator.reapNow())
      yield* pass(70)
      assert.deepStrictEqual((yield* Fiber.join(cycle)).left.map(({ why }) => why), ["end_failed"])
      yield* harness.controls.ignoreDeletes(0)
      yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

describe("a stored row that cannot be read", () => {
  /** What becomes of an orphan that is older than the row by so many hours, while the store says this of the row. */
  const judged = Effect.fnUntraced(function*(
    olderByHours: number,
    { createdAt = 0, isKnown = false }: { readonly createdAt?: number | null; readonly isKnown?: boolean } = {}
  ) {
    yield* TestClock.setTime(100 * 3_600_000)
    const cloud = yield* MockProvider.make()
    yield* orphan({ cloud })
    yield* TestClock.adjust(`${olderByHours} hours`)
    const now = yield* Clock.currentTimeMillis
    const row = { id: "old", message: "another form", version: 1, createdAt: createdAt === null ? null : now }
    const reaper = Reaper.make({
      engine: { owner: team1, unreadable: () => [row], byAttempt: () => undefined, byCompute: () => undefined },
      store: { attempts: () => Effect.succeed({ sessions: new Map(), unknown: isKnown ? [] : [row] }) },
      grace: 0
    })
    yield* reaper.cycle([cloud.provider])
    const { left } = yield* reaper.cycle([cloud.provider])
    return left.map(({ why }) => why)
  })

  it.effect("spares a machine that may be its own: one that is not older than it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* judged(0), ["store_cannot_tell"])
    }))

  it.effect("spares one that is older by less than clocks may differ", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* judged(0.9), ["store_cannot_tell"])
    }))

  it.effect("spares any while it is not known when it was written", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* judged(50, { createdAt: null }), ["store_cannot_tell"])
    }))

  it.effect("does not spare a machine that is older than it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* judged(1.1), [])
    }))

  it.effect("does not spare a machine of an attempt that it does not have, where its attempts are known", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* judged(0, { isKnown: true }), [])
    }))
})

describe("never touched is", () => {
  it.effect("a machine of another owner, of the owner adhoc, or without a stamped name", () =>
    Effect.gen(function*() {
      const harness = yield* open(quick)
      const others = [yield* orphan(harness, "team2"), yield* orphan(harness, "adhoc")]
      yield* pass(300)
      assert.sameMembers([...yield* live(harness)], others)
      const { ended, left } = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(ended, [])
      assert.deepStrictEqual(left.map(({ why }) => why), ["other_owner", "other_owner"])
    }))

  it.effect("a machine that another store under the same owner has rented, which is told as a conflict", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open(quick)
        const { compute } = harness.cloud.provider
        const rent = Effect.fnUntraced(function*(store: string | undefined) {
          const stamp = yield* NameStamp.make(team1, "lost")
          return (yield* compute.rent(yield* compute.prepare({}, { stamp: { ...stamp, store } }))).id
        })
        const theirs = yield* rent(NameStamp.storeMark("the store of another host"))
        // rented before names told the store
        yield* rent(undefined)
        yield* pass(300)
        assert.deepStrictEqual(yield* live(harness), [theirs])
        const { ended, left } = yield* harness.orchestrator.reapNow()
        assert.deepStrictEqual(ended, [])
        assert.deepStrictEqual(left.map(({ computeId, why }) => [computeId, why]), [[theirs, "other_store"]])
        const conflicts = lines.filter((line) => line.includes("another session store"))
        assert.strictEqual(conflicts.length, 1, "once, and not with every cycle")
        assert.include(conflicts[0], "two stores must not share an owner in one account")
      })
    ))

  it.effect("a machine of another store is told also where nothing is reaped, as beside a task of the command line", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const harness = yield* open({ ...quick, reapProviders: [] })
        const { id } = yield* harness.orchestrator.spawn({}, { idleTtl: false })
        const { compute } = harness.cloud.provider
        const stamp = yield* NameStamp.make(team1, "lost")
        const store = NameStamp.storeMark("the store of another host")
        yield* compute.rent(yield* compute.prepare({}, { stamp: { ...stamp, store } }))
        yield* pass(300)
        assert.strictEqual((yield* live(harness)).length, 2)
        assert.strictEqual(lines.filter((line) => line.includes("another session store")).length, 1)
        assert.strictEqual((yield* harness.orchestrator.info(id)).state, "live")
      })
    ))

  it.effect("a machine of a session, running or ending", () =>
    Effect.gen(function*() {
      const harness = yield* open({ ...quick, reapGrace: "1 second" })
      const { id } = yield* harness.orchestrator.spawn({}, { idleTtl: false })
      yield* pass(200)
      assert.strictEqual((yield* live(harness)).length, 1)
      const { left } = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(left.map(({ why }) => why), ["known"])
      yield* harness.controls.ignoreDeletes(1_000)
      yield* Effect.forkChild(harness.orchestrator.stopTracked(id, { timeout: "1 hour" }))
      yield* pass(100)
      const ending = yield* harness.orchestrator.reapNow()
      assert.deepStrictEqual(ending.left.map(({ why }) => why), ["known"])
      yield* harness.controls.ignoreDeletes(0)
    }))

  it.effect("a machine whose session began while the account was listed", () =>
    Effect.gen(function*() {
      const harness = yield* open({ pollInterval: "1 hour", reapGrace: "1 millis" })
      yield* settle
      yield* harness.controls.delay("listCompute", { answer: "3 seconds" })
      const cycles = yield* Effect.forkChild(
        Effect.andThen(harness.orchestrator.reapNow(), harness.orchestrator.reapNow())
      )
      yield* pass(1)
      yield* harness.orchestrator.spawn({})
      yield* pass(6)
      yield* Fiber.join(cycles)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* harness.controls.delay("listCompute", {})
    }))

  it.effect("a machine whose session began while the store was asked", () =>
    Effect.gen(function*() {
      const cloud = yield* MockProvider.make()
      const id = yield* orphan({ cloud })
      const session = { state: sessionOf("late"), compute: null, recorded: true }
      let isHere = false
      const asked = Effect.sync(() => {
        isHere = true
        return { sessions: new Map(), unknown: [] }
      })
      const reaper = Reaper.make({
        engine: {
          owner: team1,
          unreadable: () => [],
          byAttempt: () => isHere ? session : undefined,
          byCompute: () => undefined
        },
        store: { attempts: () => asked },
        grace: 0
      })
      yield* reaper.cycle([cloud.provider])
      const { ended, left } = yield* reaper.cycle([cloud.provider])
      assert.deepStrictEqual({ ended, left: left.map(({ computeId, why }) => [computeId, why]) }, {
        ended: [],
        left: [[id, "known"]]
      })
    }))

  it.effect("an account that is not on the list of those to clean up", () =>
    Effect.gen(function*() {
      const plain = yield* makePlainCloud()
      const harness = yield* open({ ...quick, more: [plain.provider], reapProviders: ["plain"] })
      const id = yield* orphan(harness)
      yield* pass(300)
      assert.deepStrictEqual(yield* live(harness), [id])
    }))
})

it.effect("an account that cannot be listed is named and does not spare the others", () =>
  Effect.gen(function*() {
    const broken = Provider.make({
      id: "broken",
      compute: {
        spawn: () => Effect.fail(new ProviderFault({ status: 400 })),
        get: () => Effect.fail(new ProviderFault({ status: 500 })),
        list: () => Effect.fail(new ProviderFault({ status: 500 })),
        terminate: () => Effect.fail(new ProviderFault({ status: 500 }))
      }
    })
    const harness = yield* open({ ...quick, more: [broken] })
    yield* orphan(harness)
    yield* pass(120)
    assert.deepStrictEqual(yield* live(harness), [])
    assert.deepStrictEqual((yield* harness.orchestrator.reapNow()).unlisted.map(String), ["broken"])
  }))

it.effect("other owners and a store that cannot answer are logged once, not with every cycle, and again after it could", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const logged = (words: string) => lines.filter((line) => line.includes(words)).length
      const harness = yield* open(quick)
      yield* orphan(harness, "team2")
      yield* orphan(harness)
      harness.store.faults.attempts = 1_000
      yield* pass(300)
      assert.deepStrictEqual([logged("team2"), logged("cannot answer which machines")], [1, 1])
      harness.store.faults.attempts = 0
      yield* pass(40)
      assert.strictEqual((yield* live(harness)).length, 1)
      yield* orphan(harness)
      harness.store.faults.attempts = 1_000
      yield* pass(300)
      assert.deepStrictEqual([logged("team2"), logged("cannot answer which machines")], [1, 2])
    })
  ))

it.effect("a defect in the reaper is logged by its location alone, and the next listing is judged", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const harness = yield* open(quick)
      yield* orphan(harness)
      yield* pass(30)
      const { attempts } = harness.store.service
      let asked = 0
      Object.assign(harness.store.service, {
        attempts: (...given: Parameters<typeof attempts>) => {
          asked += 1
          if (asked === 1) throw new TypeError("password=canary")
          return attempts(...given)
        }
      })
      yield* pass(120)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.isTrue(
        lines.some((line) => line.includes("the reaper failed unexpectedly (a defect): TypeError")),
        lines.join("\n")
      )
      assert.notInclude(lines.join("\n"), "canary")
    })
  ))

it.effect("a provider without its settings is neither asked nor a hindrance, and is named once", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      let asked = 0
      const ask = Effect.suspend(() => {
        asked += 1
        return Effect.fail(new ProviderFault({ status: 500 }))
      })
      const keyless = Provider.make({
        id: "keyless",
        missing: ["KEYLESS_API_KEY"],
        compute: { spawn: () => ask, get: () => ask, list: () => ask, terminate: () => ask }
      })
      const harness = yield* open({ ...quick, more: [keyless] })
      yield* orphan(harness)
      yield* pass(200)
      assert.deepStrictEqual([asked, (yield* live(harness)).length], [0, 0])
      assert.deepStrictEqual((yield* harness.orchestrator.reapNow()).unlisted, [])
      assert.strictEqual(lines.filter((line) => line.includes("KEYLESS_API_KEY")).length, 1)
    })
  ))

it.effect("the reaper and the feeds stop before sessions are ended: nothing is listed any more once closing has begun", () =>
  Effect.gen(function*() {
    const harness = yield* open({ ...quick, pollInterval: "5 seconds" })
    yield* harness.orchestrator.spawn({})
    yield* harness.controls.delay("terminate", { answer: "15 seconds" })
    yield* pass(10)
    const [before, start] = [(yield* harness.controls.counts).listCompute, yield* Clock.currentTimeMillis]
    yield* harness.close
    assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 15_000)
    assert.strictEqual((yield* harness.controls.counts).listCompute, before)
  }))

it.effect("a reaper that is slow does not hold up the feed", () =>
  Effect.gen(function*() {
    const harness = yield* open({ ...quick, reapGrace: "1 second" })
    yield* orphan(harness)
    yield* harness.controls.ignoreDeletes(1_000_000)
    yield* pass(45)
    const { compute, id } = yield* harness.orchestrator.spawn({ spot: true })
    yield* pass(8)
    const before = (yield* harness.controls.counts).listCompute
    yield* harness.controls.setStatus(compute.id, "failed")
    yield* pass(25)
    assert.isAbove((yield* harness.controls.counts).listCompute, before)
    assert.notStrictEqual((yield* harness.orchestrator.info(id)).state, "live")
    yield* harness.controls.ignoreDeletes(0)
  }))

it("the owner adhoc cannot be chosen", () => {
  assert.throws(() => NameStamp.Owner.make("adhoc"))
  assert.strictEqual(team1, "team1")
})
