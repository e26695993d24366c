/**
 * The feed: one listing loop for each account, however many sessions; only a complete listing shows that a machine is missing.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import { AtlasError, NotFound, ProviderFault, Uncertain } from "effect-atlas/domain/AtlasError"
import * as Listing from "effect-atlas/provider/Listing"
import * as Provider from "effect-atlas/provider/Provider"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as ProviderFeed from "../../src/orchestrator/ProviderFeed.ts"
import { secretOf } from "../support/secrets.ts"
import { live, makeTestStore, open, pass, settle } from "./harness.ts"
import { overhear } from "./overheard.ts"
import { addLive, makePlainCloud, owner, plain } from "./plainCloud.ts"

const collectTo = (tags: Array<string>) =>
  Effect.fnUntraced(
    function*(events: Stream.Stream<{ readonly _tag: string; readonly event?: { readonly _tag: string } }, unknown>) {
      yield* Effect.forkScoped(Stream.runForEach(events, ({ event }) =>
        Effect.sync(() => {
          if (event !== undefined) tags.push(event._tag)
        })))
      yield* settle
    }
  )

/** An account that cannot be listed; the ids of machines that are looked at go to `looked`. */
const unlisted = ({ compute, ...provider }: Provider.Made, looked: Set<string> = new Set()): Provider.Made => ({
  ...provider,
  compute: {
    ...compute,
    get: (id, options) => Effect.suspend(() => compute.get((looked.add(id), id), options)),
    listAll: () =>
      Effect.fail(new AtlasError({ provider: plain, operation: "list", reason: new ProviderFault({ status: 500 }) }))
  }
})

