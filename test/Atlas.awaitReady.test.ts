/**
 * Waiting for a compute: never past the deadline, and no failed look decides anything.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Mock from "./support/mock.ts"

const waitFor = (id: string, options?: Atlas.AwaitOptions) =>
  Effect.forkChild(Effect.result(Atlas.awaitReady(id, options)), { startImmediately: true })

const controls = MockProvider.MockControls

const slow = { provisioning: "1 hour" } as const

describe("awaitReady", () => {
  it.effect("answers a running compute at once, as observed and not as it was rented", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({ auth: "bearer" })
      const ready = yield* Atlas.awaitReady(id)
      assert.deepStrictEqual([ready.status, ready.auth], ["running", null])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("looks every interval, give or take a tenth, until it runs", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id, { interval: "10 seconds" })
      yield* TestClock.adjust("100 seconds")
      const result = yield* Fiber.join(waiting)
      assert.strictEqual(result._tag === "Success" ? result.success.status : null, "running")
      const { getCompute } = yield* (yield* controls).counts
      assert.isAtLeast(getCompute, 9)
      assert.isAtMost(getCompute, 12)
    }).pipe(Effect.provide(Mock.layer({ provisioning: "85 seconds" }))))

  it.effect("is ready when it runs and its ports are known", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({ ports: ["80"] })
      yield* (yield* controls).setStatus(id, "running")
      const { ports, status } = yield* Atlas.awaitReady(id)
      assert.strictEqual(status, "running")
      assert.isNotNull(ports[0]?.url)
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("waits for a port that was asked for and that the compute does not list, and names it", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({ ports: ["80"] })
      const ports = [{ port: 22, protocol: "tcp", symmetric: false }] as const
      const waiting = yield* waitFor(id, { timeout: "60 seconds", ports })
      yield* TestClock.adjust("60 seconds")
      const result = yield* Fiber.join(waiting)
      assert.include(result._tag === "Failure" ? result.failure.message : "", "runs, but 22/tcp had no address within")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("gives up at the deadline to the millisecond, with what it saw last, and ends nothing", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id, { timeout: "60 seconds", interval: "25 seconds" })
      yield* TestClock.adjust("59999 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(waiting)
      const error = result._tag === "Failure" ? result.failure : null
      assert.deepStrictEqual([error?.kind, error?.operation], ["timeout", "awaitReady"])
      const { lastSeen } = error?.reason._tag === "Timeout" ? error.reason : { lastSeen: null }
      assert.deepStrictEqual([lastSeen?.id, lastSeen?.status], [id, "provisioning"])
      assert.lengthOf((yield* (yield* controls).ledger).live, 1)
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("gives up at the deadline also while a look hangs", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      yield* (yield* controls).delay("getCompute", { answer: Duration.infinity })
      const waiting = yield* waitFor(id, { timeout: "60 seconds" })
      yield* TestClock.adjust("60 seconds")
      const result = yield* Fiber.join(waiting)
      assert.strictEqual(result._tag === "Failure" ? result.failure.kind : null, "timeout")
      assert.isNull(
        result._tag === "Failure" && result.failure.reason._tag === "Timeout" ? result.failure.reason.lastSeen : "seen"
      )
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("one look that never answers is left after 30 seconds, and the next one counts", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      yield* mock.delay("getCompute", { answer: Duration.infinity })
      const waiting = yield* waitFor(id)
      yield* TestClock.adjust("29 seconds")
      yield* mock.delay("getCompute", { answer: Duration.zero })
      yield* mock.setStatus(id, "running")
      for (let second = 0; second < 15; second++) yield* TestClock.adjust("1 second")
      assert.isDefined(waiting.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Success")
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("waits 15 minutes unless told otherwise", () =>
    Effect.gen(function*() {
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id)
      yield* TestClock.adjust("899999 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isDefined(waiting.pollUnsafe())
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect.each(["failed", "stopped", "terminated"] as const)(
    "ends when the compute is %s, with its exit code",
    (status) =>
      Effect.gen(function*() {
        const mock = yield* controls
        const { id } = yield* Atlas.spawnCompute({})
        const waiting = yield* waitFor(id)
        yield* mock.setStatus(id, status, { exitCode: 3, failure: "out of memory" })
        yield* TestClock.adjust("6 seconds")
        const result = yield* Fiber.join(waiting)
        const reason = result._tag === "Failure" ? result.failure.reason : null
        assert.deepStrictEqual(
          reason?._tag === "Ended" ? [reason.status, reason.exitCode, reason.message] : reason,
          [status, 3, "out of memory"]
        )
      }).pipe(Effect.provide(Mock.layer(slow)))
  )

  it.effect("ends as terminated when a compute that was there is not there any more", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id)
      yield* mock.forget(id)
      yield* TestClock.adjust("6 seconds")
      const result = yield* Fiber.join(waiting)
      const reason = result._tag === "Failure" ? result.failure.reason : null
      assert.strictEqual(reason?._tag === "Ended" ? reason.status : reason, "terminated")
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("an id that never existed is not found once the settle window has passed", () =>
    Effect.gen(function*() {
      const waiting = yield* waitFor("mock-never", { interval: "1 second" })
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      const result = yield* Fiber.join(waiting)
      assert.strictEqual(result._tag === "Failure" ? result.failure.kind : null, "not_found")
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("a young compute that a lagging listing does not show yet is waited for", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.setListingLag("4 seconds")
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id, { interval: "1 second" })
      yield* TestClock.adjust("6 seconds")
      const result = yield* Fiber.join(waiting)
      assert.strictEqual(result._tag, "Success")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect.each([
    new AtlasError.ProviderFault({ status: 500 }),
    new AtlasError.Transport({ causeName: "SocketError" }),
    new AtlasError.Unauthorized({ status: 401 }),
    new AtlasError.RateLimited({}),
    new AtlasError.Unknown({})
  ])("a look that fails as $_tag decides nothing", (reason) =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      yield* mock.failNext("getCompute", reason, 3)
      const waiting = yield* waitFor(id, { interval: "1 second" })
      yield* TestClock.adjust("30 seconds")
      const result = yield* Fiber.join(waiting)
      assert.strictEqual(result._tag, "Success")
      assert.strictEqual((yield* mock.counts).getCompute, 4)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("while looks fail it asks ever more slowly, down to one in eight intervals, and at once again after one success", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      yield* mock.failNext("getCompute", new AtlasError.ProviderFault({ status: 500 }), 6)
      yield* waitFor(id, { interval: "10 seconds", timeout: "1 hour" })
      yield* TestClock.adjust("20 minutes")
      const times = (yield* mock.requests)
        .filter((call) => call.operation === "getCompute")
        .map((call) => call.at.epochMilliseconds)
      const pauses = times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / 10_000)
      for (const [index, expected] of [2, 4, 8, 8, 8, 8].entries()) {
        assert.closeTo(pauses[index] ?? 0, expected, expected / 10 + 0.01)
      }
      assert.isAtMost(Math.max(...pauses.slice(6)), 1.11)
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("the last trouble is told when time is up", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      yield* mock.failNext("getCompute", new AtlasError.ProviderFault({ status: 500, message: "overloaded" }), 99)
      const waiting = yield* waitFor(id, { timeout: "1 minute" })
      yield* TestClock.adjust("1 minute")
      const result = yield* Fiber.join(waiting)
      assert.include(result._tag === "Failure" ? result.failure.message : "", "overloaded")
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("what another look cannot cure fails at once: a malformed id, option or a missing key", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      const kind = (self: ReturnType<typeof Atlas.awaitReady>) => Effect.map(Effect.flip(self), (error) => error.kind)
      assert.strictEqual(yield* kind(Atlas.awaitReady("a/b")), "validation")
      assert.strictEqual(yield* kind(Atlas.awaitReady(id, { timeout: 0 })), "validation")
      assert.strictEqual(yield* kind(Atlas.awaitReady(id, { interval: "-1 second" })), "validation")
      yield* mock.failNext("getCompute", new AtlasError.Unauthorized({}))
      assert.strictEqual(yield* kind(Atlas.awaitReady(id)), "unauthorized")
    }).pipe(Effect.provide(Mock.layer(slow))))

  it.effect("interrupting it stops the looks", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      const waiting = yield* waitFor(id)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(waiting)
      const before = (yield* mock.counts).getCompute
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* mock.counts).getCompute, before)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(waiting)))
    }).pipe(Effect.provide(Mock.layer(slow))))
})
