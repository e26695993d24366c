/**
 * `atlas fly logs` against `atlas dev fake-fly`: two processes, as a user has them.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { type Home, makeHome, type Running, until } from "./atlas.ts"

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

  it("has an app whose newest lines are printed", async () => {
    const { code, stderr, stdout } = await home.run(["fly", "logs", "acme-web", "--base-url", url, "--json"], token)
    assert.deepStrictEqual([code, stderr], [0, ""])
    const lines: ReadonlyArray<Record<string, unknown>> = JSON.parse(stdout)
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
  })

  it.each([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "talks on while it is followed, until %s ends the follower with %i",
    async (signal, code) => {
      const follower = home.start(["fly", "logs", "acme-web", "-f", "--base-url", url, "--json"], token)
      let lines = 0
      follower.child.stdout?.on("data", (chunk: Buffer) => lines += chunk.toString("utf8").split("\n").length - 1)
      await until("a first page", () => lines > 0)
      const first = lines
      await until("another page", () => lines > first)
      follower.child.kill(signal)
      const ended = await follower.ended
      assert.strictEqual(ended.code, code)
      assert.strictEqual(ended.stderr, "")
      const cursors = ended.stdout.trim().split("\n").map((line): string => JSON.parse(line).timestamp)
      assert.deepStrictEqual(cursors, [...new Set(cursors)].toSorted())
    }
  )

  it("ends a follower of an app that is not there with one line, and no token in it", async () => {
    const ended = await home.run(["fly", "logs", "no-such-app", "-f", "--base-url", url], token)
    assert.strictEqual(ended.code, 1)
    assert.strictEqual(
      ended.stderr,
      "error [not_found] Fly knows no app of this name; check its spelling with `fly apps list`\n"
    )
    assert.notInclude(ended.stdout + ended.stderr, "canary")
  })

  it("refuses an unknown fault with the list of those it has", async () => {
    const { code, stderr } = await home.run(["dev", "fake-fly", "--fault", "nonsense"])
    assert.strictEqual(code, 2)
    assert.include(stderr, "unauthorized-once")
  })

  it("makes trouble by name that fly logs gets over", async () => {
    const args = ["unauthorized-once", "overlap", "non-object-lines", "hollow-lines"].flatMap((
      name
    ) => ["--fault", name])
    const trouble = home.start(["dev", "fake-fly", ...args])
    let ready = ""
    trouble.child.stdout?.on("data", (chunk: Buffer) => ready += chunk.toString("utf8"))
    await trouble.seen(/\n/)
    const { url } = JSON.parse(ready)
    // the one in the environment is refused, so another is needed
    fs.mkdirSync(join(home.directory, ".fly"))
    fs.writeFileSync(join(home.directory, ".fly", "config.yml"), "access_token: fm2_canaryFile\n")
    const { code, stdout } = await home.run(["fly", "logs", "acme-web", "--base-url", url, "--json"], token)
    assert.strictEqual(code, 0)
    assert.isAbove(JSON.parse(stdout).length, 0)
    trouble.child.kill("SIGTERM")
    assert.strictEqual((await trouble.ended).code, 143)
  })
})