describe("an account is listed", () => {
  it.effect("again when a listing has hung for eleven minutes, also where it cannot be interrupted", () =>
    Effect.gen(function*() {
      let listings = 0
      const nothing = Effect.fail(new NotFound({}))
      const provider = Provider.make({
        id: "stuck",
        compute: {
          spawn: () => nothing,
          get: () => nothing,
          terminate: () => nothing,
          list: () =>
            Effect.suspend(() => {
              listings += 1
              return listings === 1 ? Effect.uninterruptible(Effect.never) : Effect.succeed([])
            })
        }
      })
      yield* open({ more: [provider] })
      yield* pass(60, "10 seconds")
      assert.strictEqual(listings, 1)
      yield* pass(24, "10 seconds")
      assert.isAtLeast(listings, 2)
    }))

  it.effect(
    "page by page at its rate limit for ten thousand sessions, and is never asked for one machine",
    () =>
      Effect.gen(function*() {
        const cloud = yield* makePlainCloud({ pageSize: 1_000, perSecond: 1 })
        const store = yield* makeTestStore
        const states = Array.from({ length: 10_000 }, (_, number) => addLive(cloud, number, { wall: 0, mono: 0 }))
        yield* store.service.commit(owner, states.map((state) => ({ id: state.spec.id, version: 0, state })))
        const harness = yield* open({ store, more: [cloud.provider], reapProviders: ["plain"] })
        // the first listing, and a minute that is quiet
        yield* pass(20)
        const before = { ...cloud.seen }
        yield* pass(60, "10 seconds")
        const minutes = 10
        const polls = (cloud.seen.list - before.list) / 10
        assert.isAtLeast(polls, minutes - 1)
        assert.isAtMost(polls, minutes + 1)
        assert.deepStrictEqual({ ...cloud.seen, list: 0 }, { list: 0, get: 0, spawn: 0, terminate: 0, refused: 0 })
        const infos = yield* harness.orchestrator.list
        assert.isTrue(infos.every(({ state }) => state === "live"))
        assert.strictEqual(harness.engine.at(plain).entries.size, 10_000)
      }),
    60_000
  )

  it.effect("often while a machine is coming, seldom when all is quiet", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ mock: { provisioning: "50 seconds" } })
      yield* orchestrator.spawn({})
      const start = (yield* controls.counts).listCompute
      yield* pass(50)
      const coming = (yield* controls.counts).listCompute - start
      assert.isAtLeast(coming, 8)
      assert.isAtMost(coming, 12)
      yield* pass(10)
      const quiet = (yield* controls.counts).listCompute
      yield* pass(300)
      assert.isAtMost((yield* controls.counts).listCompute - quiet, 6)
      assert.isAtLeast((yield* controls.counts).listCompute - quiet, 4)
    }))

  it.effect("less and less often while that fails, down to an eighth, with one event each time it begins to fail", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const { id } = yield* orchestrator.spawn({}, { idleTtl: false })
      const tags: Array<string> = []
      yield* collectTo(tags)(orchestrator.events(id))
      yield* controls.failNext("listCompute", new ProviderFault({ status: 500 }), 6)
      const start = (yield* controls.counts).listCompute
      yield* pass(30, "1 minute")
      assert.isAtMost((yield* controls.counts).listCompute - start, 7)
      assert.strictEqual(tags.filter((tag) => tag === "PollFailed").length, 1)
      assert.strictEqual((yield* live({ controls })).length, 1)
      yield* pass(30, "1 minute")
      yield* controls.failNext("listCompute", new ProviderFault({ status: 500 }), 1)
      yield* pass(3, "1 minute")
      assert.strictEqual(tags.filter((tag) => tag === "PollFailed").length, 2)
    }).pipe(Effect.scoped))

  it.effect("and while it cannot be, the end of a machine is seen by a look at that machine", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({}, { idleTtl: false })
      yield* pass(5)
      yield* controls.failNext("listCompute", new ProviderFault({ status: 500 }), 1_000)
      yield* controls.setStatus(compute.id, "failed")
      yield* pass(12, "1 minute")
      const infos = yield* orchestrator.list
      assert.isFalse(infos.some((info) => info.id === id && info.state === "live"))
    }).pipe(Effect.scoped))

  it.effect("and such a look does not tell a machine ready whose ports have no address yet", () =>
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud()
      const { orchestrator } = yield* open({ more: [unlisted(cloud.provider)] })
      const { id } = yield* orchestrator.spawn({ ports: ["22/tcp"] }, { provider: "plain", idleTtl: false })
      const waiting = yield* Effect.forkScoped(Effect.exit(orchestrator.awaitReady(id, { timeout: "20 minutes" })))
      yield* pass(25, "1 minute")
      assert.isAbove(cloud.seen.get, 0)
      const exit = yield* Fiber.join(waiting)
      assert.match(String(exit), /22\/tcp had no address/)
    }).pipe(Effect.scoped))

  it.effect("and more machines than are looked at each time are looked at in turn", () =>
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud()
      const looked = new Set<string>()
      const { orchestrator } = yield* open({ more: [unlisted(cloud.provider, looked)] })
      const spawn = orchestrator.spawn({}, { provider: "plain", idleTtl: false })
      yield* Effect.forEach(Array.from({ length: 40 }), () => spawn, { concurrency: "unbounded" })
      yield* pass(40, "1 minute")
      assert.strictEqual(looked.size, 40)
    }).pipe(Effect.scoped))

  it.effect("not at all while it has no session and is not cleaned", () =>
    Effect.gen(function*() {
      const cloud = yield* makePlainCloud()
      yield* open({ more: [cloud.provider], reapProviders: ["mock"] })
      yield* pass(300)
      assert.strictEqual(cloud.seen.list, 0)
    }))

  it.effect("at the usual interval again as soon as it answers", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      yield* orchestrator.spawn({}, { idleTtl: false })
      yield* pass(10)
      yield* controls.failNext("listCompute", new ProviderFault({ status: 400 }), 3)
      yield* pass(20, "1 minute")
      const before = (yield* controls.counts).listCompute
      yield* pass(10, "1 minute")
      assert.isAtLeast((yield* controls.counts).listCompute - before, 9)
    }))

  it.effect("at intervals that differ by up to a tenth, so that hosts do not ask at the same time", () =>
    Effect.gen(function*() {
      const times: Array<number> = []
      const listed = Provider.make({
        id: "listed",
        compute: {
          spawn: () => Effect.fail(new ProviderFault({ status: 400 })),
          get: () => Effect.fail(new ProviderFault({ status: 500 })),
          list: () => Effect.map(Clock.currentTimeMillis, (now) => (times.push(now), [])),
          terminate: () => Effect.fail(new ProviderFault({ status: 500 }))
        }
      })
      yield* open({ more: [listed], reapProviders: ["listed"], pollInterval: "100 seconds" })
      yield* pass(3_000)
      const pauses = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / 1_000)
      assert.isAtLeast(Math.min(...pauses), 90)
      // the loop wakes every five seconds
      assert.isAtMost(Math.max(...pauses), 116)
      assert.isAbove(new Set(pauses).size, 5)
    }))

  it.effect("again after its adapter threw, which counts as a failed listing; only the location of the defect is logged", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const { controls, orchestrator } = yield* open()
        const { id } = yield* orchestrator.spawn({}, { idleTtl: false })
        const tags: Array<string> = []
        yield* collectTo(tags)(orchestrator.events(id))
        yield* controls.dieNext("listCompute", Object.assign(new TypeError("key=canary"), { request: "canary" }))
        const start = (yield* controls.counts).listCompute
        yield* pass(300)
        assert.isAtLeast((yield* controls.counts).listCompute - start, 2)
        assert.strictEqual(tags.filter((tag) => tag === "PollFailed").length, 1)
        const logged = lines.filter((line) => line.includes("a listing failed unexpectedly"))
        assert.strictEqual(logged.length, 1)
        assert.include(logged[0], "TypeError")
        assert.include(logged[0], "feed.test.ts")
        assert.notInclude(lines.join("\n"), "canary")
      })
    ))
})

