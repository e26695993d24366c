/**
 * One compute through its whole life, each step a new process, and many of them at once.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { type Compute, type Home, isGroupAlive, makeHome, server, status } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

const up = ["up", "--provider", "local", "--port", "8000/http", "--auth", "bearer", "--detach"]

describe("a compute", () => {
  it("is rented, listed, called, read and ended, each by a new process", async () => {
    const rented = await home.json(...up, "--", "node", server) as Compute
    const url = rented.ports[0]?.url ?? ""
    const { header, token } = rented.auth ?? { header: "", token: "" }
    assert.match(token, /^[\w-]{43}$/)
    assert.strictEqual((await home.json("await", rented.id, "--timeout", "5m") as Compute).status, "running")

    const listed = await home.json("ps") as ReadonlyArray<Compute>
    assert.deepStrictEqual(listed.map(({ auth, id, status }) => ({ id, status, auth })), [
      { id: rented.id, status: "running", auth: null }
    ])
    assert.deepStrictEqual([await status(url, header), await status(url)], [200, 401])

    const logs = await home.json("logs", rented.id) as ReadonlyArray<Record<string, unknown>>
    assert.deepStrictEqual(logs.map(({ text }) => text), ["ready", "GET / 200", "GET / 401"])
    assert.deepStrictEqual(Object.keys(logs[0] ?? {}), ["type", "cursor", "at", "stream", "text"])
    const rest = await home.json("logs", rented.id, "--after", String(logs[1]?.["cursor"])) as typeof logs
    assert.deepStrictEqual(rest.map(({ text }) => text), ["GET / 401"])

    const reads = [["get", rented.id], ["get", rented.id, "--json"], ["ps"], ["ps", "--json"], ["logs", rented.id]]
    const shown = await Promise.all(reads.map((args) => home.run(args)))
    assert.isFalse(shown.some(({ stderr, stdout }) => (stdout + stderr).includes(token)), "the token is shown once")
    if (fs.existsSync("/proc/self/cmdline")) {
      const typed = fs.readFileSync(`/proc/${home.leader(rented.id)}/cmdline`, "utf8")
      assert.isFalse(typed.includes(token), "no secret among the arguments")
    }

    const leader = home.leader(rented.id)
    assert.deepStrictEqual(await home.json("down", rented.id), [{ id: rented.id, status: "terminated" }])
    assert.isFalse(isGroupAlive(leader))
    assert.deepStrictEqual(home.ids(), [])
    const none = await Promise.all([home.json("ps"), home.json("ps", "--all"), home.run(["down", rented.id])])
    assert.deepStrictEqual(none.slice(0, 2), [[], []])
    assert.strictEqual(none[2].code, 1)
  })

  it("is stopped and started again, on the same port and with the same token", async () => {
    const rented = await home.json(...up, "--", "node", server) as Compute
    const url = rented.ports[0]?.url ?? ""
    const { header } = rented.auth ?? { header: "" }
    await home.json("await", rented.id, "--timeout", "5m")
    const leader = home.leader(rented.id)
    assert.strictEqual((await home.json("stop", rented.id) as Compute).status, "stopped")
    assert.isFalse(isGroupAlive(leader), "stop has returned, so nothing runs")

    const started = await home.json("start", rented.id) as Compute
    assert.deepStrictEqual(started.ports, rented.ports)
    await home.json("await", rented.id, "--timeout", "5m")
    assert.deepStrictEqual([await status(url, header), await status(url)], [200, 401], "same port, same token")
    const second = home.leader(rented.id)
    await home.json("down", rented.id)
    assert.deepStrictEqual([isGroupAlive(second), home.ids()], [false, []])
  })

  it("gets secrets from our environment and never as an argument", async () => {
    const secret = "s3cret-value"
    const args = ["up", "--env", "API_KEY", "--detach", "--json", "--", "sleep", "60"]
    const { code, stderr, stdout } = await home.run(args, { API_KEY: secret, RUNPOD_API_KEY: "not-for-computes" })
    assert.strictEqual(code, 0, stderr)
    const { id }: Compute = JSON.parse(stdout)
    const leader = home.leader(id)
    if (fs.existsSync("/proc/self/environ")) {
      assert.isFalse(fs.readFileSync(`/proc/${leader}/cmdline`, "utf8").includes(secret))
      const env = fs.readFileSync(`/proc/${leader}/environ`, "utf8")
      assert.isTrue(env.includes(`API_KEY=${secret}`))
      assert.isFalse(env.includes("not-for-computes"))
    }
    assert.isFalse(stdout.includes(secret))
    await home.json("down", id)
  })

  it("twenty at once are twenty ids and twenty ports", async () => {
    const rented = await Promise.all(
      Array.from({ length: 20 }, () => home.json("up", "--port", "8000/http", "--detach", "--", "sleep", "60"))
    ) as ReadonlyArray<Compute>
    assert.strictEqual(new Set(rented.map(({ id }) => id)).size, 20)
    assert.strictEqual(new Set(rented.map(({ ports }) => ports[0]?.external)).size, 20)
    assert.strictEqual((await home.json("ps") as ReadonlyArray<Compute>).length, 20)
    const ended = await home.json("down", "--all", "--yes") as ReadonlyArray<Compute>
    assert.strictEqual(ended.length, 20)
    assert.deepStrictEqual(home.ids(), [])
  }, 60_000)
})

describe("the demo", () => {
  it("does everything, leaves nothing, and ends with one line of JSON", async () => {
    const { code, stderr, stdout } = await home.run(["demo", "--json"])
    assert.strictEqual(code, 0, stderr)
    const { logLines, seconds, ...rest } = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")
    assert.deepStrictEqual(rest, {
      provider: "local",
      status: "running",
      authorized: 200,
      unauthorized: 401,
      idleEnded: 1,
      adopted: 2,
      taskExit: 0,
      leftover: 0
    })
    assert.isAbove(logLines, 0)
    assert.isAbove(seconds, 0)
    assert.deepStrictEqual(home.ids(), [])
  }, 60_000)

  it.each(["start", "rent", "crash", "task"])("leaves nothing when it is interrupted after %s", async (step) => {
    const place = join(home.directory, "tmp")
    fs.mkdirSync(place)
    const demo = home.start(["demo"], { TMPDIR: place })
    await demo.seen(new RegExp(`^${step} `, "m"))
    const leaders = fs.readdirSync(place).flatMap((own) =>
      fs.readdirSync(join(place, own)).filter((name) => name.startsWith("local-")).map((id) => join(place, own, id))
    ).flatMap((directory) => {
      try {
        return [Number(JSON.parse(fs.readFileSync(join(directory, "state.json"), "utf8")).pid)]
      } catch {
        // gone, or not written yet
        return []
      }
    })
    demo.child.kill("SIGINT")
    assert.strictEqual((await demo.ended).code, 130)
    assert.deepStrictEqual(fs.readdirSync(place), [])
    assert.deepStrictEqual(leaders.filter((leader) => leader > 0 && isGroupAlive(leader)), [])
  }, 60_000)
})
