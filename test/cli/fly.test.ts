/**
 * `atlas fly apps` and `fly deploy` without a process: what they print, for people and for programs.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FlyCli from "effect-atlas/fly/FlyCli"
import { FakeFlyCli } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makePlace } from "../fly/harness.ts"
import { untilSo } from "../support/until.ts"
import { run, start } from "./harness.ts"

const jsonLines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.split("\n").map((line) => JSON.parse(line))

/** A source tree with two apps, one of them two levels down. */
const inTree = <A, E, R>(use: (root: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "atlas-cli-fly-")))
      fs.mkdirSync(join(root, "apps", "web"), { recursive: true })
      fs.writeFileSync(join(root, "fly.toml"), "app = \"root\"\n")
      fs.writeFileSync(join(root, "apps", "web", "fly.toml"), "app = \"web\"\n")
      return root
    }),
    use,
    (root) => Effect.sync(() => fs.rmSync(root, { recursive: true, force: true }))
  )

describe("atlas fly apps", () => {
  it.effect("lists the apps of this directory and one level below, or of another and deeper", () =>
    inTree((root) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          JSON.parse((yield* run(["fly", "apps", "--json"], { directory: root })).out),
          [{ name: "root", directory: root }]
        )
        assert.deepStrictEqual(
          JSON.parse((yield* run(["fly", "apps", "apps", "--json"], { directory: root })).out),
          [{ name: "web", directory: join(root, "apps", "web") }]
        )
        const { code, out } = yield* run(["fly", "apps", root, "--depth", "2"])
        assert.strictEqual(code, 0)
        assert.strictEqual(
          out,
          `NAME  DIRECTORY\nroot  ${root}\nweb   ${join(root, "apps", "web")}`
        )
      })
    ))

  it.effect("says so when there are none", () =>
    inTree((root) =>
      Effect.gen(function*() {
        const args = ["fly", "apps", join(root, "nowhere")]
        assert.strictEqual((yield* run(args)).out, "no apps")
        assert.strictEqual((yield* run([...args, "--json"])).out, "[]")
      })
    ))

  it.effect("refuses a depth that is none as bad usage", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["fly", "apps", "--depth=-1"])).code, 2)
      assert.strictEqual((yield* run(["fly", "apps", "--depth", "deep"])).code, 2)
    }))
})

