import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fromSources } from "../../../.config/sources.mjs"
import { programOf } from "../../support/programs.ts"
import { isAlive, leftIn, stateOf, until, withLocal } from "./harness.ts"

const starter = programOf("starter")

const startProcess = (stateDir: string, count: number, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(
        process.execPath,
        [fromSources, starter, stateDir, String(count), "sleep", "1000"],
        { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] }
      )
      let output = ""
      child.stdout.on("data", (chunk: Buffer) => output += chunk.toString())
      return { child, lines: () => output.split("\n").filter((line) => line !== "") }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const ended = (child: ChildProcess) => until(() => child.exitCode !== null || child.signalCode !== null)

describe("whatever happens to the process that rented", () => {
  it.live("after kill -9 another process lists its compute and ends it", () =>
    withLocal((stateDir) =>
      Effect.scoped(Effect.gen(function*() {
        const { child, lines } = yield* startProcess(stateDir, 1, { STAY: "1" })
        yield* until(() => lines().length === 1)
        child.kill("SIGKILL")
        yield* ended(child)
        const [compute] = yield* Atlas.listCompute()
        assert.strictEqual(compute?.id, JSON.parse(lines()[0] ?? "{}").id)
        assert.isTrue(compute?.isLive)
        const pid = Number(stateOf(stateDir, compute?.id ?? "")["pid"])
        assert.isTrue(isAlive(pid))
        yield* Atlas.end(compute?.id ?? "")
        assert.isFalse(isAlive(pid))
        assert.deepStrictEqual(leftIn(stateDir), [])
      }))
    ))

  it.live("killed while it removed what was ended, it leaves no control group for long", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["true"] })
        yield* until(() => !isAlive(Number(stateOf(stateDir, id)["pid"])))
        const note = join(stateDir, id, "cgroup")
        // null where none can be made
        const group = fs.existsSync(note) ? fs.readFileSync(note, "utf8").trim() : null
        const gone = join(stateDir, `.gone-${id}`)
        fs.renameSync(join(stateDir, id), gone)
        fs.utimesSync(gone, 0, 0)
        assert.deepStrictEqual(yield* Atlas.listCompute(), [])
        assert.deepStrictEqual([gone, group].filter((path) => path !== null && fs.existsSync(path)), [])
      })
    ))

  it.live("killed at any moment of a create, it leaves nothing or what can be listed and ended", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        // moments told by what stands on the disk, so the kill falls between different steps each time
        const moments: ReadonlyArray<(names: ReadonlyArray<string>) => boolean> = [
          (names) => names.some((name) => name.startsWith(".ports/")),
          (names) => names.some((name) => name.startsWith(".new-")),
          (names) => names.some((name) => name.endsWith("env.json")),
          (names) => names.some((name) => /^local-[^/]+$/.test(name)),
          (names) => names.some((name) => /^local-[^/]+\/state\.json$/.test(name))
        ]
        for (const isMoment of moments) {
          yield* Effect.scoped(Effect.gen(function*() {
            const { child } = yield* startProcess(stateDir, 1)
            // without a pause between the looks, which would outlast every moment
            while (!isMoment(leftIn(stateDir)) && child.exitCode === null) {
              yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
            }
            child.kill("SIGKILL")
            yield* ended(child)
          }))
          for (const compute of yield* Atlas.listCompute()) yield* Atlas.end(compute.id)
          assert.deepStrictEqual(yield* Atlas.listCompute(), [])
          const left = leftIn(stateDir).filter((name) => !name.startsWith(".new-") && !name.startsWith(".ports/"))
          assert.deepStrictEqual(left, [])
          // an unfinished directory that a crash left is no compute; a later sweep removes it when it is old
          for (const name of fs.readdirSync(stateDir)) {
            if (name.startsWith(".new-")) fs.utimesSync(join(stateDir, name), 0, 0)
          }
          yield* Atlas.listCompute()
          assert.deepStrictEqual(fs.readdirSync(stateDir).filter((name) => name.startsWith(".new-")), [])
        }
      })
    ))

  it.live("twenty at once from separate processes get twenty ids and twenty ports", () =>
    withLocal((stateDir) =>
      Effect.scoped(Effect.gen(function*() {
        const processes = yield* Effect.forEach(Array.from({ length: 4 }), () => startProcess(stateDir, 5))
        for (const { child } of processes) yield* ended(child)
        const all = yield* Atlas.listCompute()
        assert.strictEqual(new Set(all.map(({ id }) => id)).size, 20)
        assert.strictEqual(new Set(all.map(({ ports }) => ports[0]?.external)).size, 20)
        yield* Effect.forEach(all, ({ id }) => Atlas.end(id), { concurrency: "unbounded" })
        assert.deepStrictEqual(leftIn(stateDir), [])
      }))
    ))
})
