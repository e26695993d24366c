/**
 * Wrong input: a kind, a field, an exit code, nothing on stdout and nothing left behind.
 *
 * The program is not started, but it asks the system for its GPUs, which starts a process.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./harness.ts"

const directory = fs.mkdtempSync(join(tmpdir(), "atlas-bad-input-"))
afterAll(() => fs.rmSync(directory, { recursive: true }))

const state = join(directory, "state")

/** With the providers and the records of the program itself, and nothing set but where they would be kept. */
const refused = (args: ReadonlyArray<string>, stateDir = state) =>
  run(args, {
    providers: "as shipped",
    directory,
    env: { PATH: process.env["PATH"] ?? "", ATLAS_STATE_DIR: stateDir }
  })

describe("bad input", () => {
  const cases: ReadonlyArray<
    readonly [what: string, args: ReadonlyArray<string>, code: number, kind: string, path: string | undefined]
  > = [
    ["an unknown GPU", ["up", "--gpu", "nope", "--", "true"], 1, "validation", "gpu"],
    ["port 0", ["up", "--port", "0", "--", "true"], 1, "validation", "ports[0].port"],
    ["port 70000", ["up", "--port", "8000", "--port", "70000", "--", "true"], 1, "validation", "ports[1].port"],
    ["an unknown provider", ["up", "--provider", "nope", "--", "true"], 1, "validation", "provider"],
    ["no command and no image", ["up", "--detach"], 1, "validation", "command"],
    ["a reserved env name", ["up", "--env", "ATLAS_TASK_ID=1", "--", "true"], 1, "validation", "env.ATLAS_TASK_ID"],
    ["an unset variable", ["up", "--env", "SURELY_UNSET", "--", "true"], 1, "validation", "env.SURELY_UNSET"],
    ["an id with a slash", ["get", "a/b"], 1, "validation", "id"],
    ["an id that climbs", ["down", "../../etc"], 1, "validation", "id"],
    ["an unknown id", ["down", "local-unknown"], 1, "not_found", undefined],
    ["a program that does not exist", ["up", "--", "/no/such/program"], 1, "validation", "command[0]"],
    ["a provider that is only reserved", ["up", "--provider", "vast", "--image", "x"], 1, "unsupported", undefined],
    ["no key", ["up", "--provider", "runpod", "--image", "x", "--gpu", "h100"], 1, "unauthorized", undefined],
    ["an unknown flag", ["ps", "--nope"], 2, "validation", "--nope"],
    ["an unknown command", ["nope"], 2, "validation", ""],
    ["a number that is none", ["up", "--gpu-count", "many"], 2, "validation", "--gpu-count"],
    ["everything, unasked", ["down", "--all"], 2, "validation", ""]
  ]

  it.live.each(cases)("%s", ([, args, code, kind, path]) =>
    Effect.gen(function*() {
      const at = args.indexOf("--")
      const asJson = at === -1 ? [...args, "--json"] : [...args.slice(0, at), "--json", ...args.slice(at)]

      const plain = yield* refused(args)
      assert.deepStrictEqual({ code: plain.code, out: plain.out }, { code, out: "" })
      assert.match(plain.err, new RegExp(`^error \\[${kind}\\] .+${code === 2 ? "\ntry `atlas.*`" : ""}$`))

      const json = yield* refused(asJson)
      assert.deepStrictEqual({ code: json.code, out: json.out }, { code, out: "" })
      assert.match(json.err, /^[^\n]+$/)
      const { error } = JSON.parse(json.err)
      // what names several says what became of each
      const results = args[0] === "down" && code === 1 ? ["results"] : []
      assert.deepStrictEqual(Object.keys(error), ["kind", "message", "provider", "operation", "issues", ...results])
      assert.strictEqual(error.kind, kind)
      assert.strictEqual(error.issues[0]?.path, path)

      assert.isFalse(fs.existsSync(state), "nothing was made")
    }))

  it.live("a state directory that cannot be written", () =>
    Effect.gen(function*() {
      const file = join(directory, "file")
      fs.writeFileSync(file, "")
      const { code, err, out } = yield* refused(["up", "--json", "--", "true"], `${file}/state`)
      assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
      assert.strictEqual(JSON.parse(err).error.kind, "storage_fault")
    }))

  it.live("shows a stack trace only where the log level asks for one", () =>
    Effect.gen(function*() {
      const quiet = yield* refused(["get", "local-unknown"])
      const detailed = yield* refused(["get", "local-unknown", "--log-level", "debug"])
      assert.notMatch(quiet.err, /\n\s+at /)
      assert.match(detailed.err, /\n\s+at /)
    }))
})
