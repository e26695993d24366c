import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { failWhen, unlessSilent } from "../../../src/http/StreamLimits.ts"

describe("a stream that fails when something else does", () => {
  it.effect("fails while it waits for its next element, and lets go of what it waited for", () =>
    Effect.gen(function*() {
      const isFree = yield* Deferred.make<void>()
      const waiting = Stream.fromEffect(
        Effect.onInterrupt(Effect.never, () => Effect.asVoid(Deferred.succeed(isFree, undefined)))
      )
      const over = Effect.delay(Effect.fail("over"), "1 minute")
      const reading = yield* Effect.forkChild(Effect.flip(Stream.runDrain(failWhen(waiting, over))), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(reading), "over")
      yield* Deferred.await(isFree)
    }))

  it.effect("fails also where it always has more", () =>
    Effect.gen(function*() {
      const over = yield* Deferred.make<never, string>()
      const seen: Array<number> = []
      const ready = Stream.fromArray([1, 2, 3]).pipe(Stream.forever, Stream.take(300))
      const failure = yield* failWhen(ready, Deferred.await(over)).pipe(
        Stream.runForEach((one) =>
          Effect.suspend(() => seen.push(one) === 30 ? Deferred.fail(over, "over") : Effect.succeed(false))
        ),
        Effect.flip
      )
      assert.strictEqual(failure, "over")
      assert.strictEqual(seen.length, 30)
    }))

  it.effect("gives all that comes, and stops watching at its end", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const over = Effect.onInterrupt(Effect.never, () => Effect.asVoid(Deferred.succeed(stopped, undefined)))
      assert.deepStrictEqual(yield* Stream.runCollect(failWhen(Stream.fromArray([1, 2, 3]), over)), [1, 2, 3])
      yield* Deferred.await(stopped)
    }))
})

it.effect("a stream that is silent for too long ends as it is told to, however long it spoke before", () =>
  Effect.gen(function*() {
    const slow = Stream.concat(
      Stream.fromArray([1, 2, 3]).pipe(Stream.mapEffect((one) => Effect.delay(Effect.succeed(one), "50 seconds"))),
      Stream.never
    )
    const seen: Array<number> = []
    const reading = yield* Effect.forkChild(
      Effect.flip(
        Stream.runForEach(
          unlessSilent(slow, "1 minute", Effect.fail("silent")),
          (one) => Effect.sync(() => seen.push(one))
        )
      ),
      { startImmediately: true }
    )
    yield* TestClock.adjust("209 seconds")
    assert.isUndefined(reading.pollUnsafe())
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Fiber.join(reading), "silent")
    assert.deepStrictEqual(seen, [1, 2, 3])
  }))
