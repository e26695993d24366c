/** A pod's log: as far as it goes, or followed to the pod's end. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, NotFound, Timeout, Validation } from "../../../domain/AtlasError.ts"
import type { ComputeId } from "../../../domain/Ids.ts"
import { LogElement, platform } from "../../../domain/LogElement.ts"
import * as TimeSpan from "../../../domain/TimeSpan.ts"
import { failWhen, unlessSilent } from "../../../http/StreamLimits.ts"
import type { LogOptions, LogsAdapter } from "../../../provider/Adapter.ts"
import { Call } from "../../../provider/Call.ts"
import * as Calls from "../schema/calls.ts"
import type { Wire } from "./edge.ts"
import * as ExitMarkers from "./exitMarkers.ts"
import { type LogLine, notAgain, parse, resumed } from "./logLines.ts"
import type { Options } from "./options.ts"
import { calls as podCalls } from "./podFacts.ts"
import { instant, toStatus } from "./translate.ts"

/** How often to look whether a pod whose log is followed is still there. */
const watchInterval = Duration.seconds(10)
const defaultSilence = Duration.seconds(3)
const defaultRetries = 3
/** All that RunPod gives of a log. */
const wholeLog = 5000

/** RunPod's own words where it starts the container, once for each time; it starts one that exits again. */
const begins = /^start container\b(?!.*:\s*(?:end|done)\s*$)/i

const toElement = ({ id, line, source, ts }: LogLine): LogElement =>
  new LogElement({
    cursor: id ?? ts ?? "",
    at: instant(ts),
    stream: source,
    text: line.replace(/\r+$/, ""),
    ...(source === platform && begins.test(line) ? { starts: true } : {})
  })

const passed = (timeout: Duration.Duration) =>
  Effect.delay(
    Effect.fail(new Timeout({ message: `the log did not end within ${TimeSpan.format(timeout)}` })),
    timeout
  )

type Lines = Stream.Stream<LogLine, AtlasErrorReason>

const orWhenGone = (next: () => Lines) => (lines: Lines): Lines =>
  Stream.catchIf(lines, (reason) => reason._tag === "NotFound", next)

export const make = (wire: Wire, options: Pick<Options, "logSilence" | "retries">): LogsAdapter => {
  const getPod = wire.ask(podCalls.getPod)
  const bytes = wire.bytes(Calls.getPodLogs)

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
    const soFar = (cursor: string | null) =>
      notAgain(cursor)(unlessSilent(parse(open(cursor)), options.logSilence ?? defaultSilence, Cause.done()))

    const isOver = Effect.map(
      getPod({ id }, own),
      ({ status }) => !["provisioning", "running"].includes(toStatus(status))
    )

    const podOver = Effect.gen(function*() {
      while (true) {
        yield* Effect.sleep(watchInterval)
        const seen = yield* Effect.catch(isOver, (reason) => Effect.succeed(reason._tag === "NotFound"))
        if (seen) return
      }
    })

    const followed = Effect.map(isOver, (isOver): Lines => {
      if (isOver) return soFar(after)
      let last = after
      const retries = call.retries ?? options.retries ?? defaultRetries
      return failWhen(
        resumed(({ lastEventId }) => open(lastEventId), { after, retries }),
        Effect.andThen(podOver, Effect.fail(new NotFound({ message: "the pod has ended" })))
      ).pipe(
        Stream.map((line) => {
          last = line.id ?? last
          return line
        }),
        // what was written between the last look at the log and the end
        orWhenGone(() => orWhenGone(() => Stream.empty)(soFar(last)))
      )
    })

    const lines = follow ? Stream.unwrap(followed) : soFar(after)
    return Stream.map(
      ExitMarkers.hidden(timeout === null ? lines : failWhen(lines, passed(timeout))),
      toElement
    )
  }
  return { stream, exit: ExitMarkers.reader(wire, options) }
}
