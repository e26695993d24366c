/**
 * One call of RunPod against the same call without this library, over the same transport to a loopback server in another process.
 *
 * "Plain Effect" is what a careful user of Effect writes by hand: the same headers, schema, time limit and one span. The
 * same without span and time limit is printed too, since that is the least that Effect can do.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import runpodSdk from "runpod-sdk"
import { Agent, request } from "undici"
import { JobAnswer, Pod } from "../../src/providers/runpod/RunPodSchema.ts"
import { whileServing } from "./loopback.ts"
import { compare, type Contender, pair } from "./measure.ts"

/** Calls under way at once, as in a program that is busy; each contender gets as many. */
const width = 8
const times = 2000
const bound = 1.3

const apiKey = "rpa_bench"
const podId = "pod00000000000"
const headers = { authorization: `Bearer ${apiKey}`, accept: "application/json", "user-agent": "bench" }

const promises = (name: string, call: () => Promise<unknown>): Contender => ({
  name,
  run: async (times) => {
    await Promise.all(Array.from({ length: width }, async () => {
      for (let index = 0; index < times / width; index++) await call()
    }))
  }
})

const effects = <E>(name: string, call: Effect.Effect<unknown, E>): Contender => ({
  name,
  run: (times) =>
    Effect.runPromise(
      Effect.all(
        Array.from(
          { length: width },
          () => Effect.orDie(Effect.replicateEffect(call, times / width, { discard: true }))
        ),
        { concurrency: "unbounded", discard: true }
      )
    )
})

const transports: ReadonlyArray<readonly [string, Layer.Layer<HttpClient.HttpClient>]> = [
  ["undici", NodeHttpClient.layerUndici],
  ["fetch", FetchHttpClient.layer]
]

/** The least that Effect does: no span, no time limit. */
const quiet = Context.make(HttpClient.TracerDisabledWhen, () => true)

await whileServing(async (baseUrl) => {
  const agent = new Agent()
  const undici = async (path: string) => {
    const { body } = await request(`${baseUrl}${path}`, { headers, dispatcher: agent })
    return JSON.parse(await body.text())
  }
  const fetched = async (path: string) => (await fetch(`${baseUrl}${path}`, { headers })).json()

  for (const [transport, layer] of transports) {
    const scope = Scope.makeUnsafe()
    const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    const http = Context.get(context, HttpClient.HttpClient)
    const client = await Effect.runPromise(
      Effect.provideContext(RunPodClient.make({ apiKey, baseUrl, runtimeBaseUrl: baseUrl }), context)
    )
    const readPod = HttpClientResponse.schemaBodyJson(Pod)
    const readJob = HttpClientResponse.schemaBodyJson(JobAnswer)
    const asked = (path: string) =>
      Effect.flatMap(
        http.execute(HttpClientRequest.get(`${baseUrl}${path}`, { headers })),
        HttpClientResponse.filterStatusOk
      )
    const podOf = (id: string) =>
      Effect.flatMap(Effect.suspend(() => asked(`/pods/${encodeURIComponent(id)}`)), readPod)
    const jobOf = (id: string) =>
      Effect.flatMap(Effect.suspend(() => asked(`/bench/status/${encodeURIComponent(id)}`)), readJob)
    const timely = <A, E>(call: Effect.Effect<A, E>) => Effect.timeout(call, "30 seconds")

    console.log(`getPod over ${transport}`)
    const plain = "plain Effect, span and time limit"
    const bare = transport === "undici" ? undici : fetched
    const byHand = effects(plain, timely(podOf(podId)))
    const ours = effects("RunPodClient.getPod", client.getPod({ id: podId }))
    await compare([
      promises(transport === "undici" ? "undici.request + JSON.parse" : "fetch + json()", () => bare(`/pods/${podId}`)),
      effects("plain Effect, neither span nor time limit", Effect.provideContext(podOf(podId), quiet)),
      effects("plain Effect, span", podOf(podId)),
      byHand,
      ours
    ], times)
    const over = await pair(ours, byHand, times / 4)
    console.log(`${over.median <= bound ? "within" : "over"} the bound of ${bound}x`)

    console.log(`job status over ${transport}`)
    await compare([
      effects(plain, timely(jobOf("job-1"))),
      ...(transport === "undici" ? [] : [sdkStatus(baseUrl)]),
      effects("RunPodClient.getJob", client.getJob({ endpointId: "bench", jobId: "job-1" }))
    ], times)
    await Effect.runPromise(Scope.close(scope, Effect.runSync(Effect.exit(Effect.void))))
  }
  await agent.close()
})

/** RunPod's own package, which uses fetch. */
function sdkStatus(baseUrl: string): Contender {
  const endpoint = runpodSdk(apiKey, { baseUrl }).endpoint("bench")
  if (endpoint === null) throw new Error("runpod-sdk gives no endpoint")
  return promises("runpod-sdk status", () => endpoint.status("job-1"))
}
