import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as ExitMarker from "../../../src/provider/ExitMarker.ts"
import { commandLine } from "../../../src/providers/runpod/internal/selfTerminating.ts"

/** A curl that writes down what it was given; it fails on order. */
const fakeCurl = `#!/bin/sh
n=$(ls "$CALLS" | wc -l)
{ printf '%s\\n' "$@"; echo ---; cat; } >"$CALLS/$n"
[ -z "$CURL_FAILS" ]
`

/** A sleep that writes down how long it was to be, and sleeps no longer unless it is told to. */
const fakeSleep = `#!/bin/sh
echo "sleep $1" >>"$CALLS.slept"
[ -z "$SLEEPS" ] || exec tail -f /dev/null
`

interface Ran {
  readonly code: number | null
  readonly signal: string | null
  /** What the command wrote. */
  readonly output: string
  /** What the wrapper wrote after it; null where it wrote nothing. */
  readonly marker: ExitMarker.ExitMarker | null
  readonly slept: string
  /** One for each time curl was run: its arguments, and what stood on its stdin. */
  readonly requests: ReadonlyArray<{ readonly argv: string; readonly stdin: string }>
}

const ended = (child: ChildProcess) =>
  Effect.callback<{ readonly code: number | null; readonly signal: string | null }>((resume) => {
    child.on("close", (code, signal) => resume(Effect.succeed({ code, signal })))
  })

const key = "rpa_POD-scoped.key"
const token = "callback.token-1"

const container = {
  RUNPOD_POD_ID: "pod123",
  RUNPOD_API_KEY: key,
  ATLAS_CALLBACK_URL: "https://hooks.example/cb",
  ATLAS_CALLBACK_TOKEN: token
}

