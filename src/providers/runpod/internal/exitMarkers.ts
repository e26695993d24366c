/** The exit markers in a pod's log: what the wrapper of `selfTerminating.ts` wrote, kept from those who read the log. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { unlessSilent } from "../../../http/StreamLimits.ts"
import type { LogsAdapter } from "../../../provider/Adapter.ts"
import * as ExitMarker from "../../../provider/ExitMarker.ts"
import * as Calls from "../schema/calls.ts"
import type { Wire } from "./edge.ts"
import { type LogLine, parse, resumed } from "./logLines.ts"
import type { Options } from "./options.ts"

const markerOf = ({ line, source }: LogLine): ExitMarker.ExitMarker | null =>
  source === "container" ? ExitMarker.parse(line) : null

/** The lines as a reader of the log gets them: of one that ends in a marker, what stands before it. */
export const hidden = <E>(lines: Stream.Stream<LogLine, E>): Stream.Stream<LogLine, E> =>
  lines.pipe(
    Stream.filter((line) => markerOf(line)?.before !== ""),
    Stream.map((line) => ({ ...line, line: markerOf(line)?.before ?? line.line }))
  )

/** What a command left running may still write after the marker. */
const tail = 50
const defaultSilence = "3 seconds"
const defaultRetries = 3

/** How a pod's command ended, as the log says. */
export const reader = (
  wire: Wire,
  options: Pick<Options, "logSilence" | "retries">
): NonNullable<LogsAdapter["exit"]> => {
  const bytes = wire.bytes(Calls.getPodLogs)
  return (id, { follow, name }, call) => {
    const open = (lastEventId: string | null) =>
      bytes(lastEventId === null ? { id, query: { source: "container", tail } } : { id, lastEventId }, call)
    const lines = follow
      ? resumed(({ lastEventId }) => open(lastEventId), {
        after: null,
        retries: call.retries ?? options.retries ?? defaultRetries
      })
      // a log does not end by itself
      : unlessSilent(parse(open(null)), options.logSilence ?? defaultSilence, Cause.done())
    return lines.pipe(
      Stream.map(markerOf),
      Stream.filter((marker) => marker?.name === name),
      Stream.runHead,
      Effect.map((found) => Option.getOrNull(found)?.exitCode ?? null)
    )
  }
}
