/**
 * The log of one compute, printed as it comes: each line once, however often reading starts again.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Atlas from "../Atlas.ts"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { LogElement } from "../domain/LogElement.ts"
import type { Providers } from "../provider/Providers.ts"
import * as ComputeView from "./ComputeView.ts"
import { Shell } from "./Shell.ts"

const print = (lines: ReadonlyArray<LogElement>) =>
  Effect.flatMap(
    Shell,
    ({ invocation, out }) =>
      out(
        lines.map((line) => invocation.json ? JSON.stringify(ComputeView.logToJson(line)) : ComputeView.logToText(line))
          .join("\n")
      )
  )

/** A log that is being read. */
export interface LogTail {
  /** Prints from the last line printed to the end there is now, or with `follow` until nothing more can come. */
  readonly read: (
    options: { readonly follow: boolean },
    withoutLogs: Effect.Effect<void>
  ) => Effect.Effect<void, AtlasError, Providers | Shell>
}

/** The log of a compute from its beginning; `printed` runs each time lines were printed. */
export const make = (id: string, call: Atlas.Options, printed: Effect.Effect<void> = Effect.void): LogTail => {
  let after: string | null = null
  return {
    read: (options, withoutLogs) =>
      Stream.suspend(() => Atlas.streamLogs(id, { ...options, after }, call)).pipe(
        Stream.runForEachArray((lines) =>
          // printed and remembered without an interruption between, so that the next reading starts after the last line printed
          Effect.uninterruptible(Effect.tap(print(lines), () =>
            Effect.suspend(() => {
              after = lines.at(-1)?.cursor ?? after
              return lines.length === 0 ? Effect.void : printed
            })))
        ),
        // a passing failure ends this reading only; whether the compute is over is for the caller to find out
        Effect.catchIf((error) => error.isRetryable || error.reason._tag === "NotFound", () => Effect.void),
        Effect.catchReason("AtlasError", "Unsupported", () => withoutLogs)
      )
  }
}
