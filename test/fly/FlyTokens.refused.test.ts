/**
 * What follows when a token is forgotten, replaced or refused: nothing that is still good is lost, and a refusal heals.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyLogs, FlyLogSource, FlyTokens, TokenStorage } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import {
  counting,
  exiting,
  fakeCli,
  get,
  home,
  invalidate,
  layer,
  minting,
  refresh,
  refuse,
  setManual,
  shown,
  store,
  stored
} from "./tokenHarness.ts"

const day = 86_400

/** Background writes are short: some turns of the scheduler and they are done. */
const written = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("a token that is forgotten", () => {
  it.effect("is gone from memory and from the storage after invalidate", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* written
        yield* invalidate("web")
        assert.isNull(yield* stored("web"))
        assert.strictEqual(shown(yield* get("web"))[0], "FlyV1 fm2_2")
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("is not stored by a write that was still under way", () =>
    Effect.gen(function*() {
      yield* get("web")
      yield* invalidate("web")
      yield* written
      assert.isNull(yield* stored("web"))
    }).pipe(Effect.provide(layer({ cli: counting() }))))

  it.effect("refresh goes past the storage, removes what is there and stores the new one", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        assert.deepStrictEqual(shown(yield* refresh("web")), ["FlyV1 fm2_1", "cli", "app_server"])
        yield* written
        assert.deepStrictEqual(yield* stored("web"), ["FlyV1 fm2_1", day])
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("refresh that finds nothing better keeps the token in use, from wherever it is, and returns it", () =>
    Effect.gen(function*() {
      const text = (token: FlyTokens.FlyToken) => shown(token)[0]
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        assert.strictEqual(text(yield* refresh("web")), "fm2_stored")
        assert.strictEqual(text(yield* get("web")), "fm2_stored")
        assert.deepStrictEqual(yield* stored("web"), ["fm2_stored", day])
      }).pipe(Effect.provide(layer()))
      yield* Effect.gen(function*() {
        assert.strictEqual(text(yield* refresh("web")), "fo1_env")
        assert.strictEqual(text(yield* refresh("web")), "fo1_env")
        yield* invalidate("web")
        assert.strictEqual(text(yield* get("web")), "fo1_env")
      }).pipe(Effect.provide(layer({ env: { FLY_API_TOKEN: "fo1_env" } })))
      const cli = fakeCli((_, nth) => nth === 1 ? minting("FlyV1 fm2_1") : exiting(1, ""))
      yield* Effect.gen(function*() {
        yield* get("web")
        assert.strictEqual(text(yield* refresh("web")), "FlyV1 fm2_1")
        assert.strictEqual(text(yield* get("web")), "FlyV1 fm2_1")
        assert.strictEqual(cli.calls.length, 2)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("a refresh that fails or is interrupted leaves the token in use", () =>
    Effect.gen(function*() {
      const cli = fakeCli((_, nth) => nth === 1 ? minting("FlyV1 fm2_1") : Effect.never)
      yield* Effect.gen(function*() {
        yield* get("web")
        const refreshing = yield* Effect.forkChild(refresh("web"), { startImmediately: true })
        yield* written
        yield* Fiber.interrupt(refreshing)
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("refresh looks past the token in use, a token set by hand included; invalidate and refresh never ban one", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        assert.strictEqual(shown(yield* get("web"))[0], "fo1_env")
        assert.strictEqual(shown(yield* refresh("web"))[0], "fm2_hand")
        assert.strictEqual(shown(yield* get("web"))[0], "fo1_env")
        yield* invalidate("web")
        assert.strictEqual(shown(yield* get("web"))[0], "fo1_env")
      }).pipe(Effect.provide(layer({ env: { FLY_API_TOKEN: "fo1_env" } })))
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        yield* setManual("web", "fm2_hand")
        yield* refresh("web")
        assert.deepStrictEqual(yield* stored("web"), ["fm2_stored", day], "one set by hand takes nobody's place")
      }).pipe(Effect.provide(layer()))
    }))

  it.effect("callers of a search are not answered for ever with what is forgotten while it runs", () =>
    Effect.gen(function*() {
      let asked = 0
      const storage = Layer.succeed(
        TokenStorage.TokenStorage,
        TokenStorage.TokenStorage.of({
          get: (_, key) =>
            Effect.sync(() =>
              key === "manual"
                ? null
                : { token: Redacted.make(`fm2_${Math.floor(asked++ / 2)}`), expiresAt: day }
            ),
          put: () => Effect.void,
          delete: () => Effect.void
        })
      )
      const tokens = yield* Effect.map(Layer.build(layer({ storage })), Context.get(FlyTokens.FlyTokens))
      const runSync = Effect.runSyncWith(yield* Effect.context())
      // between the search and those who wait for it
      const forgetting = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          return Object.assign(span, {
            end: (...args: Parameters<typeof end>) => {
              end(...args)
              runSync(tokens.invalidate("web"))
            }
          })
        }
      })
      const token = yield* tokens.get("web").pipe(Effect.provideService(Tracer.Tracer, forgetting))
      assert.match(String(shown(token)[0]), /^fm2_\d$/)
      assert.strictEqual(asked, 20)
    }).pipe(Effect.scoped))

  it.effect("invalidating an unknown app starts nothing", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.provide(invalidate("web"), layer({ cli }))
      assert.deepStrictEqual(cli.calls, [])
    }))
})

