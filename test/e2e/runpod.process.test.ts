/**
 * RunPod on the command line, each step a new process, against a RunPod account in memory.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { until } from "../support/until.ts"
import { type Compute, type Home, makeHome, type Running } from "./harness.ts"

const key = "rpa_canary-1f2e3d4c"
/** Looks are seconds apart, as they are with the real cloud. */
const patience = 120_000

interface Left {
  readonly id: string
  readonly why: string
}

let home: Home
let printed: Array<string>
beforeEach(() => {
  home = makeHome()
  printed = []
})
afterEach(() => home.close())

const argumentsOf = (pid: string | number | undefined): string => {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    // it ended meanwhile
    return ""
  }
}

/** The fake in a process of its own, and the program beside it. */
const cloud = async (...faults: ReadonlyArray<string>) => {
  const running: Running = home.start(["dev", "fake-runpod", ...faults.flatMap((fault) => ["--fault", fault])])
  let line = ""
  running.child.stdout?.on("data", (chunk: Buffer) => line += chunk.toString("utf8"))
  await running.seen(/\n/)
  const { baseUrl }: { readonly baseUrl: string } = JSON.parse(line)
  const env = { RUNPOD_API_KEY: key, ATLAS_PROVIDER: "runpod" }

  const run = async (...args: ReadonlyArray<string>) => {
    const ended = await home.run([...args, "--base-url", baseUrl, "--json"], env)
    printed.push(ended.stdout, ended.stderr)
    return ended
  }
  const json = async (...args: ReadonlyArray<string>): Promise<unknown> => {
    const { code, stderr, stdout } = await run(...args)
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" }, args.join(" "))
    return JSON.parse(stdout)
  }
  /** Ends the fake, as a person would. */
  const stop = async () => {
    running.child.kill("SIGINT")
    const ended = await running.ended
    assert.deepStrictEqual({ code: ended.code, stderr: ended.stderr }, { code: 130, stderr: "" })
    assert.isFalse([...printed, ended.stdout].some((text) => text.includes(key)), "the key is never printed")
  }
  return { baseUrl, env, run, json, stop }
}

const up = ["up", "--image", "test/image", "--gpu", "h100", "--port", "8000/http", "--detach"]

