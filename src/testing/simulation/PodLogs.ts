/**
 * The logs of simulated pods, as a process reads them: server-sent events that go on until their pod is gone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { connectionFailure } from "../../http/FakeHost.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** A line as it is written. */
interface Line {
  readonly text: string
  /** Calls for its reader, once. */
  readonly read: (process: Process) => void
}

interface Log {
  readonly lines: Array<Line>
  readonly readers: Set<() => void>
  isGone: boolean
}

/**
 * The logs of an account.
 *
 * @category models
 * @since 0.1.0
 */
export interface PodLogs {
  /** A container writes a line; `read` hears of each process that has got it. */
  readonly write: (pod: string, text: string, read?: (process: Process) => void) => void
  /** A pod is gone: what reads its log loses its connection. */
  readonly end: (pod: string) => void
  /** The same answer, with the log as its body, after the event that the request names. */
  readonly served: (
    process: Process,
    pod: string,
    request: HttpClientRequest.HttpClientRequest,
    response: HttpClientResponse.HttpClientResponse
  ) => HttpClientResponse.HttpClientResponse
}

const encoder = new TextEncoder()
const opening = encoder.encode(": open\n\n")

/**
 * Logs without a line. `breaks` says whether a connection breaks just when a line comes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { timeline }: World,
  { breaks, travel }: { readonly breaks: (pod: string) => boolean; readonly travel: () => number }
): PodLogs => {
  const logs = new Map<string, Log>()
  const logOf = (pod: string): Log => {
    const log = logs.get(pod) ?? { lines: [], readers: new Set(), isGone: false }
    logs.set(pod, log)
    return log
  }
  const changed = ({ readers }: Log): void => {
    for (const reader of readers) reader()
  }

  const framed = ({ text }: Line, index: number): Uint8Array =>
    encoder.encode(`id: ${index}\ndata: ${JSON.stringify({ source: "container", line: text, ts: null })}\n\n`)

  const after = (process: Process, pod: string, request: HttpClientRequest.HttpClientRequest) => (from: number) =>
    Effect.callback<readonly [ReadonlyArray<Uint8Array>, Option.Option<number>], HttpClientError.HttpClientError>(
      (resume) => {
        const log = logOf(pod)
        let isOpen = true
        const look = (): void => {
          const lines = log.lines.slice(from)
          if (lines.length === 0 && !log.isGone) return
          log.readers.delete(look)
          if (!process.isAlive()) return
          const isBroken = lines.length === 0 || breaks(pod)
          timeline.after(travel(), () =>
            process.deliver(() => {
              if (!isOpen) return
              if (isBroken) return resume(Effect.fail(connectionFailure(request, "ECONNRESET", "read")))
              for (const { read } of lines) read(process)
              resume(Effect.succeed([
                lines.map((line, index) => framed(line, from + index)),
                Option.some(from + lines.length)
              ]))
            }))
        }
        log.readers.add(look)
        look()
        return Effect.sync(() => {
          isOpen = false
          log.readers.delete(look)
        })
      }
    )

  return {
    write: (pod, text, read = () => {}) => {
      const log = logOf(pod)
      log.lines.push({ text, read })
      changed(log)
    },
    end: (pod) => {
      const log = logOf(pod)
      log.isGone = true
      changed(log)
    },
    served: (process, pod, request, response) => {
      const last = request.headers["last-event-id"]
      const lines = Stream.paginate(last === undefined ? 0 : Number(last) + 1, after(process, pod, request))
      return Object.defineProperty(response, "stream", { value: Stream.concat(Stream.make(opening), lines) })
    }
  }
}
