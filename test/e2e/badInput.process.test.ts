/**
 * Wrong input to the program itself: its exit code and its streams. test/cli/badInput.process.test.ts has every kind of it.
 */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import * as fs from "node:fs"
import { type Home, makeHome } from "./harness.ts"

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.close())

it.each([
  { args: ["up", "--port", "0", "--", "true"], code: 1, stderr: /^error \[validation\] .+\n$/ },
  { args: ["ps", "--nope"], code: 2, stderr: /^error \[validation\] .+\ntry `atlas.*`\n$/ },
  { args: ["get", "local-unknown", "--json"], code: 1, stderr: /^\{"error":\{"kind":"not_found",.+\}\}\n$/ }
])("$args ends with $code, one complaint on stderr and nothing on stdout", async ({ args, code, stderr }) => {
  const ended = await home.run(args)
  assert.deepStrictEqual({ code: ended.code, stdout: ended.stdout }, { code, stdout: "" })
  assert.match(ended.stderr, stderr)
  assert.isFalse(fs.existsSync(home.state), "nothing was made")
})
