/**
 * Variables from a pipe, as `--env-from <(command)` gives them: read to its end, and never in the way of Ctrl-C.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { until } from "../support/until.ts"
import { type Home, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

const show = "sh -c 'echo got $SECRET'"

describe("variables from a pipe", () => {
  it("come through --env-from, from a process and from stdin", async () => {
    const line = `atlas up --env-from <(echo SECRET=1) -- ${show}; echo SECRET=2 | atlas up --env-from - -- ${show}`
    assert.strictEqual((await home.shell(line)).stdout, "got 1\ngot 2\n")
  })

  it("that Node itself has emptied, because the flag is also Node's, are refused with the other flag", async () => {
    const { stderr, stdout } = await home.shell(`atlas up --env-file <(echo SECRET=1) -- ${show}`)
    assert.strictEqual(stdout, "")
    assert.include(stderr, "write --env-from for a pipe")
    assert.deepStrictEqual(home.ids(), [])
  })

  it("that nobody writes to are waited for, and Ctrl-C ends the wait", async () => {
    const pipe = join(home.directory, "pipe")
    await home.shell(`mkfifo ${pipe}`)
    const running = home.start(["up", "--env-from", pipe, "--", "true"])
    const isOpen = () => {
      const open = `/proc/${running.child.pid}/fd`
      return fs.readdirSync(open).some((fd) => {
        try {
          return fs.readlinkSync(join(open, fd)) === pipe
        } catch {
          return false
        }
      })
    }
    await until("the pipe is read", isOpen)
    running.child.kill("SIGINT")
    assert.strictEqual((await running.ended).code, 130)
    assert.deepStrictEqual(home.ids(), [])
  })
})
