/** A pod's log: as far as it goes, or followed to the pod's end. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout, Validation } from "../../../domain/AtlasError.ts"
import type { ComputeId } from "../../../domain/Ids.ts"
import { LogElement } from "../../../domain/LogElement.ts"
import type { LogOptions, LogsAdapter } from "../../../provider/Adapter.ts"
import { Call } from "../../../provider/Call.ts"
import type { Options } from "../RunPod.ts"
import { type LogLine, parse, resumed } from "./logLines.ts"
import { instant, toStatus } from "./translate.ts"
import type { Wire } from "./wire.ts"

/** How often to look whether a pod whose log is followed is still there. */
const watchInterval = Duration.seconds(10)
const defaultSilence = Duration.seconds(3)
const defaultRetries = 3
/** All that RunPod gives of a log. */
const wholeLog = 5000

const toElement = ({ id, line, source, ts }: LogLine): LogElement =>
  new LogElement({ cursor: id ?? ts ?? "", at: instant(ts), stream: source, text: line })

const passed = (timeout: Duration.Duration) =>
  Effect.delay(
    Effect.fail(new Timeout({ message: `the log was not at its end within ${Duration.format(timeout)}` })),
    timeout
  )

export const make = (wire: Wire, options: Pick<Options, "logSilence" | "retries">): LogsAdapter => {
  const getPod = wire.ask("getPod")
  const bytes = wire.bytes("getPodLogs")

  const stream = (
    id: ComputeId,
    { after = null, follow = false }: LogOptions,
    call: Call
  ): Stream.Stream<LogElement, AtlasErrorReason> => {
    if (after !== null && !/^[\x20-\x7e]{1,256}$/.test(after)) {
      return Stream.fail(
        new Validation({ issues: [{ path: "after", message: "Expected a cursor of this pod's log" }] })
      )
    }
    const { timeout } = call
    const own = timeout === null ? call : new Call({ ...call, timeout: null })

    const open = (lastEventId: string | null) =>
      bytes(lastEventId === null ? { id, query: { tail: wholeLog } } : { id, lastEventId }, own)

    /** RunPod never ends a log: this much silence means that all of it was read. */
    const soFar = (cursor: string | null) => Stream.timeout(parse(open(cursor)), options.logSilence ?? defaultSilence)

    const isOver = Effect.map(
      getPod({ id }, own),
      ({ status }) => !["provisioning", "running"].includes(toStatus(status))
    )

    const over = Effect.gen(function*() {
      while (true) {
        yield* Effect.sleep(watchInterval)
        const seen = yield* Effect.catch(isOver, (reason) => Effect.succeed(reason._tag === "NotFound"))
        if (seen) return
      }
    })

    const followed = Effect.map(isOver, (isOver): Stream.Stream<LogLine, AtlasErrorReason> => {
      if (isOver) return soFar(after)
      let last = after
      const untilGone = (lines: Stream.Stream<LogLine, AtlasErrorReason>) =>
        Stream.catchIf(lines, (reason) => reason._tag === "NotFound", () => Stream.empty)
      return untilGone(
        resumed(({ lastEventId }) => open(lastEventId), {
          after,
          retries: call.retries ?? options.retries ?? defaultRetries
        })
      ).pipe(
        Stream.interruptWhen(over),
        Stream.tap((line) =>
          Effect.sync(() => {
            last = line.id ?? last
          })
        ),
        // what was written between the last look at the log and the end
        Stream.concat(
          Stream.suspend(() => untilGone(soFar(last)))
        )
      )
    })

    const lines = follow ? Stream.unwrap(followed) : soFar(after)
    return Stream.map(timeout === null ? lines : Stream.interruptWhen(lines, passed(timeout)), toElement)
  }
  return { stream }
}
