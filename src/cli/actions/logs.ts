/**
 * What `atlas logs` does.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Unsupported } from "../../domain/AtlasError.ts"
import type { LogElement } from "../../domain/LogElement.ts"
import { Providers } from "../../provider/Providers.ts"
import * as ComputeName from "../ComputeName.ts"
import * as ComputeView from "../ComputeView.ts"
import * as JsonArray from "../JsonArray.ts"
import * as LogText from "../LogText.ts"
import { Shell } from "../Shell.ts"
import { warn } from "../Warnings.ts"

/**
 * The lines since an instant. One without a time of its own is as old as the one before it; where the first has none, nothing
 * is known of any.
 */
const since = (from: number, undated: AtlasError) => <R>(lines: Stream.Stream<LogElement, AtlasError, R>) =>
  Stream.suspend(() => {
    let isNew: boolean | null = null
    return Stream.filterEffect(lines, ({ at }) => {
      if (at !== null) isNew = DateTime.toEpochMillis(at) >= from
      return isNew === null ? Effect.fail(undated) : Effect.succeed(isNew)
    })
  })

/** Prints what a compute has written; while it follows, line by line. */
export const logs = (input: {
  readonly id: string
  readonly call: Atlas.Options
  readonly follow: boolean
  readonly after: Option.Option<string>
  readonly tail: Option.Option<number>
  readonly since: Option.Option<Duration.Duration>
  readonly timestamps: boolean
}) =>
  Effect.gen(function*() {
    const { call, follow, timestamps } = input
    const { invocation, out, outIsTerminal, write } = yield* Shell
    const provider = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "streamLogs"))
    const id = yield* ComputeName.resolve(input.id, "streamLogs", call, { acts: false })
    const options = { follow, after: Option.getOrNull(input.after), tail: Option.getOrUndefined(input.tail) }
    const all = Atlas.streamLogs(id, options, call)
    const now = yield* Clock.currentTimeMillis
    const message =
      `${provider.id} does not tell when a line was written, so --since cannot be kept; use --tail or --after`
    const undated = new AtlasError({
      provider: provider.id,
      operation: "streamLogs",
      reason: new Unsupported({ capability: "logs", message })
    })
    const lines = Option.match(input.since, {
      onNone: () => all,
      onSome: (length) => since(now - Duration.toMillis(length), undated)(all)
    })
    if (invocation.json && !follow) return yield* JsonArray.print(Stream.map(lines, ComputeView.logToJson))
    if (invocation.json) {
      return yield* Stream.runForEachArray(lines, (these) =>
        out(these.map((line) => JSON.stringify(ComputeView.logToJson(line))).join("\n")))
    }
    const text = LogText.make({
      isTerminal: outIsTerminal,
      prefix: timestamps
        ? (line) =>
          `${ComputeView.timeOf(line)} `
        : undefined
    })
    let isTold = !timestamps
    yield* Stream.runForEachArray(lines, (these) =>
      Effect.gen(function*() {
        if (!isTold && these.some(({ at }) => at === null)) {
          isTold = true
          yield* warn(`${provider.id} does not tell when a line was written; such a line begins with -`)
        }
        yield* write(text.of(these))
      }))
    const end = text.close()
    if (end !== "") yield* write(end)
  })
