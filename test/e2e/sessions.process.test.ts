/**
 * Sessions as a user has them: `up` with limits, `task`, `sessions` and `reap`, each a process of its own, on real records.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { type Compute, type Home, isGroupAlive, makeHome, type Running } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

const ticking = "while :; do echo tick; sleep 0.05; done"

interface Session {
  readonly id: string
  readonly state: string
  readonly computeId: string | null
  readonly outcome: { readonly _tag: string; readonly reason?: string; readonly cause?: string } | null
}

const sessions = async () => await home.json("sessions") as ReadonlyArray<Session>

/** A session that runs, its process group, and the atlas process that watches it. */
const watched = async (...flags: ReadonlyArray<string>): Promise<{ running: Running; id: string; leader: number }> => {
  const running = home.start(["up", ...flags, "--", "sh", "-c", ticking])
  await running.seen(/tick/)
  const [id = ""] = home.ids()
  return { running, id, leader: home.leader(id) }
}

const crash = async ({ child, ended }: Running) => {
  child.kill("SIGKILL")
  await ended
}

describe("task", () => {
  it("shows what the command writes and ends with its exit code", async () => {
    const { code, stdout } = await home.run(["task", "--", "sh", "-c", "echo out; echo err >&2; exit 7"])
    assert.strictEqual(code, 7)
    assert.strictEqual(stdout, "out\nerr\n")
    assert.deepStrictEqual(home.ids(), [])
    const [session] = await sessions()
    assert.deepInclude(session, { state: "ended" })
  })

  it("loses none of its last lines, however many there are", async () => {
    const { code, stdout } = await home.run(["task", "--", "sh", "-c", "seq 1 20000"])
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(
      stdout.trimEnd().split("\n"),
      Array.from({ length: 20_000 }, (_, index) => String(index + 1))
    )
  })

  it("prints one JSON object a line: the compute, its session, its log, what happens, its exit", async () => {
    const { code, stderr, stdout } = await home.run(["task", "--json", "--", "sh", "-c", "echo one; exit 3"])
    assert.deepStrictEqual({ code, stderr }, { code: 3, stderr: "" })
    const lines = stdout.trimEnd().split("\n").map((line): Record<string, unknown> => JSON.parse(line))
    assert.deepStrictEqual(lines.map(({ type }) => type).filter((type) => type !== "event"), [
      "compute",
      "session",
      "log",
      "session",
      "exit"
    ])
    assert.deepStrictEqual(lines.at(-1), { type: "exit", code: 3, truncated: false })
  })

  it.skipIf(!fs.existsSync("/dev/full"))(
    "goes on to its end on a full disk, and says that its output is lost",
    async () => {
      const task = "sh -c 'echo a; sleep 0.5; echo b; touch \"finished-$1\"; exit $1' sh"
      const failed = await home.shell(`atlas task -- ${task} 5 >/dev/full`)
      assert.strictEqual(failed.code, 5)
      assert.match(failed.stderr, /^error \[storage_fault\] stdout could not be written \(ENOSPC\)/m)
      const done = await home.shell(`atlas task --json -- ${task} 0 >/dev/full`)
      assert.strictEqual(done.code, 1)
      assert.deepInclude(JSON.parse(done.stderr).error, { kind: "storage_fault", operation: "stdout" })
      assert.isTrue(["finished-5", "finished-0"].every((file) => fs.existsSync(join(home.directory, file))))
      // what only reads has no reason to go on
      assert.strictEqual((await home.shell("atlas sessions --json >/dev/full")).code, 1)
    },
    60_000
  )

  it("that takes longer than it may is ended and fails", async () => {
    const { code, stderr } = await home.run(["task", "--max-runtime", "1s", "--json", "--", "sleep", "1000"])
    assert.strictEqual(code, 1)
    assert.strictEqual(JSON.parse(stderr).error.kind, "timeout")
    assert.deepStrictEqual(home.ids(), [])
  })
})

describe("up with a limit", () => {
  it.each([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "ends the compute on %s and exits with %i",
    async (signal, expected) => {
      const { leader, running } = await watched("--idle-ttl", "1h")
      running.child.kill(signal)
      assert.strictEqual((await running.ended).code, expected)
      assert.deepStrictEqual(home.ids(), [])
      assert.isFalse(isGroupAlive(leader))
      assert.deepStrictEqual((await sessions()).map(({ state }) => state), ["ended"])
    }
  )

  it.skipIf(process.platform !== "linux")("goes on when the wall clock is set ahead by two hours", async () => {
    const ahead = join(home.directory, "ahead.mjs")
    const signal = join(home.directory, "set-the-clock")
    fs.writeFileSync(
      ahead,
      `import { existsSync } from "node:fs"
       const now = Date.now.bind(Date)
       Date.now = () => now() + (existsSync(${JSON.stringify(signal)}) ? 7_200_000 : 0)`
    )
    const ticks = ["sh", "-c", `while :; do [ -e ${signal} ] && echo ahead || echo tick; sleep 0.1; done`]
    const running = home.start(["up", "--max-runtime", "1h", "--max-cost", "1", "--", ...ticks], {
      NODE_OPTIONS: `--import=${ahead}`
    })
    await running.seen(/tick/)
    fs.writeFileSync(signal, "")
    // with every line that is printed the session is touched, and its limits are looked at
    await running.seen(/(?:ahead\n){40}/)
    assert.deepStrictEqual((await sessions()).map(({ state }) => state), ["live"])
    running.child.kill("SIGINT")
    assert.strictEqual((await running.ended).code, 130)
  })

  it("is ended when it has been silent for its idle time", async () => {
    const { code, stdout } = await home.run(["up", "--idle-ttl", "1s", "--json", "--", "sleep", "1000"])
    assert.strictEqual(code, 0)
    assert.deepInclude(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""), {
      type: "session",
      outcome: { _tag: "Closed", reason: "idle_timeout" }
    })
    assert.deepStrictEqual(home.ids(), [])
  })

  it("leaves nothing when its output is not read any more, and ends as what was cut off: 141", async () => {
    const { code, stderr } = await home.shell(
      `set -o pipefail; atlas up --idle-ttl 1h -- sh -c '${ticking}' 2>err | head -1; code=$?; grep error err; exit $code`
    )
    assert.strictEqual(code, 141, stderr)
    assert.deepStrictEqual(home.ids(), [])
  })
})

