/**
 * A hang-up: it ends what runs in a terminal that closes, and not what was started so that it outlives the terminal.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { programOf } from "../support/programs.ts"
import { until } from "../support/until.ts"
import { type Home, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

/** A task that goes on until a file is there; its shell writes down its process. */
const task = `"${process.execPath}" "${programOf("atlas")}" task -- ` +
  "sh -c 'touch begun; until [ -e heard ]; do sleep 0.05; done; touch done' & echo $! >atlas; wait $!"

const hangUp = async (line: string) => {
  const file = (name: string) => join(home.directory, name)
  fs.writeFileSync(file("script"), task)
  const ended = home.shell(`${line}; echo "code $?"`)
  await until("the task runs", () => fs.existsSync(file("begun")))
  process.kill(Number(fs.readFileSync(file("atlas"), "utf8")), "SIGHUP")
  if (!line.includes("nohup")) await until("it is ended", () => home.ids().length === 0)
  fs.writeFileSync(file("heard"), "")
  const { stdout } = await ended
  assert.deepStrictEqual(home.ids(), [])
  return { code: /code (\d+)/.exec(stdout)?.[1], isDone: fs.existsSync(file("done")) }
}

it("a task in a terminal that closes is ended", async () => {
  assert.deepStrictEqual(await hangUp(task), { code: "129", isDone: false })
})

describe.skipIf(!fs.existsSync("/usr/bin/nohup"))(
  "a task that was started with nohup goes on when the terminal closes",
  () => {
    it.each([
      ["at a prompt", `nohup ${task}`],
      ["by a script", "nohup bash script"]
    ])("%s", async (_, line) => {
      assert.deepStrictEqual(await hangUp(line), { code: "0", isDone: true })
    })
  }
)
