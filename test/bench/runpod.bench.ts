/**
 * Calls of `Atlas` over RunPod against the same calls without this library: over one transport to a loopback server in another
 * process, and without any transport.
 *
 * "Plain Effect" is what a careful user of Effect writes by hand, see `plainRunPod.ts`; undici and fetch are the least that a
 * request costs.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Atlas, Providers } from "effect-atlas"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import runpodSdk from "runpod-sdk"
import { Agent, request } from "undici"
import { hold } from "./bounds.ts"
import { whileServing } from "./loopback.ts"
import { compare, type Contender } from "./measure.ts"
import { layerInProcess, plain } from "./plainRunPod.ts"

/** Calls under way at once, as in a program that is busy; each contender gets as many. */
const width = 8
const times = 2000

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

const wanted = {
  gpu: "h100",
  image: "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04",
  ports: ["8000/http", "22/tcp"] as const,
  env: { MODEL: "small", TOKEN: "a-word-that-must-not-be-read" }
}
const created = {
  image: wanted.image,
  gpu: { id: "NVIDIA H100 80GB HBM3", count: 1 },
  disk: 50,
  ports: wanted.ports,
  env: wanted.env
}

await whileServing(async (baseUrl) => {
  const scope = Scope.makeUnsafe()
  for (const [where, layer] of [["over undici", NodeHttpClient.layerUndici], ["in process", layerInProcess]] as const) {
    const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    const options = { apiKey, baseUrl, runtimeBaseUrl: baseUrl }
    const runpod = await Effect.runPromise(Effect.provideContext(RunPod.make(options), context))
    const providers = Providers.make([runpod], { default: "runpod" })
    const effects = <E>(name: string, call: Effect.Effect<unknown, E, Providers.Providers>): Contender => ({
      name,
      run: (times) =>
        Effect.runPromise(
          Effect.all(
            Array.from(
              { length: width },
              () => Effect.orDie(Effect.replicateEffect(call, times / width, { discard: true }))
            ),
            { concurrency: "unbounded", discard: true }
          ).pipe(Effect.provideService(Providers.Providers, providers))
        )
    })

    const hand = plain(Context.get(context, HttpClient.HttpClient), baseUrl, apiKey)
    const byHand = `plain Effect, ${where}`
    const fieldsAlone = `${byHand}, the fields that are read alone`
    const freshName = () => ({ ...created, name: `bench-${crypto.randomUUID()}` })
    const gets = effects("Atlas.getCompute", Atlas.getCompute(podId))
    const getsByHand = effects(byHand, hand.getWholePod(podId))
    const creates = effects("Atlas.spawnCompute", Atlas.spawnCompute(wanted))
    console.log(`one pod, ${where}`)
    const get = await compare([getsByHand, effects(fieldsAlone, hand.getPod(podId)), gets], times)
    console.log(`a create, ${where}`)
    const create = await compare([
      effects(byHand, Effect.suspend(() => hand.createWholePod(freshName()))),
      effects(fieldsAlone, Effect.suspend(() => hand.createPod(freshName()))),
      creates
      // of all paths it has the most code, which is not all compiled before twenty thousand calls
    ], times * 2)
    // without a transport nothing is left but the code of both, which tells where to look and is no path that anybody takes
    if (where === "in process") continue
    const against = byHand
    const [read, made] = [get.over(gets.name, byHand), create.over(creates.name, byHand)]
    hold({ path: gets.name, against, unit: "x", limit: 1.3, aim: 1.15, rounds: read })
    hold({ path: creates.name, against, unit: "x", limit: 2, aim: 1.5, rounds: made })
    const agent = new Agent()
    const undici = async (path: string) => {
      const { body } = await request(`${baseUrl}${path}`, { headers, dispatcher: agent })
      return JSON.parse(await body.text())
    }
    const fetched = async (path: string) => (await fetch(`${baseUrl}${path}`, { headers })).json()
    console.log("one pod beside the peers")
    await compare([
      promises("undici.request + JSON.parse", () => undici(`/pods/${podId}`)),
      promises("fetch + json()", () => fetched(`/pods/${podId}`)),
      getsByHand,
      gets
    ], times)

    const client = await Effect.runPromise(Effect.provideContext(RunPodClient.make(options), context))
    console.log("job status")
    await compare([
      sdkStatus(baseUrl),
      effects("RunPodClient.getJob", client.getJob({ endpointId: "bench", jobId: "job-1" }))
    ], times)
    await agent.close()
  }
  await Effect.runPromise(Scope.close(scope, Effect.runSync(Effect.exit(Effect.void))))
})

/** RunPod's own package, which uses fetch. */
function sdkStatus(baseUrl: string): Contender {
  const endpoint = runpodSdk(apiKey, { baseUrl }).endpoint("bench")
  if (endpoint === null) throw new Error("runpod-sdk gives no endpoint")
  return promises("runpod-sdk status", () => endpoint.status("job-1"))
}
