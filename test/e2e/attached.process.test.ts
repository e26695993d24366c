/**
 * `atlas up` without `--detach`: it stays, and whatever ends it ends the compute.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { until } from "../support/until.ts"
import { type Compute, type Home, isGroupAlive, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

const ticking = "while :; do echo tick; sleep 0.05; done"

describe("attached up", () => {
  it("shows what the command writes and ends with its exit code", async () => {
    const { code, stdout } = await home.run(["up", "--", "sh", "-c", "echo out; echo err >&2; exit 7"])
    assert.strictEqual(code, 7)
    assert.strictEqual(stdout, "out\nerr\n")
    assert.deepStrictEqual(home.ids(), [])
  })

  it("prints one JSON object a line: the compute, its log, its exit", async () => {
    const script = "echo one; echo two; exit 3"
    const { code, stderr, stdout } = await home.run(["up", "--json", "--auth", "bearer", "--", "sh", "-c", script])
    assert.strictEqual(code, 3)
    assert.strictEqual(stderr, "")
    const lines = stdout.trimEnd().split("\n").map((line): Record<string, unknown> => JSON.parse(line))
    assert.deepStrictEqual(lines.map(({ text, type }) => text ?? type), ["compute", "one", "two", "exit"])
    assert.isNotNull(lines[0]?.["auth"])
    assert.deepStrictEqual(lines.at(-1), { type: "exit", code: 3, truncated: false })
  })

  it("hands every word after -- to the command as it is", async () => {
    const { stdout } = await home.run(["up", "--", "printf", "%s\\n", "--json", "--help", "--", "-x", "a b", ""])
    assert.strictEqual(stdout, "--json\n--help\n--\n-x\na b\n\n")
  })

  it.each([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "ends the compute on %s and exits with %i",
    async (signal, expected) => {
      const running = home.start(["up", "--", "sh", "-c", ticking])
      await running.seen(/tick/)
      const [id = ""] = home.ids()
      const leader = home.leader(id)
      assert.isTrue(isGroupAlive(leader))
      running.child.kill(signal)
      assert.strictEqual((await running.ended).code, expected)
      assert.deepStrictEqual(home.ids(), [])
      assert.isFalse(isGroupAlive(leader))
    }
  )

  it("is not hurried by a second signal", async () => {
    const script = `trap 'echo asked; sleep 0.5; exit 0' TERM; ${ticking}`
    const running = home.start(["up", "--", "sh", "-c", script])
    await running.seen(/tick/)
    const [id = ""] = home.ids()
    const leader = home.leader(id)
    running.child.kill("SIGINT")
    await until("the command is asked to end", () => /asked/.test(readFileSync(join(home.state, id, "log"), "utf8")))
    running.child.kill("SIGTERM")
    assert.strictEqual((await running.ended).code, 130)
    assert.deepStrictEqual(home.ids(), [])
    assert.isFalse(isGroupAlive(leader))
  })

  it.each(["up", "up --json"])("`atlas %s | head -1` leaves nothing, and ends as what was cut off: 141", async (up) => {
    const { code, stderr, stdout } = await home.shell(
      `set -o pipefail; atlas ${up} -- sh -c '${ticking}' 2>err | head -1; code=$?; grep error err; exit $code`
    )
    assert.strictEqual(code, 141, stderr)
    assert.strictEqual(stdout.trimEnd().split("\n").length, 1)
    assert.deepStrictEqual(home.ids(), [])
  })

  it("survives kill -9 of atlas as a compute that is listed and can be ended", async () => {
    const running = home.start(["up", "--", "sh", "-c", ticking])
    await running.seen(/tick/)
    running.child.kill("SIGKILL")
    await running.ended
    const [left] = await home.json("ps") as ReadonlyArray<Compute>
    assert.strictEqual(left?.status, "running")
    const leader = home.leader(left?.id ?? "")
    await home.json("down", left?.id ?? "")
    assert.isFalse(isGroupAlive(leader))
    assert.deepStrictEqual(await home.json("ps"), [])
  })

  it("fails when another process ends the compute", async () => {
    const running = home.start(["up", "--json", "--", "sh", "-c", ticking])
    await running.seen(/tick/)
    await home.json("down", "--all", "--yes")
    const { code } = await running.ended
    // whichever it sees first: how the command was ended, or that the compute is gone
    assert.include([1, 143], code)
    assert.deepStrictEqual(home.ids(), [])
  })
})

describe("following a log", () => {
  it("ends quietly when its output is not read any more, and leaves the compute alone", async () => {
    const { id } = await home.json("up", "--detach", "--", "sh", "-c", ticking) as Compute
    const { code, stderr, stdout } = await home.shell(`set -o pipefail; atlas logs -f --json ${id} | head -1`)
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(JSON.parse(stdout).text, "tick")
    assert.strictEqual((await home.json("get", id) as Compute).status, "running")
  })
})
