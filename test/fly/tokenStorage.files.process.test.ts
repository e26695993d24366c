/**
 * Tokens in files: who can read them, what a broken one means, where they go when they cannot go where they should.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AppName, type FlyError, TokenStorage } from "effect-atlas/fly"
import * as StateDirectory from "effect-atlas/storage/StateDirectory"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const web = AppName.AppName.make("web")

const temp = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-token-files-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const modeOf = (path: string) => (fs.statSync(path).mode & 0o777).toString(8)

const token = (text: string, expiresAt: number | null = null) => ({ token: Redacted.make(text), expiresAt })

interface Opening {
  readonly directory?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Opens the storage, uses it, and says what was logged meanwhile. */
const opened = <A>(
  { directory, env = {} }: Opening,
  use: (storage: TokenStorage.TokenStorage["Service"]) => Effect.Effect<A, FlyError.FlyError>
) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
  return TokenStorage.TokenStorage.use(use).pipe(
    Effect.provide(
      TokenStorage.layerFile({ directory }).pipe(
        Layer.provide(NodeServices.layer),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))),
        Layer.provideMerge(Logger.layer([logger]))
      )
    ),
    Effect.map((result) => ({ result, lines }))
  )
}

const textOf = (found: TokenStorage.StoredToken | null) => found && Redacted.value(found.token)

describe("the directory and the files", () => {
  it.live("are made private, with everything above them that was not there", () =>
    Effect.gen(function*() {
      const root = yield* temp
      const directory = join(root, "a", "b")
      yield* opened({ directory }, (storage) => storage.put(web, "cached", token("fm2_a")))
      assert.deepStrictEqual([modeOf(join(root, "a")), modeOf(directory)], ["700", "700"])
      assert.deepStrictEqual(fs.readdirSync(directory), ["web.cached.json"])
      assert.strictEqual(modeOf(join(directory, "web.cached.json")), "600")
    }).pipe(Effect.scoped))

  it.live("the path is the option, else ATLAS_FLY_TOKENS_DIR, else the user's data directory", () =>
    Effect.gen(function*() {
      const root = yield* temp
      const at = (name: string) => join(root, name)
      const env = { ATLAS_FLY_TOKENS_DIR: at("configured"), XDG_DATA_HOME: at("data"), HOME: at("home") }
      const put = (opening: Opening) => opened(opening, (storage) => storage.put(web, "cached", token("fm2_a")))
      yield* put({ directory: at("option"), env })
      assert.deepStrictEqual(fs.readdirSync(root), ["option"])
      yield* put({ env })
      assert.deepStrictEqual(fs.readdirSync(root), ["configured", "option"])
      yield* put({ env: { ...env, ATLAS_FLY_TOKENS_DIR: "" } })
      assert.deepStrictEqual(fs.readdirSync(at("data/effect-atlas/fly-tokens")), ["web.cached.json"])
      if (process.platform === "linux") {
        yield* put({ env: { HOME: at("home") } })
        assert.deepStrictEqual(fs.readdirSync(at("home/.local/share/effect-atlas/fly-tokens")), ["web.cached.json"])
      }
    }).pipe(Effect.scoped))

  it.live("drafts of killed writers are removed, recent drafts that may still be written are not", () =>
    Effect.gen(function*() {
      const directory = yield* temp
      const [old, young, others] = [".web.cached.json.0123456789ab", ".web.cached.json.ba9876543210", ".keep"]
      for (const name of [old, young, others]) fs.writeFileSync(join(directory, name), "half a tok")
      fs.utimesSync(join(directory, old), 1, 1)
      fs.utimesSync(join(directory, others), 1, 1)
      yield* opened({ directory }, () => Effect.void)
      assert.deepStrictEqual(fs.readdirSync(directory).toSorted(), [others, young].toSorted())
    }).pipe(Effect.scoped))
})

const broken: ReadonlyArray<readonly [string, (path: string) => void]> = [
  ["junk", (path) => fs.writeFileSync(path, Buffer.from([0, 255, 1, 2]))],
  ["nothing", (path) => fs.writeFileSync(path, "")],
  ["half a record", (path) => fs.writeFileSync(path, "{\"version\":1,\"app\":\"web\",\"key\":\"cac")],
  ["an empty token", (path) => fs.writeFileSync(path, record("web", { token: "" }))],
  ["a token in two lines", (path) => fs.writeFileSync(path, record("web", { token: "fm2_canary\nfm2_b" }))],
  ["another app's record", (path) => fs.writeFileSync(path, record("api", {}))],
  ["a record of a later version", (path) => fs.writeFileSync(path, record("web", { version: 2 }))],
  ["a directory", (path) => fs.mkdirSync(path)],
  ["a pipe", (path) => void execFileSync("sh", ["-c", "mkfifo \"$1\"", "sh", path])],
  ["a device", (path) => fs.symlinkSync("/dev/zero", path)],
  ["a hundred megabytes", (path) => {
    fs.writeFileSync(path, "")
    fs.truncateSync(path, 100_000_000)
  }]
]

const record = (app: string, change: object) =>
  JSON.stringify({ version: 1, app, key: "manual", token: "fm2_canary", expiresAt: null, ...change })

