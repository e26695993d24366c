/**
 * The owner and the session store of a state directory: three files beside the local provider's computes.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { AtlasError, StorageFault } from "../domain/AtlasError.ts"
import { decoder } from "../domain/Decode.ts"
import * as Entropy from "../domain/Entropy.ts"
import * as Setting from "../domain/Setting.ts"
import * as SessionStore from "../orchestrator/SessionStore.ts"
import { Owner } from "../provider/NameStamp.ts"
import * as PrivateDirectory from "../storage/PrivateDirectory.ts"
import * as PrivateFile from "../storage/PrivateFile.ts"
import * as StateDirectory from "../storage/StateDirectory.ts"
import * as SystemReason from "../storage/SystemReason.ts"

const decodeOwner = decoder(Owner, "ATLAS_OWNER")
const isOwner = Schema.is(Owner)

const unusable = (message: string) =>
  new AtlasError({ provider: null, operation: "owner", reason: new StorageFault({ message }) })

/** Such a file holds a few letters. */
const longestWord = 1_024

/** The state directory, found as the local provider finds it. */
const directory = Effect.mapError(StateDirectory.find(), ({ message }) => unusable(message))

/** A word of this state directory, made up once and kept in a file. */
const ownWord = Effect.fnUntraced(function*(name: "owner" | "store") {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* directory
  const file = path.join(home, name)
  const read = PrivateFile.read(file, longestWord)
  const text = yield* Effect.catchReason(read, "PlatformError", "NotFound", () =>
    Effect.gen(function*() {
      const word = yield* Entropy.hex(6)
      const temporary = path.join(home, `.${name}-${word}`)
      yield* PrivateDirectory.make(home)
      // on disk before it has its name: after a power cut an empty file would name no owner
      const written = Effect.scoped(Effect.gen(function*() {
        const handle = yield* fs.open(temporary, { flag: "wx", mode: 0o600 })
        yield* handle.writeAll(new TextEncoder().encode(word))
        yield* handle.sync
      }))
      // a link is there as a whole or not at all, and never replaces that of another process that was quicker
      yield* Effect.andThen(written, Effect.ignore(fs.link(temporary, file))).pipe(
        Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true })))
      )
      return yield* read
    })).pipe(
      Effect.mapError((error) => unusable(`${file} cannot be used: ${SystemReason.describe(error, file)}`))
    )
  return { file, word: text.trim() }
})

/**
 * The owner of this state directory. A name that came from the machine could be another machine's as well, a clone's for one, and
 * each would end what the other rented.
 */
const ownOwner = Effect.gen(function*() {
  const { file, word: owner } = yield* ownWord("owner")
  return isOwner(owner) ? owner : yield* unusable(
    `${file} holds no owner (1 to 16 of a-z and 0-9): restore what it held, or remove it to get a new owner, which does `
      + "not know what the old one rented, or set ATLAS_OWNER"
  )
})

/**
 * A directory without an owner that can be given none now, as on a full or read-only disk: it has no sessions, and takes none.
 */
const withoutOwner = (fault: AtlasError): Effect.Effect<OwnedSessions> =>
  Effect.map(Entropy.hex(6), (word) => ({
    owner: Owner.make(word),
    store: Layer.effect(
      SessionStore.SessionStore,
      Effect.map(SessionStore.SessionStore, (empty) => ({
        ...empty,
        lock: () => Effect.fail(fault),
        commit: () => Effect.fail(fault)
      }))
    ).pipe(Layer.provide(SessionStore.layerMemory))
  }))

/** The owner and store of this state directory; `ATLAS_OWNER` names another owner. */
export const fromStateDirectory: Effect.Effect<OwnedSessions, AtlasError, FileSystem.FileSystem | Path.Path> = Effect
  .gen(function*() {
    const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const named = yield* Effect.mapError(Setting.read("ATLAS_OWNER"), Setting.refused("owner"))
    const path = yield* Path.Path
    const fs = yield* FileSystem.FileSystem
    const home = yield* directory
    const found = yield* Effect.result(named === null ? ownOwner : decodeOwner(named, "owner"))
    if (Result.isFailure(found)) {
      const isMissing = named === null &&
        !(yield* Effect.orElseSucceed(fs.exists(path.join(home, "owner")), () => true))
      return isMissing ? yield* withoutOwner(found.failure) : yield* found.failure
    }
    const owner = found.success
    const filename = path.join(home, "sessions.db")
    // kept beside the database: when that is lost, what it had rented is still known to be of this directory
    const store = ownWord("store").pipe(
      Effect.map(({ word }) => word === "" ? undefined : word),
      Effect.orElseSucceed(() => undefined),
      Effect.flatMap((identity) =>
        // a database is loaded only where it is opened
        Effect.map(
          Effect.promise(() => import("../orchestrator/SessionStoreSqlite.ts")),
          (SessionStoreSqlite) => SessionStoreSqlite.layer({ filename, identity })
        )
      )
    )
    return { owner, store: Layer.unwrap(store).pipe(Layer.provide(Layer.succeedContext(platform))) }
  })

/** An owner and the store its sessions are in. */
export interface OwnedSessions {
  readonly owner: Owner
  readonly store: Layer.Layer<SessionStore.SessionStore, AtlasError>
}
