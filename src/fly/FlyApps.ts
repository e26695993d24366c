/**
 * The Fly apps in a source tree: every directory with a `fly.toml`, `fly.json` or `fly.yaml` that names an app.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Toml from "effect/encoding/Toml"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SystemReason from "../storage/SystemReason.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import { AppName, expected } from "./AppName.ts"
import { type FlyError, invalid } from "./FlyError.ts"

/**
 * The names of a configuration, in the order in which fly looks for them: the first one there is counts, and the others do not.
 *
 * @category models
 * @since 0.1.0
 */
export const fileNames = ["fly.toml", "fly.json", "fly.yaml"] as const

/**
 * The name of a configuration, which says its format.
 *
 * @category models
 * @since 0.1.0
 */
export type FileName = typeof fileNames[number]

/** Thousands of times the size of a real one; a larger file is not read. */
const largestFile = 1024 * 1024
const defaultDepth = 1
/** Directories that are not searched: installed packages, and git's own. */
const notEntered = new Set([".git", "node_modules"])
/** How many directories are read at once: enough to keep the disk busy; more only costs open files. */
const concurrency = 16

/**
 * An app and the directory it is deployed from, as an absolute path.
 *
 * @category models
 * @since 0.1.0
 */
export const App = Schema.Struct({ name: AppName, directory: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type App = typeof App.Type

const isAppName = Schema.is(AppName)

const refused = (message: string): Result.Result<never, FlyError> =>
  Result.fail(invalid("parseAppName", [{ path: "app", message }]))

const named = (value: unknown): Result.Result<AppName, FlyError> =>
  isAppName(value) ? Result.succeed(value) : refused(`Expected ${expected}`)

const header = /^[ \t]*\[/
const key = /^[ \t]*(?:app|"app"|'app')[ \t]*=/
/** A quoted value or one without quotes; both end on the line, and only a comment may follow. */
const value = /^[^=]*=[ \t]*(?:"([^"]*)"|'([^']*)'|([^\s#"']+))[ \t]*(?:#.*)?$/
const multiLine = /"""|'''/g

/** Reads the name line by line, from the lines before the first table header that set `app`. */
const fromLines = (text: string): Result.Result<AppName, FlyError> => {
  const values: Array<string | undefined> = []
  let quotes: string | null = null
  for (const line of text.split(/\r?\n/)) {
    if (quotes === null && header.test(line)) break
    if (quotes === null && key.test(line)) {
      const [, double, single, bare] = value.exec(line) ?? []
      values.push(double ?? single ?? bare)
    }
    // a string of several lines may hold any text, also one that looks like the name
    for (const [mark] of line.matchAll(multiLine)) quotes = quotes === null ? mark : quotes === mark ? null : quotes
  }
  if (values.length === 0) return refused("Expected a line such as app = \"my-app\" before the first [table]")
  return new Set(values).size > 1 ? refused("Expected one name, found several") : named(values[0])
}

/** What may stand before the content of a document of YAML: comments, directives, empty lines and the mark of its begin. */
const beforeContent = /^(?:[#%]|---\s*(?:#|$)|\s*$)/
const documentMark = /^(?:---|\.\.\.)(?:\s|$)/

/** The first document of YAML, since Effect's parser refuses a stream of several. A mark is never part of a text: it ends it. */
const firstDocument = (text: string): string => {
  const lines = text.split("\n")
  const content = lines.findIndex((line) => !beforeContent.test(line))
  const end = lines.findIndex((line, index) => content !== -1 && index > content && documentMark.test(line))
  return end === -1 ? text : lines.slice(0, end).join("\n")
}

/** Reads the text of one format; an exception for a text that is not in it. */
const documents: Readonly<Record<FileName, (text: string) => unknown>> = {
  "fly.toml": (text) => Result.getOrThrow(Toml.parse(text)),
  "fly.json": (text) => JSON.parse(text),
  "fly.yaml": (text) => Yaml.parse(firstDocument(text))
}

/** How the name is written in each format. */
const written: Readonly<Record<FileName, string>> = {
  "fly.toml": "app = \"my-app\"",
  "fly.json": "\"app\": \"my-app\"",
  "fly.yaml": "app: my-app"
}

/**
 * The app that a `fly.toml`, or a file of another format, names, or a `Validation` failure that says what was expected.
 *
 * **Details**
 *
 * Only the top-level key `app` counts: `app` under `[processes]` or `[env]` is something else. A `fly.toml` that is not valid
 * TOML is read by lines instead (`app = x` without quotes is common), and there too a table header ends the search.
 *
 * **Example** (Reading a name)
 *
 * ```ts
 * import { FlyApps } from "effect-atlas/fly"
 * import * as Result from "effect/Result"
 *
 * const name = FlyApps.parseAppName("app = \"acme-web\"\n[processes]\n  app = \"node server.js\"\n")
 * Result.getOrThrow(name) // "acme-web"
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseAppName = (text: string, file: FileName = "fly.toml"): Result.Result<AppName, FlyError> => {
  if (text.includes("\0")) return refused("Expected text")
  const bare = text.replace(/^\u{feff}/u, "")
  const document = Result.try(() => documents[file](bare))
  if (Result.isFailure(document)) {
    return file === "fly.toml" ? fromLines(bare) : refused(`Expected ${file === "fly.json" ? "JSON" : "YAML"}`)
  }
  const { success } = document
  return typeof success === "object" && success !== null && Object.hasOwn(success, "app")
    ? named(Reflect.get(success, "app"))
    : refused(`Expected a top-level key such as ${written[file]}`)
}

/** What is not there, or was never meant to be searched, is skipped without a word. */
const skip = (path: string) => (error: PlatformError.PlatformError) =>
  Effect.as(Effect.logDebug(`${path} is skipped: ${SystemReason.describe(error, path)}`), null)

/** A configuration that cannot be used fails alone, and says why. */
const leftOut = (file: string, reason: string) => Effect.as(Effect.logWarning(`${file} is left out: ${reason}`), null)

const decodeText = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

const readApp = (fs: FileSystem.FileSystem, directory: string, file: string, format: FileName) =>
  Effect.gen(function*() {
    // a link counts by the file it leads to, as for fly itself; only a regular file is opened, since reading a pipe or a
    // device might never end
    const { size, type } = yield* fs.stat(file)
    if (type !== "File") return yield* leftOut(file, "it is no regular file")
    if (size > largestFile) return yield* leftOut(file, `it is larger than ${largestFile} bytes`)
    const text = decodeText(yield* fs.readFile(file))
    const name = text === null ? refused("Expected text") : parseAppName(text, format)
    if (Result.isFailure(name)) return yield* leftOut(file, `it names no app: ${name.failure.reason.message}`)
    if (text?.startsWith("\u{feff}") === true) {
      yield* Effect.logWarning(
        `${file} starts with a byte order mark, which fly does not accept: save the file without it`
      )
    }
    return { name: name.success, directory }
  }).pipe(Effect.catch((error) =>
    // a link that leads nowhere
    error.reason._tag === "NotFound" ? skip(file)(error) : leftOut(file, SystemReason.describe(error, file))
  ))

const isPresent = <A>(found: A | null): found is A => found !== null

const byNameThenDirectory = (a: App, b: App): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.directory < b.directory ? -1 : a.directory > b.directory ? 1 : 0

/**
 * The apps in a directory and up to `maxDepth` levels below it (default 1; 0 is only the directory itself), sorted by
 * name, then by directory.
 *
 * **Details**
 *
 * In each directory the first of `fly.toml`, `fly.json` and `fly.yaml` counts. One that cannot be read or names no app is left
 * out, with a warning that says why; so are directories that cannot be read, without one. A path that is no directory has no
 * apps. Links to directories are not followed, `.git` and `node_modules` are not searched.
 *
 * **Example** (The apps below the working directory)
 *
 * ```ts
 * import { FlyApps } from "effect-atlas/fly"
 *
 * const apps = FlyApps.discoverApps(".", { maxDepth: 2 })
 * ```
 *
 * @category discovery
 * @since 0.1.0
 */
export const discoverApps = Effect.fn(FlyTelemetry.discover)(function*(
  path: string,
  options: { readonly maxDepth?: number | undefined } = {}
) {
  const fs = yield* FileSystem.FileSystem
  const { join, resolve } = yield* Path.Path
  const maxDepth = options.maxDepth ?? defaultDepth
  const root = resolve(path)

  /** Reads one directory: its app, and the directories in it. */
  const readDirectory = Effect.fnUntraced(function*(directory: string) {
    const entries = yield* fs.readDirectoryEntries(directory).pipe(
      Effect.catch((error) =>
        directory === root && error.reason._tag === "PermissionDenied"
          ? leftOut(directory, SystemReason.describe(error, directory))
          : skip(directory)(error)
      )
    )
    if (entries === null) return { app: null, below: [] }
    const format = fileNames.find((file) => entries.some(({ name, type }) => name === file && type !== "Directory"))
    const app = format === undefined ? null : yield* readApp(fs, directory, join(directory, format), format)
    const below: Array<string> = []
    for (const { name, type } of entries) {
      if (notEntered.has(name)) continue
      const inner = join(directory, name)
      // some file systems do not tell the type of an entry in a listing
      const known = type === "Unknown"
        ? yield* Effect.map(Effect.catch(fs.lstat(inner), skip(inner)), (info) => info?.type)
        : type
      if (known === "Directory") below.push(inner)
    }
    return { app, below }
  })

  const apps: Array<App> = []
  let level: ReadonlyArray<string> = [root]
  for (let depth = 0; level.length > 0 && depth <= maxDepth; depth++) {
    const seen = yield* Effect.forEach(level, readDirectory, { concurrency })
    apps.push(...seen.map(({ app }) => app).filter(isPresent))
    level = seen.flatMap(({ below }) => below)
  }
  return apps.toSorted(byNameThenDirectory)
})
