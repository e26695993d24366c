/**
 * A test that closes a scope or a layer moves no clock meanwhile: what is handed back then ends all the same, whatever its
 * provider does, and is proven to be gone as ever.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, type Compute, Ids, Provider, Providers } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as RunPod from "effect-atlas/providers/RunPod"
import { FakeRunPod, TestTime } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { machine } from "./support/acme.ts"

const request = { gpu: "h100", image: "me/server" } as const

/** A provider, and what it is asked about the machines that still cost money. */
interface Cloud {
  readonly provider: Providers.Made
  readonly live: Effect.Effect<number>
}

const mock = (order: (mock: MockProvider.Controls) => Effect.Effect<unknown> = () => Effect.void) =>
  Effect.gen(function*() {
    const { controls, provider } = yield* MockProvider.make()
    yield* order(controls)
    return { provider, controls, live: Effect.map(controls.ledger, ({ live }) => live.length) }
  })

const fakeRunPod: Effect.Effect<Cloud, AtlasError.AtlasError, Scope.Scope> = Effect.gen(function*() {
  const layer = RunPod.layer({ apiKey: "rpa_key" }).pipe(
    Layer.provide(FakeRunPod.layerClient),
    Layer.provideMerge(FakeRunPod.layer())
  )
  const scope = yield* Effect.scope
  return yield* Effect.gen(function*() {
    const provider = yield* Provider.Provider
    const { ledger } = yield* FakeRunPod.FakeRunPodControls
    return { provider, live: Effect.map(ledger, ({ live }) => live.length) }
  }).pipe(Effect.provide(yield* Layer.buildWithScope(Layer.fresh(layer), scope)))
})

/** As short as an adapter can be. */
const ownAdapter = Effect.sync((): Cloud => {
  const machines = new Map<string, Compute.Compute>()
  let made = 0
  const provider = Provider.make({
    id: "acme",
    compute: {
      spawn: ({ name }) =>
        Effect.sync(() => {
          made += 1
          const one = machine({ id: Ids.ComputeId.make(`acme-${made}`), name })
          machines.set(one.id, one)
          return one
        }),
      get: (id) =>
        Effect.suspend(() => {
          const one = machines.get(id)
          return one === undefined ? Effect.fail(new AtlasError.NotFound({})) : Effect.succeed(one)
        }),
      list: () => Effect.sync(() => [...machines.values()]),
      terminate: (id) => Effect.sync(() => void machines.delete(id))
    }
  })
  return { provider, live: Effect.sync(() => machines.size) }
})

type Use = Effect.Effect<unknown, AtlasError.AtlasError, Providers.Providers>

/** Uses an orchestrator, whose layer is closed when the use is over. */
const orchestrated = (
  use: (orchestrator: Orchestrator.Orchestrator["Service"]) => Effect.Effect<unknown, AtlasError.AtlasError>
): Use =>
  Effect.flatMap(Orchestrator.Orchestrator, use).pipe(
    Effect.provide(Layer.fresh(Orchestrator.layer({ owner: "team1" })).pipe(Layer.provide(SessionStore.layerMemory)))
  )

/** Begins, and leaves while it is still under way. */
const cutOff = <E, R>(self: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
  })

const ways: Readonly<Record<string, Use>> = {
  "Atlas.scoped": Effect.scoped(Atlas.scoped(request)),
  "Atlas.withCompute": Atlas.withCompute(request, () => Effect.void),
  "Atlas.withCompute, interrupted": cutOff(Atlas.withCompute(request, () => Effect.never)),
  "Atlas.end": Effect.flatMap(Atlas.spawnCompute(request), ({ id }) => Atlas.end(id)),
  "an orchestrator of one session": orchestrated(({ spawn }) => spawn(request)),
  "an orchestrator of several": orchestrated(({ spawn }) => Effect.all([spawn(request), spawn(request)])),
  "an orchestrator whose session still rents": orchestrated(({ spawn }) =>
    Effect.forkDetach(Effect.exit(spawn(request)), { startImmediately: true })
  ),
  "Orchestrator.scoped": orchestrated(({ scoped }) => Effect.scoped(scoped(request))),
  "Orchestrator.stopTracked": orchestrated(({ awaitEnd, spawn, stopTracked }) =>
    Effect.flatMap(spawn(request), ({ id }) => Effect.andThen(stopTracked(id), awaitEnd(id)))
  )
}

/** Does it in each way, each at a cloud of its own: what came of it, and how many machines it left when all was over. */
const tryAll = <E>(chosen: Readonly<Record<string, Use>>, makeCloud: Effect.Effect<Cloud, E, Scope.Scope>) =>
  Effect.scoped(Effect.gen(function*() {
    const tried = yield* Effect.forEach(Object.entries(chosen), ([way, use]) =>
      Effect.gen(function*() {
        const { live, provider } = yield* makeCloud
        const registry = Providers.make([provider], { default: provider.id })
        return { way, live, exit: yield* Effect.exit(Effect.provideService(use, Providers.Providers, registry)) }
      }), { concurrency: "unbounded" })
    // whatever a cloud makes later has been made by then
    yield* TestTime.passWhile(Effect.sleep("1 minute"))
    return yield* Effect.forEach(tried, ({ exit, live, way }) => Effect.map(live, (left) => ({ way, exit, left })))
  }))

