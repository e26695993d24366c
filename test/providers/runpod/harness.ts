/**
 * RunPod against the fake of its cloud, in this process: nothing leaves it, and the clock is the test's.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../../../src/domain/AtlasError.ts"
import type * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"

export { passWhile } from "../../../src/testing/TestTime.ts"

export const key = "rpa_canary-key-0001"

/** RunPod, its native client, and the controls of the cloud behind them. */
export const layer = (fake: FakeRunPod.Options = {}, options: RunPod.Options = {}) =>
  RunPodClient.layerWithRunPod({ apiKey: key, ...options }).pipe(
    Layer.provide(FakeRunPod.layerClient),
    Layer.provideMerge(FakeRunPod.layer(fake))
  )

export const failureOf = <A, R>(effect: Effect.Effect<A, AtlasError, R>): Effect.Effect<AtlasError, A, R> =>
  Effect.flip(effect)

export const issuesOf = <A, R>(effect: Effect.Effect<A, AtlasError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag === "Validation" ? reason.issues : [])
