/**
 * The completion script in a real bash, asking the real program.
 */
import { afterAll, assert, it } from "@effect/vitest"
import { createServer } from "node:net"
import { until } from "../support/until.ts"
import { makeHome } from "./harness.ts"

const home = makeHome()
afterAll(home.close)

/** What bash offers at the end of a line, word by word as it would split it. */
const offered = async (...lines: ReadonlyArray<string>) => {
  const tries = lines.map((line) => `try ${line}`).join("\n")
  const { code, stderr, stdout } = await home.shell(`
export RUNPOD_API_KEY=key
source <(atlas --completions bash)
try() { COMP_WORDS=(atlas "$@"); COMP_CWORD=$#; COMPREPLY=(); _atlas || echo failed; echo "\${COMPREPLY[*]}"; }
complete -p atlas
${tries}`)
  assert.deepStrictEqual([code, stderr], [0, ""])
  const [registered, ...answers] = stdout.slice(0, -1).split("\n")
  assert.strictEqual(registered, "complete -F _atlas atlas")
  return answers
}

it("bash completes commands, ids, slugs, providers and files of this machine", async () => {
  await home.json("up", "--name", "web", "--detach", "--", "sleep", "1000")
  const [id = ""] = home.ids()
  // it waits for an answer no longer than a user would, which on a busy machine may be too short: then a next Tab asks again
  await until(
    "the compute is offered by its slug and id",
    async () => (await offered("get we", `down ${id.slice(0, 9)}`)).join() === `web,${id}`
  )
  assert.deepStrictEqual(
    await offered("do", "logs --provider loc", "fly tok", `up -- ${home.directory}/sta`),
    ["down", "local", "token", home.state]
  )
})

it("bash offers nothing, and says nothing, where a cloud does not answer whatever it is asked", async () => {
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
  const address = silent.address()
  const port = address !== null && typeof address === "object" ? address.port : 0
  try {
    assert.deepStrictEqual(
      await offered(`down --provider runpod --base-url http://127.0.0.1:${port} ''`, "do"),
      ["", "down"]
    )
  } finally {
    silent.close()
  }
})