/** Runs a line as RunPod would: split by a shell's rules, in the container's environment. */
const run = (
  line: string,
  env: Record<string, string> = container,
  meddle: (child: ChildProcess) => void = () => {},
  isTime: (output: string) => boolean = () => true
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const dir = yield* fs.makeTempDirectoryScoped()
    const calls = path.join(dir, "calls")
    yield* fs.makeDirectory(calls)
    yield* fs.writeFileString(path.join(dir, "curl"), fakeCurl)
    yield* fs.chmod(path.join(dir, "curl"), 0o755)
    yield* fs.writeFileString(path.join(dir, "sleep"), fakeSleep)
    yield* fs.chmod(path.join(dir, "sleep"), 0o755)
    // the words of the line become the process, without a second shell in between
    const child = spawn("/bin/sh", ["-c", `exec ${line}`], {
      // not our own path: a directory on it that we may not search turns "no such command" into "not allowed"
      env: { PATH: `${dir}:/usr/bin:/bin`, CALLS: calls, ...env },
      stdio: ["pipe", "pipe", "ignore"],
      detached: true
    })
    let output = ""
    let hasMeddled = false
    child.stdout.on("data", (part: Buffer) => {
      output += part.toString()
      if (hasMeddled || !isTime(output)) return
      hasMeddled = true
      meddle(child)
      child.stdin.end()
    })
    const { code, signal } = yield* ended(child)
    const requests = readdirSync(calls).toSorted().map((name) => {
      const [argv = "", stdin = ""] = readFileSync(path.join(calls, name), "utf8").split("---\n")
      return { argv, stdin }
    })
    const marker = ExitMarker.parse(output)
    const slept = existsSync(`${calls}.slept`) ? readFileSync(`${calls}.slept`, "utf8") : ""
    return { code, signal, output: marker?.before ?? output, marker, slept, requests } satisfies Ran
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const name = "atlas-team1-train-abcdefghijkl"
const both = { deletes: true, reports: true, name }
const onlyDeletes = { deletes: true, reports: false, name }

describe("a command that ends its own pod", () => {
  it.live("a command that is neither to delete nor to report runs as it is", () =>
    Effect.sync(() =>
      assert.strictEqual(commandLine(["python", "x.py"], { deletes: false, reports: false, name }), "'python' 'x.py'")
    ))

  it.live("every word arrives as it was written, quotes, newlines, globs and empty ones", () =>
    Effect.gen(function*() {
      const words = ["it's", "", "a b", "$HOME `id` \"q\" \\", "two\nlines", "*", "'", "-n", "ünï"]
      const line = commandLine(["printf", "<%s>", ...words], onlyDeletes)
      const { output } = yield* run(line)
      assert.strictEqual(output, words.map((word) => `<${word}>`).join(""))
      const plain = yield* run(commandLine(["printf", "<%s>", ...words], { deletes: false, reports: false, name }))
      assert.strictEqual(plain.output, output)
    }))

  it.live("the exit code is the command's, told before the pod is deleted", () =>
    Effect.gen(function*() {
      const { code, requests } = yield* run(commandLine(["sh", "-c", "exit 7"], both))
      assert.strictEqual(code, 7)
      assert.lengthOf(requests, 2)
      assert.include(requests[0]?.argv, "https://hooks.example/cb/finish")
      assert.include(requests[0]?.argv, "{\"exit_code\":7}")
      assert.include(requests[0]?.argv, "-m\n10\n")
      assert.include(requests[1]?.argv, "DELETE")
      assert.include(requests[1]?.argv, "https://api.runpod.io/v2/pods/pod123")
    }))

  it.live("a report that fails does not keep the pod alive", () =>
    Effect.gen(function*() {
      const { code, requests } = yield* run(commandLine(["true"], both), { ...container, CURL_FAILS: "1" })
      assert.strictEqual(code, 0)
      assert.include(requests[1]?.argv, "DELETE")
    }))

  it.live("a command that cannot be started ends the pod too", () =>
    Effect.gen(function*() {
      const { code, requests } = yield* run(commandLine(["/no/such/program"], both))
      assert.strictEqual(code, 127)
      assert.include(requests[0]?.argv, "{\"exit_code\":127}")
      assert.include(requests[1]?.argv, "DELETE")
    }))

  it.live("words that mean something to a shell are a command's name and nothing else", () =>
    Effect.gen(function*() {
      for (const word of ["exit", "f", "trap"]) {
        const { code, requests } = yield* run(commandLine([word, "0"], onlyDeletes))
        assert.strictEqual(code, 127, word)
        assert.lengthOf(requests, 1, word)
      }
    }))

  it.live("keys stand on stdin only, never among the arguments", () =>
    Effect.gen(function*() {
      const { requests } = yield* run(commandLine(["true"], both))
      assert.deepStrictEqual(requests.map(({ stdin }) => stdin), [
        `header = "Authorization: Bearer ${token}"\n`,
        `header = "Authorization: Bearer ${key}"\n`
      ])
      for (const { argv } of requests) {
        assert.notInclude(argv, key)
        assert.notInclude(argv, token)
      }
      for (const secret of [key, token, "pod123", "hooks.example"]) {
        assert.notInclude(commandLine(["true"], both), secret)
      }
    }))

  it.live("an id or a key with any other character skips that request alone", () =>
    Effect.gen(function*() {
      const line = commandLine(["true"], both)
      for (const odd of ["", "a b", "../x", "a\"\nurl = x", "é"]) {
        assert.lengthOf((yield* run(line, { ...container, RUNPOD_POD_ID: odd })).requests, 1, odd)
        assert.lengthOf((yield* run(line, { ...container, RUNPOD_API_KEY: odd })).requests, 1, odd)
        assert.lengthOf((yield* run(line, { ...container, ATLAS_CALLBACK_TOKEN: odd })).requests, 1, odd)
      }
      assert.lengthOf((yield* run(line, { ...container, ATLAS_CALLBACK_URL: "" })).requests, 1)
    }))

  it.live("a TERM to the shell alone waits for the command, whose own code counts", () =>
    Effect.gen(function*() {
      const line = commandLine(["sh", "-c", "echo ready; cat; exit 5"], both)
      const { code, requests } = yield* run(line, container, (child) => void child.kill("SIGTERM"))
      assert.strictEqual(code, 5)
      assert.include(requests[0]?.argv, "{\"exit_code\":5}")
      assert.lengthOf(requests, 2)
    }))

  it.live("a TERM to everything is a stop from outside: no exit code, and the pod stays", () =>
    Effect.gen(function*() {
      const line = commandLine(["sh", "-c", "echo ready; exec tail -f /dev/null"], both)
      const { code, requests } = yield* run(line, container, (child) => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM")
      })
      assert.strictEqual(code, 143)
      assert.deepStrictEqual(requests, [])
    }))

  it.live("the last line of the log holds the attempt and the exit code, and can be read before the pod goes", () =>
    Effect.gen(function*() {
      for (const options of [both, onlyDeletes]) {
        const { marker, output, slept } = yield* run(commandLine(["sh", "-c", "echo done; exit 7"], options))
        assert.deepStrictEqual([marker?.name, marker?.exitCode], [name, 7])
        assert.strictEqual(output, "done\n")
        assert.strictEqual(slept, "sleep 60\n")
      }
      const unfinished = yield* run(commandLine(["printf", "50%%"], onlyDeletes))
      assert.deepStrictEqual([unfinished.output, unfinished.marker?.exitCode], ["50%", 0])
    }))

  it.live("a stop from outside leaves no exit code in the log", () =>
    Effect.gen(function*() {
      const line = commandLine(["sh", "-c", "echo ready; exec tail -f /dev/null"], both)
      const { marker } = yield* run(line, container, (child) => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM")
      })
      assert.isNull(marker)
    }))

  it.live("a pod that is ended while its log can still be read does not wait any longer", () =>
    Effect.gen(function*() {
      const line = commandLine(["sh", "-c", "echo done"], onlyDeletes)
      const { code, marker } = yield* run(line, { ...container, SLEEPS: "1" }, (child) => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM")
      }, (output) => ExitMarker.parse(output) !== null)
      assert.deepStrictEqual([code, marker?.exitCode], [0, 0])
    }))

  it.live("a command that something inside has killed has ended: it is told and the pod goes", () =>
    Effect.gen(function*() {
      const { requests } = yield* run(commandLine(["sh", "-c", "kill -9 $$"], both))
      assert.include(requests[0]?.argv, "{\"exit_code\":137}")
      assert.lengthOf(requests, 2)
    }))
})
