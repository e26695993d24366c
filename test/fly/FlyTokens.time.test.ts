/**
 * Tokens under a clock that moves when told: who waits for whom, what is renewed when, and what is left at the end.
 */
import { assert, describe, it } from "@effect/vitest"
import type { FlyTokens } from "effect-atlas/fly"
import { type FlyError, TokenStorage } from "effect-atlas/fly"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import {
  absent,
  counting,
  exiting,
  fakeCli,
  get,
  invalidate,
  layer,
  minting,
  refresh,
  setManual,
  shown,
  store,
  stored
} from "./tokenHarness.ts"

const day = 86_400

/** Turns of the scheduler, for fibers that start in the background. */
const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.tap(Effect.forkChild(effect, { startImmediately: true }), () => settle)

const adjust = (duration: Parameters<typeof TestClock.adjust>[0]) => Effect.andThen(TestClock.adjust(duration), settle)

const times = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Makes `fm2_1`, `fm2_2`, ..., and takes ten seconds for each. */
const slow = () => fakeCli((_, nth) => Effect.delay(minting(`FlyV1 fm2_${nth}`), "10 seconds"))

/** A memory storage whose every call first does something. */
const storageThat = (before: (verb: "get" | "put" | "delete", app: string) => Effect.Effect<void>) =>
  Layer.effect(
    TokenStorage.TokenStorage,
    Effect.map(TokenStorage.TokenStorage, (memory) =>
      TokenStorage.TokenStorage.of({
        get: (app, key) => Effect.andThen(before("get", app), memory.get(app, key)),
        put: (app, key, token) => Effect.andThen(before("put", app), memory.put(app, key, token)),
        delete: (app, key) => Effect.andThen(before("delete", app), memory.delete(app, key))
      }))
  ).pipe(Layer.provide(TokenStorage.layerMemory))