describe("RunPod on the command line", () => {
  it("a pod is rented, seen, awaited, read, stopped, started, billed and ended", async () => {
    const { json, run, stop } = await cloud()
    const { id } = await json(...up) as Compute
    assert.deepStrictEqual((await json("ps") as ReadonlyArray<Compute>).map((one) => one.id), [id])
    assert.strictEqual((await json("get", id) as Compute).id, id)
    assert.strictEqual((await json("await", id, "--timeout", "5m") as Compute).status, "running")
    const logs = await json("logs", id) as ReadonlyArray<{ readonly type: string; readonly text: string }>
    assert.include(logs.map(({ text, type }) => `${type}: ${text}`), "log: create container test/image")
    assert.strictEqual((await json("stop", id) as Compute).status, "stopped")
    assert.strictEqual((await json("start", id) as Compute).id, id)
    const spend = await json("spend", id) as Record<string, unknown>
    assert.deepStrictEqual([spend["computeId"], typeof spend["totalUsd"]], [id, "number"])
    assert.deepStrictEqual(await json("down", id), [{ id, status: "terminated" }])
    assert.deepStrictEqual(await json("ps"), [])
    assert.strictEqual((await run("down", id)).code, 1)
    await stop()
  }, patience)

  it("two hosts under one owner: reap of one leaves the other's job alone, and tells the conflict", async () => {
    const { baseUrl, env, json, stop } = await cloud()
    const host = (name: string) => ({ ...env, ATLAS_OWNER: "ci", ATLAS_STATE_DIR: join(home.directory, name) })
    const job = home.start([
      "up",
      "--image",
      "x",
      "--gpu",
      "h100",
      "--max-runtime",
      "1h",
      "--base-url",
      baseUrl,
      "--json"
    ], host("a"))
    await job.seen(/"type":"session"/)
    const [machine] = await json("ps") as ReadonlyArray<Compute>
    const reap = ["reap", "--provider", "runpod", "--grace", "1s", "--base-url", baseUrl]
    const other = await home.run(reap, host("b"))
    assert.strictEqual(other.code, 1, other.stderr)
    assert.match(
      other.stdout,
      new RegExp(`another session store.*ATLAS_OWNER.*atlas down ${machine?.id} --provider runpod`)
    )
    // a dry run needs no lock, so the host itself can ask as well
    const own = await home.run([...reap, "--dry-run", "--json"], host("a"))
    assert.deepStrictEqual(JSON.parse(own.stdout).left.map(({ id, why }: Left) => [id, why]), [[machine?.id, "known"]])
    assert.deepStrictEqual((await json("ps") as ReadonlyArray<Compute>).map(({ id }) => id), [machine?.id])
    job.child.kill("SIGINT")
    assert.strictEqual((await job.ended).code, 130)
    assert.deepStrictEqual(await json("ps"), [])
    await stop()
  }, patience)

  it("reap says who ends what it leaves alone", async () => {
    const { baseUrl, env, json, stop } = await cloud()
    const { id } = await json(...up) as Compute
    const { code, stdout } = await home.run(["reap", "--provider", "runpod", "--base-url", baseUrl], env)
    assert.strictEqual(code, 0)
    assert.match(stdout, new RegExp(`rented by \`atlas up\` without limits.*\`atlas down ${id} --provider runpod\``))
    await stop()
  }, patience)

  it("a task exits with the code that its command wrote at the end of the log, which is not shown", async () => {
    const { baseUrl, env, stop } = await cloud("command-fails")
    const asked = ["task", "--image", "test/image", "--gpu", "h100", "--base-url", baseUrl, "--", "train"]
    const { code, stdout } = await home.run(asked, env)
    assert.strictEqual(code, 7)
    assert.include(stdout, "start container for test/image: begin")
    assert.notInclude(stdout, "exited with")
    await stop()
  }, patience)

  it("GPUs are listed, jobs run, volumes made and deleted", async () => {
    const { json, stop } = await cloud()
    const gpus = await json("gpus") as ReadonlyArray<Record<string, unknown>>
    assert.include(gpus.map(({ canonical }) => canonical), "h100")

    const job = await json("job", "run", "demo", "--input", "{\"fake\":{\"ms\":1}}", "--sync") as Record<
      string,
      unknown
    >
    assert.deepStrictEqual([job["status"], job["output"]], ["completed", { echo: { fake: { ms: 1 } } }])

    const volume = await json("volumes", "create", "--name", "models", "--size", "10", "--region", "EU-RO-1") as {
      readonly id: string
    }
    assert.deepStrictEqual(await json("volumes", "ls"), [volume])
    assert.deepStrictEqual(await json("volumes", "rm", volume.id), { id: volume.id, status: "deleted" })
    assert.deepStrictEqual(await json("volumes", "ls"), [])
    await stop()
  }, patience)

  it("a job's items come as lines, and one that failed is a failure", async () => {
    const { json, run, stop } = await cloud()
    const submit = async (input: string) => (await json("job", "run", "demo", "--input", input) as Compute).id
    const good = await submit("{\"fake\":{\"ms\":1,\"stream\":[\"a\",\"b\"]}}")
    const { code, stdout } = await run("job", "stream", "demo", good)
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(stdout.trimEnd().split("\n").map((line): unknown => JSON.parse(line)), [
      { type: "output", output: "a" },
      { type: "output", output: "b" }
    ])
    for (
      const ended of [
        await run("job", "run", "demo", "--sync", "--input", "{\"fake\":{\"ms\":1,\"error\":\"out of memory\"}}"),
        await run("job", "await", "demo", await submit("{\"fake\":{\"ms\":1,\"error\":\"out of memory\"}}"))
      ]
    ) {
      assert.deepStrictEqual({ code: ended.code, stdout: ended.stdout }, { code: 1, stdout: "" })
      const { error } = JSON.parse(ended.stderr)
      assert.strictEqual(error.kind, "provider")
      assert.include(error.message, "out of memory")
    }
    await stop()
  }, patience)

  it("an answer that is lost gives one pod", async () => {
    const { json, stop } = await cloud("lost-answer")
    const { id } = await json(...up) as Compute
    assert.deepStrictEqual((await json("ps") as ReadonlyArray<Compute>).map((one) => one.id), [id])
    await stop()
  }, patience)

  it("a create that never arrived is uncertain, and there is no pod", async () => {
    const { json, run, stop } = await cloud("lost-request")
    const { code, stderr, stdout } = await run(...up)
    assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
    assert.strictEqual(JSON.parse(stderr).error.kind, "uncertain")
    assert.deepStrictEqual(await json("ps"), [])
    await stop()
  }, patience)

  it("every fault that an unknown name is answered with can be ordered", async () => {
    const { code, stderr } = await home.run(["dev", "fake-runpod", "--fault", "nope"])
    assert.strictEqual(code, 2)
    const names = (/known: (.*)/.exec(stderr)?.[1] ?? "").split(", ")
    assert.isAbove(names.length, 20)
    const { run, stop } = await cloud(...names)
    assert.strictEqual((await run("ps")).code, 1, "they meet what is asked")
    await stop()
  }, patience)

  it.runIf(fs.existsSync("/proc/self/cmdline"))(
    "the key is among no process's arguments while a program waits",
    async () => {
      const { baseUrl, env, stop } = await cloud("slow-answer")
      const running = home.start(["gpus", "--json", "--base-url", baseUrl], env)
      await until("the program has started", () => argumentsOf(running.child.pid).includes("gpus"))
      const processes = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))
      assert.deepStrictEqual(processes.filter((pid) => argumentsOf(pid).includes(key)), [])
      assert.strictEqual((await running.ended).code, 0)
      await stop()
    },
    patience
  )

  it("without a key nothing is sent, and the three places for one are named", async () => {
    const { code, stderr, stdout } = await home.run(["ps", "--provider", "runpod", "--json"], { RUNPOD_API_KEY: "" })
    assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
    const { error } = JSON.parse(stderr)
    assert.strictEqual(error.kind, "unauthorized")
    assert.match(error.message, /call.*layer.*RUNPOD_API_KEY/)
    const providers = JSON.parse((await home.run(["providers", "--json"], { RUNPOD_API_KEY: "" })).stdout)
    const runpod = providers.find((one: { readonly id: string }) => one.id === "runpod")
    assert.deepStrictEqual([runpod.implemented, runpod.configured, runpod.missing], [true, false, ["RUNPOD_API_KEY"]])
  })
})
