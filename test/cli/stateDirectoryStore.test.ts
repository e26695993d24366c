/**
 * The owner of a state directory, and what the command line says when it cannot be known.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { fromStateDirectory } from "../../src/cli/stateDirectoryStore.ts"
import * as StateDirectory from "../../src/storage/StateDirectory.ts"

const storeIn = (env: Readonly<Record<string, string>>) =>
  Effect.provideService(fromStateDirectory, ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env))

describe("the owner of a state directory", () => {
  it.layer(NodeServices.layer)((it) => {
    it.effect("is made up once and stays", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        const env = { ATLAS_STATE_DIR: home }
        const { owner } = yield* storeIn(env)
        assert.strictEqual((yield* storeIn(env)).owner, owner)
        assert.deepStrictEqual(yield* fs.readDirectory(home), ["owner"])
      }))

    it.effect.each(["", "\n", "Not An Owner", "a".repeat(17)])(
      "that is %j in its file is blamed on the file, with what to do about it",
      (text) =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const home = yield* fs.makeTempDirectoryScoped()
          yield* fs.writeFileString(`${home}/owner`, text)
          const { kind, reason } = yield* Effect.flip(storeIn({ ATLAS_STATE_DIR: home }))
          assert.strictEqual(kind, "storage_fault")
          assert.include(reason.message, `${home}/owner`)
          assert.include(reason.message, "remove it")
        })
    )

    it.effect("that ATLAS_OWNER gives badly is blamed on ATLAS_OWNER", () =>
      Effect.gen(function*() {
        const { kind, reason } = yield* Effect.flip(storeIn({ ATLAS_OWNER: "Not-An-Owner", ATLAS_STATE_DIR: "/x" }))
        assert.strictEqual(kind, "validation")
        assert.include(reason.message, "ATLAS_OWNER")
      }))

    it.effect("is looked for nowhere when the user has no home", () =>
      Effect.gen(function*() {
        const homeless = Effect.provideService(storeIn({}), StateDirectory.AccountHome, Effect.succeed(null))
        const { reason } = yield* Effect.flip(homeless)
        assert.include(reason.message, "ATLAS_STATE_DIR")
      }))
  })
})
