/**
 * `atlas fly logs`, against the fake log host on loopback.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { afterAll, assert, layer } from "@effect/vitest"
import { FakeFly, FakeFlyCli } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { allOfIt, obeyed } from "../support/hostile.ts"
import { untilSo } from "../support/until.ts"
import { start as startAnywhere, type Surroundings } from "./harness.ts"

const fake = FakeFly.layerServer.pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(FakeFly.layer({ apps: ["silent"] }))
)

const address = HttpServer.addressFormattedWith(Effect.succeed)

const env = { FLY_API_TOKEN: "fm2_canary" }

const directory = fs.mkdtempSync(join(tmpdir(), "atlas-cli-logs-"))
afterAll(() => fs.rmSync(directory, { recursive: true }))

/** With token files of its own and, unless told otherwise, a fly command that knows nothing. */
const start = (args: ReadonlyArray<string>, { env, ...surroundings }: Surroundings) =>
  startAnywhere(args, {
    flyTools: FakeFlyCli.layer(),
    ...surroundings,
    env: { ATLAS_FLY_TOKENS_DIR: join(directory, "tokens"), ...env }
  })

const run = (args: ReadonlyArray<string>, surroundings: Surroundings) => start(args, surroundings).ended

const line = {
  timestamp: "2026-11-20T09:20:01.123456789Z",
  message: "listening on :8080",
  level: "info",
  region: "fra",
  instance: "3d8d413b29d089"
}

/** Waits on what the command has written. */
const until = (isSo: () => boolean) => untilSo(String(isSo), isSo)

