import { assert, describe, it } from "@effect/vitest"
import { Atlas, type Compute, NameStamp } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { headerOf, secretOf } from "../../support/secrets.ts"
import { isAlive, leftIn, logOf, node, server, squat, stateOf, until, withLocal } from "./harness.ts"

const url = (compute: Compute.Compute) => compute.ports[0]?.url ?? "none"
const port = (compute: Compute.Compute) => compute.ports[0]?.external ?? 0
const statusOf = (address: string, header?: string) =>
  Effect.promise(() =>
    fetch(address, { headers: header === undefined ? {} : { authorization: header } }).then(({ status }) => status)
  )
const untilStatus = (id: string, wanted: Compute.ComputeStatus) =>
  Effect.gen(function*() {
    while (true) {
      const compute = yield* Atlas.getCompute(id)
      if (compute.status === wanted) return compute
    }
  })

describe("a compute on this machine", () => {
  it.live("is reached with the minted token, refused without it, and ended with nothing left", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({
          image: "builtin:inference-server",
          ports: ["8000/http"],
          auth: "bearer",
          name: "Demo"
        })
        assert.strictEqual(NameStamp.parse(compute.name ?? "")?.slug, "demo")
        const ready = yield* Atlas.awaitReady(compute.id)
        assert.strictEqual(yield* statusOf(`${url(ready)}/health`), 401)
        const header = headerOf(compute.auth)
        assert.strictEqual(yield* statusOf(`${url(ready)}/health`, header), 200)
        assert.strictEqual(yield* statusOf(`${url(ready)}/health`, `${header}x`), 401)
        const pid = Number(stateOf(stateDir, compute.id)["pid"])
        yield* Atlas.terminate(compute.id)
        assert.isFalse(isAlive(pid))
        assert.deepStrictEqual(leftIn(stateDir), [])
        const gone = yield* Effect.flip(Atlas.getCompute(compute.id))
        assert.strictEqual(gone.kind, "not_found")
        assert.strictEqual((yield* Effect.flip(Atlas.terminate(compute.id))).kind, "not_found")
      })
    ))

  it.live("gets its ports, its id and a little of our environment, and none of our keys", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("console.log(JSON.stringify({ ...process.env, cwd: process.cwd() }))"),
          ports: ["8000/http", "9000/tcp"],
          env: { GREETING: "hello", SECRET: Redacted.make("s3cret") }
        })
        yield* until(() => logOf(stateDir, id).endsWith("\n"))
        const env: Record<string, string> = JSON.parse(logOf(stateDir, id))
        const compute = yield* Atlas.getCompute(id)
        assert.strictEqual(env["ATLAS_PORT_8000"], String(compute.ports[0]?.external))
        assert.strictEqual(env["ATLAS_PORT_9000"], String(compute.ports[1]?.external))
        assert.strictEqual(compute.ports[1]?.url, `tcp://127.0.0.1:${compute.ports[1]?.external}`)
        assert.strictEqual(env["ATLAS_COMPUTE_ID"], id)
        assert.strictEqual(env["HOST"], "127.0.0.1")
        assert.strictEqual(env["GREETING"], "hello")
        assert.strictEqual(env["SECRET"], "s3cret")
        assert.strictEqual(env["cwd"], join(stateDir, id, "work"))
        const known = /^(PATH|HOME|LANG|TMPDIR|HOST|PWD|OLDPWD|SHLVL|_|cwd|GREETING|SECRET|ATLAS_.*)$/
        assert.deepStrictEqual(Object.keys(env).filter((name) => !known.test(name)), [])
      }), { RUNPOD_API_KEY: "rp-canary" }))

  it.live("keeps its environment in one private file only, and shows it nowhere", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({
          command: server,
          ports: ["8000/http"],
          auth: "bearer",
          env: { CANARY: "canary-value" }
        })
        yield* Atlas.awaitReady(compute.id)
        const token = secretOf(compute.auth)
        const holding = fs.readdirSync(join(stateDir, compute.id), { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .filter(({ name }) => fs.readFileSync(join(stateDir, compute.id, name), "utf8").includes(token))
          .map(({ name }) => name)
        assert.deepStrictEqual(holding, ["env.json"])
        assert.strictEqual(fs.statSync(join(stateDir, compute.id, "env.json")).mode & 0o777, 0o600)
        assert.strictEqual(fs.statSync(join(stateDir, compute.id)).mode & 0o777, 0o700)
        const seen = yield* Atlas.getCompute(compute.id)
        assert.isNull(seen.auth)
        const pid = Number(stateOf(stateDir, compute.id)["pid"])
        const argv = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8")
        for (
          const text of [
            inspect(compute, { depth: 9 }),
            JSON.stringify(compute),
            String(compute),
            JSON.stringify(seen.raw),
            argv
          ]
        ) {
          assert.notInclude(text, token)
          assert.notInclude(text, "canary-value")
        }
      })
    ))

  it.live("is provisioning until every requested port accepts, then running", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const gate = join(stateDir, "gate")
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `const fs = require('fs'); const wait = setInterval(() => { if (fs.existsSync('${gate}')) { clearInterval(wait)
            require('http').createServer((q, s) => s.end()).listen(process.env.ATLAS_PORT_8000, '127.0.0.1') } }, 5)
            console.log('up')`
          ),
          ports: ["8000/http"]
        })
        yield* until(() => logOf(stateDir, id).includes("up"))
        assert.strictEqual((yield* Atlas.getCompute(id)).status, "provisioning")
        fs.writeFileSync(gate, "")
        assert.strictEqual((yield* Atlas.awaitReady(id)).status, "running")
      })
    ))

  it.live("a command that ends by itself is failed, with its exit code; awaiting it says so", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sh", "-c", "exit 7"], ports: ["8000/http"] })
        const error = yield* Effect.flip(Atlas.awaitReady(id))
        assert.deepInclude(error.reason, { _tag: "Ended", status: "failed", exitCode: 7 })
        const compute = yield* Atlas.getCompute(id)
        assert.strictEqual(compute.exitCode, 7)
        assert.include(compute.failure ?? "", "exit code 7")
        assert.strictEqual((yield* Effect.flip(Atlas.stop(id))).kind, "provider")
      })
    ))

  it.live("one whose process was killed from outside is failed, and says that", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        process.kill(-Number(stateOf(stateDir, id)["pid"]), "SIGKILL")
        const compute = yield* untilStatus(id, "failed")
        assert.include(compute.failure ?? "", "killed from outside")
        assert.isNull(compute.exitCode)
      })
    ))

  it.live("stop keeps it, start brings it back on the same port with the same token", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({
          image: "builtin:inference-server",
          ports: ["8000/http"],
          auth: "bearer"
        })
        const header = headerOf(compute.auth)
        yield* Atlas.awaitReady(compute.id)
        const first = Number(stateOf(stateDir, compute.id)["pid"])
        yield* Atlas.stop(compute.id)
        assert.isFalse(isAlive(first))
        assert.strictEqual((yield* Atlas.getCompute(compute.id)).status, "stopped")
        yield* Atlas.stop(compute.id)
        yield* Atlas.start(compute.id)
        const again = yield* Atlas.awaitReady(compute.id)
        assert.strictEqual(url(again), url(compute))
        assert.strictEqual(yield* statusOf(`${url(again)}/health`, header), 200)
        assert.strictEqual(yield* statusOf(`${url(again)}/health`), 401)
        const running = yield* Effect.flip(Atlas.start(compute.id))
        assert.deepInclude(running.reason, { _tag: "ProviderFault", code: "running" })
      })
    ))

  it.live("of many callers that start it at once, one wins and one process runs", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: node("console.log('run'); setInterval(() => {}, 1e6)") })
        yield* until(() => logOf(stateDir, id) === "run\n")
        yield* Atlas.stop(id)
        const results = yield* Effect.forEach(
          Array.from({ length: 8 }),
          () => Effect.result(Atlas.start(id)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(results.filter(Result.isSuccess).length, 1)
        yield* until(() => logOf(stateDir, id) === "run\nrun\n")
      })
    ))

  it.live("asks for the same number outside as inside when a port is symmetric, or says it is taken", () =>
    withLocal((stateDir) =>
      Effect.scoped(Effect.gen(function*() {
        const first = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], ports: ["8000/http"] })
        const taken = port(first)
        const error = yield* Effect.flip(
          Atlas.spawnCompute({ command: ["sleep", "1000"], ports: [{ port: taken, symmetric: true }] })
        )
        assert.strictEqual(error.kind, "no_capacity")
        yield* Atlas.end(first.id)
        const second = yield* Atlas.spawnCompute({
          command: ["sleep", "1000"],
          ports: [{ port: taken, symmetric: true }]
        })
        assert.strictEqual(port(second), taken)
        yield* Atlas.end(second.id)
        assert.deepStrictEqual(leftIn(stateDir), [])
      }))
    ))
})

