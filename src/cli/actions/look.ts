/**
 * What `atlas ps`, `get` and `await` do.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atlas from "../../Atlas.ts"
import * as ComputeView from "../ComputeView.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"

/** Prints what a compute has written; while it follows, line by line. */
export const printLogs = ({ after, call, follow, id }: {
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
      return yield* out(JSON.stringify(all.map(ComputeView.logToJson)))
    }
    yield* Stream.runForEachArray(
      lines,
      (chunk) =>
        out(chunk.map((line) => invocation.json ? JSON.stringify(ComputeView.logToJson(line)) : line.text).join("\n"))
    )
  })

interface One {
  readonly id: string
  readonly call: Atlas.Options
}

/** Prints the computes of a provider, those that are terminated only on demand. */
export const list = ({ all, call }: { readonly all: boolean; readonly call: Atlas.Options }) =>
  Effect.gen(function*() {
    const { hasColor: color, invocation, out } = yield* Shell
    const computes = (yield* Atlas.listCompute({}, call)).filter(({ status }) => all || status !== "terminated")
    yield* out(
      invocation.json
        ? JSON.stringify(computes.map(ComputeView.toJson))
        : computes.length === 0
        ? "no computes"
        : ComputeView.table(computes, { color })
    )
  })

/** Prints one compute. */
export const one = ({ call, id }: One) => Effect.flatMap(Atlas.getCompute(id, call), ComputeView.print)

/** Waits until one compute is running and prints it. */
export const ready = ({ call, id, timeout }: One & { readonly timeout: Option.Option<Duration.Duration> }) =>
  Effect.gen(function*() {
    yield* progress(`waiting for ${id} to run`)
    const compute = yield* Atlas.awaitReady(id, { ...call, timeout: Option.getOrUndefined(timeout) })
    yield* ComputeView.print(compute)
  })
