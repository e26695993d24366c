/**
 * Output that nobody reads, that cannot be written, or whose reader leaves: what was rented is ended all the same, and an id is always told.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { once } from "node:events"
import * as fs from "node:fs"
import { join } from "node:path"
import { programOf } from "../support/programs.ts"
import { until } from "../support/until.ts"
import { type Home, isGroupAlive, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

/** Far more than a pipe, and all that waits inside of atlas, can hold. */
const much = "until [ -e go ]; do sleep 0.05; done; seq 1 600000; sleep 1000"

const bytesReadBy = (pid: number | undefined): number =>
  Number(/rchar: (\d+)/.exec(fs.readFileSync(`/proc/${pid}/io`, "utf8"))?.[1])

/** A run whose stdout nobody reads any more, from its first line on; null where it was over before it waited for its reader. */
const unread = async (...args: ReadonlyArray<string>) => {
  const go = join(home.directory, "go")
  fs.rmSync(go, { force: true })
  const running = home.start([...args, "--", "sh", "-c", much])
  const exited = once(running.child, "exit")
  running.child.stdout?.pause()
  let hasEnded = false
  void exited.then(() => hasEnded = true)
  await until("it is rented", () => hasEnded || home.ids().some((id) => fs.existsSync(join(home.state, id, "log"))))
  const [id = ""] = home.ids()
  try {
    const leader = home.leader(id)
    // more of the log than all pipes on the way have room for
    const before = bytesReadBy(running.child.pid)
    fs.writeFileSync(go, "")
    await until("atlas waits for its reader", () => bytesReadBy(running.child.pid) - before > 1_200_000)
    return { ...running, id, leader, code: async () => (await exited)[0] as number }
  } catch (error) {
    if (!hasEnded && home.ids().includes(id)) throw error
    await exited
    return null
  }
}

/** The same under a time limit: a longer one where a busy machine needs it until the reader is waited for. */
const unreadUntil = async (...args: ReadonlyArray<string>) => {
  for (let seconds = 2; seconds < 60; seconds *= 2) {
    const running = await unread(...args, `${seconds}s`)
    if (running !== null) return running
  }
  throw new Error("it never waited for its reader")
}

const isOver = ({ id, leader }: { readonly id: string; readonly leader: number }) => {
  assert.notInclude(home.ids(), id)
  assert.isFalse(isGroupAlive(leader))
}

describe.skipIf(!fs.existsSync("/proc/self/io"))("a stdout that nobody reads", () => {
  it.each([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "holds up no hand-back on %s: the compute is ended, then atlas exits with %i",
    async (signal, expected) => {
      const running = await unread("up")
      assert.isNotNull(running)
      running.child.kill(signal)
      assert.strictEqual(await running.code(), expected)
      isOver(running)
      running.child.stdout?.resume()
      const { stderr, stdout } = await running.ended
      const told = [...stderr.matchAll(/cut after line (\d+)/g)].map(([, line]) => Number(line))
      assert.lengthOf(told, 1)
      // what was being written when the reader was given up counts as lost
      assert.isAtMost(told[0] ?? Infinity, stdout.split("\n").length - 1)
    }
  )

  it.each(["up", "task"])("holds up no time limit of `%s`: the compute is ended, and atlas exits", async (verb) => {
    const running = await unreadUntil(verb, "--max-runtime")
    assert.strictEqual(await running.code(), 1)
    isOver(running)
  })

  it("is not waited for by a session that ends as idle, and what is lost is told", async () => {
    const running = await unreadUntil("up", "--idle-ttl")
    assert.strictEqual(await running.code(), 1)
    isOver(running)
  })

  it("is waited for while the command only goes on: a reader that pauses loses no line", async () => {
    const { code, stderr, stdout } = await home.shell(
      "atlas up -- sh -c 'seq 1 300000; touch all' | { read first; until [ -e all ]; do sleep 0.05; done; echo $first; cat; } | cksum; " +
        "seq 1 300000 | cksum >&2"
    )
    assert.strictEqual(code, 0)
    assert.include(stderr, stdout)
  })
})

const script = "/usr/bin/script"

it.skipIf(!fs.existsSync(script) || !fs.existsSync("/proc/self/io"))(
  "a terminal that is held holds up no hand-back",
  async () => {
    const line = `echo $$ >pid; exec "${process.execPath}" "${programOf("atlas")}" up -- sh -c '${much}'`
    home.spawnUnread(script, ["-qfec", line, "/dev/null"])
    await until(
      "it runs",
      () => home.ids().length === 1 && fs.existsSync(join(home.state, home.ids()[0] ?? "", "state.json"))
    )
    const [id = ""] = home.ids()
    const leader = home.leader(id)
    const pid = Number(fs.readFileSync(join(home.directory, "pid"), "utf8"))
    // nobody reads what `script` passes on, so it reads no more of the terminal, while atlas reads on
    const before = bytesReadBy(pid)
    fs.writeFileSync(join(home.directory, "go"), "")
    await until("atlas waits for the terminal, and not within a write", () => bytesReadBy(pid) - before > 1_200_000)
    process.kill(pid, "SIGINT")
    await until("the compute is ended", () => home.ids().length === 0)
    assert.isFalse(isGroupAlive(leader))
    await until("atlas has left", () => !isGroupAlive(pid))
  }
)

it("a full stderr that nobody reads holds up no hand-back", async () => {
  const running = home.shell(
    "mkfifo pipe; exec 3<>pipe; dd if=/dev/zero of=pipe oflag=nonblock bs=4096 count=64 2>/dev/null; " +
      `"${process.execPath}" "${programOf("atlas")}" up -- sh -c 'echo up; sleep 1000' 2>pipe >out & pid=$!; ` +
      "until grep -q up out; do sleep 0.05; done; kill -TERM $pid; wait $pid"
  )
  assert.strictEqual((await running).code, 143)
  assert.deepStrictEqual(home.ids(), [])
})

it("the third signal tells what it leaves behind, and how to end it", async () => {
  const running = home.start(["up", "--", "sh", "-c", "trap '' TERM; while :; do echo tick; sleep 0.05; done"])
  await running.seen(/tick/)
  const [id = ""] = home.ids()
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) running.child.kill(signal)
  const { code, stderr } = await running.ended
  // 128 and the number of the last one; which that is, the system decides
  assert.include([129, 130, 143], code)
  assert.include(stderr, `compute ${id} may still be there; end it with: atlas down ${id} --provider local`)
  assert.include(home.ids(), id)
})

