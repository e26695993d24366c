/**
 * The whole of Fly operations as one layer: in a host's graph, with parts of the host's own, twice side by side, or not at all.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import {
  AppName,
  Fly,
  FlyCli,
  FlyDeploy,
  FlyLogs,
  FlyLogSource,
  FlyTokens,
  FlyTopics,
  TokenStorage
} from "effect-atlas/fly"
import { FakeFly, FakeFlyCli } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { join } from "node:path"
import { repeatUntil } from "../support/until.ts"
import { home } from "./tokenHarness.ts"

/** A fly command that deploys and makes tokens named after it. */
const cliOf = (name: string) =>
  FakeFlyCli.layer(
    { when: ["deploy"], steps: [{ stdout: `${name} builds\n` }, { stderr: `${name} is live\n` }] },
    { when: ["tokens", "create"], steps: [{ stdout: JSON.stringify({ token: `FlyV1 fm2_${name}` }) }] }
  )

const settings = (env: Readonly<Record<string, string>> = {}) =>
  ConfigProvider.layer(ConfigProvider.fromEnvRecord({ HOME: "/nonexistent", ...env }))

/** Everything a tree stands on: real files, the fake hosts for HTTP, and an environment of its own. */
const platform = (env?: Readonly<Record<string, string>>) =>
  Layer.mergeAll(NodeServices.layer, FakeFly.layerClient, settings(env)).pipe(
    Layer.provideMerge(FakeFly.layer({ apps: ["acme-web"] }))
  )

/** A tree whose fly command, tokens and bus are its own. */
const treeOf = (name: string) => Fly.layer({ parts: Layer.mergeAll(cliOf(name), TokenStorage.layerMemory) })

const readToken = (app: string) =>
  Fly.Fly.use(({ tokens }) => Effect.map(tokens.get(app), ({ token }) => Redacted.value(token)))

/** The lines of a deploy as a subscriber hears them that only knows the ticket. */
const overheard = (ticket: string) =>
  Effect.gen(function*() {
    const fly = yield* Fly.Fly
    const bus = yield* Dispatcher.Dispatcher
    const ready = yield* Deferred.make<void>()
    const listening = fly.subscribeDeploy(ticket).pipe(
      Stream.interruptWhen(Deferred.await(ready)),
      Stream.runCollect
    )
    const fiber = yield* Effect.forkScoped(listening, { startImmediately: true })
    return { fly, bus, fiber, stop: Deferred.succeed(ready, undefined) }
  })