describe("callers of one app", () => {
  it.effect("share one search, and each gets its token", () =>
    Effect.gen(function*() {
      const cli = slow()
      yield* Effect.gen(function*() {
        const fiber = yield* fork(Effect.forEach(times(1000), () => get("web"), { concurrency: "unbounded" }))
        yield* adjust("10 seconds")
        const tokens = yield* Fiber.join(fiber)
        assert.deepStrictEqual([...new Set(tokens.map((token) => shown(token).join()))], ["FlyV1 fm2_1,cli,app_server"])
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("share its failure too, so no caller starts a search of its own", () =>
    Effect.gen(function*() {
      const cli = fakeCli(() => Effect.delay(exiting(1, ""), "15 seconds"))
      yield* Effect.gen(function*() {
        const fiber = yield* fork(
          Effect.forEach(times(100), () => Effect.flip(get("web")), { concurrency: "unbounded" })
        )
        yield* adjust("15 seconds")
        const errors = yield* Fiber.join(fiber)
        assert.deepStrictEqual([...new Set(errors.map(({ kind }) => kind))], ["no_token"])
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("an interrupted one does not fail the others; when the last one leaves the search ends", () =>
    Effect.gen(function*() {
      const cli = slow()
      yield* Effect.gen(function*() {
        const first = yield* fork(get("web"))
        const second = yield* fork(get("web"))
        yield* Fiber.interrupt(first)
        yield* adjust("10 seconds")
        assert.strictEqual(shown(yield* Fiber.join(second))[0], "FlyV1 fm2_1")
        const alone = yield* fork(get("api"))
        yield* Fiber.interrupt(alone)
        yield* settle
        assert.deepStrictEqual([cli.calls.length, cli.killed], [2, 1])
        // and the next one starts anew
        const again = yield* fork(get("api"))
        yield* adjust("10 seconds")
        assert.strictEqual(shown(yield* Fiber.join(again))[0], "FlyV1 fm2_3")
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("do not wait for other apps", () =>
    Effect.gen(function*() {
      const cli = slow()
      yield* Effect.gen(function*() {
        const fiber = yield* fork(
          Effect.forEach(times(20), (index) => get(`app-${index}`), { concurrency: "unbounded" })
        )
        yield* adjust("10 seconds")
        assert.strictEqual(new Set((yield* Fiber.join(fiber)).map((token) => shown(token)[0])).size, 20)
        assert.strictEqual(cli.calls.length, 20)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("a search that breaks loses no app's token, its own included", () =>
    Effect.gen(function*() {
      const state = { breaks: false }
      const storage = storageThat(() => state.breaks ? Effect.die(new Error("canary")) : Effect.void)
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_web", day)
        yield* store("api", "fm2_api", day)
        yield* get("web")
        state.breaks = true
        yield* Effect.exit(get("api"))
        assert.deepStrictEqual(shown(yield* get("web")), ["fm2_web", "ets", "facade"])
        state.breaks = false
        assert.deepStrictEqual(shown(yield* get("api")), ["fm2_api", "storage", "app_server"])
      }).pipe(Effect.provide(layer({ storage })))
    }))
})

describe("refresh", () => {
  it.effect("callers whose token was refused at the same time share one new token", () =>
    Effect.gen(function*() {
      const cli = slow()
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_old", day)
        yield* get("web")
        const refreshes = yield* fork(Effect.forEach(times(50), () => refresh("web"), { concurrency: "unbounded" }))
        const gets = yield* fork(Effect.forEach(times(50), () => get("web"), { concurrency: "unbounded" }))
        yield* adjust("10 seconds")
        const tokens = [...yield* Fiber.join(refreshes), ...yield* Fiber.join(gets)]
        assert.deepStrictEqual([...new Set(tokens.map((token) => shown(token)[0]))], ["FlyV1 fm2_1"])
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect.each<readonly [string, (app: string) => Effect.Effect<unknown, FlyError.FlyError, FlyTokens.FlyTokens>]>([
    ["invalidate", invalidate],
    ["refresh", refresh]
  ])(
    "after %s no caller gets the old token, not even a search that was just reading it from the storage",
    ([, forget]) =>
      Effect.gen(function*() {
        const cli = counting()
        const storage = storageThat((verb) => verb === "get" ? Effect.sleep("1 second") : Effect.void)
        yield* Effect.gen(function*() {
          yield* store("web", "fm2_old", day)
          const before = yield* fork(get("web"))
          const forgetting = yield* fork(forget("web"))
          // another search would put its own token in the place of the old one
          const during = forget === refresh ? yield* fork(get("web")) : before
          for (const _ of times(5)) yield* adjust("500 millis")
          yield* Fiber.join(forgetting)
          yield* Fiber.join(before)
          yield* Fiber.join(during)
          const after = yield* fork(get("web"))
          for (const _ of times(5)) yield* adjust("500 millis")
          assert.match(String(shown(yield* Fiber.join(after))[0]), /^FlyV1 fm2_\d$/)
        }).pipe(Effect.provide(layer({ cli, storage })))
      })
  )
})

describe("after the fly command made no token", () => {
  it.effect("it is not run again for that app for a minute; other apps are not held up", () =>
    Effect.gen(function*() {
      const cli = fakeCli(() => absent)
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        yield* get("web")
        yield* adjust("59 seconds")
        yield* get("web")
        assert.strictEqual(cli.calls.length, 1)
        yield* Effect.flip(get("api"))
        assert.strictEqual(cli.calls.length, 2)
        yield* adjust("1 second")
        yield* get("web")
        assert.strictEqual(cli.calls.length, 3)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect.each<readonly [string, Effect.Effect<unknown, FlyError.FlyError, FlyTokens.FlyTokens>, number]>([
    ["invalidate", invalidate("web"), 1],
    ["refresh", refresh("web"), 2],
    ["setManual", setManual("web", "fm2_other"), 1]
  ])("%s ends that wait", ([, end, runs]) =>
    Effect.gen(function*() {
      const cli = fakeCli(() => absent)
      yield* Effect.gen(function*() {
        yield* setManual("web", "fm2_hand")
        yield* get("web")
        yield* end
        assert.strictEqual(cli.calls.length, runs)
        yield* get("web")
        assert.strictEqual(cli.calls.length, 2)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("a token set by hand while the command still runs is used by the next caller", () =>
    Effect.gen(function*() {
      const cli = fakeCli(() => Effect.delay(absent, "10 seconds"))
      yield* Effect.gen(function*() {
        const early = yield* fork(Effect.exit(get("web")))
        yield* setManual("web", "fm2_hand")
        const late = yield* fork(get("web"))
        yield* adjust("10 seconds")
        yield* Fiber.join(early)
        assert.strictEqual(shown(yield* Fiber.join(late))[0], "fm2_hand")
      }).pipe(Effect.provide(layer({ cli })))
    }))
})

describe("an hour before its end", () => {
  it.effect("a token is renewed in the background; the old one stays in use until the new one is there", () =>
    Effect.gen(function*() {
      const cli = slow()
      yield* Effect.gen(function*() {
        const first = yield* fork(get("web"))
        yield* adjust("10 seconds")
        yield* Fiber.join(first)
        yield* adjust("23 hours")
        assert.strictEqual(cli.calls.length, 2)
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
        yield* adjust("10 seconds")
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_2", "ets", "facade"])
        assert.strictEqual((yield* stored("web"))?.[0], "FlyV1 fm2_2")
        assert.strictEqual(cli.calls.length, 2)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("a stored one too, and not by reading the same one back", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        yield* get("web")
        yield* adjust("23 hours")
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("nothing is scheduled when that moment has passed, or with a lead of 0", () =>
    Effect.gen(function*() {
      for (const [life, options] of [[1800, {}], [day, { softExpiryLead: 0 }]] as const) {
        const cli = counting()
        yield* Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          yield* store("web", "fm2_stored", Math.floor(now / 1000) + life)
          yield* get("web")
          yield* adjust(`${life - 1} seconds`)
          assert.strictEqual(cli.calls.length, 0)
          assert.strictEqual(shown(yield* get("web"))[0], "fm2_stored")
          yield* adjust("1 second")
          assert.strictEqual(shown(yield* get("web"))[0], "FlyV1 fm2_1")
        }).pipe(Effect.provide(layer({ cli, options })))
      }
    }))

  it.effect("a renewal that fails leaves the old token in use to its end", () =>
    Effect.gen(function*() {
      const cli = fakeCli((_, nth) => nth === 1 ? minting("FlyV1 fm2_1") : nth === 2 ? absent : minting("FlyV1 fm2_3"))
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* adjust("23 hours")
        assert.strictEqual(cli.calls.length, 2)
        yield* adjust("3599 seconds")
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
        yield* adjust("1 second")
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_3", "cli", "app_server"])
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("a token that no caller has used during its whole life is forgotten, not renewed for ever", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* get("web")
        for (const _ of times(10)) yield* adjust("23 hours")
        assert.strictEqual(cli.calls.length, 2)
      }).pipe(Effect.provide(layer({ cli })))
    }))
})

/** Counts fibers that live. */
const fiberCount = () => {
  const state = { alive: 0 }
  const context = Context.make(
    Metric.FiberRuntimeMetrics,
    {
      recordFiberStart: () => void (state.alive += 1),
      recordFiberEnd: () => void (state.alive -= 1)
    }
  )
  return { state, context }
}

describe("when the scope closes", () => {
  it.effect("no fiber is left: not of searches, renewals, writes or timers", () =>
    Effect.gen(function*() {
      const { context, state } = fiberCount()
      const cli = fakeCli((_, nth) => nth > 20 ? Effect.never : minting(`FlyV1 fm2_${nth}`))
      yield* Effect.gen(function*() {
        const scope = yield* Scope.make()
        const service = yield* Layer.buildWithScope(layer({ cli }), scope)
        const before = state.alive
        yield* Effect.forEach(times(20), (index) => get(`app-${index}`)).pipe(Effect.provide(service))
        const waiting = yield* fork(Effect.exit(Effect.provide(get("never"), service)))
        assert.isAbove(state.alive, before + 20)
        yield* Scope.close(scope, Exit.void)
        // who waited is not left waiting
        assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
        yield* settle
        assert.strictEqual(state.alive, before)
        assert.strictEqual(cli.killed, 1)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.provide(get("later"), service))))
      }).pipe(Effect.provideContext(context))
    }))

  it.effect("a write under way is finished, and one that hangs is given up after five seconds", () =>
    Effect.gen(function*() {
      for (const [takes, written] of [["1 second", true], ["1 hour", false]] as const) {
        const puts: Array<string> = []
        const storage = storageThat((verb, app) =>
          verb === "put" ? Effect.delay(Effect.sync(() => void puts.push(app)), takes) : Effect.void
        )
        const scope = yield* Scope.make()
        const service = yield* Layer.buildWithScope(layer({ cli: counting(), storage }), scope)
        yield* Effect.provide(get("web"), service)
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* adjust("5 seconds")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(puts, written ? ["web"] : [])
        yield* adjust("2 hours")
        assert.deepStrictEqual(puts, written ? ["web"] : [])
      }
    }))
})

it.effect("a token that cannot be stored is used all the same", () =>
  Effect.gen(function*() {
    const storage = storageThat((verb) => verb === "put" ? Effect.die(new Error("canary")) : Effect.void)
    yield* Effect.gen(function*() {
      yield* get("web")
      yield* settle
      assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
      const error = yield* Effect.flip(setManual("web", "fm2_hand"))
      assert.deepStrictEqual([error.kind, error.message.includes("canary")], ["persist_failed", false])
    }).pipe(Effect.provide(layer({ cli: counting(), storage })))
  }))
