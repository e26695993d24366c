/**
 * Sessions in one private SQLite file: the default store.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { statSync } from "node:fs"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as SqliteNode from "../../storage/SqliteNode.ts"
import * as StateDirectory from "../../storage/StateDirectory.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import { storageFault } from "./faults.ts"
import * as ReadOnly from "./readOnly.ts"
import * as Reserve from "./reserve.ts"
import * as Sql from "./sql.ts"
import { guarded } from "./sqlFaults.ts"
import type { SessionStore } from "./StoreContract.ts"

/** In the state directory, beside the files of the local provider. */
const defaultFile = Effect.gen(function*() {
  const path = yield* Path.Path
  const directory = yield* Effect.mapError(
    StateDirectory.find("filename"),
    ({ message }) => storageFault("open", message)
  )
  return path.join(directory, "sessions.db")
})

/** Tells whether a name still means the same file; null where there is none. */
const fileAt = (filename: string): string | null => {
  const found = statSync(filename, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev} ${found.ino}`
}

/** What is in a file that this process may not write. */
const readable = Effect.fnUntraced(function*(filename: string, why: string) {
  const sql = yield* SqliteNode.make({ filename: yield* ReadOnly.copyOf(filename) }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
  )
  const store = yield* Effect.provideService(Sql.make({ filename }), SqlClient.SqlClient, sql)
  return ReadOnly.refusing(store, filename, why)
})

/** SQLite takes 512 bytes, and 26 of them for what it makes beside the file. */
const longestPath = 486

/** A store in a file, durable before each answer; the file is closed with the scope. */
export const make = Effect.fnUntraced(function*(
  options: { readonly filename?: string | undefined; readonly identity?: string | undefined }
): Effect.fn.Return<SessionStore["Service"], AtlasError, Scope.Scope | FileSystem.FileSystem | Path.Path> {
  const filename = options.filename ?? (yield* defaultFile)
  if (Buffer.byteLength(filename) > longestPath) {
    return yield* storageFault(
      "open",
      `the session database ${filename} cannot be opened: its path is too long, at most ${longestPath} bytes are taken; name ` +
        "another file, or set ATLAS_STATE_DIR"
    )
  }
  const reserve = filename === ":memory:" ? Reserve.none : yield* Reserve.make(filename)
  const opened = SqliteNode.make({ filename, synchronous: "FULL" }).pipe(
    Effect.provideServiceEffect(Reactivity.Reactivity, Reactivity.make)
  )
  const found = yield* Effect.result(reserve.guard(opened))
  if (Result.isFailure(found) && filename !== ":memory:" && ReadOnly.mayBeReadable(found.failure)) {
    const read = yield* Effect.option(readable(filename, SystemReason.describe(found.failure, filename)))
    if (Option.isSome(read)) return read.value
  }
  const sql = yield* Effect.mapError(
    guarded("open", Effect.fromResult(found), filename),
    ({ reason: { message } }) =>
      storageFault(
        "open",
        `${message}${message.includes(filename) ? "; or" : `: ${filename};`} name another file, or set ATLAS_STATE_DIR`
      )
  )
  const made = yield* Effect.provideService(Sql.make({ reserve, filename }), SqlClient.SqlClient, sql)
  const store = { ...made, identity: options.identity ?? made.identity }
  if (filename === ":memory:") return store
  const inUse = fileAt(filename)
  // SQLite would go on with the file that has lost its name, and every row would be gone with this process
  const replaced = storageFault(
    "commit",
    `${filename} was deleted or replaced while it was in use: start again with the right file`
  )
  return {
    ...store,
    commit: (owner, writes) =>
      Effect.suspend(() => fileAt(filename) === inUse ? store.commit(owner, writes) : Effect.fail(replaced))
  }
})
