/** Logs over HTTP: server-sent events that can be resumed and never end by themselves. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { live } from "./endpointRoutes.ts"
import { type Input, wholeIn } from "./input.ts"
import { known } from "./podRoutes.ts"
import * as Pods from "./podStates.ts"
import { demand, type Flowing, refuse, type Written } from "./reply.ts"
import type { Line, Log, State } from "./state.ts"

const encoder = new TextEncoder()

const frame = ({ id, source, text }: Line): Uint8Array =>
  encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ source, line: text, ts: id })}\n\n`)

interface Ask {
  /** Only lines with a larger id, or from this moment on, or the last so many. */
  readonly from: (lines: ReadonlyArray<Line>) => number
  readonly shows: (line: Line) => boolean
}

const readAsk = ({ headers, query }: Input): Effect.Effect<Ask, Written> =>
  Effect.gen(function*() {
    const source = query.get("source")
    yield* demand(
      source === null || source === "container" || source === "system",
      "$.query.source: container or system"
    )
    const tail = (yield* wholeIn(query, "tail", 0, 5000)) ?? 100
    const since = query.get("since")
    const at = since === null ? Number.NaN : Date.parse(since)
    yield* demand(since === null || Number.isFinite(at), "$.query.since: must be an RFC 3339 time")
    const last = headers["last-event-id"]
    const shows = (line: Line) => source === null || line.source === source
    return {
      shows,
      from: (lines) => {
        if (last !== undefined) return lines.findLastIndex(({ id }) => id <= last) + 1
        if (since !== null) {
          const index = lines.findIndex((line) => line.at >= at)
          return index === -1 ? lines.length : index
        }
        if (tail === 0) return lines.length
        const shown = lines.flatMap((line, index) => shows(line) ? [index] : [])
        return shown.at(-tail) ?? 0
      }
    }
  })

/** A comment, which readers skip: it sends the head of the answer while there is no line yet. */
const opening = encoder.encode(": open\n\n")

/** `settle` writes what is due, and says when it will have something to write next. */
const follow = (log: Log, ask: Ask, settle: (now: number) => number): Stream.Stream<Uint8Array> => {
  // a page is never empty: a server would have nothing to write for it
  const after = (from: number) =>
    Effect.gen(function*() {
      let position = from
      for (;;) {
        const now = yield* Clock.currentTimeMillis
        const wakeAt = settle(now)
        const { changed } = log
        const frames = log.lines.slice(position).filter(ask.shows).map(frame)
        position = log.lines.length
        if (frames.length > 0) return [frames, Option.some(position)] as const
        yield* wakeAt === Number.POSITIVE_INFINITY
          ? changed.await
          : Effect.race(changed.await, Effect.sleep(wakeAt - now))
      }
    })
  const lines = Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => {
    settle(now)
    return Stream.paginate(ask.from(log.lines), after)
  }))
  return Stream.concat(Stream.make(opening), lines)
}

const events = (bytes: Stream.Stream<Uint8Array>): Flowing => ({
  _tag: "Flowing",
  status: 200,
  headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" },
  bytes
})

export const getPodLogs = (state: State, input: Input) =>
  Effect.gen(function*() {
    const pod = yield* known(state, input)
    const ask = yield* readAsk(input)
    return events(follow(pod.log, ask, (now) => {
      Pods.settle(pod, now)
      return pod.runsAt > now ? pod.runsAt : Number.POSITIVE_INFINITY
    }))
  })

export const getWorkerLogs = (state: State, input: Input) =>
  Effect.gen(function*() {
    const endpoint = live(state, input.params["id"] ?? "", input.now)
    const worker = endpoint?.workers.find(({ id }) => id === input.params["workerId"])
    if (worker === undefined) return yield* refuse(404, "worker not found")
    const ask = yield* readAsk(input)
    return events(follow(worker.log, ask, () => Number.POSITIVE_INFINITY))
  })
