/**
 * Places that ask for hours: nobody is held by them, and not every session finds out by itself.
 */
import { assert, describe, it } from "@effect/vitest"
import { NoCapacity, RateLimited } from "effect-atlas/domain/AtlasError"
import { ProviderId } from "effect-atlas/domain/Ids"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as PausedPlaces from "../../src/orchestrator/engine/PausedPlaces.ts"
import { type Harness, open, pass, reasonOf, settle } from "./harness.ts"

const limited = (retryAfter: Duration.Input) =>
  new RateLimited({ status: 429, retryAfter: Duration.fromInputUnsafe(retryAfter) })

const gpusAsked = ({ controls }: Harness) =>
  Effect.map(
    controls.requests,
    (all) => all.flatMap(({ operation, request }) => operation === "spawnCompute" ? [request?.gpu] : [])
  )

const gpu = ["h100", "a100_80g"]

/** What is answered before any time has passed. */
const atOnce = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    yield* settle
    assert.isDefined(fiber.pollUnsafe(), "it waits")
    return yield* Fiber.join(fiber)
  })

describe("a candidate that asks to wait for long", () => {
  it.effect.each([["6 hours"], [Duration.infinity]] as const)(
    "for %s: the next one is rented at once, and other sessions do not ask there meanwhile",
    ([retryAfter]) =>
      Effect.gen(function*() {
        const harness = yield* open()
        const { controls, orchestrator } = harness
        yield* controls.failNext("spawnCompute", limited(retryAfter))
        const first = yield* atOnce(orchestrator.spawn({ gpu }))
        assert.strictEqual(first.compute.gpuType, "a100_80g")
        yield* atOnce(orchestrator.spawn({ gpu }))
        yield* atOnce(orchestrator.spawn({ gpu }))
        assert.deepStrictEqual(yield* gpusAsked(harness), ["h100", "a100_80g", "a100_80g", "a100_80g"])
        const { refusals } = yield* orchestrator.info(first.id)
        assert.deepStrictEqual(refusals.map(({ fault }) => fault.reason), ["RateLimited"])
      })
  )

  it.effect("is asked again by one session a minute, and by all once it answers", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { controls, orchestrator } = harness
      yield* controls.failNext("spawnCompute", limited("6 hours"), 1)
      yield* atOnce(orchestrator.spawn({ gpu }))
      yield* pass(61)
      yield* atOnce(orchestrator.spawn({ gpu }))
      yield* atOnce(orchestrator.spawn({ gpu }))
      assert.deepStrictEqual(yield* gpusAsked(harness), ["h100", "a100_80g", "h100", "h100"])
    }))

  it.effect("and is the only one: its session is refused after a minute, with the time that was asked for", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      yield* controls.failNext("spawnCompute", limited("6 hours"), 2)
      const asked = yield* Effect.forkChild(reasonOf(orchestrator.spawn({ gpu: "h100" })))
      yield* pass(59)
      assert.isUndefined(asked.pollUnsafe())
      yield* pass(2)
      const reason = yield* Fiber.join(asked)
      assert.deepStrictEqual(
        "_tag" in reason && reason._tag === "RateLimited" && reason.retryAfter,
        Duration.hours(6)
      )
    }))

  it.effect("is left as soon as the host's own limit says", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ longestWait: "5 seconds" })
      yield* controls.failNext("spawnCompute", limited("6 seconds"))
      assert.strictEqual((yield* atOnce(orchestrator.spawn({ gpu }))).compute.gpuType, "a100_80g")
    }))
})

it.effect("a short pause is waited for, and nobody else is told", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const { controls, orchestrator } = harness
    yield* controls.failNext("spawnCompute", limited("20 seconds"))
    const asked = yield* Effect.forkChild(orchestrator.spawn({ gpu }))
    yield* settle
    assert.strictEqual((yield* atOnce(orchestrator.spawn({ gpu }))).compute.gpuType, "h100")
    yield* pass(21)
    assert.strictEqual((yield* Fiber.join(asked)).compute.gpuType, "h100")
  }))

it.effect("a place that was sold out when it was asked again is paused no more", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const { controls, orchestrator } = harness
    yield* controls.failNext("spawnCompute", limited("6 hours"))
    yield* atOnce(orchestrator.spawn({ gpu }))
    yield* pass(61)
    yield* controls.failNext("spawnCompute", new NoCapacity({}))
    yield* atOnce(orchestrator.spawn({ gpu }))
    yield* atOnce(orchestrator.spawn({ gpu }))
    assert.strictEqual((yield* gpusAsked(harness)).at(-1), "h100")
  }))

it("a pause is believed for an hour at most, and places are told apart by provider, GPU and regions", () => {
  const places = PausedPlaces.make(60_000)
  const place = { provider: ProviderId.make("acme"), gpu: "h100", regionHints: [] }
  places.limited(place, Number.MAX_VALUE, 0)
  assert.strictEqual(places.left(place, 1_000), 3_599_000)
  assert.strictEqual(places.left({ ...place, gpu: "a100_80g" }, 1_000), 0)
  assert.strictEqual(places.left({ ...place, regionHints: ["eu"] }, 1_000), 0)
  assert.strictEqual(places.left(place, 3_600_000), 0)
  places.limited(place, 60_000, 0)
  assert.strictEqual(places.left(place, 1), 0, "a short one is the session's own matter")
})