describe("ending", () => {
  it.live("a process that ignores TERM, and its children, are killed", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `process.on('SIGTERM', () => {}); const child = require('child_process').spawn(process.execPath,
            ['-e', "process.on('SIGTERM', () => {}); console.log('deaf', process.pid); setInterval(() => {}, 1e6)"],
            { stdio: 'inherit' }); setInterval(() => {}, 1e6)`
          )
        })
        yield* until(() => /deaf \d+\n/.test(logOf(stateDir, id)))
        const child = Number(/deaf (\d+)/.exec(logOf(stateDir, id))?.[1])
        const leader = Number(stateOf(stateDir, id)["pid"])
        yield* Atlas.end(id)
        assert.deepStrictEqual([isAlive(child), isAlive(leader)], [false, false])
        assert.deepStrictEqual(leftIn(stateDir), [])
      })
    ))

  it.live("a child that left the process group is found and ended too", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `const child = require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
            console.log('away', child.pid); setInterval(() => {}, 1e6)`
          )
        })
        yield* until(() => /away \d+\n/.test(logOf(stateDir, id)))
        const away = Number(/away (\d+)/.exec(logOf(stateDir, id))?.[1])
        yield* Atlas.end(id)
        assert.isFalse(isAlive(away))
      })
    ))
})

