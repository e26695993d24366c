import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { repeatUntil } from "../../support/until.ts"
import { isAlive, leftIn, logOf, node, providers, stateOf, until, withLocal } from "./harness.ts"

const deaf = (word: string) =>
  `process.on('SIGTERM', () => {}); console.log('${word}', process.pid); setInterval(() => {}, 1e6)`

const pidOf = (stateDir: string, id: string, word: string) =>
  Effect.map(
    until(() => new RegExp(`${word} \\d+\n`).test(logOf(stateDir, id))),
    () => Number(new RegExp(`${word} (\\d+)`).exec(logOf(stateDir, id))?.[1])
  )

/** A child without our variables, in its parent's group or in a session of its own. */
const child = (word: string, options: string, code = deaf(word)) =>
  `require('child_process').spawn(process.execPath, ['-e', ${
    JSON.stringify(code)
  }], { env: {}, stdio: 'inherit', ${options} })`

describe("nothing of a compute outlives it", () => {
  it.live("a member without our variables is ended even when its leader went first", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: node(`${child("plain", "")}; setInterval(() => {}, 1e6)`) })
        const pid = yield* pidOf(stateDir, id, "plain")
        yield* Atlas.terminate(id)
        const survived = isAlive(pid)
        if (survived) process.kill(pid, "SIGKILL")
        assert.isFalse(survived)
        assert.deepStrictEqual(leftIn(stateDir), [])
      })
    ))

  it.live("a child that took a session of its own and dropped our variables is found by its parent", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node(`${child("away", "detached: true")}; setInterval(() => {}, 1e6)`)
        })
        const pid = yield* pidOf(stateDir, id, "away")
        yield* Atlas.terminate(id)
        const survived = isAlive(pid)
        if (survived) process.kill(pid, "SIGKILL")
        assert.isFalse(survived)
      })
    ))

  it.live("what a compute rents on its own account is not ended with it", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const other = { ATLAS_COMPUTE_ID: "local-aaaaaaaaaaaa", PATH: process.env["PATH"] ?? "" }
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf("rented"))}],
              { env: ${JSON.stringify(other)}, stdio: 'inherit', detached: true }); setInterval(() => {}, 1e6)`
          )
        })
        const pid = yield* pidOf(stateDir, id, "rented")
        yield* Atlas.terminate(id)
        const survived = isAlive(pid)
        if (survived) process.kill(pid, "SIGKILL")
        assert.isTrue(survived)
      })
    ))

  /** Says its pid, with a cleared environment, in a session of its own, and without the parent that started it. */
  const orphan = (output: string, say: string) =>
    [
      "sh",
      "-c",
      `(setsid sh -c "env -i setsid sh -c '${say}; exec sleep 1000 ${output}' & exit 0" &); sleep 1000`
    ] as const

  it.live("an orphan that cleared its environment and took a session of its own is known by its output", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: orphan("", "echo orphan \\$\\$") })
        const pid = yield* pidOf(stateDir, id, "orphan")
        // as where no control group can be made
        const group = join(stateDir, id, "cgroup")
        if (fs.existsSync(group)) fs.writeFileSync("/sys/fs/cgroup/unified/cgroup.procs", String(pid))
        yield* Atlas.terminate(id)
        const survived = isAlive(pid)
        if (survived) process.kill(pid, "SIGKILL")
        assert.isFalse(survived)
      })
    ))

  it.live("it is also where the state directory is reached by a symbolic link", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        fs.mkdirSync(join(stateDir, "real"), { mode: 0o700 })
        const linked = join(stateDir, "linked")
        fs.symlinkSync("real", linked)
        const survived = yield* Effect.gen(function*() {
          const { id } = yield* Atlas.spawnCompute({ command: orphan("", "echo orphan \\$\\$") })
          const pid = yield* pidOf(linked, id, "orphan")
          const group = join(linked, id, "cgroup")
          if (fs.existsSync(group)) fs.writeFileSync("/sys/fs/cgroup/unified/cgroup.procs", String(pid))
          yield* Atlas.terminate(id)
          const survived = isAlive(pid)
          if (survived) process.kill(pid, "SIGKILL")
          return survived
        }).pipe(Effect.provide(providers(linked), { local: true }))
        assert.isFalse(survived)
      })
    ))

  it.live("one that also sends its output elsewhere is known by its control group, where one can be made", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: orphan(">/dev/null 2>&1", "echo hidden \\$\\$") })
        const pid = yield* pidOf(stateDir, id, "hidden")
        const file = join(stateDir, id, "cgroup")
        const group = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : null
        yield* Atlas.terminate(id)
        const survived = isAlive(pid)
        if (survived) process.kill(pid, "SIGKILL")
        assert.strictEqual(survived, group === null)
        if (group !== null) assert.isFalse(fs.existsSync(group))
      })
    ))

  it.live("a process that was only handed the pipe of the output is somebody else's, and is left alone", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        const pipe = fs.openSync(join(stateDir, id, ".out.1"), "w")
        const foreign = spawn("sleep", ["1000"], { env: {}, stdio: ["ignore", "ignore", "ignore", pipe] })
        fs.closeSync(pipe)
        yield* Atlas.terminate(id)
        const survived = isAlive(foreign.pid ?? 0)
        foreign.kill("SIGKILL")
        assert.isTrue(survived)
      })
    ))

  const daemon = node(`${child("daemon", "", deaf("daemon"))}.unref(); setTimeout(() => process.exit(0), 100)`)
    .map((word) => word.replace("env: {}", "env: process.env"))

  it.live("a command that left a daemon behind is failed; stop ends the daemon, start begins anew", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: daemon })
        const pid = yield* pidOf(stateDir, id, "daemon")
        yield* repeatUntil(Atlas.getCompute(id), ({ status }) => status === "failed")
        assert.isTrue(isAlive(pid))
        yield* Atlas.stop(id)
        assert.isFalse(isAlive(pid))
        yield* Atlas.start(id)
        yield* until(() => logOf(stateDir, id).split("daemon ").length === 3)
        assert.strictEqual(stateOf(stateDir, id)["run"], 2)
      })
    ))

  it.live("start ends the daemon of the run before", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: daemon })
        const pid = yield* pidOf(stateDir, id, "daemon")
        yield* repeatUntil(Atlas.getCompute(id), ({ status }) => status === "failed")
        yield* Atlas.start(id)
        assert.isFalse(isAlive(pid))
      })
    ))
})

describe("a start that failed does not lock out the next one", () => {
  it.live("each start reports the unreadable environment, not that another process is starting it", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        yield* Atlas.stop(id)
        const file = `${stateDir}/${id}/env.json`
        const env = fs.readFileSync(file, "utf8")
        fs.writeFileSync(file, "{")
        for (let time = 0; time < 2; time++) {
          assert.strictEqual((yield* Effect.flip(Atlas.start(id))).kind, "storage_fault")
        }
        fs.writeFileSync(file, env)
        yield* Atlas.start(id)
        assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
      })
    ))

  it.live("a claim that a crash left half written does not hold for ever", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        yield* Atlas.stop(id)
        fs.writeFileSync(`${stateDir}/${id}/.claim.2`, "")
        yield* Atlas.start(id)
        assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
      })
    ))
})
