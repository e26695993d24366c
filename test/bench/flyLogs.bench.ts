/**
 * Log bytes on their way to a subscriber, from an HTTP body through the decoder and its schema to the subscriber's stream,
 * against a bare loop of line split and `JSON.parse` over the same bytes; and what a subscriber that stalls may hold.
 */
import { Dispatcher } from "effect-atlas/events/Dispatcher"
import { FlyLogs, FlyLogSource, FlyLogStream } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type Bound, hold } from "./bounds.ts"
import { compare } from "./measure.ts"

const app = "acme-web"
const instance = "3d8d413b29d089"
/** A hundred lines a second. */
const stamp = (n: number) => `${new Date(Date.UTC(2026, 10, 1) + n * 10).toISOString().slice(0, -1)}000000Z`
const message = (n: number) => `GET /things/${n} 200 12ms user agent curl/8.5.0`

const machinesLine = (n: number) =>
  JSON.stringify({
    timestamp: stamp(n),
    message: message(n),
    host: "edge-0a1b",
    log: { level: "info" },
    event: { provider: "app" },
    fly: { region: "fra", app: { name: app, instance } }
  })
const platformItem = (n: number) => {
  const where = { instance, region: "fra" }
  return {
    id: `${n}-0`,
    attributes: {
      timestamp: stamp(n),
      message: message(n),
      level: "info",
      ...where,
      meta: { ...where, event: { provider: "app" } }
    }
  }
}

const encoder = new TextEncoder()
const linesOf = (count: number) => Array.from({ length: count }, (_, n) => n)

/** A body as a socket brings it: made from bytes at once, a Response would copy them first. */
const streamOf = (bytes: Uint8Array<ArrayBuffer>) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      for (let at = 0; at < bytes.byteLength; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536))
      controller.close()
    }
  })

/** The same lines in every answer, each time an hour later: a host sends no line twice. */
const hourly = (count: number) => {
  const body = encoder.encode(linesOf(count).map(machinesLine).join("\n"))
  const day = `{"timestamp":"2026-11-`.length
  const days = [0, ...Array.from(body.keys()).filter((at) => body[at] === 10).map((at) => at + 1)].map((at) => at + day)
  let hours = 0
  const next = (): Uint8Array<ArrayBuffer> => {
    hours += 1
    const time = encoder.encode(new Date(Date.UTC(2026, 10, 1, hours)).toISOString().slice(8, 13))
    for (const at of days) for (let digit = 0; digit < 5; digit++) body[at + digit] = time[digit] ?? 0
    return body
  }
  return { body, next }
}

/** An app's stream over a host with these answers. */
const over = (
  source: Layer.Layer<FlyLogSource.FlyLogSource, never, HttpClient.HttpClient>,
  answer: () => Uint8Array<ArrayBuffer>
) => {
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      const body = answer()
      const headers = { "content-length": String(body.byteLength) }
      return HttpClientResponse.fromWeb(request, new Response(streamOf(body), { headers }))
    })
  )
  const tokens = { get: () => Effect.succeed(Redacted.make("fm2_bench")), invalidate: () => Effect.void }
  const bus = { canSubscribe: false, publish: () => Effect.void, subscribe: () => Effect.succeed(Stream.empty) }
  return ManagedRuntime.make(
    FlyLogStream.layer({ interval: "1 millis" }).pipe(
      Layer.provide(FlyLogs.layerTokens(tokens)),
      Layer.provide(source),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
      Layer.provide(Layer.succeed(Dispatcher, Dispatcher.of(bus)))
    )
  )
}

/** Runs until a subscriber has had so many lines. */
const follow = (runtime: ReturnType<typeof over>, lines: number) => async (times: number) => {
  let left = times * lines
  await runtime.runPromise(
    FlyLogStream.FlyLogStream.use(({ subscribeLogs }) =>
      subscribeLogs(app).pipe(
        Stream.takeWhile((element) => {
          if (element._tag !== "Logs") throw new Error(`unexpected ${element._tag}`)
          left -= element.entries.length
          return left > 0
        }),
        Stream.runDrain
      )
    )
  )
}

const bare = (body: Uint8Array) => (times: number) => {
  let seen = 0
  for (let i = 0; i < times; i++) {
    for (const line of new TextDecoder().decode(body).split("\n")) if (line !== "" && JSON.parse(line) !== null) seen++
  }
  if (seen === 0) throw new Error("nothing was read")
}

const megabytes = (bytes: Uint8Array) => `${(bytes.byteLength / 1e6).toFixed(1)} MB`

const { body: ndjson, next } = hourly(50_000)
const peer = "bare line split and JSON.parse"
const subscriber = "FlyLogStream subscriber"
/** Holds the share of the peer's rate that a subscriber reaches. */
const holdShare = (host: string, { ratio }: Awaited<ReturnType<typeof compare>>) => {
  const { best, high, low, median } = ratio(subscriber, peer)
  const rounds: Bound["rounds"] = { best: 100 / best, median: 100 / median, low: 100 / low, high: 100 / high }
  hold({ path: `log lines to a subscriber, ${host}`, against: peer, unit: "%", limit: 50, aim: 60, rounds })
}

console.log(`NDJSON of the Machines API, ${megabytes(ndjson)} in 50,000 lines`)
const machines = await compare([
  { name: peer, run: bare(ndjson) },
  {
    name: subscriber,
    run: follow(over(FlyLogSource.layerMachines(), next), 50_000)
  }
], 2)
holdShare("Machines API", machines)

/** Full pages, one after the other, each with ids and a cursor of its own. */
const pages = linesOf(500).map((page) => {
  const data = linesOf(100).map((n) => platformItem(page * 100 + n))
  return encoder.encode(JSON.stringify({ data, meta: { next_token: String(page + 1) } }))
})
const lines = encoder.encode(linesOf(50_000).map((n) => JSON.stringify(platformItem(n))).join("\n"))
let served = 0
const platform = over(FlyLogSource.layerPlatform(), () => {
  const page = pages[served++ % pages.length]
  if (page === undefined) throw new Error("no page")
  return page
})
console.log(`JSON of the platform, ${megabytes(lines)} in 500 pages of 100 lines, a request each`)
const pagewise = await compare([
  { name: peer, run: bare(lines) },
  {
    name: subscriber,
    run: async (times) => {
      for (let i = 0; i < times; i++) {
        served = 0
        await follow(platform, 50_000)(1)
      }
    }
  }
], 2)
holdShare("platform", pagewise)

/** A subscriber that reads nothing while two million lines come by. */
const stalled = async () => {
  const runtime = over(FlyLogSource.layerMachines(), hourly(10_000).next)
  const heap = () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed / 1e6
  }
  await runtime.runPromise(
    Effect.scoped(Effect.gen(function*() {
      const { subscribe, subscribeLogs } = yield* FlyLogStream.FlyLogStream
      const waiting = yield* subscribe(app)
      const batches = (count: number) => Stream.runDrain(Stream.take(subscribeLogs(app), count))
      yield* batches(20)
      const before = heap()
      yield* batches(200)
      const after = heap()
      console.log(
        `stalled subscriber, 2,000,000 lines gone by: ${before.toFixed(1)} MB before, ${after.toFixed(1)} MB after`
          + " (bound: 10,000 lines wait)"
      )
      const [first] = yield* Stream.runCollect(Stream.take(waiting, 1))
      if (first?._tag !== "Gap") throw new Error("what was lost is not told")
      if (after - before > 20) throw new Error("a stalled subscriber grows")
    }))
  )
  await runtime.dispose()
}
await stalled()
