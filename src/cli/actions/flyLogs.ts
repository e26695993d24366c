/**
 * What `atlas fly logs` does: the newest lines of an app, or all from then on.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as ForeignText from "../../domain/ForeignText.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as Dispatcher from "../../events/Dispatcher.ts"
import * as FlyLogs from "../../fly/FlyLogs.ts"
import * as FlyLogSource from "../../fly/FlyLogSource.ts"
import * as FlyLogStream from "../../fly/FlyLogStream.ts"
import * as FlyTokens from "../../fly/FlyTokens.ts"
import type { LogEntry } from "../../fly/LogEntry.ts"
import * as Proxies from "../Proxies.ts"
import { Shell } from "../Shell.ts"
import * as Tokens from "./flyTokens.ts"

const toJson = (entry: LogEntry) => ({ type: "log" as const, ...entry })

/** A field that is a word or two, so that none can pass for another. */
const word = (text: string | null): string => ForeignText.line(text ?? "", { max: 100 }) || "-"

const toText = ({ instance, level, message, region, timestamp }: LogEntry): string =>
  `${word(timestamp)} ${word(region)} ${word(instance)} [${word(level)}] ${ForeignText.plain(message ?? "")}`

/** Logs nothing but what the tokens log at `level`: why there is no token is only told there. */
const layer = (baseUrl: string | undefined, level: LogLevel.LogLevel) => {
  const loud = Effect.provideService(References.MinimumLogLevel, level)
  const pages = Layer.effect(
    FlyLogs.FlyLogs,
    Effect.flatMap(FlyTokens.FlyTokens, (tokens) =>
      FlyLogs.make({
        get: (app) => loud(Effect.map(tokens.get(app), ({ token }) => token)),
        invalidate: tokens.invalidate
      }))
  )
  return FlyLogStream.layer().pipe(
    Layer.provideMerge(pages),
    Layer.provide([
      Tokens.layer({ fallback: true }).pipe(Layer.provide(Layer.succeed(References.MinimumLogLevel, level))),
      FlyLogSource.layerConfig({ baseUrl }),
      Dispatcher.layerMemory
    ]),
    Layer.provide(Proxies.layer)
  )
}

interface Input {
  readonly app: string
  readonly follow: boolean
  readonly region: Option.Option<string>
  readonly instance: Option.Option<string>
  readonly baseUrl: string | undefined
}

/** Prints an app's log; while it follows, line by line. */
export const printLogs = ({ app, baseUrl, follow, instance, region }: Input) =>
  Effect.gen(function*() {
    const { err, invocation, out, write } = yield* Shell
    const filter = { region: Option.getOrNull(region), instance: Option.getOrNull(instance) }
    const print = (entries: ReadonlyArray<LogEntry>) =>
      entries.length === 0
        ? Effect.void
        : invocation.json
        ? out(entries.map((entry) => JSON.stringify(toJson(entry))).join("\n"))
        : write(entries.map((entry) => `${toText(entry)}\n`).join(""))

    if (!follow) {
      const { cut, entries } = yield* FlyLogs.FlyLogs.use((logs) => logs.fetchWithRetry(app, filter))
      // a document in JSON is whole or is none; a reader of text also has use for the lines before the cut
      if (invocation.json) return yield* cut == null ? out(JSON.stringify(entries.map(toJson))) : Effect.fail(cut)
      yield* print(entries)
      return yield* cut == null ? Effect.void : Effect.fail(cut)
    }

    let hasLines = false
    const show = (element: FlyLogStream.Element) => {
      switch (element._tag) {
        case "Logs":
          hasLines = true
          return print(element.entries)
        case "Gap": {
          const { batches, entries } = element
          return invocation.json
            ? out(JSON.stringify({ type: "gap", batches, entries }))
            : err(`... ${entries} lines were dropped: they came faster than they were read`)
        }
        case "Failed": {
          const { error, retryIn } = element
          // waiting helps neither an app that is gone nor a token that never worked; a garbled answer may have been cut off
          const isHopeless = error.reason._tag === "NotFound"
            || (!hasLines && !error.isRetryable && error.reason._tag !== "ProviderFault")
          if (isHopeless) return Effect.fail(error)
          return invocation.json
            ? out(JSON.stringify({
              type: "failed",
              kind: error.kind,
              message: error.reason.message,
              retryInMs: Duration.toMillis(retryIn)
            }))
            : err(`... ${error.reason.message}; trying again in ${TimeSpan.format(retryIn)}`)
        }
        case "Notice":
          return invocation.json
            ? out(JSON.stringify({ type: "notice", message: element.message }))
            : err(`... ${element.message}`)
        case "Stopped":
          return Effect.void
      }
    }
    yield* FlyLogStream.FlyLogStream.use((logs) => Stream.runForEach(logs.subscribeLogs(app, filter), show))
  }).pipe((all) =>
    Effect.gen(function*() {
      const { invocation } = yield* Shell
      const level = yield* References.MinimumLogLevel
      // the command itself reports a fetch that failed, in one line
      const quiet = invocation.debug || invocation.json ? level : "Error"
      const provided = Effect.provide(all, layer(baseUrl, level))
      yield* Effect.provideService(provided, References.MinimumLogLevel, quiet)
    })
  )
