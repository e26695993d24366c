/**
 * What a test can do to the mock's cloud, and what it can read from it.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, NameStamp, Provider } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import * as Mock from "../../support/mock.ts"
import { secretOf } from "../../support/secrets.ts"

const kindOf = <A, R>(self: Effect.Effect<A, AtlasError.AtlasError, R>) =>
  Effect.match(self, { onSuccess: () => "success", onFailure: (error) => error.kind })

/** One create, sent once and not resolved, so that a lost answer can be seen as such. */
const rented = Effect.gen(function*() {
  const { compute } = yield* Provider.Provider
  return yield* compute.rent(yield* compute.prepare({ name: "one" }))
})

const live = Effect.gen(function*() {
  const controls = yield* MockProvider.MockControls
  return (yield* controls.ledger).live
})

describe("controls of the mock", () => {
  it.effect("setStatus puts a compute in any status, with its exit code and why it failed", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.setStatus(id, "failed", { exitCode: 3, failure: "out of memory" })
      const { exitCode, failure, status } = yield* mock.compute.get(id)
      assert.deepStrictEqual([status, exitCode, failure], ["failed", 3, "out of memory"])
      yield* controls.setStatus(id, "provisioning")
      assert.strictEqual((yield* mock.compute.get(id)).status, "provisioning")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("setCostPerHour changes the price, and null takes it away", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.setCostPerHour(id, 2.5)
      assert.strictEqual((yield* mock.compute.get(id)).costPerHour, 2.5)
      yield* controls.setCostPerHour(id, null)
      assert.isNull((yield* mock.compute.get(id)).costPerHour)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a control of an unknown compute is not found", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      const kinds = yield* Effect.all([
        kindOf(controls.setStatus("mock-x", "failed")),
        kindOf(controls.setCostPerHour("mock-x", 1)),
        kindOf(controls.writeLog("mock-x", "hello"))
      ])
      assert.deepStrictEqual(kinds, ["not_found", "not_found", "not_found"])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("failNext fails the next calls of one operation, as many as asked, and they do nothing", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      yield* controls.failNext("spawnCompute", new AtlasError.NoCapacity({}))
      yield* controls.failNext("listCompute", new AtlasError.Forbidden({}), 2)
      const kinds = yield* Effect.all([
        kindOf(mock.compute.list()),
        kindOf(rented),
        kindOf(mock.compute.list()),
        kindOf(mock.compute.list())
      ])
      assert.deepStrictEqual(kinds, ["forbidden", "no_capacity", "forbidden", "success"])
      assert.deepStrictEqual(yield* live, [])
      assert.strictEqual(yield* kindOf(rented), "success")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect.each(["getCompute", "terminate", "stop", "start", "listGpuTypes", "streamLogs"] as const)(
    "failNext reaches %s",
    (operation) =>
      Effect.gen(function*() {
        const mock = yield* MockProvider.MockProvider
        const controls = yield* MockProvider.MockControls
        const { id } = yield* mock.compute.spawn({})
        const calls = {
          getCompute: mock.compute.get(id),
          terminate: mock.compute.terminate(id),
          stop: mock.power.stop(id),
          start: mock.power.start(id),
          listGpuTypes: mock.gpus.list(),
          streamLogs: Stream.runDrain(mock.logs.stream(id))
        }
        yield* controls.failNext(operation, new AtlasError.RateLimited({ retryAfter: Duration.seconds(2) }))
        assert.strictEqual(yield* kindOf(calls[operation]), "rate_limited")
        assert.strictEqual((yield* mock.compute.list())[0]?.status, "running")
        assert.strictEqual(yield* kindOf(calls[operation]), "success")
      }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("dieNext is a defect of the adapter in the next call", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      yield* controls.dieNext("listCompute", "a bug")
      assert.strictEqual(yield* Effect.catchDefect(mock.compute.list(), Effect.succeed), "a bug")
      assert.deepStrictEqual(yield* mock.compute.list(), [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a slow call answers after the way there and the way back", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      yield* controls.delay("spawnCompute", { request: "2 seconds", answer: "3 seconds" })
      const spawning = yield* Effect.forkChild(mock.compute.spawn({}), { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      assert.deepStrictEqual(yield* live, [])
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(yield* live, 1)
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(spawning.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(spawning)).createdAt?.epochMilliseconds, 2000)
      yield* controls.delay("spawnCompute", {})
      yield* mock.compute.spawn({})
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a request on its way arrives although its caller has left", () =>
    Effect.gen(function*() {
      const { compute } = yield* Provider.Provider
      const controls = yield* MockProvider.MockControls
      yield* controls.delay("spawnCompute", { request: "2 seconds" })
      const renting = yield* Effect.forkChild(compute.rent(yield* compute.prepare({})), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(renting)
      assert.deepStrictEqual(yield* live, [])
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* live, 1)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a lost answer is uncertain: the machine exists or does not, as ordered", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.loseNextAnswer({ created: true })
      assert.strictEqual(yield* kindOf(rented), "uncertain")
      assert.lengthOf(yield* live, 1)
      yield* controls.loseNextAnswer({ created: false })
      assert.strictEqual(yield* kindOf(rented), "uncertain")
      assert.lengthOf(yield* live, 1)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("duplicates are two machines under one name, the second later by as much as asked", () =>
    Effect.gen(function*() {
      const controls = yield* MockProvider.MockControls
      yield* controls.twinNext({ apart: "1 second" })
      yield* rented
      assert.lengthOf(yield* live, 1)
      yield* TestClock.adjust("1 second")
      const [first, second] = yield* live
      assert.strictEqual(second?.name, first?.name)
      assert.notStrictEqual(second?.id, first?.id)
      yield* controls.twinNext()
      yield* rented
      assert.lengthOf(yield* live, 4)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("while the listing lags a new compute is absent from get and list, and can be ended", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      yield* controls.setListingLag("3 seconds")
      const { id } = yield* mock.compute.spawn({})
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual(yield* kindOf(mock.compute.get(id)), "not_found")
      assert.deepStrictEqual(yield* mock.compute.list(), [])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* kindOf(mock.compute.get(id)), "success")
      assert.lengthOf(yield* mock.compute.list(), 1)
      const young = yield* mock.compute.spawn({})
      yield* mock.compute.terminate(young.id)
      assert.deepStrictEqual((yield* live).map((entry) => entry.id), [id])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("an ignored delete is accepted and not done", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.ignoreDeletes(2)
      yield* mock.compute.terminate(id)
      yield* mock.compute.terminate(id)
      assert.strictEqual((yield* mock.compute.get(id)).status, "running")
      yield* mock.compute.terminate(id)
      assert.strictEqual((yield* mock.compute.get(id)).status, "terminated")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("forget makes the provider not know a compute any more, and may be repeated", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.forget(id)
      yield* controls.forget(id)
      yield* controls.forget("mock-never")
      assert.strictEqual(yield* kindOf(mock.compute.get(id)), "not_found")
      assert.strictEqual(yield* kindOf(mock.compute.terminate(id)), "not_found")
      assert.deepStrictEqual(yield* mock.compute.list(), [])
      assert.lengthOf((yield* controls.ledger).made, 1)
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))
})

describe("what the mock remembers", () => {
  it.effect("counts every call of every operation, failed ones too", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* mock.compute.get(id)
      yield* kindOf(mock.compute.get("mock-x"))
      yield* controls.failNext("getCompute", new AtlasError.Forbidden({}))
      yield* kindOf(mock.compute.get(id))
      yield* mock.gpus.list()
      yield* Stream.runDrain(mock.logs.stream(id))
      const counts = yield* controls.counts
      assert.deepStrictEqual(Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)), {
        spawnCompute: 1,
        getCompute: 3,
        listGpuTypes: 1,
        streamLogs: 1
      })
      assert.strictEqual(counts.terminate, 0)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("records what was asked for, of environment and provider options the names only", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { auth, id, name } = yield* mock.compute.spawn({
        gpu: "l4",
        name: "web",
        env: { HF_TOKEN: "canary-env" },
        providerOpts: { costPerHour: 1, note: "canary-opts" },
        auth: "bearer"
      })
      yield* mock.compute.list({ status: "running" })
      yield* mock.compute.terminate(id)
      const [create, list, remove] = yield* controls.requests
      assert.strictEqual(create?.name, name)
      assert.strictEqual(create?.request?.gpu, "l4")
      assert.deepStrictEqual(create?.env, ["HF_TOKEN", "ATLAS_PRESHARED_KEY"])
      assert.deepStrictEqual(create?.providerOpts, ["costPerHour", "note"])
      assert.deepStrictEqual([list?.operation, list?.filter], ["listCompute", { status: "running" }])
      assert.deepStrictEqual([remove?.operation, remove?.id], ["terminate", id])
      const printed = inspect([create, list, remove], { depth: null }) + JSON.stringify([create, list, remove])
      assert.notInclude(printed, "canary")
      assert.notInclude(printed, secretOf(auth))
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("the ledger knows when each machine was made and ended, and what it has cost at each price", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({ providerOpts: { costPerHour: 2 } })
      const free = yield* mock.compute.spawn({ providerOpts: { costPerHour: null } })
      yield* TestClock.adjust("30 minutes")
      yield* controls.setCostPerHour(id, 4)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* controls.ledger).dollars, 5)
      yield* mock.compute.terminate(id)
      yield* TestClock.adjust("1 hour")
      const { dollars, live, made } = yield* controls.ledger
      assert.strictEqual(dollars, 5)
      assert.deepStrictEqual(live.map((entry) => entry.id), [free.id])
      assert.deepStrictEqual(
        made.map((entry) => [entry.id, entry.createdAt.epochMilliseconds, entry.endedAt?.epochMilliseconds]),
        [[id, 0, 5_400_000], [free.id, 0, undefined]]
      )
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("the ledger's name is the stamped one that the caller got", () =>
    Effect.gen(function*() {
      const compute = yield* rented
      const [entry] = yield* live
      assert.strictEqual(entry?.name, compute.name)
      assert.isNotNull(NameStamp.parse(entry?.name ?? ""))
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("reset leaves nothing: no machines, faults, delays or records", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.failNext("getCompute", new AtlasError.Forbidden({}))
      yield* controls.loseNextAnswer({ created: false })
      yield* controls.twinNext()
      yield* controls.ignoreDeletes(1)
      yield* controls.setListingLag("1 hour")
      yield* controls.delay("spawnCompute", { answer: "1 hour" })
      yield* controls.reset
      const { dollars, made } = yield* controls.ledger
      assert.deepStrictEqual([...made, dollars], [0])
      assert.deepStrictEqual(yield* controls.requests, [])
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      assert.strictEqual(yield* kindOf(mock.compute.get(id)), "not_found")
      const again = yield* rented
      yield* mock.compute.get(again.id)
      assert.lengthOf(yield* live, 1)
      yield* mock.compute.terminate(again.id)
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))
})
