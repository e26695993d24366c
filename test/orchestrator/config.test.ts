/**
 * An orchestrator that is configured from the environment.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas/domain/AtlasError"
import { Orchestrator, SessionEngine, SessionStore } from "effect-atlas/orchestrator"
import * as Providers from "effect-atlas/provider/Providers"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { pass, settle } from "./harness.ts"
import { makePlainCloud } from "./plainCloud.ts"

const build = (env: Record<string, string>) =>
  Effect.gen(function*() {
    const { controls, provider } = yield* MockProvider.make({})
    const plain = yield* makePlainCloud()
    const context = yield* Layer.build(
      Layer.fresh(Orchestrator.layerConfig()).pipe(
        Layer.provide([
          SessionStore.layerMemory,
          Layer.succeed(Providers.Providers, Providers.make([provider, plain.provider])),
          ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))
        ])
      )
    )
    return {
      orchestrator: Context.get(context, Orchestrator.Orchestrator),
      engine: Context.get(context, SessionEngine.SessionEngine),
      controls,
      plain
    }
  })

describe("Orchestrator.layerConfig", () => {
  it.effect("reads the owner, and every setting has its default", () =>
    Effect.gen(function*() {
      const { controls, engine, plain } = yield* build({ ATLAS_OWNER: "shop" })
      assert.deepStrictEqual([engine.owner, engine.config.retention], ["shop", 86_400_000])
      yield* pass(10)
      assert.deepStrictEqual([(yield* controls.counts).listCompute, plain.seen.list], [1, 1])
    }))

  it.effect("reads every setting", () =>
    Effect.gen(function*() {
      const { controls, engine, orchestrator, plain } = yield* build({
        ATLAS_OWNER: "shop",
        ATLAS_POLL_INTERVAL: "4 seconds",
        ATLAS_REAP_PROVIDERS: " mock, ",
        ATLAS_REAP_GRACE: "2 minutes",
        ATLAS_CLOSE_WITHIN: "5 seconds",
        ATLAS_RETENTION: "1 hour",
        ATLAS_CONCURRENCY: "2"
      })
      assert.strictEqual(engine.config.retention, 3_600_000)
      yield* controls.delay("spawnCompute", { request: "1 second" })
      const callers = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.forkChild(Effect.exit(orchestrator.spawn({}, { provider: "mock" })))
      )
      yield* settle
      assert.strictEqual((yield* controls.counts).spawnCompute, 2)
      yield* Fiber.interruptAll(callers)
      yield* pass(40)
      assert.isAtLeast((yield* controls.counts).listCompute, 8)
      assert.strictEqual(plain.seen.list, 0)
    }))

  it.effect("cleans no account when the value is none", () =>
    Effect.gen(function*() {
      const { controls, plain } = yield* build({ ATLAS_OWNER: "shop", ATLAS_REAP_PROVIDERS: "none" })
      yield* pass(70)
      assert.deepStrictEqual([(yield* controls.counts).listCompute, plain.seen.list], [0, 0])
    }))

  it.effect.each(
    [
      ["ATLAS_OWNER", {}],
      ["ATLAS_RETENTION", { ATLAS_OWNER: "shop", ATLAS_RETENTION: "soon" }],
      ["owner", { ATLAS_OWNER: "The Shop" }],
      ["reapGrace", { ATLAS_OWNER: "shop", ATLAS_REAP_GRACE: "0 seconds" }],
      ["concurrency", { ATLAS_OWNER: "shop", ATLAS_CONCURRENCY: "0" }],
      ["provider", { ATLAS_OWNER: "shop", ATLAS_REAP_PROVIDERS: "mock,acme" }]
    ] satisfies ReadonlyArray<[string, Record<string, string>]>
  )("names what is wrong: %s", ([named, env]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(build(env))
      assert.include(error instanceof AtlasError ? error.message : String(error), named)
    }))
})
