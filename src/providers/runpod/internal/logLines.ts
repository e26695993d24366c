/**
 * Logs as RunPod streams them: server-sent events that never end by themselves, resumed after the last one that came.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, ProviderFault, Transport } from "../../../domain/AtlasError.ts"
import { LogEvent } from "../RunPodSchema.ts"

/** A line of a log; `id` resumes right after it. */
export interface LogLine {
  readonly id: string | null
  readonly source: string
  readonly line: string
  /** When it was written, as RunPod says it. */
  readonly ts: string | null
}

/** A connection this quiet may be dead, so another one is made. */
export const silence = Duration.minutes(2)

const longestEvent = 1024 * 1024
/** How far RunPod's clock may be behind ours. */
const clockSkew = Duration.seconds(5)
const firstPause = 1000
const longestPause = 30_000

const decodeEvent = Schema.decodeUnknownOption(Schema.fromJsonString(LogEvent))

/** The lines within a stream of bytes; an event that is no line is left out. */
export const parse = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<LogLine, E | ProviderFault> =>
  Stream.suspend(() => {
    const lines: Array<LogLine> = []
    const parser = Sse.makeParser((event) => {
      if (event._tag !== "Event") return
      const data = decodeEvent(event.data)
      if (Option.isNone(data)) return
      const { line, source = "container", ts = null } = data.value
      lines.push({ id: event.id ?? null, source, line, ts })
    }, { maxEventSize: longestEvent })
    return bytes.pipe(
      Stream.decodeText,
      Stream.flatMap((text) =>
        parser.feed(text) === undefined
          ? Stream.fromIterable(lines.splice(0))
          : Stream.fail(new ProviderFault({ message: `an event of the log is larger than ${longestEvent} bytes` }))
      )
    )
  })

const isPassing = (reason: AtlasErrorReason): boolean =>
  reason._tag === "Transport" || reason._tag === "Timeout" || reason._tag === "RateLimited"
  || (reason._tag === "ProviderFault" && reason.isRetryable)

/** Where a connection begins: after a line, or where none came yet, at a time; both null for the first. */
export interface From {
  readonly lastEventId: string | null
  readonly since: string | null
}

/**
 * Lines for as long as somebody listens: a connection that breaks, ends or falls silent is made again, after the last
 * line that came. Fails when `retries` connections in a row brought nothing but failures.
 */
export const resumed = (
  open: (from: From) => Stream.Stream<Uint8Array, AtlasErrorReason>,
  { after, retries }: { readonly after: string | null; readonly retries: number }
): Stream.Stream<LogLine, AtlasErrorReason> =>
  Stream.suspend(() => {
    let last = after
    let failures = 0
    let openedAt = 0n
    let since: string | null = null

    const connection = Stream.unwrap(Effect.gen(function*() {
      openedAt = yield* Clock.monotonicTimeNanos
      const resumedAfter = last
      const from: From = { lastEventId: last, since }
      since ??= DateTime.formatIso(DateTime.subtractDuration(yield* DateTime.now, clockSkew))
      let isFirst = true
      return parse(open(from)).pipe(
        Stream.filter((line) => {
          // a server that begins with the very line it was to resume after
          const isRepeated = isFirst && resumedAfter !== null && line.id === resumedAfter
          isFirst = false
          return !isRepeated
        }),
        Stream.tap((line) =>
          Effect.sync(() => {
            last = line.id ?? last
            failures = 0
          })
        )
      )
    }))

    const failed = (reason: AtlasErrorReason) =>
      Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        // nobody spoke, which is no failure
        const wasSilent = reason._tag === "Timeout" &&
          Duration.isGreaterThanOrEqualTo(Duration.nanos(now - openedAt), silence)
        if (wasSilent) return Effect.void
        failures += 1
        return isPassing(reason) && failures <= retries ? Effect.void : Effect.fail(reason)
      })

    const pause = Effect.suspend(() => Effect.sleep(Math.min(firstPause * 2 ** failures, longestPause)))

    return connection.pipe(
      Stream.concat(Stream.fail(new Transport({ message: "the log stream ended" }))),
      Stream.catch((reason) => Stream.fromEffectDrain(Effect.andThen(failed(reason), pause))),
      Stream.forever
    )
  })
