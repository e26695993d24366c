/**
 * Work beside a scope: its end is waited for, and not for longer than its bounds.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Background from "../../src/events/internal/background.ts"

/** How long an end takes, in seconds, none of which passes by itself. */
const secondsOf = (end: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const ending = yield* Effect.forkDetach(end, { startImmediately: true })
    for (let seconds = 0; seconds < 100; seconds++) {
      if (ending.pollUnsafe() !== undefined) return seconds
      yield* TestClock.adjust("1 second")
    }
    return Infinity
  })

it.effect("work that hangs holds its scope for its grace and one second, and many of it no longer than one", () =>
  Effect.gen(function*() {
    const over = Latch.makeUnsafe()
    const hanging = Effect.uninterruptible(over.await)
    const scope = yield* Scope.make()
    yield* Scope.provide(Background.fork(hanging, { beforeEnd: Fiber.await, grace: "2 seconds" }), scope)
    assert.strictEqual(yield* secondsOf(Scope.close(scope, Exit.void)), 3)
    const group = Background.group()
    const others = yield* Scope.make()
    for (let work = 0; work < 3; work++) yield* Scope.provide(group.fork(hanging), others)
    // what has not begun yet ends at once
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* secondsOf(Effect.andThen(group.close, Scope.close(others, Exit.void))), 1)
    yield* over.open
  }))
