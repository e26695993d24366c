/**
 * A program that needs files and a database of its own, started by Node and by Bun.
 */
import { Atlas, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const program = Effect.gen(function*() {
  const compute = yield* Atlas.spawnCompute({ gpu: "h100", image: "me/worker" })
  yield* Atlas.terminate(compute.id)
  yield* Console.log(`rented and ended ${compute.provider}'s ${compute.gpuType ?? "machine"}`)
}).pipe(Effect.provide(Providers.layer(MockProvider.layer())))

await Effect.runPromise(program)