describe("Fly and its parts", () => {
  it.live("finds apps, deploys them, and publishes the lines to subscribers with the ticket", () =>
    Effect.gen(function*() {
      const { directory } = yield* home
      fs.writeFileSync(join(directory, "fly.toml"), "app = \"acme-web\"\n")
      yield* Effect.gen(function*() {
        const { fiber, fly, stop } = yield* overheard("t1")
        assert.deepStrictEqual(yield* fly.discoverApps(directory), [{
          name: AppName.AppName.make("acme-web"),
          directory
        }])
        assert.strictEqual(yield* fly.deploy(directory, "."), "one builds\none is live\n")
        const lines = yield* Stream.runCollect(fly.streamDeploy(directory, ".", { ticket: "t1" }))
        assert.deepStrictEqual(lines, ["one builds", "one is live"])
        yield* stop
        assert.deepStrictEqual(yield* Fiber.join(fiber), lines)
      }).pipe(Effect.provide(treeOf("one").pipe(Layer.provide(platform()))))
    }).pipe(Effect.scoped))

  it.live("follows a log with the tokens it finds itself", () =>
    Effect.gen(function*() {
      const fake = yield* FakeFly.FakeFly
      yield* fake.append("acme-web", [{ message: "hello" }])
      const fly = yield* Fly.Fly
      const [first] = yield* Stream.runCollect(Stream.take(fly.subscribeLogs("acme-web"), 1))
      assert.deepInclude(first, { _tag: "Logs" })
      assert.deepStrictEqual(yield* fly.logs.streamers, [])
      const { scheme } = (yield* fake.requests)[0] ?? {}
      assert.strictEqual(scheme, "FlyV1")
      assert.strictEqual(yield* readToken("acme-web"), "FlyV1 fm2_one")
      assert.strictEqual((yield* fly.tokens.get("acme-web")).source, "ets")
    }).pipe(Effect.provide(treeOf("one").pipe(Layer.provideMerge(platform())))))

  it.live("gives each part to the host as well", () =>
    Effect.gen(function*() {
      const { tokens } = yield* Fly.Fly
      assert.strictEqual(yield* FlyTokens.FlyTokens, tokens)
      yield* FlyLogs.FlyLogs.use((logs) => logs.fetch("acme-web"))
      yield* FlyCli.FlyCli.use((cli) => cli.run(["deploy"]))
    }).pipe(Effect.provide(treeOf("one").pipe(Layer.provide(platform())))))

  it.live("closing it ends what is followed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(treeOf("one").pipe(Layer.provideMerge(platform())), scope)
      const { logs, subscribeLogs } = Context.get(context, Fly.Fly)
      const following = yield* Effect.forkChild(Stream.runCollect(subscribeLogs("acme-web")), {
        startImmediately: true
      })
      yield* repeatUntil(logs.streamerRunning("acme-web"), (isRunning) => isRunning)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(following)).at(-1)?._tag, "Stopped")
      assert.deepStrictEqual(yield* logs.streamers, [])
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(subscribeLogs("acme-web")))).kind, "no_streamer")
    }))

  it.live("a subscriber of a deploy who reads too slowly is unsubscribed with NoStreamer, and the deploy goes on", () =>
    Effect.gen(function*() {
      const fly = yield* Fly.Fly
      const bus = yield* Dispatcher.Dispatcher
      const started = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const slow = fly.subscribeDeploy("t2").pipe(
        Stream.tap(() => Effect.andThen(Deferred.succeed(started, undefined), Deferred.await(go))),
        Stream.runDrain
      )
      const fiber = yield* Effect.forkChild(Effect.flip(slow), { startImmediately: true })
      const say = (line: string) => bus.publish(FlyTopics.deploy("t2"), { _tag: "DeployLine", ticket: "t2", line })
      yield* say("first")
      yield* Deferred.await(started)
      yield* Effect.forEach(Array.from({ length: 10_001 }, (_, n) => `line ${n}`), say, { discard: true })
      yield* Deferred.succeed(go, undefined)
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.kind, "no_streamer")
      assert.include(error.message, "too slow")
    }).pipe(Effect.provide(treeOf("one").pipe(Layer.provide(platform())))))
})

describe("a part of the host's own", () => {
  const usedBy = <A, E>(parts: Layer.Layer<never>, use: Effect.Effect<A, E, Fly.Fly | Dispatcher.Dispatcher>) =>
    Effect.provide(
      use,
      Fly.layer({ tokens: { org: "acme" }, parts }).pipe(
        Layer.provide(platform({ FLY_API_TOKEN: "fm2_env", ATLAS_FLY_TOKENS_DIR: "/nonexistent/tokens" }))
      )
    )

  it.live("stands in for the fly command", () =>
    Effect.gen(function*() {
      const output = yield* usedBy(cliOf("host"), Fly.Fly.use((fly) => fly.deploy("/", ".")))
      assert.strictEqual(output, "host builds\nhost is live\n")
    }))

  it.live("stands in for the tokens", () =>
    Effect.gen(function*() {
      const expiresAt = null
      const mine = { token: Redacted.make("fm2_host"), source: "manual", acquirer: "app_server", expiresAt } as const
      const service = FlyTokens.FlyTokens.of({
        get: () => Effect.succeed(mine),
        refresh: () => Effect.succeed(mine),
        invalidate: () => Effect.void,
        setManual: () => Effect.void
      })
      assert.strictEqual(yield* usedBy(Layer.succeed(FlyTokens.FlyTokens, service), readToken("acme-web")), "fm2_host")
    }))

  it.live("stands in for the token storage", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const storage = Layer.effect(
        TokenStorage.TokenStorage,
        Effect.map(TokenStorage.TokenStorage, (memory) =>
          TokenStorage.TokenStorage.of({
            ...memory,
            get: (app, key) => Effect.suspend(() => (asked.push(`${app} ${key}`), memory.get(app, key)))
          }))
      ).pipe(Layer.provide(TokenStorage.layerMemory))
      assert.strictEqual(yield* usedBy(storage, readToken("acme-web")), "fm2_env")
      assert.deepStrictEqual(asked, ["acme-web cached"])
    }))

  it.live("stands in for the log host", () =>
    Effect.gen(function*() {
      const source = FlyLogSource.FlyLogSource.of({
        page: ({ app }) =>
          Effect.succeed({
            entries: [{ timestamp: null, message: app, level: null, region: null, instance: null, appName: null }],
            ids: [null],
            cursor: null,
            isFull: false,
            skipped: 0
          })
      })
      const [first] = yield* usedBy(
        Layer.succeed(FlyLogSource.FlyLogSource, source),
        Fly.Fly.use((fly) => Stream.runCollect(Stream.take(fly.subscribeLogs("acme-web"), 1)))
      )
      assert.strictEqual(first?._tag === "Logs" ? first.entries[0]?.message : null, "acme-web")
    }))

  it.live("stands in for the bus, together with others in one layer", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const heardAll = yield* Deferred.make<void>()
      const bus = Dispatcher.layerCustom((topic, message) => {
        heard.push([topic, message])
        if (heard.length === 2) Deferred.doneUnsafe(heardAll, Exit.void)
      })
      yield* usedBy(
        Layer.mergeAll(cliOf("host"), bus),
        Effect.andThen(
          Fly.Fly.use((fly) => Stream.runDrain(fly.streamDeploy("/", ".", { ticket: "t3" }))),
          Deferred.await(heardAll)
        )
      )
      assert.deepStrictEqual(
        heard,
        ["host builds", "host is live"].map((line) => ["fly_deploy:t3", { _tag: "DeployLine", ticket: "t3", line }])
      )
    }))
})