describe("atlas fly deploy", () => {
  const building: FakeFlyCli.Reply = {
    when: ["deploy", "--remote-only"],
    steps: [{ stdout: "building\n\n" }, { after: "83 seconds", stderr: "done" }]
  }

  /** One run on a clock that is moved past what the script takes. */
  const deploying = (
    args: ReadonlyArray<string>,
    reply: FakeFlyCli.Reply,
    options: { readonly terminal?: boolean; readonly directory?: string } = {}
  ) =>
    Effect.gen(function*() {
      const place = makePlace()
      const surroundings = { directory: place.directory, flyTools: FakeFlyCli.layer(reply), ...options }
      const { ended, out } = start(["fly", "deploy", ...args], surroundings)
      const fiber = yield* Effect.forkChild(ended)
      // commands and the disk are loaded in their own time
      while (fiber.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise(setImmediate))
        if (out.length > 0) yield* TestClock.adjust("1 second")
      }
      place.close()
      return yield* Fiber.join(fiber)
    })

  it.effect("shows the lines and nothing else on stdout", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* deploying([], building)
      assert.deepStrictEqual([code, out, err], [0, "building\ndone", ""])
    }))

  it.effect("shows a line of any length whole", () =>
    Effect.gen(function*() {
      const { out } = yield* deploying([], {
        when: ["deploy"],
        steps: [{ stdout: `${"x".repeat(200_000)}END\nnext\n` }]
      })
      assert.deepStrictEqual(out.split("\n").map((line) => [line.length, line.slice(-4)]), [[200_003, "xEND"], [
        4,
        "next"
      ]])
    }))

  it.effect("shows the time since the start where stdout is a terminal", () =>
    Effect.gen(function*() {
      const { out } = yield* deploying([], building, { terminal: true })
      assert.deepStrictEqual(out.split("\n"), [" 0:00  building", " 1:23  done"])
    }))

  it.effect("prints an object a line, the exit last", () =>
    Effect.gen(function*() {
      const { code, out } = yield* deploying(["--json"], building)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(jsonLines(out), [
        { type: "line", at: "1970-01-01T00:00:00.000Z", text: "building" },
        { type: "line", at: "1970-01-01T00:01:23.000Z", text: "done" },
        { type: "exit", code: 0 }
      ])
    }))

  it.effect("fails with fly's exit code in the last object, and as every other failure", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* deploying(["--json"], { ...building, exitCode: 126 })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(jsonLines(out).at(-1), { type: "exit", code: 126 })
      assert.deepStrictEqual(JSON.parse(err), {
        error: {
          kind: "fly_exit_code",
          message: "`fly deploy` ended with exit code 126: a time limit of fly itself passed",
          provider: null,
          operation: "deploy",
          issues: []
        }
      })
    }))

  it.effect("times out after 5 minutes of silence, with no exit code to tell", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* deploying(["--json"], { ...building, ending: "hang" })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(jsonLines(out).map(({ type }) => type), ["line", "line"])
      assert.match(err, /"kind":"fly_timeout","message":"`fly deploy` wrote nothing for 5m and was ended"/)
    }))

  const argumentsOf = (words: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const seen: Array<ReadonlyArray<string>> = []
      const place = makePlace()
      fs.mkdirSync(join(place.directory, "web"))
      for (const file of ["staging.toml", "web/own.toml"]) fs.writeFileSync(join(place.directory, file), "app = 'x'\n")
      const cli = FlyCli.make((args) => {
        seen.push(args)
        return Effect.succeed({ pid: 1, stdout: Stream.empty, stderr: Stream.empty, exitCode: Effect.succeed(0) })
      })
      const { code, err, out } = yield* run(["fly", "deploy", ...words], {
        directory: place.directory,
        flyTools: Layer.succeed(FlyCli.FlyCli, cli)
      })
      place.close()
      return { code, written: err + out, args: seen.flat().map((word) => word.replace(place.directory, "HERE")) }
    })

  it.effect.each<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["nothing", [], []],
    ["a directory", ["web"], []],
    ["arguments for fly after --", ["web", "--", "--ha=false", "-e", "A=$(id) `id`; b"], [
      "--ha=false",
      "-e",
      "A=$(id) `id`; b"
    ]],
    ["arguments without a directory", ["--", "--build-only"], ["--build-only"]],
    ["an empty list of arguments", ["web", "--"], []],
    ["a file as seen from here", ["web", "--config", "staging.toml"], ["--config", "HERE/staging.toml"]],
    ["a file as seen from the directory", ["web", "--config", "own.toml"], ["--config", "HERE/web/own.toml"]],
    ["both", ["--config=staging.toml", "--", "--json"], ["--config", "HERE/staging.toml", "--json"]],
    ["a token, which is not printed", ["--", "--access-token", "top-secret-token"], [
      "--access-token",
      "top-secret-token"
    ]]
  ])("passes on to fly, as they are and past every shell: %s", ([, words, expected]) =>
    Effect.gen(function*() {
      const { args, code, written } = yield* argumentsOf(words)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(args, ["deploy", "--remote-only", ...expected])
      assert.notInclude(written, "top-secret")
    }))

  it.effect("refuses two directories, an empty one, and a configuration that is not there", () =>
    Effect.gen(function*() {
      const two = yield* argumentsOf(["web", "--ha=false"])
      assert.deepStrictEqual([two.code, two.args], [2, []])
      const more = yield* argumentsOf(["web", "worker"])
      assert.deepStrictEqual([more.code, more.args], [2, []])
      const nothing = yield* argumentsOf([""])
      assert.deepStrictEqual([nothing.code, nothing.args], [1, []])
      assert.match(nothing.written, /^error \[validation\] .*directory: Expected a path/)
      const config = yield* argumentsOf(["--config", "nowhere.toml"])
      assert.deepStrictEqual([config.code, config.args], [1, []])
      assert.match(config.written, /config: Expected a file/)
    }))

  it.effect("says that there is no directory, or no executable, and prints nothing on stdout", () =>
    Effect.gen(function*() {
      const nowhere = yield* deploying(["nowhere"], building)
      assert.deepStrictEqual([nowhere.code, nowhere.out], [1, ""])
      assert.match(nowhere.err, /^error \[invalid_deploy_dir\] /)
      const absent = yield* deploying([], { ending: "absent" })
      assert.deepStrictEqual([absent.code, absent.out], [1, ""])
      assert.match(absent.err, /^error \[fly_not_found\] /)
    }))
})

describe("atlas dev fake-fly", () => {
  it.effect("--fault app-gone lasts: every request finds no app, however long the app goes on writing", () =>
    Effect.gen(function*() {
      const { ended, out } = start(["dev", "fake-fly", "--fault", "app-gone"], {})
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* untilSo("it is served", () => out.length > 0)
      const { token, url } = JSON.parse(out.join(""))
      const status = Effect.promise(async () => {
        const asked = { headers: { authorization: `FlyV1 ${token}` } }
        return (await fetch(`${url}/api/v1/apps/acme-web/logs`, asked)).status
      })
      for (let request = 0; request < 3; request++) {
        assert.strictEqual(yield* status, 404)
        yield* TestClock.adjust("2 seconds")
      }
      yield* Fiber.interrupt(fiber)
    }))
})
