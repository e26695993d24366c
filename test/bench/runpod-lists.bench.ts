/**
 * Much at once from RunPod: all computes of an account of 10,000, page after page, and all that a job puts out.
 *
 * Peak heap is the most that was in use whenever the event loop turned, which is at least once for each page.
 */
import { Atlas, Providers } from "effect-atlas"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Stream from "effect/Stream"
import runpodSdk from "runpod-sdk"
import { hold } from "./bounds.ts"
import { items, pods, whileServing } from "./loopback.ts"
import { compare, type Contender } from "./measure.ts"
import { plain } from "./plainRunPod.ts"

const apiKey = "rpa_bench"
const headers = { authorization: `Bearer ${apiKey}` }
const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`

const times = async (count: number, work: () => Promise<unknown>): Promise<void> => {
  for (let index = 0; index < count; index++) await work()
}

/** Prints the most heap in use while it ran, and what its result holds. */
const weigh = async (name: string, work: () => Promise<unknown>): Promise<void> => {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  let peak = before
  const look = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().heapUsed)), 1)
  const start = performance.now()
  const result = await work()
  const millis = performance.now() - start
  clearInterval(look)
  globalThis.gc?.()
  const held = process.memoryUsage().heapUsed - before
  const count = Array.isArray(result) ? result.length : 0
  console.log(
    `${name}: ${count.toLocaleString("en")} in ${millis.toFixed(0)} ms, peak heap ${megabytes(peak - before)}, ${
      megabytes(held)
    } of it held by the result`
  )
}

await whileServing(async (baseUrl) => {
  const runpod = await Effect.runPromise(
    Effect.provide(RunPod.make({ apiKey, baseUrl, runtimeBaseUrl: baseUrl }), FetchHttpClient.layer)
  )
  const run = <A, E>(effect: Effect.Effect<A, E, Providers.Providers>): Promise<A> =>
    Effect.runPromise(
      Effect.provideService(effect, Providers.Providers, Providers.make([runpod], { default: "runpod" }))
    )
  const parsed = async (path: string) => JSON.parse(await (await fetch(`${baseUrl}${path}`, { headers })).text())

  const listed = () => run(Atlas.listCompute())
  const bare = async () => {
    const all: Array<unknown> = []
    for (let page = await parsed("/pods");; page = await parsed(`/pods?cursor=${page.pagination.nextCursor}`)) {
      all.push(...page.pods)
      if (!page.pagination.hasNextPage) return all
    }
  }
  const hand = plain(
    await Effect.runPromise(Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer)),
    baseUrl,
    apiKey
  )
  console.log(`each of ${pods.toLocaleString("en")} pods, in pages of 1,000`)
  const whole = "plain Effect"
  const byHand = `${whole}, the fields that are read alone`
  const eachOf = (name: string, work: () => Promise<unknown>): Contender => ({
    name,
    run: (count) => times(count / pods, work)
  })
  const lists = await compare([
    eachOf("fetch + JSON.parse", bare),
    eachOf(whole, () => Effect.runPromise(hand.listWholePods)),
    eachOf(byHand, () => Effect.runPromise(hand.listPods)),
    eachOf("Atlas.listCompute", listed)
  ], pods)
  const path = "Atlas.listCompute, per pod"
  hold({ path, against: null, unit: "us", limit: 24, aim: 12, rounds: lists.cpu("Atlas.listCompute") })
  hold({ path, against: whole, unit: "x", limit: 1.2, aim: null, rounds: lists.over("Atlas.listCompute", whole) })
  await weigh("fetch + JSON.parse", bare)
  await weigh("Atlas.listCompute", listed)

  const endpoint = runpodSdk(apiKey, { baseUrl }).endpoint("bench")
  const job = { endpoint: "bench", id: "job-1" }
  const each = (name: string, work: () => Promise<number>): Contender => ({
    name,
    run: async (count) => {
      for (let seen = 0; seen < count;) seen += await work()
    }
  })
  console.log("items of a job")
  await compare([
    each("fetch + JSON.parse", async () => (await parsed("/bench/stream/job-1")).stream.length),
    each("runpod-sdk stream", async () => {
      let count = 0
      if (endpoint !== null) { for await (const _ of endpoint.stream("job-1")) count++ }
      return count
    }),
    each("Atlas.streamJob", () => run(Stream.runCount(Atlas.streamJob(job)))),
    each("Atlas.streamJob, one by one", () => {
      let count = 0
      return run(Effect.map(Stream.runForEach(Atlas.streamJob(job), () => Effect.sync(() => count++)), () => count))
    })
  ], items * 5)
})