it.live("two Fly layers in one graph share no events and no tokens", () =>
  Effect.gen(function*() {
    const fake = yield* FakeFly.FakeFly
    yield* fake.append("acme-web", [{ message: "hello" }])
    const look = Effect.gen(function*() {
      const { bus, fiber, fly, stop } = yield* overheard("same")
      yield* Stream.runDrain(fly.streamDeploy("/", ".", { ticket: "same" }))
      const logs = yield* FlyLogs.FlyLogs
      const { entries } = yield* logs.fetch("acme-web")
      return {
        bus,
        fly,
        logs,
        lines: Effect.andThen(stop, Fiber.join(fiber)),
        entries,
        token: yield* readToken("acme-web")
      }
    })
    type Look = Effect.Success<typeof look>
    class One extends Context.Service<One, Look>()("test/One") {}
    class Two extends Context.Service<Two, Look>()("test/Two") {}
    const withTokens = (name: string) => {
      const parts = Layer.mergeAll(cliOf(name), Layer.fresh(TokenStorage.layerMemory))
      return Fly.layer({ parts })
    }
    // one memo map for both, as in a host that merges two features
    const both = Layer.mergeAll(
      Layer.effect(One, look).pipe(Layer.provide(withTokens("one"))),
      Layer.effect(Two, look).pipe(Layer.provide(withTokens("two")))
    )
    yield* Effect.gen(function*() {
      const [one, two] = [yield* One, yield* Two]
      assert.notStrictEqual(one.bus, two.bus)
      assert.notStrictEqual(one.logs, two.logs)
      assert.notStrictEqual(one.fly.logs, two.fly.logs)
      assert.deepStrictEqual([one.token, two.token], ["FlyV1 fm2_one", "FlyV1 fm2_two"])
      assert.deepStrictEqual(yield* one.lines, ["one builds", "one is live"])
      assert.deepStrictEqual(yield* two.lines, ["two builds", "two is live"])
      assert.deepStrictEqual([one.entries.length, two.entries.length], [1, 1])
      yield* one.fly.tokens.invalidate("acme-web")
      assert.strictEqual((yield* two.fly.tokens.get("acme-web")).source, "ets")
    }).pipe(Effect.provide(both))
  }).pipe(Effect.provide(platform())))