describe("a create whose answer was lost", () => {
  it.effect("is looked for while an entry that cannot be addressed may be what it made", () =>
    Effect.gen(function*() {
      const odd = [Listing.unaddressable({ id: 7 }, "its id is a number")]
      const lossy = Provider.make({
        id: "lossy",
        compute: {
          spawn: () => Effect.fail(new Uncertain({ message: "lost" })),
          get: () => Effect.fail(new ProviderFault({ status: 500 })),
          list: () => Effect.sync(() => [...odd]),
          terminate: () => Effect.fail(new ProviderFault({ status: 500 }))
        }
      })
      const { orchestrator } = yield* open({ more: [lossy] })
      const spawned = yield* Effect.forkChild(Effect.flip(orchestrator.spawn({}, { provider: "lossy" })))
      const states = Effect.map(orchestrator.list, (all) => all.map(({ state }) => state))
      yield* pass(120)
      assert.deepStrictEqual(yield* states, ["resolving"])
      odd.length = 0
      yield* pass(600)
      assert.deepStrictEqual(yield* states, ["ended"])
      yield* Fiber.join(spawned)
    }))
})

describe("a machine that is missing from a complete listing", () => {
  it.effect("is asked for by its id, and only that shows that it is gone", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const { compute, id } = yield* orchestrator.spawn({})
      yield* pass(10)
      yield* controls.forget(compute.id)
      yield* pass(70)
      assert.strictEqual((yield* controls.counts).getCompute, 1)
      const { outcome, state } = yield* orchestrator.info(id)
      assert.deepStrictEqual([state, outcome?._tag === "Failed" && outcome.cause], ["ended", "vanished"])
    }))

  it.effect("is not asked for while an entry that cannot be addressed may be it, which is named once", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        const cloud = yield* makePlainCloud()
        const { orchestrator } = yield* open({ more: [cloud.provider] })
        const { compute, id } = yield* orchestrator.spawn({}, { provider: "plain", idleTtl: false })
        yield* pass(10)
        cloud.machines.delete(compute.id)
        cloud.odd.push(Listing.unaddressable({ id: 7, name: compute.name }, "its id is a number"))
        yield* pass(300)
        assert.deepStrictEqual([cloud.seen.get, (yield* orchestrator.info(id)).state], [0, "live"])
        assert.lengthOf(lines.filter((line) => line.includes("its id is a number")), 1)
        cloud.odd.splice(0, 1, Listing.unaddressable({ id: 7, name: "another" }, "its id is a number"))
        yield* pass(120)
        assert.strictEqual((yield* orchestrator.info(id)).state, "ended")
      })
    ))

  it.effect("is not taken for missing while it is young", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({
        mock: { provisioning: "30 seconds", settleWindow: "20 seconds" }
      })
      yield* controls.setListingLag("15 seconds")
      const { id } = yield* orchestrator.spawn({})
      yield* pass(40)
      assert.strictEqual((yield* controls.counts).getCompute, 0)
      assert.strictEqual((yield* orchestrator.info(id)).status, "running")
    }))

  it.effect("was preempted when it was spot, and is replaced", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      const request = { spot: true, auth: "bearer" } as const
      const { auth, compute, id } = yield* orchestrator.spawn(request, { onFailure: { respawn: 1 } })
      const tags: Array<string> = []
      yield* collectTo(tags)(orchestrator.events(id))
      yield* pass(10)
      yield* controls.setStatus(compute.id, "terminated")
      yield* pass(70)
      const info = yield* orchestrator.info(id)
      assert.deepStrictEqual([info.state, info.respawns], ["live", 1])
      assert.notStrictEqual(info.computeId, compute.id)
      assert.include(tags, "Respawned")
      assert.strictEqual((yield* live({ controls })).length, 1)
      const renewed = yield* orchestrator.credential(id)
      assert.lengthOf(secretOf(renewed), 43)
      assert.notStrictEqual(secretOf(renewed), secretOf(auth), "the new machine has a credential of its own")
    }))
})

