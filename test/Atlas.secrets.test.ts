/**
 * No secret in an error, a span, a log line, raw or anything printed: looked for with marked values, in every way out.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Entropy, Provider, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import * as Mock from "./support/mock.ts"
import { secretOf } from "./support/secrets.ts"

const canary = "canary-5e1c"

const request = {
  env: { PLAIN: `${canary}-env`, SEALED: Redacted.make(`${canary}-sealed`) },
  providerOpts: { costPerHour: 1, note: `${canary}-opts` },
  auth: "bearer",
  name: "web"
} as const

const call = {
  apiKey: Redacted.make(`${canary}-key`),
  headers: { "x-key": `${canary}-header` },
  options: { token: `${canary}-option` }
}

const printed = (value: unknown): string =>
  [
    inspect(value, { depth: null, showHidden: true }),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? `${value.message}\n${value.stack}` : ""
  ].join("\n")

/** Collects whatever leaves a program, in every shape it can leave in. */
const watched = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const loggers = [Logger.formatSimple, Logger.formatLogFmt, Logger.formatJson].map((format) =>
      Logger.map(format, (line) => void lines.push(line))
    )
    const registry = new Map()
    const structured = Logger.map(Logger.formatStructured, (line) => void lines.push(printed(line)))
    const recorded = Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.tapCause(program, (cause) => Effect.logError("it failed", cause)))
      const recorder = yield* SpanRecorder.SpanRecorder
      const metrics = yield* Metric.snapshot
      return { exit, out: [recorder.dump(), printed(exit), printed(metrics)], spans: recorder.spans.length }
    }).pipe(
      Effect.provide(Layer.merge(Logger.layer([...loggers, structured]), SpanRecorder.layer), { local: true }),
      Effect.provideService(Metric.MetricRegistry, registry)
    )
    const fiber = yield* Effect.forkChild(recorded, { startImmediately: true })
    // Web Crypto answers from another thread: every turn gives it time, and moves the clock for the other fibers
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust("1 second")
    }
    const { exit, out, spans } = yield* Fiber.join(fiber)
    return { exit, spans, lines, everything: [...out, ...lines].join("\n") }
  })

type Orders = (mock: MockProvider.Controls) => Effect.Effect<unknown>

const stories: ReadonlyArray<readonly [string, Orders]> = [
  ["nothing goes wrong", () => Effect.void],
  [
    "the create is refused",
    (mock) => mock.failNext("spawnCompute", new AtlasError.NoCapacity({ message: "sold out" }))
  ],
  ["the answer is lost", (mock) => mock.loseNextAnswer({ created: true })],
  ["the answer is lost and nothing was made", (mock) => mock.loseNextAnswer({ created: false })],
  ["the adapter breaks", (mock) => mock.dieNext("spawnCompute", new TypeError("undefined is not a function"))],
  ["the delete is never done", (mock) => mock.ignoreDeletes(1_000)]
]

describe("no secret leaves when", () => {
  it.effect.each(stories)("%s", ([, orders]) =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockControls
      yield* orders(mock)
      const program = Effect.scoped(Effect.gen(function*() {
        const compute = yield* Atlas.scoped(request, call)
        yield* Effect.logInfo("rented", compute, { compute })
        yield* Effect.annotateCurrentSpan({ compute: String(compute) })
        const seen = yield* Atlas.getCompute(compute.id, call)
        const all = yield* Atlas.listCompute({}, call)
        yield* Effect.logInfo("seen", seen, all)
        yield* Effect.ignore(Atlas.getCompute("mock-nowhere", call))
        return { compute, raw: [compute.raw, seen.raw, all.map((one) => one.raw)] }
      })).pipe(Effect.withSpan("program"))
      const { everything, lines, spans } = yield* watched(program)
      assert.isAbove(spans, 1)
      assert.isAbove(lines.length, 0)
      assert.notInclude(everything, canary)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a token is minted: it is only in the handle", () =>
    Effect.gen(function*() {
      const { everything, exit } = yield* watched(Atlas.spawnCompute(request, call))
      const token = exit._tag === "Success" ? secretOf(exit.value.auth) : ""
      assert.lengthOf(token, 43)
      assert.notInclude(everything, token)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("options are malformed: the refusal names the field only", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<Atlas.Options> = [
        { apiKey: `${canary}\n` },
        { baseUrl: `https://user:${canary}@acme.test` },
        { headers: { authorization: `${canary}\0` } },
        JSON.parse(`{"apikey":"${canary}"}`)
      ]
      for (const options of wrong) {
        const { everything, exit } = yield* watched(Atlas.spawnCompute({}, options))
        assert.strictEqual(exit._tag, "Failure")
        assert.notInclude(everything, canary)
      }
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a span or a log line is given a request or a prepared spawn itself", () =>
    Effect.gen(function*() {
      const { everything } = yield* watched(
        Effect.gen(function*() {
          const { compute } = yield* Provider.Provider
          const spawn = yield* compute.prepare(request, call)
          yield* Effect.annotateCurrentSpan({ spawn: printed(spawn) })
          yield* Effect.logInfo("prepared", spawn, spawn.request)
        }).pipe(Effect.withSpan("program"))
      )
      assert.notInclude(everything, canary)
    }).pipe(Effect.provide(Mock.layer())))
})

describe("random values", () => {
  it.effect("come from the system's generator unless a test replaces it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Entropy.Entropy, Entropy.system)
      const one = yield* Atlas.spawnCompute({ auth: "bearer" })
      const two = yield* Atlas.spawnCompute({ auth: "bearer" })
      assert.notStrictEqual(secretOf(one.auth), secretOf(two.auth))
    }).pipe(Effect.provide(Mock.layer())))
})

describe("a registry", () => {
  it.effect("prints no secret of its providers", () =>
    Effect.gen(function*() {
      assert.notInclude(printed(yield* Providers.Providers), canary)
    }).pipe(Effect.provide(Mock.layer())))
})
