/**
 * Where state is kept: by the environment, else by what the system knows of the account, and never where all users can write.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Atlas, Providers } from "effect-atlas"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as StateDirectory from "effect-atlas/storage/StateDirectory"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { userInfo } from "node:os"

const surroundings = (env: Readonly<Record<string, string>>, account: string | null) =>
  Layer.mergeAll(
    NodeServices.layer,
    ConfigProvider.layer(ConfigProvider.fromEnvRecord(env, { preserveEmptyStrings: true })),
    Layer.succeed(StateDirectory.AccountHome, Effect.succeed(account))
  )

describe("the state directory", () => {
  it.effect.each<readonly [Record<string, string>, string]>([
    [{ ATLAS_STATE_DIR: "/given", XDG_STATE_HOME: "/xdg", HOME: "/home/me" }, "/given"],
    [{ ATLAS_STATE_DIR: "", XDG_STATE_HOME: "/xdg", HOME: "/home/me" }, "/xdg/effect-atlas"],
    [{ HOME: "/home/me" }, "/home/me/.local/state/effect-atlas"],
    [{ HOME: "" }, "/home/account/.local/state/effect-atlas"],
    [{}, "/home/account/.local/state/effect-atlas"]
  ])("of %j is %s", ([env, expected]) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* StateDirectory.find(), expected)
    }).pipe(Effect.provide(surroundings(env, "/home/account"))))

  it.effect("of a user without a home is a failure with what to set", () =>
    Effect.gen(function*() {
      const fault = yield* Effect.flip(StateDirectory.find("stateDir"))
      assert.include(fault.message, "set ATLAS_STATE_DIR or give `stateDir`")
    }).pipe(Effect.provide(surroundings({}, null))))

  it.effect("asks the system for the account's home", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* yield* StateDirectory.AccountHome, userInfo().homedir)
    }))
})

it.effect("a reader of HOME gets the account's home where HOME is not set, and HOME where it is", () =>
  Effect.gen(function*() {
    const read = StateDirectory.withHome(Config.String("HOME"))
    assert.strictEqual(yield* Effect.provide(read, surroundings({}, "/home/account")), "/home/account")
    assert.strictEqual(yield* Effect.provide(read, surroundings({ HOME: "/mine" }, "/home/account")), "/mine")
    assert.strictEqual((yield* Effect.result(Effect.provide(read, surroundings({}, null))))._tag, "Failure")
  }))

describe("for a user without a home", () => {
  it.effect("every call of the local provider that needs its directory fails with what to set", () =>
    Effect.gen(function*() {
      const calls: ReadonlyArray<Effect.Effect<unknown, { readonly message: string }, Providers.Providers>> = [
        Atlas.spawnCompute({ command: ["true"] }),
        Atlas.listCompute(),
        Atlas.getCompute("local-x"),
        Atlas.terminate("local-x"),
        Stream.runDrain(Atlas.streamLogs("local-x"))
      ]
      for (const call of calls) assert.include((yield* Effect.flip(call)).message, "give `stateDir`")
      // the GPUs of the machine need no directory: asked of nvidia-smi, they are still answered
      yield* Atlas.listGpuTypes()
    }).pipe(
      Effect.provide(Providers.layer(LocalProvider.layer()).pipe(Layer.provide(surroundings({}, null))))
    ))

  it.effect("the store in a file fails with what to set", () =>
    Effect.gen(function*() {
      const { message, reason } = yield* Effect.flip(Effect.scoped(Layer.build(SessionStoreSqlite.layer())))
      assert.strictEqual(reason._tag, "StorageFault")
      assert.include(message, "give `filename`")
    }).pipe(Effect.provide(surroundings({}, null))))
})
