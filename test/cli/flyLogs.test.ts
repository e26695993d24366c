/**
 * `atlas fly logs`, against the fake log host on loopback.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { run, start } from "./run.ts"

const fake = FakeFly.layerServer.pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(FakeFly.layer({ apps: ["silent"] }))
)

const address = HttpServer.addressFormattedWith(Effect.succeed)

const env = { FLY_API_TOKEN: "fm2_canary" }

const line = {
  timestamp: "2026-11-20T09:20:01.123456789Z",
  message: "listening on :8080",
  level: "info",
  region: "fra",
  instance: "3d8d413b29d089"
}

/** Waits on what the command has written; a real server has no clock that could be moved. */
const until = (isSo: () => boolean) =>
  Effect.promise(async () => {
    for (let turn = 0; !isSo(); turn++) {
      if (turn > 1000) throw new Error("never happened")
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })

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

  it.effect("-f tells in one line that a fetch failed, and goes on", () =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      yield* fly.append("shaky", [line])
      yield* fly.order({ _tag: "Refuse", app: "shaky", status: 503 })
      const { ended, err, out } = start(["fly", "logs", "shaky", "-f", "--base-url", url], { env })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* until(() => out.length === 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(err, ["... the log host did not answer 200; trying again in 2s"])
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
          assert.strictEqual(JSON.parse(err).error.kind, kind)
          assert.notInclude(err, "fm2_")
        }
      }
    }))

  it.effect("takes a refused token as refused only after a second try", () =>
    Effect.gen(function*() {
      const url = yield* address
      const fly = yield* FakeFly.FakeFly
      yield* fly.append("retried", [line])
      yield* fly.order({ _tag: "Refuse", app: "retried", status: 401 })
      const { code } = yield* run(["fly", "logs", "retried", "--base-url", url], { env })
      assert.strictEqual(code, 0)
    }))

  it.effect("without an app is bad usage", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(["fly", "logs"], { env })
      assert.strictEqual(code, 2)
      assert.include(err, "Missing required argument")
    }))
})
