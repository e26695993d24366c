/**
 * The orchestrator under `kill -9`: real processes, a real database, and what is left when it is started once more.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import * as fs from "node:fs"
import { isFull } from "../support/full.ts"
import { programOf } from "../support/programs.ts"
import { randomOf } from "./fixtures/random.ts"
import { type Home, makeHome } from "./harness.ts"

const program = programOf("crashing")
const kills = isFull ? 50 : 10
/** A life is over at the latest when it has taken so many steps of its own. */
const longestLife = 24
/** What every life begins with again for those before it, however short it is: it would do nothing else. */
const inherited = /^(get|terminate)/

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

interface Life {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly steps: ReadonlyArray<string>
  readonly complaints: string
}

/** An orchestrator that has loaded its code and waits to be let go; with `steps` it is killed when it has taken so many. */
const prepare = (args: ReadonlyArray<string>, steps = Number.POSITIVE_INFINITY) => {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: home.directory,
    env: { ...process.env, ATLAS_STATE_DIR: home.state },
    stdio: ["pipe", "pipe", "pipe"]
  })
  let output = ""
  let complaints = ""
  child.stderr.on("data", (chunk: Buffer) => complaints += chunk.toString("utf8"))
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8")
    if (output.split("\n").filter((line) => line !== "" && !inherited.test(line)).length >= steps) child.kill("SIGKILL")
  })
  const ended = new Promise<Life>((resolve, reject) => {
    child.on("error", reject)
    child.on(
      "close",
      (code, signal) => resolve({ code, signal, steps: output.split("\n").filter(Boolean), complaints })
    )
  })
  return (): Promise<Life> => {
    child.stdin.end("go")
    return ended
  }
}

/** Which computes in this state directory have a process, whatever the records say. */
const running = (): ReadonlySet<string> => {
  const here = new Set(home.ids())
  const found = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const [, id] = /(?:^|\0)ATLAS_COMPUTE_ID=([^\0]+)/.exec(fs.readFileSync(`/proc/${pid}/environ`, "utf8")) ?? []
      const belongs = id !== undefined &&
        (here.has(id) || fs.readlinkSync(`/proc/${pid}/cwd`).startsWith(home.directory))
      return belongs ? [id] : []
    } catch {
      return []
    }
  })
  return new Set(found)
}

const sorted = (ids: Iterable<string>) => [...ids].toSorted()

describe("an orchestrator that is killed again and again", () => {
  it.skipIf(!fs.existsSync("/proc/self/environ"))(
    "is started once more, and exactly its sessions have a process",
    async () => {
      const seed = Number(process.env["ATLAS_CRASH_SEED"] ?? randomInt(2 ** 31))
      console.log(`seed ${seed} (again: ATLAS_CRASH_SEED=${seed})`)
      const random = randomOf(seed)
      const counts = new Map<string, number>()
      const prepareOne = (kill: number) =>
        prepare(["work", String(seed + kill)], 1 + Math.floor(random() * longestLife))
      const settle = prepare(["settle"])
      let next = prepareOne(1)
      for (let kill = 1; kill <= kills; kill++) {
        const lived = next()
        // the next one loads its code meanwhile: it is the moments that matter, not the waiting
        if (kill < kills) next = prepareOne(kill + 1)
        const life = await lived
        assert.strictEqual(life.signal, "SIGKILL", `life ${kill} ended by itself: ${life.complaints}`)
        for (const step of life.steps) counts.set(step, (counts.get(step) ?? 0) + 1)
      }
      const count = (step: string) => counts.get(step) ?? 0
      const halfDone = ["commit", "rent", "terminate"].map((step) => `${count(step) - count(`${step} done`)} ${step}`)
      console.log(
        `${kills} kills: ${count("rent")} creates, ${count("terminate")} terminates, ${count("commit")} commits; `
          + `killed in the middle of ${halfDone.join(", ")}`
      )
      // it was at work when it was killed
      assert.isAtLeast(count("rent"), kills * 0.4)
      assert.isAtLeast(count("terminate done"), kills * 0.4)

      const last = await settle()
      assert.strictEqual(last.code, 0, last.complaints)
      const line = last.steps.find((step) => step.startsWith("live "))?.slice("live ".length) ?? "[]"
      const sessions: ReadonlyArray<string> = JSON.parse(line)
      assert.isAtLeast(sessions.length, 3)
      assert.deepStrictEqual(sorted(running()), sorted(sessions))
      assert.deepStrictEqual(sorted(home.ids()), sorted(sessions))
    },
    420_000
  )
})
