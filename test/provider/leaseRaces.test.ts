/**
 * A lease that is released while its create is under way: what the create makes has no user, whenever its answer comes.
 */
import { assert, it } from "@effect/vitest"
import { Ids } from "effect-atlas"
import type { EndOptions } from "effect-atlas/provider/Facets"
import * as Lease from "effect-atlas/provider/Lease"
import * as Provider from "effect-atlas/provider/Provider"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { machine } from "../support/acme.ts"

const id = Ids.ComputeId.make("acme-1")

/** A lease whose create is answered after ten seconds, interrupted or not; and what was asked of the provider. */
const makeLease = Effect.gen(function*() {
  const calls: Array<string> = []
  const ends: Array<EndOptions | undefined> = []
  const { compute } = Provider.neutral(Provider.make({
    id: "acme",
    compute: {
      spawn: ({ name }) => Effect.succeed(machine({ id, name })),
      get: () => Effect.succeed(machine({ id })),
      list: () => Effect.succeed([]),
      terminate: () => Effect.void
    }
  }))
  const spawn = yield* compute.prepare({})
  const lease = Lease.make({
    rent: ({ name }) =>
      Effect.uninterruptible(
        Effect.delay(Effect.sync(() => (calls.push("rented"), machine({ id, name }))), "10 seconds")
      ),
    resolve: () => Effect.succeed(null),
    abandon: () => Effect.sync(() => void calls.push("abandon")),
    end: (ended, options) => Effect.sync(() => (calls.push(`end ${ended}`), void ends.push(options)))
  }, spawn)
  return { calls, ends, lease, name: spawn.name }
})

it.effect("released before the answer it looks for the machine at once, and ends it when the answer names it", () =>
  Effect.gen(function*() {
    const { calls, lease } = yield* makeLease
    yield* Effect.forkChild(lease.acquire, { startImmediately: true })
    yield* TestClock.adjust("1 second")
    const released = yield* Effect.forkChild(lease.release, { startImmediately: true })
    yield* Fiber.join(released)
    const atOnce = [...calls]
    yield* TestClock.adjust("10 seconds")
    assert.deepStrictEqual([atOnce, calls], [["abandon"], ["abandon", "rented", `end ${id}`]])
  }))

it.effect("released right after the answer it tells when the machine was made, and its name", () =>
  Effect.gen(function*() {
    const { ends, lease, name } = yield* makeLease
    const renting = yield* Effect.forkChild(lease.acquire, { startImmediately: true })
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(renting)
    const madeAt = yield* Clock.monotonicTimeNanos
    yield* TestClock.adjust("1 second")
    yield* lease.release
    assert.deepStrictEqual(ends, [{ madeAt, name }])
  }))
