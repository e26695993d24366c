/**
 * A token is in no log line, span, metric, error or printed value, and in no file but the private ones; and what is counted.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { TokenStorage } from "effect-atlas/fly"
import * as FlyTelemetry from "effect-atlas/telemetry/FlyTelemetry"
import { SpanRecorder } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import {
  exiting,
  fakeCli,
  get,
  home,
  invalidate,
  layer,
  minting,
  printing,
  refresh,
  refuse,
  setManual,
  store
} from "./tokenHarness.ts"

const canary = (name: string) => `fm2_canary${name}`

/** All files below a directory, with their modes. */
const filesIn = (directory: string): ReadonlyArray<readonly [string, number, string]> =>
  fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path, fs.statSync(path).mode & 0o777, fs.readFileSync(path, "utf8")]
  })

it.live("canaries from every source are found in the 0600 files of the storage and nowhere else", () =>
  Effect.gen(function*() {
    const { config, directory } = yield* home
    const lines: Array<string> = []
    const logger = Logger.make((options) =>
      void lines.push(
        Logger.formatJson.log(options),
        Logger.formatLogFmt.log(options),
        inspect(options.message, { depth: 20 }),
        Cause.pretty(options.cause)
      )
    )
    const cli = fakeCli((_, nth) =>
      nth === 1
        ? minting(`FlyV1 ${canary("Minted")}`)
        : nth === 2
        ? exiting(1, `Error: ${canary("Stderr")}`)
        : nth === 3
        ? printing(`notice\n${canary("Garbled")}\n`, canary("Stderr"))
        : nth === 4
        ? Effect.die(new Error(canary("Defect")))
        : minting(`FlyV1 ${canary("Late")}`)
    )
    const tokens = join(directory, "tokens")
    fs.mkdirSync(tokens, { mode: 0o700 })
    fs.writeFileSync(join(tokens, "broken.cached.json"), canary("Broken"), { mode: 0o600 })
    config(`access_token: ${canary("File")}\n: broken [`)
    const env = {
      HOME: directory,
      FLY_ACCESS_TOKEN: `${canary("Bad")}\n${canary("Worse")}`,
      FLY_API_TOKEN: canary("Env")
    }
    const storage = TokenStorage.layerFile({ directory: tokens }).pipe(Layer.provide(NodeServices.layer))
    const seen: Array<unknown> = []
    const printed = yield* Effect.gen(function*() {
      for (const app of ["web", "broken"]) {
        seen.push(yield* Effect.exit(get(app)), yield* Effect.exit(get(app)))
        for (const refused of ["Env", "File"]) seen.push(yield* Effect.exit(refuse(app, canary(refused))))
        seen.push(yield* Effect.exit(get(app)))
        yield* store(app, canary("Stored"), 4_000_000_000)
        seen.push(yield* Effect.exit(refresh(app)))
        seen.push(yield* Effect.exit(invalidate(app)), yield* Effect.exit(get(app)), yield* Effect.exit(get(app)))
        seen.push(yield* Effect.exit(setManual(app, `${canary("Two")}\nlines`)))
        seen.push(yield* Effect.exit(setManual(app, `FlyV1 ${canary("Hand")}`)))
        seen.push(yield* Effect.exit(invalidate(app)), yield* Effect.exit(get(app)))
      }
      const { dump } = yield* SpanRecorder.SpanRecorder
      return [dump(), inspect(yield* Metric.snapshot, { depth: 20 })]
    }).pipe(
      Effect.provide(
        layer({ cli, env, storage }).pipe(
          Layer.provideMerge(SpanRecorder.layer),
          Layer.provideMerge(Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All")))
        )
      )
    )
    const outcomes = seen.flatMap((
      one
    ) => [inspect(one, { depth: 20, showHidden: true }), JSON.stringify(one), String(one)])
    assert.isAbove(cli.calls.length, 3)
    assert.isAbove(lines.length, 8)
    for (const text of [...lines, ...printed, ...outcomes]) assert.notInclude(text, "canary")
    for (const call of cli.calls) assert.notInclude(JSON.stringify(call), "canary")
    const holding = filesIn(directory).filter(([path, , text]) =>
      text.includes("canary") && !path.endsWith("config.yml")
    )
    assert.isAbove(holding.length, 0)
    assert.deepStrictEqual([...new Set(holding.map(([, mode]) => mode))], [0o600])
    assert.isTrue(holding.every(([path]) => path.startsWith(tokens)))
    // the user's own token is not among what we wrote
    assert.isTrue(holding.every(([, , text]) => !text.includes("File") && !text.includes("Env")))
  }).pipe(Effect.scoped))

describe("what is counted and traced", () => {
  const counts = Effect.map(Metric.snapshot, (all) =>
    Object.fromEntries(
      all.filter(({ id }) => id === FlyTelemetry.tokens.id).map(({ attributes, state }) => [
        `${attributes?.["source"]} ${attributes?.["acquirer"]}`,
        "count" in state ? Number(state.count) : null
      ])
    ))

  it.effect("every get and refresh by source and acquirer, a hit too; a span for each real resolution only", () =>
    Effect.gen(function*() {
      const recorder = yield* SpanRecorder.SpanRecorder
      yield* Effect.gen(function*() {
        yield* store("api", "fm2_stored", 86_400)
        yield* get("web")
        yield* get("web")
        yield* get("web")
        yield* get("api")
        yield* refresh("api")
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(layer({ cli: fakeCli((_, nth) => minting(`FlyV1 fm2_${nth}`)) })))
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        yield* get("web")
        yield* Effect.flip(get("none"))
      }).pipe(Effect.provide(layer({ env: {} })))
      yield* Effect.provide(get("web"), layer({ env: { FLY_API_TOKEN: "fo1_a" } }))
      assert.deepStrictEqual(yield* counts, {
        "cli app_server": 2,
        "ets facade": 2,
        "storage app_server": 1,
        "manual app_server": 1,
        "none app_server": 1,
        "config app_server": 1
      })
      assert.deepStrictEqual(
        recorder.spans.map(({ attributes, name }) => [
          name,
          attributes.get(FlyTelemetry.app),
          attributes.get(FlyTelemetry.source),
          attributes.get(FlyTelemetry.acquirer)
        ]),
        [
          ["web", "cli"],
          ["api", "storage"],
          ["api", "cli"],
          ["web", "manual"],
          ["none", "none"],
          ["web", "config"]
        ].map(([app, source]) => [FlyTelemetry.tokenAcquire, app, source, "app_server"])
      )
    }).pipe(Effect.provide(SpanRecorder.layer), Effect.provideService(Metric.MetricRegistry, new Map())))
})