describe("a reader that leaves", () => {
  it("leaves a task to go on to its end: the exit code is the command's own", async () => {
    const { code, stdout } = await home.shell(
      "set -o pipefail; atlas task -- sh -c 'echo one; until [ -e left ]; do sleep 0.05; done; seq 1 1000; touch done; exit 7' " +
        "| { head -1; exec 0<&-; touch left; }"
    )
    assert.deepStrictEqual({ code, stdout }, { code: 7, stdout: "one\n" })
    assert.isTrue(fs.existsSync(join(home.directory, "done")))
    assert.deepStrictEqual(home.ids(), [])
  })

  it.each([0, 3])("leaves a deploy to go on to its end, which decides the exit code: %i", async (ended) => {
    const fly = join(home.directory, "fly")
    fs.writeFileSync(
      fly,
      `#!/bin/sh\necho one; until [ -e left ]; do sleep 0.05; done; seq 1 1000; touch done; exit ${ended}\n`,
      { mode: 0o755 }
    )
    const { code, stderr, stdout } = await home.shell(
      `set -o pipefail; PATH="$PWD:$PATH" atlas fly deploy | { head -1; exec 0<&-; touch left; }`
    )
    assert.deepStrictEqual([code, stdout], [ended === 0 ? 0 : 1, "one\n"], stderr)
    assert.match(stderr, /^warning: the reader of stdout has left; the command goes on without output$/m)
    assert.isTrue(fs.existsSync(join(home.directory, "done")))
  })
})

describe.skipIf(!fs.existsSync("/dev/full"))("an answer that cannot be written", () => {
  it.each([">/dev/full", "| true"])("fails with the id of what was rented, in JSON and in words: %s", async (sink) => {
    const up = (flags: string) => home.shell(`set -o pipefail; atlas up --detach ${flags} -- sleep 1000 ${sink}`)
    const { code, stderr } = await up("--json")
    const [id] = home.ids()
    assert.strictEqual(code, 1)
    assert.deepInclude(JSON.parse(stderr).error, { kind: "storage_fault", computeId: id })
    const second = await up("")
    const [other] = home.ids().filter((one) => one !== id)
    assert.strictEqual(second.code, 1)
    assert.include(
      second.stderr,
      `compute ${other} may still be there; end it with: atlas down ${other} --provider local`
    )
  })

  it("fails with the id of a volume, a template and a job, and how to end it", async () => {
    const running = home.start(["dev", "fake-runpod"])
    let line = ""
    running.child.stdout?.on("data", (chunk: Buffer) => line += chunk.toString("utf8"))
    await running.seen(/\n/)
    const { apiKey, baseUrl }: { readonly apiKey: string; readonly baseUrl: string } = JSON.parse(line)
    const commands = [
      ["volumes create --name data --size 10 --region EU-RO-1", "network volume", "volumes rm"],
      ["templates create --name one --image me/server", "template", "templates rm"],
      ["job run demo --input {}", "job", "job cancel demo"]
    ] as const
    await Promise.all(commands.map(async ([command, noun, undo]) => {
      const { code, stderr } = await home.shell(
        `export RUNPOD_API_KEY=${apiKey} RUNPOD_RUNTIME_BASE_URL=${baseUrl}; ` +
          `atlas ${command} --provider runpod --base-url ${baseUrl} >/dev/full`
      )
      assert.strictEqual(code, 1)
      assert.match(
        stderr,
        new RegExp(`^${noun} (\\S+) may still be there; end it with: atlas ${undo} \\1 --provider runpod`, "m")
      )
    }))
  })

  it("ends what only reads, with 1", async () => {
    assert.strictEqual((await home.shell("atlas ps --json >/dev/full")).code, 1)
  })
})
