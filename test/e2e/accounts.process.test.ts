/**
 * Two accounts of RunPod on the command line, each a fake in a process of its own.
 */
import { afterEach, assert, beforeEach, it } from "@effect/vitest"
import { isFull } from "../support/full.ts"
import { type Compute, type Home, makeHome } from "./harness.ts"

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.close())

const fake = async () => {
  const running = home.start(["dev", "fake-runpod"])
  let line = ""
  running.child.stdout?.on("data", (chunk: Buffer) => line += chunk.toString("utf8"))
  await running.seen(/\n/)
  const { baseUrl }: { readonly baseUrl: string } = JSON.parse(line)
  return baseUrl
}

it.runIf(isFull)("what is rented in two accounts under one name is listed and ended apart", async () => {
  const [eu, us] = await Promise.all([fake(), fake()])
  const env = {
    ATLAS_ACCOUNTS: "runpod-eu=runpod,runpod-us=runpod",
    RUNPOD_EU_API_KEY: "key-of-eu",
    RUNPOD_EU_BASE_URL: eu,
    RUNPOD_US_API_KEY: "key-of-us",
    RUNPOD_US_BASE_URL: us
  }
  const json = async (...args: ReadonlyArray<string>): Promise<unknown> => {
    const { code, stderr, stdout } = await home.run([...args, "--json"], env)
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" }, args.join(" "))
    return JSON.parse(stdout)
  }
  const up = (provider: string) =>
    json("up", "--provider", provider, "--gpu", "h100", "--image", "me/server", "--name", "web", "--detach")
  const [inEu, inUs] = await Promise.all([up("runpod-eu"), up("runpod-us")]) as readonly [Compute, Compute]
  assert.deepStrictEqual(await json("down", "web", "--provider", "runpod-us"), [{ id: inUs.id, status: "terminated" }])
  const [left, gone] = await Promise.all([json("ps", "--provider", "runpod-eu"), json("ps", "--provider", "runpod-us")])
  assert.deepStrictEqual((left as ReadonlyArray<Compute>).map(({ id }) => id), [inEu.id])
  assert.deepStrictEqual(gone, [])
}, 60_000)