layer(fake, { excludeTestServices: true })("atlas fly logs", (it) => {
  it.effect("prints the newest lines in the pinned shape, an array with --json", () =>
    Effect.gen(function*() {
      const url = yield* address
      yield* FakeFly.FakeFly.use(({ append }) => append("shape", [line]))
      const json = yield* run(["fly", "logs", "shape", "--base-url", url, "--json"], { env })
      assert.strictEqual(json.code, 0)
      assert.deepStrictEqual(JSON.parse(json.out), [{ type: "log", ...line, appName: "shape" }])
      const text = yield* run(["fly", "logs", "shape", "--base-url", url], { env })
      assert.strictEqual(text.out, "2026-11-20T09:20:01.123456789Z fra 3d8d413b29d089 [info] listening on :8080")
      assert.strictEqual(text.err, "")
    }))

  it.effect("prints nothing of a line that a terminal obeys, whoever reads it; --json has the exact line", () =>
    Effect.gen(function*() {
      const url = yield* address
      // the host's JSON has no half characters
      const message = allOfIt.toWellFormed()
      yield* FakeFly.FakeFly.use(({ append }) => append("hostile", [{ ...line, message, region: message }]))
      for (const terminal of [true, false]) {
        const args = ["fly", "logs", "hostile", "--base-url", url]
        const text = yield* run(args, { env, terminal, colour: terminal })
        assert.notMatch(text.out.replaceAll("\n", ""), obeyed)
        assert.include(text.out, "[info] web-1 web-1")
        const json = yield* run([...args, "--json"], { env, terminal })
        assert.notMatch(json.out, obeyed)
        assert.strictEqual(JSON.parse(json.out)[0].message, message)
      }
    }))

  it.effect("prints a line of any length whole", () =>
    Effect.gen(function*() {
      const url = yield* address
      const message = `${"x".repeat(200_000)}END`
      yield* FakeFly.FakeFly.use(({ append }) => append("long", [{ ...line, message }]))
      const { out } = yield* run(["fly", "logs", "long", "--base-url", url], { env })
      assert.strictEqual(out, `${line.timestamp} fra ${line.instance} [info] ${message}`)
    }))

  it.effect("of an app that says nothing prints nothing, or an empty array", () =>
    Effect.gen(function*() {
      const url = yield* address
      const text = yield* run(["fly", "logs", "silent", "--base-url", url], { env })
      assert.deepStrictEqual([text.code, text.out], [0, ""])
      const json = yield* run(["fly", "logs", "silent", "--base-url", url, "--json"], { env })
      assert.strictEqual(json.out, "[]")
    }))

  it.effect("prints only the region and the machine asked for", () =>
    Effect.gen(function*() {
      const url = yield* address
      yield* FakeFly.FakeFly.use(({ append }) =>
        append("parts", [
          { message: "a", region: "ams", instance: "1" },
          { message: "b", region: "fra", instance: "1" },
          { message: "c", region: "ams", instance: "2" }
        ])
      )
      const base = ["fly", "logs", "parts", "--base-url", url, "--json"]
      const { out } = yield* run([...base, "--region", "ams", "--instance", "1"], { env })
      assert.deepStrictEqual(JSON.parse(out).map(({ message }: { readonly message: string }) => message), ["a"])
    }))

  it.effect("-f prints an object a line as lines come, and ends when it is interrupted", () =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      yield* fly.append("growing", [{ message: "one", region: "ams" }, { message: "two" }])
      const { ended, out } = start(["fly", "logs", "growing", "-f", "--region", "fra", "--base-url", url, "--json"], {
        env
      })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* until(() => out.length === 1)
      yield* fly.append("growing", [{ message: "three" }])
      yield* until(() => out.length === 2)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(out.map((text) => JSON.parse(text).message), ["two", "three"])
      assert.deepStrictEqual(out.map((text) => JSON.parse(text).type), ["log", "log"])
    }))

  it.effect.each(
    [
      ["was refused", { _tag: "Refuse", status: 503 }, "the log host did not answer 200"],
      ["came garbled", { _tag: "Garble" }, "the log host's answer is not a page of Fly logs"]
    ] as const
  )("-f tells in one line that an answer %s, and goes on", ([, fault, sentence]) =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      const app = `shaky-${fault._tag}`
      yield* fly.append(app, [line])
      yield* fly.order({ ...fault, app })
      const { ended, err, out } = start(["fly", "logs", app, "-f", "--base-url", url], { env })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* until(() => out.length === 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(err, [`... ${sentence}; trying again in 2s`])
    }))

  it.effect("fails, followed or not, where waiting would not help", () =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      yield* fly.refuse("fm2_deploy")
      const cases = [
        [["no-such-app"], env, "not_found"],
        [["silent"], { FLY_ACCESS_TOKEN: "fm2_deploy" }, "unauthorized"],
        [["silent"], {}, "no_token"],
        [["a/b"], env, "validation"]
      ] as const
      for (const [[app], variables, kind] of cases) {
        for (const follow of [[], ["-f"]]) {
          const args = ["fly", "logs", app, ...follow, "--base-url", url, "--json"]
          const { code, err, out } = yield* run(args, { env: variables })
          assert.deepStrictEqual([code, out], [1, ""], args.join(" "))
          const { error } = JSON.parse(err)
          assert.strictEqual(error.kind, kind)
          // a token that is there and was refused is named, not looked for
          assert.strictEqual(/refused/.test(error.message), "FLY_ACCESS_TOKEN" in variables)
          assert.notInclude(err, "fm2_")
        }
      }
    }))

  it.effect("finds another token, and forgets the stored one, when it is refused", () =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      yield* fly.append("retried", [line])
      const minting = (token: string) =>
        FakeFlyCli.layer({ when: ["tokens", "create"], steps: [{ stdout: JSON.stringify({ token }) }] })
      const stored = join(directory, "tokens", "retried.cached.json")
      const args = ["fly", "logs", "retried", "--base-url", url]
      // minted and let in: the next run finds it stored
      assert.strictEqual((yield* run(args, { flyTools: minting("FlyV1 fm2_canaryOld") })).code, 0)
      assert.include(fs.readFileSync(stored, "utf8"), "canaryOld")
      yield* fly.refuse("fm2_canaryOld")
      const again = yield* run(args, { flyTools: minting("FlyV1 fm2_canaryNew") })
      assert.deepStrictEqual([again.code, again.err], [0, ""])
      assert.include(fs.readFileSync(stored, "utf8"), "canaryNew")
      assert.notInclude(again.out, "canary")
    }))

  it.effect("uses a token set by hand where nothing else has one", () =>
    Effect.gen(function*() {
      const url = yield* address
      yield* FakeFly.FakeFly.use(({ append }) => append("by-hand", [line]))
      const set = yield* run(["fly", "token", "set", "by-hand"], { input: "fm2_canary\n" })
      assert.strictEqual(set.code, 0)
      assert.strictEqual((yield* run(["fly", "logs", "by-hand", "--base-url", url], {})).code, 0)
    }))

  it.effect("without an app is bad usage", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(["fly", "logs"], { env })
      assert.strictEqual(code, 2)
      assert.include(err, "Missing required argument")
    }))
})