describe("switched off", () => {
  /** Every operation, as what came of it. */
  const outcomes = Effect.gen(function*() {
    const fly = yield* Fly.Fly
    const kind = <A, E extends { readonly kind: string }>(effect: Effect.Effect<A, E, Scope.Scope>) =>
      Effect.map(Effect.flip(Effect.scoped(effect)), (error) => error.kind)
    assert.deepStrictEqual(yield* fly.discoverApps("."), [])
    assert.isFalse(yield* fly.logs.streamerRunning("acme-web"))
    yield* fly.tokens.invalidate("acme-web")
    return [
      yield* kind(Stream.runDrain(fly.subscribeLogs("acme-web"))),
      yield* kind(fly.logs.subscribe("acme-web")),
      yield* kind(fly.logs.startStreamer("acme-web")),
      yield* kind(Stream.runDrain(fly.subscribeDeploy("t1"))),
      yield* kind(fly.deploy(".", ".")),
      yield* kind(Stream.runDrain(fly.streamDeploy(".", "."))),
      yield* kind(fly.tokens.get("acme-web")),
      yield* kind(fly.tokens.setManual("acme-web", Redacted.make("fm2_a")))
    ]
  })
  const expected = [
    "no_streamer",
    "no_streamer",
    "no_streamer",
    "no_streamer",
    "fly_not_found",
    "fly_not_found",
    "no_token",
    "no_token"
  ]

  it.effect("builds nothing, not even the host's parts; subscriptions fail as no_streamer, every message says that Fly is off", () =>
    Effect.gen(function*() {
      const parts = Layer.effect(TokenStorage.TokenStorage, Effect.die("was built"))
      assert.deepStrictEqual(
        yield* Effect.provide(outcomes, Fly.layer({ enabled: false, parts, tokens: { org: "not a slug" } })),
        expected
      )
    }))

  it.effect("by a setting touches neither files nor processes nor the network", () =>
    Effect.gen(function*() {
      const untouchable = Layer.mergeAll(
        FileSystem.layerNoop({}),
        Path.layer,
        Layer.succeed(
          ChildProcessSpawner.ChildProcessSpawner,
          ChildProcessSpawner.make(() => Effect.die("a process was started"))
        ),
        Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.die("a request was sent")))
      )
      const found = yield* Effect.provide(
        outcomes,
        Fly.layerConfig().pipe(Layer.provide([untouchable, settings({ ATLAS_FLY_ENABLED: "false" })]))
      )
      assert.deepStrictEqual(found, expected)
    }))

  it.live("is not the default; settings reach the parts", () =>
    Effect.gen(function*() {
      const { directory } = yield* home
      const tokens = join(directory, "tokens")
      yield* Effect.gen(function*() {
        const fly = yield* Fly.Fly
        yield* fly.tokens.setManual("acme-web", Redacted.make("fm2_hand"))
        assert.strictEqual(yield* readToken("acme-web"), "fm2_hand")
        assert.deepStrictEqual(fs.readdirSync(tokens), ["acme-web.manual.json"])
        const fake = yield* FakeFly.FakeFly
        yield* fake.append("acme-web", [{ message: "hello" }])
        const [first] = yield* Stream.runCollect(Stream.take(fly.subscribeLogs("acme-web"), 1))
        assert.strictEqual(first?._tag, "Logs")
      }).pipe(Effect.provide(
        Fly.layerConfig().pipe(
          Layer.provideMerge(platform({ ATLAS_FLY_CLI: "false", ATLAS_FLY_TOKENS_DIR: tokens }))
        )
      ))
    }).pipe(Effect.scoped))
})

describe("parts alone", () => {
  it.effect("a deploy needs neither tokens nor logs nor a bus", () =>
    Effect.gen(function*() {
      const output = yield* FlyDeploy.deploy("/", ".", { ticket: "nobody" })
      assert.strictEqual(output, "alone builds\nalone is live\n")
    }).pipe(Effect.provide(Layer.merge(cliOf("alone"), NodeServices.layer))))

  it.effect("log pages need a token from anywhere and nothing else of the tree", () =>
    Effect.gen(function*() {
      yield* FakeFly.FakeFly.use(({ append }) => append("acme-web", [{ message: "hello" }]))
      const { entries } = yield* FlyLogs.FlyLogs.use((logs) => logs.fetch("acme-web"))
      assert.deepStrictEqual(entries.map(({ message }) => message), ["hello"])
    }).pipe(Effect.provide(
      FlyLogs.layerTokens({ get: () => Effect.succeed(Redacted.make("fm2_a")), invalidate: () => Effect.void }).pipe(
        Layer.provide(FlyLogSource.layerPlatform()),
        Layer.provide(FakeFly.layerClient),
        Layer.provideMerge(FakeFly.layer({ apps: ["acme-web"] }))
      )
    )))
})
