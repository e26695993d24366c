/**
 * Where state that outlives a process is kept on this machine when no option names a place.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { userInfo } from "node:os"
import { StorageFault } from "../domain/AtlasError.ts"
import * as Setting from "../domain/Setting.ts"

/**
 * The home directory the operating system has on record for the account that runs this process; null when it has none, as in
 * a container that runs under an arbitrary user id.
 *
 * @category services
 * @since 0.1.0
 */
export const AccountHome = Context.Reference<Effect.Effect<string | null>>("effect-atlas/storage/AccountHome", {
  defaultValue: () =>
    Effect.sync(() => {
      try {
        return userInfo().homedir || null
      } catch {
        return null
      }
    })
})

/**
 * The user's home: `HOME`, else what the operating system has on record for the account; null when neither says.
 *
 * @category directories
 * @since 0.1.0
 */
export const home: Effect.Effect<string | null, Config.ConfigError> = Effect.filterOrElse(
  Setting.read("HOME"),
  (given) => given !== null,
  () => Effect.flatten(AccountHome)
)

/**
 * Lets an effect that reads `HOME` find the account's home where the environment has none, as under some init systems.
 *
 * @category directories
 * @since 0.1.0
 */
export const withHome = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | Config.ConfigError, R> =>
  Effect.gen(function*() {
    const found = yield* home
    const current = yield* ConfigProvider.ConfigProvider
    const added = ConfigProvider.fromEnvRecord({ HOME: found ?? undefined })
    return yield* Effect.provideService(self, ConfigProvider.ConfigProvider, ConfigProvider.orElse(current, added))
  })

/**
 * The directory: `ATLAS_STATE_DIR`, else `effect-atlas` in `XDG_STATE_HOME`, else in `.local/state` of the user's home. It
 * is not made here.
 *
 * **Details**
 *
 * Fails as `StorageFault` when a variable cannot be read, or the user has no home, and says to set `ATLAS_STATE_DIR` or the named option. A directory that
 * all users share and that a reboot clears, such as `/tmp`, is never the answer.
 *
 * **Example** (A file beside the others)
 *
 * ```ts
 * import * as StateDirectory from "effect-atlas/storage/StateDirectory"
 * import * as Effect from "effect/Effect"
 * import * as Path from "effect/Path"
 *
 * const file = Effect.gen(function*() {
 *   const path = yield* Path.Path
 *   return path.join(yield* StateDirectory.find("filename"), "notes.db")
 * })
 * ```
 *
 * @category directories
 * @since 0.1.0
 */
export const find = (option?: string): Effect.Effect<string, StorageFault, Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const given = yield* Setting.read("ATLAS_STATE_DIR")
    if (given !== null) return path.resolve(given)
    const states = yield* Setting.read("XDG_STATE_HOME")
    if (states !== null) return path.join(states, "effect-atlas")
    const found = yield* home
    if (found !== null) return path.join(found, ".local", "state", "effect-atlas")
    return yield* new StorageFault({
      message:
        "there is no directory to keep state in: HOME is not set and the system has no home for this account; set "
        + `ATLAS_STATE_DIR${option === undefined ? "" : ` or give \`${option}\``}`
    })
  }).pipe(Effect.catchTag("ConfigError", ({ message }) => Effect.fail(new StorageFault({ message }))))
