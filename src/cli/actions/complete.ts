/**
 * What `atlas complete` does: answers a shell with the words that may stand where the user is typing.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as GpuCatalog from "../../domain/GpuCatalog.ts"
import { loadAll, SessionStore } from "../../orchestrator/SessionStore.ts"
import { Providers } from "../../provider/Providers.ts"
import * as Account from "../Account.ts"
import { Clouds } from "../Clouds.ts"
import type { Kind, Wanted, Word } from "../completion/words.ts"
import * as ComputeName from "../ComputeName.ts"
import { OwnerStore } from "../OwnerStore.ts"
import { Shell } from "../Shell.ts"

/** A user who waits for a word waits no longer for a cloud. */
const patience = "900 millis"

/** Nothing else may stand on a command line unquoted, whatever a provider or a store calls its own. */
const isSafe = ({ word }: Word): boolean => /^[\w.,:=+@%/-]+$/.test(word)

const computes = (flags: Wanted["flags"]) =>
  Effect.map(Account.list({ provider: flags.get("provider"), baseUrl: flags.get("base-url") }), ({ computes }) => {
    const live = computes.filter(({ status }) => status !== "terminated")
    const slugs = live.flatMap(({ name }) => name === null ? [] : [ComputeName.slugOf(name)])
    return live.flatMap(({ id, name, status }): ReadonlyArray<Word> => {
      const slug = name === null ? null : ComputeName.slugOf(name)
      const isOne = slug !== null && slugs.indexOf(slug) === slugs.lastIndexOf(slug)
      return [
        { word: id, about: slug === null ? status : `${slug}, ${status}` },
        ...isOne ? [{ word: slug, about: `${id}, ${status}` }] : []
      ]
    })
  })

const sessions = Effect.gen(function*() {
  const { owner, store } = yield* yield* OwnerStore
  const found = yield* Effect.provide(SessionStore.use((stored) => loadAll(stored, owner)), store)
  return [
    ...found.sessions.map(({ phase, spec }): Word => ({ word: spec.id, about: phase._tag })),
    ...found.unreadable.map(({ id }): Word => ({ word: id, about: "unreadable" }))
  ]
})

const providers = Effect.map(
  Providers,
  ({ all }) =>
    all.map(({ cloud, id, implemented }): Word => ({
      word: id,
      about: !implemented ? "reserved" : cloud === id ? "" : cloud
    }))
)

const gpus = Effect.map(
  GpuCatalog.CurrentGpuCatalog,
  (catalog) => GpuCatalog.canonicalNames(catalog).map((word): Word => ({ word, about: "" }))
)

type Asked = Effect.Effect<ReadonlyArray<Word>, AtlasError, Providers | FileSystem.FileSystem | Path.Path>

const askedFor = (kind: Kind, flags: Wanted["flags"]): Asked => {
  switch (kind) {
    case "compute":
      return computes(flags)
    case "session":
      return sessions
    case "provider":
      return providers
    case "gpu":
      return gpus
    case "file":
      return Effect.succeed([])
  }
}

/** What there is of a kind; nothing where it cannot be had in time. */
const existing = (kind: Kind, flags: Wanted["flags"]) =>
  Effect.gen(function*() {
    return yield* Effect.provide(askedFor(kind, flags), yield* Clouds)
  }).pipe(
    Effect.timeoutOption(patience),
    // a shell shows nothing of a failure, and a user who types a word has not asked for it
    Effect.catchCause(() => Effect.succeedNone),
    Effect.map(Option.getOrElse((): ReadonlyArray<Word> => []))
  )

/** Prints the words that may stand there, one a line. */
export const run = (wanted: Wanted) =>
  Effect.gen(function*() {
    const { out } = yield* Shell
    const { before, flags, kind, typed, words } = wanted
    const found = kind === null ? [] : yield* existing(kind, flags)
    // of a list only the last is typed
    const earlier = kind === "gpu" ? typed.slice(0, typed.lastIndexOf(",") + 1) : ""
    const lines = [...words, ...found.filter(isSafe)]
      .map(({ about, word }) => ({ about, word: earlier + word }))
      .filter(({ word }) => word.startsWith(typed))
      .map(({ about, word }) => about === "" ? before + word : `${before}${word}\t${about}`)
    const all = kind === "file" ? [...lines, ":file"] : lines
    if (all.length > 0) yield* out(all.join("\n"))
  })
