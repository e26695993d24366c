/**
 * `atlas fly token` without a process: where a token comes from, shown only on request, and what a run leaves for the next.
 */
import { assert, describe, it } from "@effect/vitest"
import { FakeFlyCli } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run, type Surroundings } from "./harness.ts"

const token = "FlyV1 fm2_canary,fm2_x"

const minting = FakeFlyCli.layer({
  when: ["tokens", "create", "readonly"],
  steps: [{ stderr: "a warning\n" }, { stdout: `${JSON.stringify({ token })}\n` }]
})

/** A home of its own, in which one command line after the other is run. */
const atHome = <A, E, R>(
  use: (home: {
    readonly directory: string
    readonly atlas: (
      line: string,
      surroundings?: Surroundings
    ) => ReturnType<typeof run>
  }) => Effect.Effect<A, E, R>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-cli-token-"))),
    (directory) =>
      use({
        directory,
        atlas: (line, { env = {}, ...surroundings } = {}) =>
          run(["fly", "token", ...line.split(" ")], {
            flyTools: FakeFlyCli.layer(),
            ...surroundings,
            env: { HOME: directory, XDG_DATA_HOME: join(directory, "data"), ...env }
          })
      }),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

describe("atlas fly token", () => {
  it.live("get says where it came from; the token itself only with --reveal; the next run finds it stored", () =>
    atHome(({ atlas, directory }) =>
      Effect.gen(function*() {
        const first = yield* atlas("get web --json", { flyTools: minting })
        const shown: unknown = JSON.parse(first.out)
        assert.deepInclude(shown, { app: "web", source: "cli", acquirer: "app_server" })
        assert.deepStrictEqual(Object.keys(Object(shown)), ["app", "source", "acquirer", "expiresAt"])
        assert.notInclude(first.out + first.err, "canary")
        const second = yield* atlas("get web --json --reveal")
        assert.deepInclude(JSON.parse(second.out), { source: "storage", token })
        const table = yield* atlas("get web")
        assert.match(table.out, /^app +web\nsource +storage\nexpires +\d{4}-/)
        assert.notInclude(table.out + table.err, "canary")
        assert.include((yield* atlas("get web --reveal")).out, token)
        const file = join(directory, "data", "effect-atlas", "fly-tokens", "web.cached.json")
        assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600)
      })
    ))

  it.live("invalidate forgets the stored one, refresh replaces it", () =>
    atHome(({ atlas }) =>
      Effect.gen(function*() {
        yield* atlas("get web", { flyTools: minting })
        assert.deepStrictEqual(JSON.parse((yield* atlas("invalidate web --json")).out), { app: "web", source: null })
        const gone = yield* atlas("get web --json")
        assert.deepStrictEqual([gone.code, gone.out, JSON.parse(gone.err).error.kind], [1, "", "no_token"])
        const other = FakeFlyCli.layer({ steps: [{ stdout: "FlyV1 fm2_other\n" }] })
        yield* atlas("get web", { flyTools: minting })
        assert.include((yield* atlas("refresh web --json", { flyTools: other })).out, "\"source\":\"cli\"")
        assert.include((yield* atlas("get web --reveal --json")).out, "fm2_other")
      })
    ))

  it.live("set reads stdin, and get uses it when nothing else has one", () =>
    atHome(({ atlas }) =>
      Effect.gen(function*() {
        const set = yield* atlas("set web --json", { input: `${token}\n` })
        assert.deepStrictEqual([set.code, set.out], [0, "{\"app\":\"web\",\"source\":\"manual\"}"])
        assert.deepInclude(JSON.parse((yield* atlas("get web --json")).out), { source: "manual", expiresAt: null })
        const env = yield* atlas("get web --json", { env: { FLY_API_TOKEN: "fo1_env" } })
        assert.deepInclude(JSON.parse(env.out), { source: "config" })
        const empty = yield* atlas("set web --json", { input: "\n" })
        assert.deepStrictEqual([empty.code, JSON.parse(empty.err).error.issues[0].path], [1, "token"])
        const twoLines = yield* atlas("set web", { input: "fm2_canary\nfm2_b\n" })
        assert.strictEqual(twoLines.code, 1)
        assert.notInclude(twoLines.err, "canary")
      })
    ))

  it.live("set takes a token as it is pasted, or as a file from elsewhere has it, and no error repeats it", () =>
    atHome(({ atlas }) =>
      Effect.gen(function*() {
        for (const input of ["\ufeffFlyV1 FlyV1 fm2_canary, fm1a_x\r\n", "\"Bearer FlyV1 fm2_canary,fm1a_x\"\n"]) {
          assert.strictEqual((yield* atlas("set web", { input })).code, 0)
          const shown = JSON.parse((yield* atlas("get web --json --reveal")).out)
          assert.deepInclude(shown, { source: "manual", token: "FlyV1 fm2_canary,fm1a_x" })
        }
        for (const input of ["FlyV1 fm2_canary fm2_y", "fm2_canary\u0000", `fm2_canary${"a".repeat(20_000)}`]) {
          const { code, err, out } = yield* atlas("set web", { input })
          assert.strictEqual(code, 1)
          assert.notInclude(out + err, "canary")
        }
      })
    ))

  it.live("a fly command that made no token is not run again by the next run, and refresh runs it", () =>
    atHome(({ atlas }) =>
      Effect.gen(function*() {
        const failing = FakeFlyCli.layer({ steps: [{ stderr: "Error: fm2_canary" }], exitCode: 1 })
        const first = yield* atlas("get web", { flyTools: failing })
        assert.deepStrictEqual([first.code, first.err.includes("canary")], [1, false])
        const second = yield* atlas("get web --json", { flyTools: minting })
        assert.include(JSON.parse(second.err).error.message, "atlas fly token refresh web")
        assert.include((yield* atlas("refresh web --json", { flyTools: minting })).out, "\"source\":\"cli\"")
      })
    ))

  it.live("set fails where a token could not be kept, rather than lose it with the run", () =>
    atHome(({ atlas, directory }) =>
      Effect.gen(function*() {
        fs.writeFileSync(join(directory, "file"), "")
        const env = { ATLAS_FLY_TOKENS_DIR: join(directory, "file") }
        const { code, err } = yield* atlas("set web --json", { input: token, env })
        assert.deepStrictEqual([code, JSON.parse(err).error.kind], [1, "persist_failed"])
        assert.include(err, env.ATLAS_FLY_TOKENS_DIR)
      })
    ))

  it.live("a manual token that cannot be read is a failure that names the file", () =>
    atHome(({ atlas, directory }) =>
      Effect.gen(function*() {
        const file = join(directory, "web.manual.json")
        fs.writeFileSync(file, "junk")
        const { code, err } = yield* atlas("get web --json", { env: { ATLAS_FLY_TOKENS_DIR: directory } })
        assert.deepStrictEqual([code, JSON.parse(err).error.kind], [1, "manual_corrupt"])
        assert.include(err, file)
      })
    ))

  it.live.each(["../web", "a/b", "x".repeat(300)])(
    "a name such as %j is refused before any path is made of it",
    (app) =>
      atHome(({ atlas, directory }) =>
        Effect.gen(function*() {
          const { code, err } = yield* atlas(`get ${app} --json`, { env: { FLY_API_TOKEN: "fo1_env" } })
          assert.deepStrictEqual([code, JSON.parse(err).error.kind], [1, "validation"])
          const tokens = join(directory, "data", "effect-atlas", "fly-tokens")
          assert.deepStrictEqual(fs.readdirSync(tokens), [])
        })
      )
  )
})