describe("after kill -9", () => {
  it("what was to end with atlas is on record, and the next one ends it", async () => {
    const { id, leader, running } = await watched("--idle-ttl", "1h")
    await crash(running)
    assert.isTrue(isGroupAlive(leader))
    const [left] = await sessions()
    assert.deepInclude(left, { state: "live", computeId: id })
    // looking ends nothing
    await home.json("reap", "--dry-run", "--grace", "1ms")
    assert.isTrue(isGroupAlive(leader))
    const { code } = await home.run(["task", "--", "true"])
    assert.strictEqual(code, 0)
    assert.isFalse(isGroupAlive(leader))
    assert.deepInclude(await sessions().then(([first]) => first), {
      state: "ended",
      outcome: { _tag: "Closed", reason: "node_restart" }
    })
  }, 90_000)

  it("reap names the sessions it has ended", async () => {
    const { id, leader, running } = await watched("--max-runtime", "1h")
    await crash(running)
    const reaped = await home.json("reap") as { readonly sessions: ReadonlyArray<{ readonly computeId: string }> }
    assert.deepStrictEqual(reaped.sessions.map(({ computeId }) => computeId), [id])
    assert.isFalse(isGroupAlive(leader))
  }, 90_000)

  it("what is to outlive atlas goes on, and the next one watches it", async () => {
    const { leader, running } = await watched("--persist", "--max-runtime", "1h")
    await crash(running)
    assert.strictEqual((await home.run(["task", "--", "true"])).code, 0)
    assert.isTrue(isGroupAlive(leader))
    assert.deepStrictEqual((await sessions()).map(({ state }) => state), ["live", "ended"])
    const [compute] = await home.json("ps") as ReadonlyArray<Compute>
    await home.json("down", compute?.id ?? "")
    assert.strictEqual((await home.run(["task", "--", "true"])).code, 0)
    assert.deepStrictEqual((await sessions()).map(({ state }) => state), ["ended", "ended", "ended"])
  }, 90_000)

  it("a compute whose records are lost is ended by reap, and no other owner's is", async () => {
    const { leader, running } = await watched("--persist")
    await crash(running)
    for (const file of fs.readdirSync(home.state)) {
      if (file.startsWith("sessions.db")) fs.rmSync(join(home.state, file))
    }
    const { id } = await home.json("up", "--detach", "--", "sleep", "1000") as Compute
    const { ended, left } = JSON.parse((await home.run(["reap", "--grace", "1s", "--json"])).stdout)
    assert.strictEqual(ended.length, 1)
    assert.isFalse(isGroupAlive(leader))
    assert.deepStrictEqual(left.map((one: { readonly why: string }) => one.why), ["other_owner"])
    assert.deepStrictEqual(home.ids(), [id])
  }, 90_000)
})

describe("while another atlas watches", () => {
  it("sessions are shown, a second watch is refused, and an owner of its own may stand beside", async () => {
    const { running } = await watched("--idle-ttl", "1h")
    assert.deepStrictEqual((await sessions()).map(({ state }) => state), ["live"])
    const second = await home.run(["task", "--json", "--", "true"])
    assert.strictEqual(second.code, 1)
    const { error } = JSON.parse(second.stderr)
    assert.strictEqual(error.kind, "storage_fault")
    assert.match(error.message, new RegExp(`process ${running.child.pid}.*ATLAS_OWNER`))
    assert.strictEqual((await home.run(["task", "--", "true"], { ATLAS_OWNER: "second" })).code, 0)
    running.child.kill("SIGINT")
    assert.strictEqual((await running.ended).code, 130)
  }, 90_000)

  it("an owner that cannot stand in a name is refused before anything is rented", async () => {
    const { code, stderr } = await home.run(["task", "--json", "--", "true"], { ATLAS_OWNER: "Not-An-Owner" })
    assert.strictEqual(code, 1)
    assert.strictEqual(JSON.parse(stderr).error.kind, "validation")
    assert.deepStrictEqual(home.ids(), [])
  }, 90_000)
})
