/**
 * The Fly apps in a source tree: every directory with a `fly.toml` that names an app.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { parse } from "smol-toml"
import * as SystemReason from "../storage/SystemReason.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import { AppName, expected } from "./AppName.ts"
import { type FlyError, invalid } from "./FlyError.ts"

const fileName = "fly.toml"
/** Thousands of times the size of a real `fly.toml`; a larger file is not read. */
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
export interface App {
  readonly name: AppName
  readonly directory: string
}

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

/**
 * The app that a `fly.toml` names, or a `Validation` failure that says what was expected.
 *
 * **Details**
 *
 * Only the top-level key `app` counts: `app` under `[processes]` or `[env]` is something else. A text that is not valid
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
export const parseAppName = (text: string): Result.Result<AppName, FlyError> => {
  if (text.includes("\0")) return refused("Expected text")
  const document = Result.try(() => parse(text))
  if (Result.isFailure(document)) return fromLines(text.replace(/^\u{feff}/u, ""))
  return Object.hasOwn(document.success, "app")
    ? named(document.success["app"])
    : refused("Expected a top-level key such as app = \"my-app\"")
}

const skip = (path: string) => (error: PlatformError.PlatformError) =>
  Effect.as(Effect.logDebug(`${path} is skipped: ${SystemReason.describe(error, path)}`), null)

const decodeText = (bytes: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

const readApp = (fs: FileSystem.FileSystem, directory: string, file: string) =>
  Effect.gen(function*() {
    // a link counts by the file it leads to, as for fly itself; only a regular file is opened, since reading a pipe or a
    // device might never end
    const { size, type } = yield* fs.stat(file)
    if (type !== "File" || size > largestFile) return null
    const text = decodeText(yield* fs.readFile(file))
    const name = text === null ? refused("Expected text") : parseAppName(text)
    if (Result.isFailure(name)) {
      yield* Effect.logDebug(`${file} names no app and is skipped: ${name.failure.reason.message}`)
      return null
    }
    if (text?.startsWith("\u{feff}") === true) {
      yield* Effect.logWarning(
        `${file} starts with a byte order mark, which fly does not accept: save the file without it`
      )
    }
    return { name: name.success, directory }
  }).pipe(Effect.catch(skip(file)))

const isPresent = <A>(found: A | null): found is A => found !== null

const byNameThenDirectory = (a: App, b: App): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.directory < b.directory ? -1 : a.directory > b.directory ? 1 : 0

/**
 * The apps in a directory and up to `maxDepth` levels below it (default 1; 0 is only the directory itself), sorted by
 * name, then by directory.
 *
 * **Details**
 *
 * Files and directories that cannot be read, and files that name no app, are skipped; a path that is no directory has no
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

  /** Reads one directory: its app, and the directories in it. */
  const readDirectory = Effect.fnUntraced(function*(directory: string) {
    const entries = yield* fs.readDirectoryEntries(directory).pipe(Effect.catch(skip(directory)))
    if (entries === null) return { app: null, below: [] }
    const found = entries.find(({ name, type }) => name === fileName && type !== "Directory")
    const app = found === undefined ? null : yield* readApp(fs, directory, join(directory, fileName))
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
  let level: ReadonlyArray<string> = [resolve(path)]
  for (let depth = 0; level.length > 0 && depth <= maxDepth; depth++) {
    const seen = yield* Effect.forEach(level, readDirectory, { concurrency })
    apps.push(...seen.map(({ app }) => app).filter(isPresent))
    level = seen.flatMap(({ below }) => below)
  }
  return apps.toSorted(byNameThenDirectory)
})
