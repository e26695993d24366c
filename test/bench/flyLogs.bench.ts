/**
 * Log bytes on their way to a subscriber, from an HTTP body through the decoder and its schema to the subscriber's stream,
 * against a bare loop of line split and `JSON.parse` over the same bytes; and what a subscriber that stalls may hold.
 *
 * The row begins where an answer's body does, so what a request costs is on both sides: both ask the same host with Effect's
 * `HttpClient`, which answers with a stream of bytes that were written before the clock runs. The peer reads each body to its end,
 * splits it at line ends and parses every line, and builds nothing more; where the host writes one document, it parses that. The
 * host does as Fly's do: an answer begins with lines that the one before had, since ours asks from a little before the newest line;
 * the token is as long as those of Fly; after the last page there is nothing more to read.
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
import { createHash } from "node:crypto"
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

/** Answers of a host, one for each request, and empty ones after that. */
const hostOf = (bodies: ReadonlyArray<Uint8Array<ArrayBuffer>>, empty: string) => {
  const nothing = encoder.encode(empty)
  let served = 0
  const answer = (): Response => {
    const body = bodies[served++] ?? nothing
    return new Response(streamOf(body), { headers: { "content-length": String(body.byteLength) } })
  }
  const restart = (): void => {
    served = 0
  }
  return { answer, restart, pages: bodies.length }
}

/** As long as one of Fly, of the same characters, and the same each time. */
const token = `fm2_${
  Array.from({ length: 12 }, (_, n) => createHash("sha512").update(`${n}`).digest("base64")).join("")
}`

const clientOf = (answer: () => Response) =>
  HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, answer())))

/** An app's stream over a host with these answers. */
const over = (
  source: Layer.Layer<FlyLogSource.FlyLogSource, never, HttpClient.HttpClient>,
  answer: () => Response
) => {
  const client = clientOf(answer)
  const held = Redacted.make(token)
  const tokens = { get: () => Effect.succeed(held), invalidate: () => Effect.void }
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
const follow = (runtime: ReturnType<typeof over>, host: ReturnType<typeof hostOf>) => async (times: number) => {
  for (let i = 0; i < times; i++) {
    host.restart()
    let left = total
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
    if (left !== 0) throw new Error(`${-left} lines too many`)
  }
}

/** Reads every answer of a host and parses each of its lines. */
const bare = (host: ReturnType<typeof hostOf>) => {
  const client = clientOf(host.answer)
  const parse = Effect.gen(function*() {
    const response = yield* client.get("https://logs.example/page")
    const decoder = new TextDecoder()
    let text = ""
    yield* Stream.runForEach(response.stream, (bytes) =>
      Effect.sync(() => {
        text += decoder.decode(bytes, { stream: true })
      }))
    let seen = 0
    for (const line of text.split("\n")) if (line !== "" && JSON.parse(line) !== null) seen++
    return seen
  })
  return async (times: number) => {
    for (let i = 0; i < times; i++) {
      host.restart()
      const all = Effect.gen(function*() {
        let seen = 0
        for (let page = 0; page < host.pages; page++) seen += yield* parse
        return seen
      })
      if (await Effect.runPromise(all) < host.pages) throw new Error("nothing was read")
    }
  }
}

/** Cut into pages of so many new lines, each beginning with the last lines of the page before. */
const pagesOf = (size: number, again: number): ReadonlyArray<ReadonlyArray<number>> => {
  const all = linesOf(total)
  return Array.from(
    { length: Math.ceil(total / size) },
    (_, page) => all.slice(Math.max(0, page * size - again), (page + 1) * size)
  )
}

const megabytes = (bodies: ReadonlyArray<Uint8Array>) =>
  `${(bodies.reduce((sum, { byteLength }) => sum + byteLength, 0) / 1e6).toFixed(1)} MB`

const total = 50_000
const peer = "bare line split and JSON.parse"
const subscriber = "FlyLogStream subscriber"
/** Holds the share of the peer's rate that a subscriber reaches. */
const measure = async (
  name: string,
  source: Parameters<typeof over>[0],
  bodies: ReadonlyArray<Uint8Array<ArrayBuffer>>,
  empty: string
) => {
  console.log(`${name}, ${megabytes(bodies)} in ${total} lines, ${bodies.length} requests`)
  const [ours, theirs] = [hostOf(bodies, empty), hostOf(bodies, empty)]
  const { ratio } = await compare([
    { name: peer, run: bare(theirs) },
    { name: subscriber, run: follow(over(source, ours.answer), ours) }
  ], 2)
  const { best, high, low, median } = ratio(subscriber, peer)
  const rounds: Bound["rounds"] = { best: 100 / best, median: 100 / median, low: 100 / low, high: 100 / high }
  hold({ path: `log lines to a subscriber, ${name}`, against: peer, unit: "%", limit: 50, aim: 60, rounds })
}

// five seconds of a hundred lines each come again
const ndjson = pagesOf(10_000, 500).map((page) => encoder.encode(`${page.map(machinesLine).join("\n")}\n`))
await measure("Machines API", FlyLogSource.layerMachines(), ndjson, "")

const nanos = (n: number) => `${Date.UTC(2026, 10, 1) + n * 10}000000`
const documents = pagesOf(99, 1).map((page) =>
  encoder.encode(JSON.stringify({ data: page.map(platformItem), meta: { next_token: nanos(page.at(-1) ?? 0) } }))
)
await measure("platform", FlyLogSource.layerPlatform(), documents, JSON.stringify({ data: [], meta: {} }))

/** The same lines in every answer, each time an hour later: a host sends no line twice. */
const hourly = (count: number) => {
  const body = encoder.encode(linesOf(count).map(machinesLine).join("\n"))
  const day = `{"timestamp":"2026-11-`.length
  const days = [0, ...Array.from(body.keys()).filter((at) => body[at] === 10).map((at) => at + 1)].map((at) => at + day)
  let hours = 0
  return (): Response => {
    hours += 1
    const time = encoder.encode(new Date(Date.UTC(2026, 10, 1, hours)).toISOString().slice(8, 13))
    for (const at of days) for (let digit = 0; digit < 5; digit++) body[at + digit] = time[digit] ?? 0
    return new Response(streamOf(body))
  }
}

/** A subscriber that reads nothing while two million lines come by. */
const stalled = async () => {
  const runtime = over(FlyLogSource.layerMachines(), hourly(10_000))
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
