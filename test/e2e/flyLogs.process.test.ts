/**
 * `atlas fly logs` against `atlas dev fake-fly`: a host in a process of its own, followers as a user has them, and the
 * command line in this process for what does not need one.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { FakeFlyCli } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fs from "node:fs"
import { join } from "node:path"
import * as commandLine from "../cli/harness.ts"
import { until, untilSo } from "../support/until.ts"
import { type Home, makeHome, type Running } from "./harness.ts"

const token = { FLY_API_TOKEN: "fm2_canary" }

describe("atlas dev fake-fly", () => {
  let home: Home
  let host: Running
  let url: string

  beforeAll(async () => {
    home = makeHome()
    host = home.start(["dev", "fake-fly"])
    let ready = ""
    host.child.stdout?.on("data", (chunk: Buffer) => ready += chunk.toString("utf8"))
    await host.seen(/\n/)
    url = JSON.parse(ready).url
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  })

  afterAll(() => home.close())

  const start = (...args: ReadonlyArray<string>) =>
    commandLine.start(args, {
      flyTools: FakeFlyCli.layer(),
      env: {
        ...token,
        FLY_CONFIG_DIR: join(home.directory, ".fly"),
        ATLAS_FLY_TOKENS_DIR: join(home.directory, "tokens")
      }
    })

  it.live("has an app whose newest lines are printed", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* start("fly", "logs", "acme-web", "--base-url", url, "--json").ended
      assert.deepStrictEqual([code, err], [0, ""])
      const lines: ReadonlyArray<Record<string, unknown>> = JSON.parse(out)
      assert.isAbove(lines.length, 3)
      assert.deepStrictEqual(Object.keys(lines[0] ?? {}).toSorted(), [
        "appName",
        "instance",
        "level",
        "message",
        "region",
        "timestamp",
        "type"
      ])
    }))

  it("talks on while it is followed, until a signal ends each follower with its exit code", async () => {
    const follow = async ([signal, code]: readonly [NodeJS.Signals, number]) => {
      const follower = home.start(["fly", "logs", "acme-web", "-f", "--base-url", url, "--json"], token)
      let lines = 0
      follower.child.stdout?.on("data", (chunk: Buffer) => lines += chunk.toString("utf8").split("\n").length - 1)
      await until("a first page", () => lines > 0)
      const first = lines
      await until("another page", () => lines > first)
      follower.child.kill(signal)
      const ended = await follower.ended
      assert.deepStrictEqual([ended.code, ended.stderr], [code, ""], signal)
      const cursors = ended.stdout.trim().split("\n").map((line): string => JSON.parse(line).timestamp)
      assert.deepStrictEqual(cursors, [...new Set(cursors)].toSorted())
    }
    await Promise.all(([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const).map(follow))
  })

  it.live("ends a follower of an app that is not there with one line, and no token in it", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* start("fly", "logs", "no-such-app", "-f", "--base-url", url).ended
      assert.deepStrictEqual([code, err], [
        1,
        "error [not_found] Fly knows no app of this name; check its spelling with `fly apps list`"
      ])
      assert.notInclude(out + err, "canary")
    }))

  it.live("refuses an unknown fault with the list of those it has", () =>
    Effect.gen(function*() {
      const { code, err } = yield* start("dev", "fake-fly", "--fault", "nonsense").ended
      assert.strictEqual(code, 2)
      assert.include(err, "unauthorized-once")
    }))

  it.live("makes trouble by name that fly logs gets over", () =>
    Effect.gen(function*() {
      const faults = ["unauthorized-once", "overlap", "non-object-lines", "hollow-lines"]
      const { ended, out } = start("dev", "fake-fly", ...faults.flatMap((name) => ["--fault", name]))
      const trouble = yield* Effect.forkChild(ended)
      yield* untilSo("it listens", () => out.length > 0)
      const { url } = JSON.parse(out.join("\n"))
      // the one in the environment is refused, so another is needed
      fs.mkdirSync(join(home.directory, ".fly"))
      fs.writeFileSync(join(home.directory, ".fly", "config.yml"), "access_token: fm2_canaryFile\n")
      const logs = yield* start("fly", "logs", "acme-web", "--base-url", url, "--json").ended
      assert.strictEqual(logs.code, 0)
      assert.isAbove(JSON.parse(logs.out).length, 0)
      yield* Fiber.interrupt(trouble)
    }))

  it("ends with 143 when it is asked to", async () => {
    host.child.kill("SIGTERM")
    assert.strictEqual((await host.ended).code, 143)
  })
})