describe("what is not ours, or cannot be read, is left alone", () => {
  it.live("a pid that now belongs to another process is never signalled", () =>
    withLocal((stateDir) =>
      Effect.scoped(Effect.gen(function*() {
        const innocent = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], name: "innocent" })
        const victim = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], name: "victim" })
        const other = Number(stateOf(stateDir, innocent.id)["pid"])
        yield* Atlas.stop(victim.id)
        fs.rmSync(join(stateDir, victim.id, "stop.1"))
        fs.rmSync(join(stateDir, victim.id, "exit.1"), { force: true })
        const tampered = { ...stateOf(stateDir, victim.id), pid: other, pidStart: "boot:1" }
        fs.writeFileSync(join(stateDir, victim.id, "state.json"), JSON.stringify(tampered))
        const seen = yield* Atlas.getCompute(victim.id)
        assert.strictEqual(seen.status, "failed")
        assert.include(seen.failure ?? "", "belongs to another process")
        yield* Atlas.end(victim.id)
        assert.isTrue(isAlive(other))
        assert.strictEqual((yield* Atlas.getCompute(innocent.id)).status, "running")
      }))
    ))

  it.live("a state file that is half written is listed as failed and never acted on", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        const file = join(stateDir, id, "state.json")
        const whole = fs.readFileSync(file, "utf8")
        const pid = Number(stateOf(stateDir, id)["pid"])
        for (
          const text of [
            "",
            whole.slice(0, 40),
            "{}",
            "null",
            whole.replace(id, "local-another1"),
            whole.replace("\"version\":1", "\"version\":99")
          ]
        ) {
          fs.writeFileSync(file, text)
          const [listed] = yield* Atlas.listCompute()
          assert.strictEqual(listed?.id, id)
          assert.strictEqual(listed?.status, "failed")
          assert.include(listed?.failure ?? "", file)
          for (const act of [Atlas.terminate(id), Atlas.stop(id), Atlas.start(id)]) {
            assert.strictEqual((yield* Effect.flip(act)).kind, "storage_fault")
          }
          assert.isTrue(isAlive(pid))
        }
        fs.writeFileSync(file, whole)
        yield* Atlas.end(id)
      })
    ))

  it.live("a port that another process took while it was stopped makes it failed, with that reason", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({ command: server, ports: ["8000/http"] })
        yield* Atlas.awaitReady(compute.id)
        yield* Atlas.stop(compute.id)
        yield* Effect.scoped(Effect.gen(function*() {
          yield* squat(port(compute))
          const error = yield* Effect.flip(Atlas.start(compute.id))
          assert.deepInclude(error.reason, { _tag: "ProviderFault", code: "port_taken" })
          const seen = yield* Atlas.getCompute(compute.id)
          assert.strictEqual(seen.status, "failed")
          assert.include(seen.failure ?? "", `port ${port(compute)} is held by another process`)
        }))
        yield* Atlas.start(compute.id)
        assert.strictEqual((yield* Atlas.awaitReady(compute.id)).status, "running")
      })
    ))

  it.live("a port that another process took before the command listens makes it failed, not running", () =>
    withLocal((stateDir) =>
      Effect.scoped(Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({
          command: node("console.log('slow'); setInterval(() => {}, 1e6)"),
          ports: ["8000/http"]
        })
        yield* until(() => logOf(stateDir, compute.id).includes("slow"))
        yield* squat(port(compute))
        const seen = yield* Atlas.getCompute(compute.id)
        assert.strictEqual(seen.status, "failed")
        assert.include(seen.failure ?? "", "held by another process")
      }))
    ))
})
