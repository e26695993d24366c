/**
 * `ps --watch`, and logs of a real process: what a user sees, and how it ends.
 */
import { afterAll, assert, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { isFull } from "../support/full.ts"
import { until } from "../support/until.ts"
import { makeHome } from "./harness.ts"

const home = makeHome()
afterAll(home.close)

it("ps --watch tells of what is rented and ended meanwhile, and ends on Ctrl-C with 130", async () => {
  const watching = home.start(["ps", "--watch", "--json"])
  await home.json("up", "--name", "watched", "--detach", "--", "sleep", "1000")
  await watching.seen(/"type":"compute".*-watched-/)
  await home.json("down", "watched")
  await watching.seen(/"type":"gone"/)
  watching.child.kill("SIGINT")
  const { code, stderr, stdout } = await watching.ended
  assert.deepStrictEqual([code, stderr], [130, ""])
  assert.deepStrictEqual(
    stdout.trimEnd().split("\n").map((line) => JSON.parse(line).type).filter((type, at, all) => type !== all[at - 1]),
    ["compute", "gone"]
  )
})

it("logs --tail shows the end of a log, and with -f what comes after it", async () => {
  const waiting = "seq 100000; until [ -e go ]; do sleep 0.05; done; echo late; sleep 1000"
  await home.json("up", "--name", "talker", "--detach", "--", "sh", "-c", waiting)
  const last = async (count: string) => (await home.run(["logs", "--tail", count, "talker"])).stdout
  await until("the log is written", async () => await last("1") === "100000\n")
  assert.strictEqual(await last("3"), "99998\n99999\n100000\n")
  const following = home.start(["logs", "-f", "--tail", "1", "talker"])
  await following.seen(/^100000\n/)
  fs.writeFileSync(join(home.directory, "go"), "")
  await following.seen(/late/)
  following.child.kill("SIGINT")
  const { code, stdout } = await following.ended
  assert.deepStrictEqual([code, stdout], [130, "100000\nlate\n"])
})

it("logs --tail -f begins where a line begins, also one that has no end yet, and goes on with it", async () => {
  const waiting = "printf 'one\\ntwo\\nthr'; until [ -e then ]; do sleep 0.05; done; echo ee; echo four"
  await home.json("up", "--name", "partial", "--detach", "--", "sh", "-c", waiting)
  await until("the log is written", async () => (await home.run(["logs", "--tail", "1", "partial"])).stdout === "thr\n")
  const following = home.start(["logs", "-f", "--tail", "1", "partial"])
  await following.seen(/^thr$/)
  fs.writeFileSync(join(home.directory, "then"), "")
  const { code, stdout } = await following.ended
  assert.deepStrictEqual([code, stdout], [0, "three\nfour\n"])
})

it.runIf(isFull)("logs --json of 200 MB is one array, and takes little memory", async () => {
  const script = `yes ${"x".repeat(2000)} | head -100000; echo end; sleep 1000`
  await home.json("up", "--name", "big", "--detach", "--", "sh", "-c", script)
  await until("the log is written", async () => (await home.run(["logs", "--tail", "1", "big"])).stdout === "end\n")
  const reader = `
    let [length, first, last] = [0, "", ""]
    process.stdin.on("data", (piece) => {
      length += piece.length
      first ||= piece.toString().slice(0, 2)
      last = (last + piece.toString()).slice(-3)
    }).on("end", () => console.log(JSON.stringify([length > 2e8, first, last])))`
  const { code, stdout } = await home.shell(
    `NODE_OPTIONS=--max-old-space-size=128 atlas logs --json big | "${process.execPath}" -e '${reader}'`
  )
  assert.strictEqual(code, 0)
  assert.deepStrictEqual(JSON.parse(stdout), [true, "[{", "\n]\n"])
}, 120_000)