describe("a broken record", () => {
  it.live.each(broken)(
    "of a cached token counts as none, with a warning that does not quote it: %s",
    ([what, spoil]) =>
      Effect.gen(function*() {
        const directory = yield* temp
        const path = join(directory, "web.cached.json")
        spoil(path)
        const { lines, result } = yield* opened({ directory }, (storage) => storage.get(web, "cached"))
        assert.isNull(result)
        assert.strictEqual(lines.length, 1)
        assert.isTrue(lines[0]?.startsWith("Warn") && lines[0].includes(path), lines[0])
        assert.notInclude(lines[0] ?? "", "canary")
        if (what === "a directory") return
        const again = yield* opened(
          { directory },
          (storage) => Effect.andThen(storage.put(web, "cached", token("fm2_new")), storage.get(web, "cached"))
        )
        assert.strictEqual(textOf(again.result), "fm2_new")
      }).pipe(Effect.scoped)
  )

  it.live.each([
    ...broken,
    ["a loop of links", (path: string) => fs.symlinkSync(path, path)] as const
  ])(
    "of a manual token refuses to start, names the file and leaves it as it is: %s",
    ([, spoil]) =>
      Effect.gen(function*() {
        const directory = yield* temp
        const path = join(directory, "web.manual.json")
        spoil(path)
        const before = fs.lstatSync(path)
        const error = yield* Effect.flip(opened({ directory }, () => Effect.void))
        assert.strictEqual(error.kind, "manual_corrupt")
        assert.strictEqual(error.reason._tag === "ManualCorrupt" ? error.reason.path : null, path)
        assert.notInclude(error.message, "canary")
        const after = fs.lstatSync(path)
        assert.deepStrictEqual([after.ino, after.size, after.mtimeMs], [before.ino, before.size, before.mtimeMs])
      }).pipe(Effect.scoped)
  )

  it.live("of a manual token that breaks later is said when it is asked for", () =>
    Effect.gen(function*() {
      const directory = yield* temp
      const { result } = yield* opened({ directory }, (storage) =>
        Effect.gen(function*() {
          yield* storage.put(web, "manual", token("fm2_a"))
          fs.writeFileSync(join(directory, "web.manual.json"), "fm2_canary")
          return yield* Effect.exit(storage.get(web, "manual"))
        }))
      assert.include(String(result), "manual_corrupt")
      assert.notInclude(String(result), "canary")
    }).pipe(Effect.scoped))
})

const isRoot = process.getuid?.() === 0

/** A directory that exists and takes no files: ours and closed, or, since a mode keeps nothing from root, one of the kernel. */
const closed = isRoot ? Effect.succeed("/sys/kernel") : Effect.tap(temp, (directory) =>
  Effect.acquireRelease(
    Effect.sync(() => fs.chmodSync(directory, 0o555)),
    () => Effect.sync(() => fs.chmodSync(directory, 0o755))
  ))

describe("a directory that takes no files", () => {
  const fallsBack = (directory: string) =>
    Effect.gen(function*() {
      const { lines, result } = yield* opened({ directory }, (storage) =>
        Effect.gen(function*() {
          yield* storage.put(web, "cached", token("fm2_a"))
          const instead = fs.readdirSync(tmpdir()).filter((name) => name.startsWith("effect-atlas-fly-"))
            .map((name) => join(tmpdir(), name)).filter((one) => fs.existsSync(join(one, "web.cached.json")))
          return instead.map((path) => ({ path, mode: modeOf(path), text: modeOf(join(path, "web.cached.json")) }))
        }))
      const used = result.find(({ path }) => lines.some((line) => line.includes(path)))
      assert.deepStrictEqual([used?.mode, used?.text], ["700", "600"])
      assert.isTrue(lines[0]?.startsWith("Warn") && lines[0].includes(directory), lines.join("\n"))
      assert.isFalse(fs.existsSync(used?.path ?? ""), "it ends with the layer")
    })

  it.live("because it is a file, or below one, is replaced by a private temporary one, and both are named", () =>
    Effect.gen(function*() {
      const root = yield* temp
      fs.writeFileSync(join(root, "file"), "")
      yield* fallsBack(join(root, "file"))
      yield* fallsBack(join(root, "file", "below"))
      yield* fallsBack("/proc/nowhere")
    }).pipe(Effect.scoped))

  it.live.skipIf(isRoot && !fs.existsSync("/sys/kernel"))(
    "although it exists, which only a real write shows",
    () =>
      Effect.gen(function*() {
        const directory = yield* closed
        const before = fs.readdirSync(directory)
        yield* fallsBack(directory)
        assert.deepStrictEqual(fs.readdirSync(directory), before)
      }).pipe(Effect.scoped)
  )

  it.live("without HOME the files are in the home that the system has on record for the account", () =>
    Effect.gen(function*() {
      const home = yield* temp
      yield* opened({}, (storage) => storage.put(web, "cached", token("fm2_a"))).pipe(
        Effect.provideService(StateDirectory.AccountHome, Effect.succeed(home))
      )
      const [file] = fs.readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
        name.endsWith(".json")
      )
      assert.match(file ?? "", /effect-atlas.fly-tokens.web\.cached\.json$/)
    }).pipe(Effect.scoped))

  it.live("without a home directory the same happens, and the setting is named", () =>
    Effect.gen(function*() {
      const { lines } = yield* opened({}, (storage) => storage.put(web, "cached", token("fm2_a"))).pipe(
        Effect.provideService(StateDirectory.AccountHome, Effect.succeed(null))
      )
      assert.include(lines[0], "ATLAS_FLY_TOKENS_DIR")
    }).pipe(Effect.scoped))
})