/** The reasons of the ways that did not succeed, and how many machines each left. */
const troubleOf = (tried: Effect.Success<ReturnType<typeof tryAll>>) =>
  tried.flatMap(({ exit, left, way }) => {
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : null
    const reason = error instanceof AtlasError.AtlasError ? error.reason._tag : error === null ? "over" : "another"
    return reason === "over" && left === 0 ? [] : [`${way}: ${reason}, ${left} left`]
  })

/** The ways that rent and go before they have been answered. */
const leaving: Readonly<Record<string, Use>> = {
  "Atlas.spawnCompute": cutOff(Atlas.spawnCompute(request)),
  "Atlas.scoped": cutOff(Effect.scoped(Atlas.scoped(request))),
  "an orchestrator": orchestrated(({ spawn }) =>
    Effect.forkDetach(Effect.exit(spawn(request)), { startImmediately: true })
  )
}

/** Without the log: what cannot be proven while a layer closes is told there. */
const quiet = Effect.provide(Logger.layer([]))

describe.concurrent("where nobody moves the clock of the test, what is handed back ends", () => {
  it.effect("at FakeRunPod", () =>
    Effect.map(tryAll(ways, fakeRunPod), (tried) => assert.deepStrictEqual(troubleOf(tried), [])).pipe(quiet))

  it.effect("at MockProvider", () =>
    Effect.map(tryAll(ways, mock()), (tried) => assert.deepStrictEqual(troubleOf(tried), [])).pipe(quiet))

  it.effect("at an adapter of one's own", () =>
    Effect.map(tryAll(ways, ownAdapter), (tried) => assert.deepStrictEqual(troubleOf(tried), [])).pipe(quiet))

  it.effect("where listings lag, and two deletes are accepted and not done", () =>
    Effect.map(
      tryAll(
        ways,
        mock(({ ignoreDeletes, setListingLag }) => Effect.andThen(ignoreDeletes(2), setListingLag("4 seconds")))
      ),
      (tried) => assert.deepStrictEqual(troubleOf(tried), [])
    ).pipe(quiet))

  it.effect("where the answer to the create is lost, and no listing shows its machine for a while", () =>
    Effect.map(
      tryAll(
        { ...leaving, "Atlas.withCompute, which finds it": Atlas.withCompute(request, () => Effect.void) },
        mock(({ loseNextAnswer, setListingLag }) =>
          Effect.andThen(loseNextAnswer({ created: true }), setListingLag("7 seconds"))
        )
      ),
      (tried) => assert.deepStrictEqual(troubleOf(tried), [])
    ).pipe(quiet))

  it.effect("where the create is under way, and answered with two machines later", () =>
    Effect.map(
      tryAll(
        leaving,
        mock(({ delay, twinNext }) =>
          Effect.andThen(delay("spawnCompute", { answer: "3 seconds" }), twinNext({ apart: "4 seconds" }))
        )
      ),
      (tried) => assert.deepStrictEqual(troubleOf(tried), [])
    ).pipe(quiet))

  const refused = new AtlasError.ProviderFault({ status: 500, message: "not now" })
  it.effect.each<readonly [string, Effect.Effect<Cloud, AtlasError.AtlasError>]>([
    ["not accepted", mock(({ failNext }) => failNext("terminate", refused, 10_000))],
    ["not answered", mock(({ delay }) => delay("terminate", { request: Duration.infinity }))]
  ])(
    "where a terminate is %s, and then nothing is said to be gone",
    ([, cloud]) =>
      Effect.map(tryAll(ways, cloud), (tried) =>
        assert.deepStrictEqual(
          troubleOf(tried).filter((line) => !/an orchestrator/.test(line)),
          [
            "Atlas.scoped: Uncertain, 1 left",
            "Atlas.withCompute: Uncertain, 1 left",
            "Atlas.withCompute, interrupted: over, 1 left",
            "Atlas.end: Uncertain, 1 left",
            "Orchestrator.scoped: Uncertain, 1 left",
            "Orchestrator.stopTracked: Uncertain, 1 left"
          ]
        )).pipe(quiet)
  )
})

describe("a hand-back that nothing is left to wait for", () => {
  it.effect("asks the machine to end, looks, and lists its name, without any time", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock()
      const { id, name } = yield* provider.compute.spawn(request)
      yield* TestClock.adjust("10 seconds")
      yield* provider.compute.end(id, { name })
      assert.deepStrictEqual(
        (yield* controls.requests).map(({ at, operation }) => [operation, DateTime.toEpochMillis(at)]),
        [["spawnCompute", 0], ["terminate", 10_000], ["getCompute", 10_000], ["listCompute", 10_000]]
      )
    }))

  it.effect("closes an orchestrator without any time: after an accepted terminate it looks at once", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock()
      const registry = Providers.make([provider], { default: provider.id })
      yield* orchestrated(({ spawn }) => Effect.andThen(spawn(request), TestClock.adjust("6 seconds"))).pipe(
        Effect.provideService(Providers.Providers, registry)
      )
      const asked = (yield* controls.requests).map(({ at, operation }) => [operation, DateTime.toEpochMillis(at)])
      assert.deepStrictEqual(asked.slice(-2), [["terminate", 6_000], ["getCompute", 6_000]])
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))
})