describe("a token that the log host refused", () => {
  const both = { FLY_API_TOKEN: "fo1_env" }
  const first = Effect.map(get("web"), (token) => shown(token)[0])

  it.effect("is passed over for 30 seconds and then tried again; each refusal after that doubles it, up to 10 minutes", () =>
    Effect.gen(function*() {
      yield* setManual("web", "fm2_hand")
      const pauses: Array<number> = []
      for (let index = 0; index < 7; index++) {
        assert.strictEqual(yield* first, "fo1_env")
        yield* refuse("web", "fo1_env")
        let seconds = 0
        while (seconds < 3600 && (yield* first) === "fm2_hand") {
          seconds += 5
          yield* TestClock.adjust("5 seconds")
        }
        pauses.push(seconds)
      }
      assert.deepStrictEqual(pauses, [30, 60, 120, 240, 480, 600, 600])
      yield* TestClock.adjust("11 minutes")
      yield* refuse("web", "fo1_env")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* first, "fo1_env", "after a quiet time it starts again at 30 seconds")
    }).pipe(Effect.provide(layer({ env: both }))))

  it.effect("is handed out at once when nothing else is left, and not kept in memory", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* first, "fo1_env")
      yield* refuse("web", "fo1_env")
      assert.deepStrictEqual(shown(yield* get("web")), ["fo1_env", "config", "app_server"])
      yield* setManual("web", "fm2_hand")
      assert.strictEqual(yield* first, "fm2_hand")
    }).pipe(Effect.provide(layer({ env: both }))))

  it.effect("of several refused ones the one that was refused longest ago is handed out", () =>
    Effect.gen(function*() {
      yield* setManual("web", "fm2_hand")
      const handed: Array<unknown> = []
      for (let index = 0; index < 4; index++) {
        const token = yield* first
        handed.push(token)
        yield* refuse("web", String(token))
      }
      assert.deepStrictEqual(handed, ["fo1_env", "fm2_hand", "fo1_env", "fm2_hand"])
    }).pipe(Effect.provide(layer({ env: both }))))

  it.effect("waits no longer for being refused by a hundred callers at once", () =>
    Effect.gen(function*() {
      yield* setManual("web", "fm2_hand")
      yield* Effect.forEach(Array.from({ length: 100 }), () => refuse("web", "fo1_env"), { concurrency: "unbounded" })
      assert.strictEqual(yield* first, "fm2_hand")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* first, "fo1_env")
    }).pipe(Effect.provide(layer({ env: both }))))

  it.effect("is another source's token too if that is sent alike; and another app's token is not refused", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_same,fo1_more\n")
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        yield* refuse("web", "FlyV1 fm2_same")
        assert.strictEqual(yield* first, "fm2_hand")
        assert.strictEqual(shown(yield* get("api"))[0], "FlyV1 fm2_same")
      }).pipe(Effect.provide(layer({ env: { HOME: directory, FLY_API_TOKEN: "Bearer FlyV1 fm2_same" } })))
    }).pipe(Effect.scoped))

  it.effect("stays stored: the host may take it again", () =>
    Effect.gen(function*() {
      yield* store("web", "fm2_stored", day)
      assert.strictEqual(yield* first, "fm2_stored")
      yield* refuse("web", "fm2_stored")
      assert.strictEqual(yield* first, "fo1_env")
      assert.deepStrictEqual(yield* stored("web"), ["fm2_stored", day])
    }).pipe(Effect.provide(layer({ env: both }))))

  it.effect("a clock that is set back or forth changes nothing", () =>
    Effect.gen(function*() {
      const stepping = { by: 0 }
      const clock = yield* Clock.Clock
      const stepped: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + stepping.by,
        currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + stepping.by),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe()
      }
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        yield* refuse("web", "fo1_env")
        for (const by of [7_200_000, -7_200_000]) {
          stepping.by = by
          assert.strictEqual(yield* first, "fm2_hand")
        }
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(yield* first, "fo1_env")
      }).pipe(Effect.provide(layer({ env: both })), Effect.provideService(Clock.Clock, stepped))
    }))
})

