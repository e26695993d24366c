/**
 * RunPod keeps every promise a provider makes, over the fake in this process and over the fake on loopback.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, it } from "@effect/vitest"
import { ProviderConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { key, layer } from "./harness.ts"

const quick = { settleWindow: "50 millis", pollInterval: "20 millis", logSilence: "200 millis" } as const
const fake = { provisioning: "20 millis", starting: "20 millis", coldStart: "20 millis", endpoints: ["ep1"] } as const

const controls = FakeRunPod.FakeRunPodControls

const options: ProviderConformance.Options<FakeRunPod.FakeRunPodControls> = {
  request: { gpu: "h100", image: "me/server", regionHints: ["EU-RO-1"] },
  endpoint: "ep1",
  speak: (id) =>
    controls.use((cloud) => Effect.forEach(["one", "two"], (line) => cloud.writeLog(id, line), { discard: true })),
  loseNextAnswer: controls.use((cloud) => cloud.order({ _tag: "LoseAnswer", on: "createPod", acted: true })),
  failNextCreate: controls.use((cloud) => cloud.order({ _tag: "Refuse", on: "createPod", status: 500 })),
  creates: controls.use((cloud) =>
    Effect.map(cloud.requests, (all) => all.filter(({ operation }) => operation === "createPod").length)
  )
}

ProviderConformance.suite({ describe, it }, "runpod over the fake in process", layer(fake, quick), options)

const loopback = Layer.unwrap(
  HttpServer.HttpServer.use(({ address }) => {
    const port = address._tag === "UnixPathAddress" ? 0 : address.port
    const baseUrl = `http://127.0.0.1:${port}/v2`
    return Effect.succeed(RunPod.layer({ apiKey: key, baseUrl, runtimeBaseUrl: baseUrl, ...quick }))
  })
).pipe(
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(FakeRunPod.layerServer),
  Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
  Layer.provideMerge(FakeRunPod.layer(fake))
)

ProviderConformance.suite({ describe, it }, "runpod over the fake on loopback", loopback, options)
