import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestConsole } from "effect/testing"
import { readFileSync } from "node:fs"
import { version } from "../../src/domain/Version.ts"
import { run } from "./harness.ts"

const commands = [
  "up",
  "task",
  "sessions",
  "reap",
  "ps",
  "get",
  "await",
  "logs",
  "stop",
  "start",
  "down",
  "gpus",
  "spend",
  "job",
  "volumes",
  "templates",
  "endpoints",
  "providers",
  "check",
  "demo",
  "dev"
]

const textOf = (line: unknown): string => typeof line === "string" ? line : ""

describe("help", () => {
  it.effect.each(commands)("%s explains itself with an example", (command) =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run([command, "--help"])
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      assert.include(out, `atlas ${command}`)
      assert.include(out, "EXAMPLES")
      assert.include(out, "--json")
      assert.include(out, "--provider")
    }))

  it.effect("atlas alone shows the help and is no failure", () =>
    Effect.gen(function*() {
      const alone = yield* run([])
      assert.deepStrictEqual(alone, yield* run(["--help"]))
      assert.strictEqual(alone.code, 0)
      for (const command of commands) assert.match(alone.out, new RegExp(`^ {2}${command} +\\w`, "m"))
    }))

  it.effect("a program that forgets the command gets no help on stdout", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(["--json"])
      assert.deepStrictEqual({ code, out }, { code: 2, out: "" })
      assert.strictEqual(JSON.parse(err).error.message, "no command given")
    }))

  it.effect("with --json the help is a JSON document too", () =>
    Effect.gen(function*() {
      const { out } = yield* run(["ps", "--help", "--json"])
      assert.include(JSON.parse(out).help, "atlas ps")
    }))
})

describe("version", () => {
  it("is the one of the package", () => {
    assert.strictEqual(version, JSON.parse(readFileSync("package.json", "utf8")).version)
  })

  it.effect("is printed as text or JSON", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["--version"])).out, `atlas ${version}`)
      assert.deepStrictEqual(JSON.parse((yield* run(["--version", "--json"])).out), { name: "atlas", version })
    }))
})

describe("completions", () => {
  it.effect.each(["bash", "zsh", "fish"])("%s", (shell) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["--completions", shell])).code, 0)
      const script = (yield* TestConsole.logLines).map(textOf).join("\n")
      for (const command of commands) assert.include(script, command)
    }))
})

describe("bad usage is one line, a hint, and exit code 2", () => {
  it.effect.each<readonly [ReadonlyArray<string>, string, string]>([
    [["nope"], "unknown command \"nope\"", "atlas"],
    [["gte", "x"], "unknown command \"gte\"; did you mean get?", "atlas"],
    [["ps", "--nope"], "unknown flag --nope", "atlas ps"],
    [["up", "-"], "stdin is not passed on", "atlas up"],
    [["task", "-", "--", "cat"], "stdin is not passed on", "atlas task"],
    [["ps", "x"], "Unexpected positional argument: \"x\"", "atlas ps"],
    [["get"], "Missing required argument: id", "atlas get"],
    [["up", "--gpu-count", "x"], "Invalid value for flag --gpu-count: \"x\"", "atlas up"],
    [["up", "--port", "x"], "Invalid value for flag --port: \"x\". Expected: a port such as 8000/http", "atlas up"],
    [["up", "--auth", "x"], "Invalid value for flag --auth: \"x\"", "atlas up"],
    [["up", "--gpu", "a,,b"], "Invalid value for flag --gpu: \"a,,b\"", "atlas up"],
    [["up", "node", "x.js"], "unexpected \"node x.js\": put the command after --", "atlas up"],
    [["up", "stray", "--", "node"], "unexpected \"stray\": put the command after --", "atlas up"],
    [["await", "x", "--timeout", "5"], "Invalid value for flag --timeout: \"5\". Expected: a duration", "atlas await"],
    [["down"], "give the ids of computes, or --all", "atlas down"],
    [["down", "x", "--all"], "give ids or --all, not both", "atlas down"],
    [["check", "mock", "--max-cost", "-1"], "Invalid value for flag --max-cost", "atlas check"],
    [["job", "run", "ep", "--input", "{s3cret"], "--input: this is not JSON", "atlas job run"],
    [
      ["job", "run", "ep", "--input", "@/no/such/file"],
      "--input: the file /no/such/file cannot be read",
      "atlas job run"
    ],
    [["volumes", "create", "--name", "a", "--size", "x"], "Invalid value for flag --size", "atlas volumes create"],
    [["templates", "create", "--name", "a", "--image", "b", "c"], "unexpected \"c\"", "atlas templates create"],
    [["endpoints", "create"], "unknown command \"create\"", "atlas endpoints"],
    [["spend", "x", "--from", "yesterday"], "Invalid value for flag --from: \"yesterday\"", "atlas spend"],
    [["dev", "fake-runpod", "--fault", "x"], "unknown fault \"x\"; known: lost-answer, ", "atlas dev fake-runpod"],
    [["dev", "fake-runpod", "--port", "70000"], "Invalid value for flag --port", "atlas dev fake-runpod"],
    [["demo", "--provider", "mock"], "the demo runs on the local provider only", "atlas demo"]
  ])("%j", ([args, message, command]) =>
    Effect.gen(function*() {
      const plain = yield* run(args)
      assert.deepStrictEqual({ code: plain.code, out: plain.out }, { code: 2, out: "" })
      const [line = "", hint, ...rest] = plain.err.split("\n")
      assert.isTrue(line.startsWith(`error [validation] ${message}`), line)
      assert.strictEqual(hint, `try \`${command} --help\``)
      assert.deepStrictEqual(rest, [])

      const json = yield* run(["--json", ...args])
      assert.deepStrictEqual({ code: json.code, out: json.out }, { code: 2, out: "" })
      const { error } = JSON.parse(json.err)
      assert.strictEqual(error.kind, "validation")
      assert.strictEqual(error.operation, command)
      assert.isTrue(error.issues[0].message.startsWith(message))
    }))
})
