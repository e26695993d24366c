/**
 * The reaper: it ends what carries our name and nobody knows, with positive proof, and leaves everything else alone.
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
import * as Option from "effect/Option"
import { type Harness, live, open, type Options, pass, settle } from "./harness.ts"
import { overhear } from "./overheard.ts"
import { makePlainCloud } from "./plainCloud.ts"
import { sessionOf } from "./store/harness.ts"

const team1 = NameStamp.Owner.make("team1")

/** A machine that nobody's session has, under this owner's name. */
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

describe("an orphan of ours", () => {
  it.effect("is ended once two complete listings have shown it and it is older than the grace", () =>
    Effect.gen(function*() {
      const house = yield* open(quick)
      yield* orphan(house)
      yield* pass(50)
      assert.strictEqual((yield* live(house)).length, 1)
      yield* pass(50)
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("is left alone by the first cycle, whatever its age", () =>
    Effect.gen(function*() {
      const house = yield* open({ ...quick, pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      const id = yield* orphan(house)
      yield* pass(100)
      const first = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(first.left.map(({ computeId, why }) => [computeId, why]), [[id, "young"]])
      yield* pass(2)
      const second = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(second.ended.map(({ computeId }) => computeId), [id])
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("is only named in a dry run", () =>
    Effect.gen(function*() {
      const house = yield* open({ pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      const id = yield* orphan(house)
      yield* house.orchestrator.reapNow({ dryRun: true })
      yield* pass(5)
      const { ended } = yield* house.orchestrator.reapNow({ dryRun: true })
      assert.deepStrictEqual(ended.map(({ computeId }) => computeId), [id])
      assert.deepStrictEqual(yield* live(house), [id])
    }))

  it.effect("stays when the store cannot tell, and is ended when it can again", () =>
    Effect.gen(function*() {
      const house = yield* open(quick)
      const id = yield* orphan(house)
      house.shop.orders.attempts = 1_000
      yield* pass(200)
      assert.deepStrictEqual(yield* live(house), [id])
      const { left } = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(left.map(({ why }) => why), ["store_cannot_tell"])
      house.shop.orders.attempts = 0
      yield* pass(40)
      assert.deepStrictEqual(yield* live(house), [])
    }))

  it.effect("stays while a stored row cannot be read: it may be that row's", () =>
    Effect.gen(function*() {
      const first = yield* open(quick)
      first.shop.orders.unreadable = [{ id: "old", message: "another form" }]
      yield* first.close
      const house = yield* open({ ...quick, shop: first.shop, cloud: first.cloud })
      const id = yield* orphan(house)
      yield* pass(200)
      assert.deepStrictEqual(yield* live(house), [id])
    }))

  it.effect("that will not die is said to be tried again, and is", () =>
    Effect.gen(function*() {
      const house = yield* open({ pollInterval: "1 hour", reapGrace: "1 second" })
      yield* settle
      yield* orphan(house)
      yield* house.orchestrator.reapNow()
      yield* pass(5)
      yield* house.controls.ignoreDeletes(1_000)
      const cycle = yield* Effect.forkChild(house.orchestrator.reapNow())
      yield* pass(70)
      assert.deepStrictEqual((yield* Fiber.join(cycle)).left.map(({ why }) => why), ["end_failed"])
      yield* house.controls.ignoreDeletes(0)
      yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(yield* live(house), [])
    }))
})

describe("never touched is", () => {
  it.effect("a machine of another owner, of nobody in particular, or without our name", () =>
    Effect.gen(function*() {
      const house = yield* open(quick)
      const others = [yield* orphan(house, "team2"), yield* orphan(house, "adhoc")]
      yield* pass(300)
      assert.sameMembers([...yield* live(house)], others)
      const { ended, left } = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(ended, [])
      assert.deepStrictEqual(left.map(({ why }) => why), ["other_owner", "other_owner"])
    }))

  it.effect("a machine of a session, running or ending", () =>
    Effect.gen(function*() {
      const house = yield* open({ ...quick, reapGrace: "1 second" })
      const { id } = yield* house.orchestrator.spawn({}, { idleTtl: false })
      yield* pass(200)
      assert.strictEqual((yield* live(house)).length, 1)
      const { left } = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(left.map(({ why }) => why), ["known"])
      yield* house.controls.ignoreDeletes(1_000)
      yield* Effect.forkChild(house.orchestrator.stopTracked(id, { timeout: "1 hour" }))
      yield* pass(100)
      const ending = yield* house.orchestrator.reapNow()
      assert.deepStrictEqual(ending.left.map(({ why }) => why), ["known"])
      yield* house.controls.ignoreDeletes(0)
    }))

  it.effect("a machine whose session began while the account was listed", () =>
    Effect.gen(function*() {
      const house = yield* open({ pollInterval: "1 hour", reapGrace: "1 millis" })
      yield* settle
      yield* house.controls.delay("listCompute", { answer: "3 seconds" })
      const cycles = yield* Effect.forkChild(Effect.andThen(house.orchestrator.reapNow(), house.orchestrator.reapNow()))
      yield* pass(1)
      yield* house.orchestrator.spawn({})
      yield* pass(6)
      yield* Fiber.join(cycles)
      assert.strictEqual((yield* live(house)).length, 1)
      yield* house.controls.delay("listCompute", {})
    }))

  it.effect("a machine whose session began while the store was asked", () =>
    Effect.gen(function*() {
      const cloud = yield* MockProvider.make()
      const id = yield* orphan({ cloud })
      const session = { state: sessionOf("late"), compute: null }
      let isHere = false
      const asked = Effect.sync(() => {
        isHere = true
        return Option.none()
      })
      const reaper = Reaper.make({
        engine: {
          owner: team1,
          unreadable: () => [],
          byAttempt: () => isHere ? session : undefined,
          byCompute: () => undefined
        },
        store: { attempt: () => asked },
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
      const house = yield* open({ ...quick, more: [plain.provider], reapProviders: ["plain"] })
      const id = yield* orphan(house)
      yield* pass(300)
      assert.deepStrictEqual(yield* live(house), [id])
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
    const house = yield* open({ ...quick, more: [broken] })
    yield* orphan(house)
    yield* pass(120)
    assert.deepStrictEqual(yield* live(house), [])
    assert.deepStrictEqual((yield* house.orchestrator.reapNow()).unlisted.map(String), ["broken"])
  }))

it.effect("other owners and a store that cannot tell are said once, not with every cycle, and again after it could", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const said = (words: string) => lines.filter((line) => line.includes(words)).length
      const house = yield* open(quick)
      yield* orphan(house, "team2")
      yield* orphan(house)
      house.shop.orders.attempts = 1_000
      yield* pass(300)
      assert.deepStrictEqual([said("team2"), said("cannot tell what is ours")], [1, 1])
      house.shop.orders.attempts = 0
      yield* pass(40)
      assert.strictEqual((yield* live(house)).length, 1)
      yield* orphan(house)
      house.shop.orders.attempts = 1_000
      yield* pass(300)
      assert.deepStrictEqual([said("team2"), said("cannot tell what is ours")], [1, 2])
    })
  ))

it.effect("a bug in the reaper's way is logged by its place alone, and the next listing is judged", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const house = yield* open(quick)
      yield* orphan(house)
      yield* pass(30)
      const { attempt } = house.shop.service
      let asked = 0
      Object.assign(house.shop.service, {
        attempt: (...given: Parameters<typeof attempt>) => {
          asked += 1
          if (asked === 1) throw new TypeError("password=canary")
          return attempt(...given)
        }
      })
      yield* pass(120)
      assert.deepStrictEqual(yield* live(house), [])
      assert.isTrue(lines.some((line) => line.includes("the reaper broke: TypeError")), lines.join("\n"))
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
      const house = yield* open({ ...quick, more: [keyless] })
      yield* orphan(house)
      yield* pass(200)
      assert.deepStrictEqual([asked, (yield* live(house)).length], [0, 0])
      assert.deepStrictEqual((yield* house.orchestrator.reapNow()).unlisted, [])
      assert.strictEqual(lines.filter((line) => line.includes("KEYLESS_API_KEY")).length, 1)
    })
  ))

it.effect("the reaper and the feeds stop before sessions are ended: nothing is listed any more once closing has begun", () =>
  Effect.gen(function*() {
    const house = yield* open({ ...quick, pollInterval: "5 seconds" })
    yield* house.orchestrator.spawn({})
    yield* house.controls.delay("terminate", { answer: "15 seconds" })
    yield* pass(10)
    const [before, start] = [(yield* house.controls.counts).listCompute, yield* Clock.currentTimeMillis]
    yield* house.close
    assert.isAtLeast((yield* Clock.currentTimeMillis) - start, 15_000)
    assert.strictEqual((yield* house.controls.counts).listCompute, before)
  }))

it.effect("a reaper that is slow does not keep the feed from looking", () =>
  Effect.gen(function*() {
    const house = yield* open({ ...quick, reapGrace: "1 second" })
    yield* orphan(house)
    yield* house.controls.ignoreDeletes(1_000_000)
    yield* pass(45)
    const { compute, id } = yield* house.orchestrator.spawn({ spot: true })
    yield* pass(8)
    const before = (yield* house.controls.counts).listCompute
    yield* house.controls.setStatus(compute.id, "failed")
    yield* pass(25)
    assert.isAbove((yield* house.controls.counts).listCompute, before)
    assert.notStrictEqual((yield* house.orchestrator.info(id)).state, "live")
    yield* house.controls.ignoreDeletes(0)
  }))

it("an owner that stands for nobody cannot be had", () => {
  assert.throws(() => NameStamp.Owner.make("adhoc"))
  assert.strictEqual(team1, "team1")
})
