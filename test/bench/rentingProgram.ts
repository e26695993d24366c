/** What a user's program is that rents one machine of RunPod: bundled and weighed by `runpod-bundle.bench.ts`, never run. */
import { Atlas, Providers } from "effect-atlas"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"

const program = Atlas.withCompute(
  { gpu: "h100", image: "ghcr.io/acme/server:1", ports: ["8000/http"], auth: "bearer" },
  (compute) =>
    Effect.flatMap(Atlas.awaitReady(compute.id), ({ ports }) => Effect.log(`ready at ${ports[0]?.url ?? "no address"}`))
)

const layer = Providers.layer(RunPod.layerConfig()).pipe(Layer.provide(FetchHttpClient.layer))

await Effect.runPromise(Effect.provide(program, layer))
