/**
 * Logs as RunPod streams them: server-sent events that never end by themselves, resumed after the last one that came.
 */
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
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
const clockSkew = 5000
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
    let isBroken = false
    const tooLarge = new ProviderFault({ message: `an event of the log is larger than ${longestEvent} bytes` })
    return Stream.transformPull(Stream.decodeText(bytes), (pull) => {
      const read: Pull.Pull<Array.NonEmptyReadonlyArray<LogLine>, E | ProviderFault> = Effect.suspend(() =>
        isBroken ? Effect.fail(tooLarge) : Effect.flatMap(pull, (texts) => {
          isBroken = texts.some((text) => parser.feed(text) !== undefined)
          const found = lines.splice(0)
          return Array.isArrayNonEmpty(found) ? Effect.succeed(found) : read
        })
      )
      return Effect.succeed(read)
    })
  })

/** The same stream, ended by `orElse` when nothing comes for so long. */
export const unlessSilent = <A, E, E2>(
  self: Stream.Stream<A, E>,
  silence: Duration.Input,
  orElse: Pull.Pull<never, E2>
): Stream.Stream<A, E | Pull.ExcludeDone<E2>> =>
  Stream.transformPull(
    self,
    (pull) => Effect.succeed(Effect.timeoutOrElse(pull, { duration: silence, orElse: () => orElse }))
  )

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
      since ??= DateTime.formatIso(DateTime.makeUnsafe((yield* Clock.currentTimeMillis) - clockSkew))
      let isFirst = true
      return parse(open(from)).pipe(
        Stream.filter((line) => {
          // a server that begins with the very line it was to resume after
          const isRepeated = isFirst && resumedAfter !== null && line.id === resumedAfter
          isFirst = false
          if (isRepeated) return false
          last = line.id ?? last
          failures = 0
          return true
        })
      )
    }))

    const failed = (reason: AtlasErrorReason) =>
      Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        // nobody spoke, which is no failure
        const wasSilent = reason._tag === "Timeout" && now - openedAt >= Duration.toNanosUnsafe(silence)
        if (wasSilent) return Effect.void
        failures += 1
        return isPassing(reason) && failures <= retries ? Effect.void : Effect.fail(reason)
      })

    const pause = Effect.suspend(() => Effect.sleep(Math.min(firstPause * 2 ** failures, longestPause)))

    const ended = new Transport({ message: "the log stream ended" })
    return Stream.transformPull(connection, (pull) => Effect.succeed(Pull.catchDone(pull, () => Effect.fail(ended))))
      .pipe(
        Stream.catch((reason) => Stream.fromEffectDrain(Effect.andThen(failed(reason), pause))),
        Stream.forever
      )
  })