it.effect("a listing counts as of when it was asked for: what was made meanwhile may be missing from it", () =>
  Effect.gen(function*() {
    const cloud = yield* makePlainCloud()
    const { compute, ...provider } = Provider.neutral(cloud.provider)
    const slow = { ...provider, compute: { ...compute, listAll: () => Effect.delay(compute.listAll(), "7 seconds") } }
    const before = yield* Clock.currentTimeMillis
    const listing = yield* Effect.forkChild(ProviderFeed.list(slow), { startImmediately: true })
    yield* TestClock.adjust("7 seconds")
    assert.strictEqual((yield* Fiber.join(listing)).begunAt.wall, before)
  }))

it.effect("a listing that never finishes shows nothing, and nothing is ended for it", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    const { id } = yield* orchestrator.spawn({}, { idleTtl: false })
    yield* controls.delay("listCompute", { answer: "2 hours" })
    yield* pass(60, "1 minute")
    assert.strictEqual((yield* orchestrator.info(id)).state, "live")
    yield* controls.delay("listCompute", {})
  }))

it.effect("an engine that is behind is not given another listing, and a store that does not answer holds up none", () =>
  Effect.gen(function*() {
    const { controls, engine, orchestrator, store } = yield* open({ mock: { provisioning: "1 hour" } })
    const isBehind = vi.spyOn(engine, "isBehind")
    yield* orchestrator.spawn({})
    yield* pass(6)
    yield* store.gate.close
    yield* Effect.forkChild(Effect.exit(orchestrator.spawn({})))
    const listed = Effect.gen(function*() {
      const before = (yield* controls.counts).listCompute
      yield* pass(60)
      return (yield* controls.counts).listCompute - before
    })
    assert.isAbove(yield* listed, 5)
    isBehind.mockReturnValue(true)
    assert.strictEqual(yield* listed, 0)
  }))
