/**
 * RunPod against the fake of its cloud, in this process: nothing leaves it, and the clock is the test's.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { AtlasError } from "../../../src/domain/AtlasError.ts"
import type * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"

export const key = "rpa_canary-key-0001"

/** RunPod, its native client, and the controls of the cloud behind them. */
export const layer = (fake: FakeRunPod.Options = {}, options: RunPod.Options = {}) =>
  RunPodClient.layerWithRunPod({ apiKey: key, ...options }).pipe(
    Layer.provide(FakeRunPod.layerClient),
    Layer.provideMerge(FakeRunPod.layer(fake))
  )

/** Runs an effect that waits, and moves the clock until it is done. */
export const settled = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("1 second")
      // answers of the cloud come over real streams, which take a turn of the event loop
      yield* Effect.promise(() => new Promise<void>((resume) => setImmediate(resume)))
    }
    return yield* Fiber.join(fiber)
  })

export const failureOf = <A, R>(effect: Effect.Effect<A, AtlasError, R>): Effect.Effect<AtlasError, A, R> =>
  Effect.flip(effect)

export const issuesOf = <A, R>(effect: Effect.Effect<A, AtlasError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag === "Validation" ? reason.issues : [])
