/**
 * The owner of a state directory, and what the command line says when it cannot be known.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"
import { fromStateDirectory } from "../../src/cli/stateDirectoryStore.ts"
import * as SessionStore from "../../src/orchestrator/SessionStore.ts"
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

    it.effect("that cannot be made, as on a full disk, has no sessions, takes none, and leaves nothing behind", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        const isFull = FileSystem.FileSystem.of({
          ...fs,
          open: (path, options) =>
            Effect.map(fs.open(path, options), (file) => ({
              ...file,
              writeAll: () =>
                Effect.fail(PlatformError.systemError({
                  _tag: "WriteZero",
                  module: "FileSystem",
                  method: "writeAll",
                  cause: Object.assign(new Error(), { code: "ENOSPC" })
                }))
            }))
        })
        const { owner, store } = yield* Effect.provideService(
          storeIn({ ATLAS_STATE_DIR: home }),
          FileSystem.FileSystem,
          isFull
        )
        const tried = Effect.gen(function*() {
          const stored = yield* SessionStore.SessionStore
          const { sessions } = yield* SessionStore.loadAll(stored, owner)
          return { sessions, refused: yield* Effect.flip(Effect.scoped(stored.lock(owner))) }
        })
        const { refused, sessions } = yield* Effect.provide(tried, store)
        assert.deepStrictEqual(sessions, [])
        assert.include(refused.reason.message, `${home}/owner cannot be used: the disk is full (ENOSPC)`)
        assert.deepStrictEqual(yield* fs.readDirectory(home), [])
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
