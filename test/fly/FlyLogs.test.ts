/**
 * Log pages with tokens: the rule for a refused one, what telemetry says, and what never leaves.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyError, FlyLogs, FlyLogSource, FlyLogStream, FlyTokens } from "effect-atlas/fly"
import { FakeFly, SpanRecorder } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { canary, said, stack, tokensOf } from "./logs.ts"

const app = "acme-web"

const fetch = (options?: FlyLogs.FetchOptions) => FlyLogs.FlyLogs.use((logs) => logs.fetch(app, options))
const fetchWithRetry = (options?: FlyLogs.FetchOptions) =>
  FlyLogs.FlyLogs.use((logs) => logs.fetchWithRetry(app, options))

const statuses = Effect.map(FakeFly.FakeFly.use(({ requests }) => requests), (all) => all.map(({ status }) => status))

describe("a refused token", () => {
  it.effect("is invalidated once, another one is taken, and the request is made once more", () => {
    const tokens = tokensOf("fm2_old", "fm2_new")
    return Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, said("one"))
      yield* fly.refuse("fm2_old")
      const { entries } = yield* fetchWithRetry()
      assert.strictEqual(entries.length, 1)
      assert.deepStrictEqual(tokens.calls, [`get ${app}`, `invalidate ${app}`, `get ${app}`])
      assert.deepStrictEqual(yield* statuses, [401, 200])
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("follows another until each was tried once; then the host's answer is the failure", () => {
    const tokens = tokensOf("fm2_old", "fm2_new", "fm2_never")
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401, times: 5 }))
      const error = yield* Effect.flip(fetchWithRetry())
      assert.strictEqual(error.kind, "unauthorized")
      assert.strictEqual(error.status, 401)
      assert.deepStrictEqual(yield* statuses, [401, 401, 401])
      assert.strictEqual(tokens.calls.length, 7)
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("is tried again even if the source has no other", () => {
    const tokens = tokensOf("fm2_only")
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401 }))
      yield* fetchWithRetry()
      assert.deepStrictEqual(yield* statuses, [401, 200])
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("is not replaced by a plain fetch", () => {
    const tokens = tokensOf("fm2_old", "fm2_new")
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401 }))
      const error = yield* Effect.flip(fetch())
      assert.strictEqual(error.kind, "unauthorized")
      assert.deepStrictEqual(tokens.calls, [`get ${app}`])
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect.each([403, 404, 408, 429, 500, 503])("is no other failure: %i is not retried", (status) => {
    const tokens = tokensOf("fm2_a", "fm2_b")
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status }))
      yield* Effect.flip(fetchWithRetry())
      assert.deepStrictEqual(yield* statuses, [status])
      assert.deepStrictEqual(tokens.calls, [`get ${app}`])
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("of a source that always has another one is not asked for ever", () =>
    Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401, times: 100 }))
      assert.strictEqual((yield* Effect.flip(fetchWithRetry())).kind, "unauthorized")
      assert.strictEqual((yield* statuses).length, 8)
    }).pipe(Effect.provide(stack({}, tokensOf(...Array.from({ length: 50 }, (_, index) => `fm2_${index}`))))))

  it.effect("without another one fails with the host's own words; without any with those of the source", () => {
    const noToken = new FlyError.FlyError({
      app,
      operation: "token",
      reason: new FlyError.NoToken({ message: "no source has one" })
    })
    let at = 0
    const tokens: FlyLogs.TokenSource = {
      get: () => at++ === 0 ? Effect.succeed(Redacted.make("fm2_old")) : Effect.fail(noToken),
      invalidate: () => Effect.void
    }
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401 }))
      assert.strictEqual((yield* Effect.flip(fetchWithRetry())).kind, "unauthorized")
      // and at first
      assert.strictEqual(yield* Effect.flip(fetchWithRetry()), noToken)
      assert.deepStrictEqual(yield* statuses, [401])
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("that cannot be invalidated does not hide the failure of the next request", () => {
    const failure = new FlyError.FlyError({
      app,
      operation: "token",
      reason: new FlyError.PersistFailed({ message: "disk full" })
    })
    const tokens = { ...tokensOf("fm2_old"), invalidate: () => Effect.fail(failure) }
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401, times: 2 }))
      assert.strictEqual((yield* Effect.flip(fetchWithRetry())).kind, "unauthorized")
    }).pipe(Effect.provide(stack({}, tokens)))
  })

  it.effect("of FlyTokens is forgotten there, for this app alone", () => {
    const calls: Array<string> = []
    const service = FlyTokens.FlyTokens.of({
      get: (name) =>
        Effect.sync(() => {
          calls.push(`get ${name}`)
          return { token: Redacted.make("fm2_a"), source: "config", acquirer: "app_server", expiresAt: null }
        }),
      refresh: () => Effect.die("not asked for"),
      invalidate: (name) => Effect.sync(() => void calls.push(`invalidate ${name}`)),
      setManual: () => Effect.die("not asked for")
    })
    const layer = FlyLogs.layer.pipe(
      Layer.provide(FlyLogSource.layerPlatform()),
      Layer.provide(Layer.succeed(FlyTokens.FlyTokens, service)),
      Layer.provide(FakeFly.layerClient),
      Layer.provideMerge(FakeFly.layer({ apps: [app] }))
    )
    return Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401 }))
      yield* fetchWithRetry()
      assert.deepStrictEqual(calls, [`get ${app}`, `invalidate ${app}`, `get ${app}`])
    }).pipe(Effect.provide(layer))
  })
})

describe("an input", () => {
  it.effect.each(["", "..", "a/b", "a b", "a%2fb", "x".repeat(64)])(
    "%j is no app name, and nothing is asked",
    (name) => {
      const tokens = tokensOf("fm2_a")
      return Effect.gen(function*() {
        const logs = yield* FlyLogs.FlyLogs
        const error = yield* Effect.flip(logs.fetchWithRetry(name))
        assert.strictEqual(error.kind, "validation")
        assert.deepStrictEqual(tokens.calls, [])
        assert.deepStrictEqual(yield* statuses, [])
      }).pipe(Effect.provide(stack({}, tokens)))
    }
  )

  it.effect.each(["", "12a", "-1", "1".repeat(31)])("%j is no cursor", (cursor) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(fetch({ cursor }))).kind, "validation")
    }).pipe(Effect.provide(stack())))

  it.effect("of region and machine reaches the host", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, [{ message: "a", region: "ams", instance: "1" }, { message: "b", instance: "1" }])
      const { entries } = yield* fetch({ region: "ams", instance: "1" })
      assert.deepStrictEqual(entries.map(({ message }) => message), ["a"])
    }).pipe(Effect.provide(stack())))
})

describe("telemetry", () => {
  it.effect("has one span a request with app, status and count, so two when a token is replaced", () =>
    Effect.gen(function*() {
      const fly = yield* FakeFly.FakeFly
      yield* fly.append(app, said("one", "two"))
      yield* fly.order({ _tag: "Refuse", status: 401 })
      yield* fetchWithRetry()
      const { spans } = yield* SpanRecorder.SpanRecorder
      assert.deepStrictEqual(spans.map(({ attributes, name }) => [name, Object.fromEntries(attributes)]), [
        ["FlyLogs.fetch", {
          "atlas.fly.app": app,
          "atlas.fly.logs.status": "error",
          "atlas.fly.logs.count": 0,
          "atlas.error.kind": "unauthorized",
          "http.response.status_code": 401
        }],
        ["FlyLogs.fetch", { "atlas.fly.app": app, "atlas.fly.logs.status": "ok", "atlas.fly.logs.count": 2 }]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(stack(), SpanRecorder.layer))))

  it.effect("holds no token, no line, no body and no query, whatever goes wrong", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const secretLine = "canaryLINE password=hunter2"
      const [dump, failures] = yield* Effect.gen(function*() {
        const fly = yield* FakeFly.FakeFly
        const logs = yield* FlyLogs.FlyLogs
        const stream = yield* FlyLogStream.FlyLogStream
        yield* fly.append(app, said(secretLine))
        for (
          const fault of [
            { _tag: "Refuse", status: 401, body: `canaryBODY ${canary}` },
            { _tag: "Refuse", status: 401, body: `canaryBODY ${canary}` },
            { _tag: "Refuse", status: 500, body: `canaryBODY ${canary}` },
            { _tag: "Garble" },
            { _tag: "LoseAnswer" },
            { _tag: "Strange", lines: ["\"canaryLINE\""] },
            { _tag: "Redirect", location: `https://elsewhere.example/?t=${canary}` }
          ] satisfies ReadonlyArray<FakeFly.Fault>
        ) yield* fly.order(fault)
        const options = { cursor: "1795166401123450777" }
        const exits = yield* Effect.forEach(Array.from({ length: 8 }), () =>
          Effect.exit(logs.fetchWithRetry(app, options)))
        const following = yield* Effect.forkChild(Stream.runDrain(stream.subscribeLogs(app)), {
          startImmediately: true
        })
        yield* fly.order({ _tag: "Refuse", status: 401, body: canary, times: 2 })
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.interrupt(following)
        const errors = exits.filter(Exit.isFailure).map(({ cause }) => [
          Cause.pretty(cause),
          JSON.stringify(cause),
          inspect(cause, { depth: 20, showHidden: true })
        ])
        assert.isAtLeast(errors.length, 5)
        return [(yield* SpanRecorder.SpanRecorder).dump(), errors.flat().join("\n")]
      }).pipe(
        Effect.provide(Layer.provideMerge(
          stack(),
          Layer.mergeAll(
            SpanRecorder.layer,
            Layer.succeed(References.MinimumLogLevel, "All"),
            Logger.layer([
              Logger.make(({ cause, fiber, message }) => {
                const annotations = fiber.getRef(References.CurrentLogAnnotations)
                logged.push(inspect([message, cause, annotations], { depth: 20 }))
              })
            ])
          )
        ))
      )
      assert.isAbove(logged.length, 0)
      for (const text of [dump, failures, logged.join("\n")]) {
        for (const secret of ["canary", "hunter2", "1795166401123450777", "FlyV1"]) {
          assert.notInclude(text, secret)
        }
      }
    }))
})
