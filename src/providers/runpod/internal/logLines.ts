/**
 * Logs as RunPod streams them: server-sent events that never end by themselves, resumed after the last one that came.
 */
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, ProviderFault, Transport } from "../../../domain/AtlasError.ts"
import { LogEvent } from "../schema/wire.ts"

/** A server-sent event; `id` is that of the last event that had one. */
export interface Event {
  readonly id: string | null
  readonly data: string
}

/** Parses a stream of server-sent events piece by piece; false once an event is larger than `longest` characters. */
export const reader = (longest: number, onEvent: (event: Event) => void): (piece: Uint8Array) => boolean => {
  const decoder = new TextDecoder()
  let id: string | null = null
  let data = ""
  let pending = ""
  let isAfterReturn = false

  return (piece) => {
    const text = decoder.decode(piece, { stream: true })
    if (text === "") return true
    // the second half of a line's end that was cut in two
    const lines = (isAfterReturn && text.startsWith("\n") ? text.slice(1) : text).split(/\r\n|\r|\n/)
    isAfterReturn = text.endsWith("\r")
    lines[0] = pending + lines[0]
    pending = lines.pop() ?? ""

    for (const line of lines) {
      if (line === "") {
        if (data !== "") onEvent({ id, data: data.slice(0, -1) })
        data = ""
        continue
      }
      const colon = line.indexOf(":")
      const field = colon === -1 ? line : line.slice(0, colon)
      const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)
      if (field === "data") data += `${value}\n`
      if (field === "id" && !value.includes("\0")) id = value
    }
    return pending.length + data.length <= longest
  }
}

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

const decode = Schema.decodeUnknownResult(LogEvent)

/** Null for an event that is no line. */
const decodeEvent = (data: string): LogEvent | null => {
  try {
    const decoded = decode(JSON.parse(data))
    return Result.isSuccess(decoded) ? decoded.success : null
  } catch {
    return null
  }
}

/** The lines within a stream of bytes; an event that is no line is left out. */
export const parse = <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<LogLine, E | ProviderFault> =>
  Stream.suspend(() => {
    const lines: Array<LogLine> = []
    const feed = reader(longestEvent, ({ data, id }) => {
      const decoded = decodeEvent(data)
      if (decoded === null) return
      const { line, source = "container", ts = null } = decoded
      lines.push({ id, source, line, ts })
    })
    let isBroken = false
    const tooLarge = new ProviderFault({ message: `an event of the log is larger than ${longestEvent} bytes` })
    return Stream.transformPull(bytes, (pull) => {
      const read: Pull.Pull<Array.NonEmptyReadonlyArray<LogLine>, E | ProviderFault> = Effect.suspend(() =>
        isBroken ? Effect.fail(tooLarge) : Effect.flatMap(pull, (pieces) => {
          isBroken = !pieces.every(feed)
          const found = lines.splice(0)
          return Array.isArrayNonEmpty(found) ? Effect.succeed(found) : read
        })
      )
      return Effect.succeed(read)
    })
  })

/** So many lines are remembered across connections: all that RunPod keeps of a log. */
const remembered = 5000
const keyOf = ({ id, line, source, ts }: LogLine): string =>
  JSON.stringify([id, ts, source, line.length, line.slice(0, 200)])

/** The lines that came, each as often as it did, across the connections of one reading. */
const makeSeen = () => {
  let keys: Array<string> = []
  /** What a new connection may begin with once more. */
  let again = new Map<string, number>()
  return {
    /** A connection begins, maybe with what came before. */
    reopen: (): void => {
      again = new Map()
      keys = keys.slice(-remembered)
      for (const key of keys) again.set(key, (again.get(key) ?? 0) + 1)
    },
    /** Whether a line is new; one that came before is so only where it comes more often than it did, or cannot be told. */
    isNew: (line: LogLine): boolean => {
      if (line.id === null && line.ts === null) return true
      const key = keyOf(line)
      const left = again.get(key) ?? 0
      if (left > 0) {
        again.set(key, left - 1)
        return false
      }
      keys.push(key)
      if (keys.length > 2 * remembered) keys = keys.slice(-remembered)
      return true
    }
  }
}

/** The lines after a cursor, also of a server that begins with the very line it was to resume after. */
export const notAgain = (after: string | null) => <E>(lines: Stream.Stream<LogLine, E>): Stream.Stream<LogLine, E> =>
  after === null ? lines : Stream.suspend(() => {
    let isFirst = true
    return Stream.filter(lines, ({ id }) => {
      const isRepeated = isFirst && id === after
      isFirst = false
      return !isRepeated
    })
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
 * Lines for as long as the stream is consumed: a connection that breaks, ends or falls silent is made again, after the last
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
    const seen = makeSeen()

    const connection = Stream.unwrap(Effect.gen(function*() {
      openedAt = yield* Clock.monotonicTimeNanos
      const from: From = { lastEventId: last, since }
      since ??= DateTime.formatIso(DateTime.makeUnsafe((yield* Clock.currentTimeMillis) - clockSkew))
      seen.reopen()
      return parse(open(from)).pipe(
        notAgain(last),
        Stream.filter((line) => {
          // also of a server that begins with all that it gave before
          if (!seen.isNew(line)) return false
          last = line.id ?? last
          failures = 0
          return true
        })
      )
    }))

    const failed = (reason: AtlasErrorReason) =>
      Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
        // a quiet log is no failure
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
