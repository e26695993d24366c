/**
 * Names and shapes that scripts build on: more may be added, none of these is renamed or removed.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as Effect from "effect/Effect"
import { begin, idOf, mock, pass, run, settle } from "./harness.ts"

// loaded before, since the test's clock does not wait for a module
beforeAll(() => import("../../src/cli/actions/runSession.ts"))

const renting = [
  ..."gpu gpu-count image port env name region auth detach cloud disk volume-gb network-volume template cuda".split(
    " "
  ),
  ..."registry-auth env-file env-from opt log-limit idle-ttl max-runtime max-cost persist on-failure".split(" ")
]
const listing = ["all", "name", "status", "owner", "watch"]

/** The flags of each command beside those of all. */
const pinned: Readonly<Record<string, ReadonlyArray<string>>> = {
  up: [...renting, "count"],
  task: renting,
  ps: listing,
  ls: listing,
  get: [],
  await: ["timeout"],
  logs: ["follow", "after", "tail", "since", "timestamps"],
  stop: [],
  start: [],
  down: ["all", "yes"],
  rm: ["all", "yes"],
  kill: ["all", "yes"],
  gpus: ["cloud"],
  providers: [],
  demo: [],
  sessions: [],
  reap: ["dry-run"],
  spend: [],
  help: [],
  "job run": ["input", "sync", "timeout", "runtime-url"],
  "job get": ["runtime-url"],
  "job cancel": ["runtime-url"],
  "job stream": ["runtime-url"],
  "job await": ["runtime-url"],
  "volumes create": ["name", "size", "region"],
  "fly apps": ["depth"],
  "fly deploy": ["config"],
  "fly logs": ["follow", "region", "instance"],
  "fly token get": ["reveal"],
  "fly token refresh": [],
  "fly token invalidate": [],
  "fly token set": [],
  "dev fake-runpod": ["port", "fault"],
  "dev fake-fly": ["port", "fault"]
}
const ofAll = ["json", "provider", "base-url", "help", "version", "log-level", "completions"]

const compute = "id provider status name ports gpuType gpuCount costPerHour region image createdAt auth".split(" ")
const session = [
  ..."id state provider computeId name attempt userId mode startedAt lastActivityAt idleTtlMs deadlineAt maxCost".split(
    " "
  ),
  "spentUsd",
  "outcome"
]
const gpu = "id provider canonical displayName memoryGb lowestPricePerHour spotPricePerHour stock cloudType".split(" ")

const section = (help: string, title: string): ReadonlyArray<string> => {
  const lines = help.split("\n")
  const start = lines.indexOf(title)
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => /^[A-Z]/.test(line))
  return start === -1 ? [] : (end === -1 ? rest : rest.slice(0, end)).filter((line) => line !== "")
}

const flagRow = /^ {2}(--[a-z-]+)(?:, (-{1,2}[a-z-]+))?(?: \S+)? {2,}\S/
const flagsIn = (rows: ReadonlyArray<string>): ReadonlyArray<string> =>
  rows.flatMap((row) => flagRow.exec(row)?.slice(1) ?? []).filter((flag) => flag !== undefined)

const helpOf = (path: ReadonlyArray<string>) => Effect.map(run([...path, "--help"]), ({ out }) => out)

/** Every command that a help lists, and the commands below it. */
const everyCommand = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const below = section(yield* helpOf(path), "SUBCOMMANDS").map((row) => [...path, row.trim().split(" ")[0] ?? ""])
    const all = yield* Effect.forEach(below, everyCommand)
    return [path.join(" "), ...all.flat()]
  })

