/**
 * Wrong input: a kind, a field, an exit code, nothing on stdout and nothing left behind.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import { join } from "node:path"
import { type Home, makeHome } from "./harness.ts"

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.close())

describe("bad input", () => {
  it.each([
    ["an unknown GPU", ["up", "--gpu", "nope", "--", "true"], 1, "validation", "gpu"],
    ["port 0", ["up", "--port", "0", "--", "true"], 1, "validation", "ports[0].port"],
    ["port 70000", ["up", "--port", "8000", "--port", "70000", "--", "true"], 1, "validation", "ports[1].port"],
    ["an unknown provider", ["up", "--provider", "nope", "--", "true"], 1, "validation", "provider"],
    ["no command and no image", ["up", "--detach"], 1, "validation", "command"],
    ["a reserved env name", ["up", "--env", "ATLAS_TASK_ID=1", "--", "true"], 1, "validation", "env.ATLAS_TASK_ID"],
    ["an unset variable", ["up", "--env", "SURELY_UNSET", "--", "true"], 1, "validation", "env.SURELY_UNSET"],
    ["an id with a slash", ["get", "a/b"], 1, "validation", "id"],
    ["an id that climbs", ["down", "../../etc"], 1, "validation", "id"],
    ["an unknown id", ["down", "local-nobody"], 1, "not_found", undefined],
    ["a program that does not exist", ["up", "--", "/no/such/program"], 1, "validation", "command[0]"],
    ["a provider that is only reserved", ["up", "--provider", "vast", "--image", "x"], 1, "unsupported", undefined],
    ["no key", ["up", "--provider", "runpod", "--image", "x", "--gpu", "h100"], 1, "unauthorized", undefined],
    ["an unknown flag", ["ps", "--nope"], 2, "validation", "--nope"],
    ["an unknown command", ["nope"], 2, "validation", ""],
    ["a number that is none", ["up", "--gpu-count", "many"], 2, "validation", "--gpu-count"],
    ["everything, unasked", ["down", "--all"], 2, "validation", ""]
  ])("%s", async (_, args, code, kind, path) => {
    const at = args.indexOf("--")
    const asJson = at === -1 ? [...args, "--json"] : [...args.slice(0, at), "--json", ...args.slice(at)]
    const [plain, json] = await Promise.all([home.run(args), home.run(asJson)])

    assert.deepStrictEqual({ code: plain.code, stdout: plain.stdout }, { code, stdout: "" })
    assert.match(plain.stderr, new RegExp(`^error \\[${kind}\\] .+\n${code === 2 ? "try `atlas.*`\n" : ""}$`))

    assert.deepStrictEqual({ code: json.code, stdout: json.stdout }, { code, stdout: "" })
    assert.match(json.stderr, /^[^\n]+\n$/)
    const { error } = JSON.parse(json.stderr)
    assert.deepStrictEqual(Object.keys(error), ["kind", "message", "provider", "operation", "issues"])
    assert.strictEqual(error.kind, kind)
    assert.strictEqual(error.issues[0]?.path, path)

    assert.isFalse(fs.existsSync(home.state), "nothing was made")
  })

  it("a state directory that cannot be written", async () => {
    const file = join(home.directory, "file")
    fs.writeFileSync(file, "")
    const { code, stderr, stdout } = await home.run(["up", "--json", "--", "true"], {
      ATLAS_STATE_DIR: `${file}/state`
    })
    assert.strictEqual(code, 1)
    assert.strictEqual(stdout, "")
    assert.strictEqual(JSON.parse(stderr).error.kind, "storage_fault")
  })

  it("shows a stack trace only where the log level asks for one", async () => {
    const [quiet, detailed] = await Promise.all([
      home.run(["get", "local-nobody"]),
      home.run(["get", "local-nobody", "--log-level", "debug"])
    ])
    assert.notMatch(quiet.stderr, /\n\s+at /)
    assert.match(detailed.stderr, /\n\s+at /)
  })
})
