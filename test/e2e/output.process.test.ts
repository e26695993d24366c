/**
 * The output of a machine in a real pipe: all of it, whoever reads it and however the machine ends.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { until } from "../support/until.ts"
import { type Compute, type Home, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

/** A command that says something when it is asked to end, the last of it without a line's end. */
const saving = "trap 'echo saving; printf saved; exit 0' TERM; echo go; while :; do sleep 0.02; done"

describe("what a machine writes", () => {
  it.each(["task", "up"])(
    "reaches a reader that pauses until its machine is gone, to the last line: atlas %s",
    async (verb) => {
      const ended = home.shell(
        `set -o pipefail; atlas ${verb} -- seq 300000 | (while [ ! -e go ]; do sleep 0.02; done; cat) >read`
      )
      await until("a machine is there", () => home.ids().length > 0)
      await until("it is gone, though nobody reads", () => home.ids().length === 0)
      fs.writeFileSync(join(home.directory, "go"), "")
      assert.strictEqual((await ended).code, 0)
      const lines = fs.readFileSync(join(home.directory, "read"), "utf8").trimEnd().split("\n")
      assert.deepStrictEqual([lines.length, lines.at(-1)], [300_000, "300000"])
      assert.deepStrictEqual(home.ids(), [])
    }
  )

  it("is one line where it is one line of five megabytes", async () => {
    const script = "process.stdout.write('x'.repeat(5e6) + '\\nend\\n')"
    const { code, stdout } = await home.run(["up", "--", "node", "-e", script])
    assert.deepStrictEqual({ code, lengths: stdout.split("\n").map(({ length }) => length) }, {
      code: 0,
      lengths: [5_000_000, 3, 0]
    })
    const { id } = await home.json("up", "--detach", "--", "node", "-e", script) as Compute
    const followed = await home.run(["logs", "-f", "--json", id])
    const records = followed.stdout.trimEnd().split("\n").map((line): { readonly text: string } => JSON.parse(line))
    assert.deepStrictEqual(records.map(({ text }) => text.length), [5_000_000, 3])
    await home.json("down", id)
  })

  it("is shown without the end of its line after a pause, and goes on in the same line", async () => {
    const running = home.start([
      "up",
      "--",
      "sh",
      "-c",
      "printf 'Password: '; while [ ! -e go ]; do sleep 0.02; done; echo ok"
    ])
    await running.seen(/^Password: $/)
    fs.writeFileSync(join(home.directory, "go"), "")
    assert.strictEqual((await running.ended).stdout, "Password: ok\n")
  })

  it("as a progress bar is shown, and is use: it is not ended as idle", async () => {
    const bar = "for i in $(seq 14); do printf \"\\r$i of 14\"; sleep 0.3; done"
    const { code, stdout } = await home.run(["up", "--idle-ttl", "3s", "--", "sh", "-c", bar])
    assert.deepStrictEqual({ code, stdout }, {
      code: 0,
      stdout: Array.from({ length: 14 }, (_, index) => `${index + 1} of 14\n`).join("")
    })
  })
})

describe("what a machine says while it is being ended", () => {
  it.each(["up", "up --max-runtime 1h"])("is shown after a signal: atlas %s", async (words) => {
    const running = home.start([...words.split(" "), "--", "sh", "-c", saving])
    await running.seen(/go/)
    running.child.kill("SIGTERM")
    const { code, stdout } = await running.ended
    assert.strictEqual(code, 143)
    assert.match(stdout, /^go\n(Terminated\n)?saving\nsaved\n$/)
    assert.deepStrictEqual(home.ids(), [])
  })

  it("is shown when a limit ends it", async () => {
    // on a busy machine it may not have said a word by then: once more, with more time
    for (let seconds = 1; seconds < 60; seconds *= 2) {
      const { code, stdout } = await home.run(["task", "--max-runtime", `${seconds}s`, "--", "sh", "-c", saving])
      assert.strictEqual(code, 1)
      if (stdout === "") continue
      assert.match(stdout, /^go\n(Terminated\n)?saving\nsaved\n$/)
      return
    }
    assert.fail("it never said a word")
  })

  it("is shown to who follows its log when another process ends it, and is in the log of one that was stopped", async () => {
    const { id } = await home.json("up", "--detach", "--", "sh", "-c", saving) as Compute
    const following = home.start(["logs", "-f", id])
    await following.seen(/go/)
    await home.json("stop", id)
    assert.match((await home.run(["logs", id])).stdout, /^go\n(Terminated\n)?saving\nsaved\n$/)
    assert.match((await following.ended).stdout, /^go\n(Terminated\n)?saving\nsaved\n$/)
  })

  it("is never lost without the end of its line, also when it is killed", async () => {
    const { code, stdout } = await home.run(["task", "--", "sh", "-c", "printf 'last words'; kill -KILL $$"])
    assert.deepStrictEqual({ code, stdout }, { code: 137, stdout: "last words\n" })
  })
})