describe("a log host that answers 401", () => {
  const app = "acme-web"

  /** Log pages over the tokens of a user, as the product has them. */
  const logs = (setting: Parameters<typeof layer>[0]) =>
    FlyLogs.layer.pipe(
      Layer.provide(FlyLogSource.layerPlatform()),
      Layer.provideMerge(layer(setting)),
      Layer.provide(FakeFly.layerClient),
      Layer.provideMerge(FakeFly.layer({ apps: [app] }))
    )
  const fetch = FlyLogs.FlyLogs.use((service) => service.fetchWithRetry(app))
  const statuses = Effect.map(FakeFly.FakeFly.use(({ requests }) => requests), (all) => all.map(({ status }) => status))

  it.effect("once does not cost an environment token its life", () =>
    Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401 }))
      yield* fetch
      yield* fetch
      assert.deepStrictEqual(yield* statuses, [401, 200, 200])
    }).pipe(Effect.provide(logs({ env: { FLY_API_TOKEN: "fo1_env" } }))))

  it.effect("to a bad environment, a bad file and a bad new token is asked with the good one that was set by hand", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_file\n")
      yield* Effect.gen(function*() {
        const fly = yield* FakeFly.FakeFly
        yield* fly.append(app, [{ message: "hello" }])
        for (const bad of ["fo1_access", "fo1_env", "fm2_file", "fm2_1", "fm2_2", "fm2_3"]) yield* fly.refuse(bad)
        yield* setManual(app, "fm2_hand")
        assert.strictEqual((yield* fetch).entries.length, 1)
        assert.deepStrictEqual(yield* statuses, [401, 401, 401, 401, 200])
        yield* fetch
        yield* fetch
        // what was refused is not asked again with every page
        assert.isAtMost((yield* statuses).length, 8)
      }).pipe(Effect.provide(logs({
        cli: counting(),
        env: { HOME: directory, FLY_ACCESS_TOKEN: "fo1_access", FLY_API_TOKEN: "fo1_env" }
      })))
    }).pipe(Effect.scoped))

  it.effect("to every token fails with its own words, after each was tried once", () =>
    Effect.gen(function*() {
      yield* setManual(app, "fm2_hand")
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 401, times: 100 }))
      const error = yield* Effect.flip(fetch)
      assert.deepStrictEqual([error.kind, error.status], ["unauthorized", 401])
      assert.include(error.message, "deploy tokens cannot read logs, use an organization or read-only token")
      assert.deepStrictEqual(yield* statuses, [401, 401])
      yield* Effect.flip(fetch)
      assert.deepStrictEqual(yield* statuses, [401, 401, 401, 401])
    }).pipe(Effect.provide(logs({ env: { FLY_API_TOKEN: "fo1_env" } }))))

  it.effect("for a minute to a hundred readers has a token or two made, not hundreds", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        const fly = yield* FakeFly.FakeFly
        yield* fly.order({ _tag: "Refuse", status: 401, times: 100_000 })
        for (let poll = 0; poll < 12; poll++) {
          yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.exit(fetch), { concurrency: "unbounded" })
          yield* TestClock.adjust("5 seconds")
        }
        assert.isAtMost(cli.calls.length, 2)
      }).pipe(Effect.provide(logs({ cli, env: { FLY_API_TOKEN: "fo1_env" } })))
    }))

  it.effect("once to a hundred readers at the same time has them share one walk", () =>
    Effect.gen(function*() {
      const cli = fakeCli((_, nth) => Effect.delay(minting(`FlyV1 fm2_${nth}`), "1 second"))
      yield* Effect.gen(function*() {
        const fly = yield* FakeFly.FakeFly
        yield* fly.refuse("fo1_env")
        const reading = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 100 }), () => fetch, { concurrency: "unbounded" })
        )
        for (let step = 0; step < 10; step++) yield* TestClock.adjust("500 millis")
        yield* Fiber.join(reading)
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(logs({ cli, env: { FLY_API_TOKEN: "fo1_env" } })))
    }))

  it.effect("is no host that answers 403: that token is in use as before", () =>
    Effect.gen(function*() {
      yield* setManual(app, "fm2_hand")
      yield* FakeFly.FakeFly.use(({ order }) => order({ _tag: "Refuse", status: 403 }))
      assert.strictEqual((yield* Effect.flip(fetch)).kind, "forbidden")
      assert.strictEqual(shown(yield* get(app))[0], "fo1_env")
    }).pipe(Effect.provide(logs({ env: { FLY_API_TOKEN: "fo1_env" } }))))
})
