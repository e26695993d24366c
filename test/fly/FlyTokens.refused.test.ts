/**
 * What follows when a token was refused: it is not handed out again, and nothing that is still good is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyTokens, TokenStorage } from "effect-atlas/fly"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import {
  counting,
  fakeCli,
  get,
  home,
  invalidate,
  layer,
  minting,
  refresh,
  shown,
  store,
  stored
} from "./tokenHarness.ts"

const day = 86_400

/** Background writes are short: some turns of the scheduler and they are done. */
const written = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("a refused token", () => {
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
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* invalidate("web")
        yield* written
        assert.isNull(yield* stored("web"))
      }).pipe(Effect.provide(layer({ cli: counting() })))
    }))

  it.effect("is not handed out again by the environment or the file, for that app; other apps keep it", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fo1_same\n")
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* invalidate("web")
        assert.strictEqual((yield* Effect.flip(get("web"))).kind, "no_token")
        assert.strictEqual(shown(yield* get("api"))[0], "fo1_same")
        config("access_token: fo1_new\n")
        assert.strictEqual(shown(yield* get("web"))[0], "fo1_new")
      }).pipe(Effect.provide(layer({ env: { HOME: directory, FLY_API_TOKEN: "fo1_same" } })))
    }).pipe(Effect.scoped))

  it.effect("is not handed out again by the fly command either", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* invalidate("web")
        assert.strictEqual((yield* Effect.flip(get("web"))).kind, "no_token")
      }).pipe(Effect.provide(layer({ cli: fakeCli(() => minting("FlyV1 fm2_same")) })))
    }))

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

  it.effect("a storage that has another one each time, all refused while they are read, is not asked for ever", () =>
    Effect.gen(function*() {
      let asked = 0
      const storage = Layer.succeed(
        TokenStorage.TokenStorage,
        TokenStorage.TokenStorage.of({
          get: (_, key) =>
            Effect.sync(() =>
              key === "manual"
                ? Option.none()
                : Option.some({ token: Redacted.make(`fm2_${Math.floor(asked++ / 2)}`), expiresAt: day })
            ),
          put: () => Effect.void,
          delete: () => Effect.void
        })
      )
      const tokens = yield* Effect.map(Layer.build(layer({ storage })), Context.get(FlyTokens.FlyTokens))
      const runSync = Effect.runSyncWith(yield* Effect.context())
      // between the search and those who wait for it
      const refusing = Tracer.make({
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
      const error = yield* Effect.flip(tokens.get("web")).pipe(Effect.provideService(Tracer.Tracer, refusing))
      assert.strictEqual(error.kind, "no_token")
      assert.include(error.message, "refused")
      assert.strictEqual(asked, 20)
    }).pipe(Effect.scoped))

  it.effect("invalidating an unknown app starts nothing", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.provide(invalidate("web"), layer({ cli }))
      assert.deepStrictEqual(cli.calls, [])
    }))
})
