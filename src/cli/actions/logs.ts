/**
 * What `atlas logs` does.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atlas from "../../Atlas.ts"
import { logToJson } from "../ComputeView.ts"
import { Shell } from "../Shell.ts"

/** Prints what a compute has written; while it follows, line by line. */
export const run = ({ after, call, follow, id }: {
  readonly id: string
  readonly follow: boolean
  readonly after: Option.Option<string>
  readonly call: Atlas.Options
}) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    const lines = Atlas.streamLogs(id, { follow, after: Option.getOrNull(after) }, call)
    if (invocation.json && !follow) {
      const all = yield* Stream.runCollect(lines)
      return yield* out(JSON.stringify(all.map(logToJson)))
    }
    yield* Stream.runForEachArray(
      lines,
      (chunk) => out(chunk.map((line) => invocation.json ? JSON.stringify(logToJson(line)) : line.text).join("\n"))
    )
  })