describe("the command line", () => {
  it.effect("has every pinned command, with every pinned flag", () =>
    Effect.gen(function*() {
      for (const [command, flags] of Object.entries(pinned)) {
        const help = yield* helpOf(command.split(" "))
        const there = flagsIn([...section(help, "FLAGS"), ...section(help, "GLOBAL FLAGS")])
        for (const flag of [...flags, ...ofAll]) assert.include(there, `--${flag}`, command)
      }
      assert.include(flagsIn(section(yield* helpOf(["logs"]), "FLAGS")), "-f")
      assert.include(flagsIn(section(yield* helpOf(["fly", "logs"]), "FLAGS")), "-f")
    }))

  it.effect("explains every command and flag in lines of 100 columns at most, with an example whose flags there are", () =>
    Effect.gen(function*() {
      const commands = yield* everyCommand([])
      for (const command of Object.keys(pinned).filter((name) => !/^(ls|rm|kill)$/.test(name))) {
        assert.include(commands, command)
      }
      for (const command of commands) {
        const help = yield* helpOf(command.split(" ").filter(Boolean))
        assert.deepStrictEqual(help.split("\n").filter((line) => line.length > 100), [], command)
        const rows = [...section(help, "FLAGS"), ...section(help, "GLOBAL FLAGS")]
        // a row without a word about it would be no row here, and no continuation of one either
        assert.deepStrictEqual(rows.filter((row) => row.startsWith("  -") && !flagRow.test(row)), [], command)
        const examples = section(help, "EXAMPLES").filter((line) => !line.startsWith("  #"))
        assert.isNotEmpty(examples.filter((line) => line.includes(`atlas ${command.split(" ")[0]}`)), command)
        const flags = flagsIn(rows)
        for (const example of examples.filter((line) => line.includes(`atlas ${command}`))) {
          const [own = ""] = example.split(/ -- | \| /)
          if (command === "" || section(help, "SUBCOMMANDS").length > 0) continue
          for (const [flag] of own.matchAll(/(?<= )--?[a-z][a-z-]*/g)) assert.include(flags, flag, example)
        }
      }
    }))
})

describe("JSON", () => {
  const keysOf = (value: unknown) => Object.keys(value as object)

  it.effect("of computes, GPUs and failures has every pinned key", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const surroundings = { providers: [provider] }
      const rented = JSON.parse((yield* run(["up", "--image", "x", "--port", "80", "-d", "--json"], surroundings)).out)
      assert.includeMembers(keysOf(rented), compute)
      assert.includeMembers(keysOf(rented.ports[0]), ["internal", "external", "protocol", "url"])
      const [listed] = JSON.parse((yield* run(["ps", "--json"], surroundings)).out)
      assert.includeMembers(keysOf(listed), compute)
      assert.includeMembers(keysOf(JSON.parse((yield* run(["gpus", "--json"], surroundings)).out)[0]), gpu)
      const [about] = JSON.parse((yield* run(["providers", "--json"], surroundings)).out)
      assert.includeMembers(keysOf(about), ["id", "capabilities", "implemented", "configured", "missing"])
      const reaped = JSON.parse((yield* run(["reap", "--dry-run", "--json"], surroundings)).out)
      assert.includeMembers(keysOf(reaped), ["ended", "left", "unlisted", "unsettled"])

      const { error } = JSON.parse((yield* run(["get", "..", "--json"], surroundings)).err)
      assert.includeMembers(keysOf(error), ["kind", "message", "provider", "operation", "issues"])
      assert.includeMembers(keysOf(error.issues[0]), ["path", "message"])
    }))

  it.effect("of a failed command names the compute that may live", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["up", "--image", "x", "--json"], { providers: [provider] })
      const id = idOf(lines()[0])
      yield* controls.failNext("terminate", new AtlasError.Forbidden({ message: "not yours" }), 1000)
      yield* controls.setStatus(id, "failed", { exitCode: 0 })
      yield* pass(60)
      const { code, err } = yield* ended
      assert.strictEqual(code, 1)
      const last = err.split("\n").at(-1) ?? ""
      assert.strictEqual(JSON.parse(last).error.computeId, id)
    }))

  it.effect("of a session, its log and its exit has every pinned key", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] })
      const id = idOf(lines()[0])
      yield* controls.writeLog(id, "hello")
      yield* settle
      yield* controls.setStatus(id, "failed", { exitCode: 7 })
      yield* pass(10)
      yield* ended
      const of = (type: string) => keysOf(lines().find((line) => line["type"] === type))
      assert.includeMembers(of("compute"), compute)
      assert.includeMembers(of("session"), session)
      assert.includeMembers(of("log"), ["type", "cursor", "at", "stream", "text"])
      assert.includeMembers(of("exit"), ["type", "code", "truncated"])
    }))
})
