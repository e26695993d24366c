import { assert, describe, it } from "@effect/vitest"
import { Atlas, type LogElement } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { join } from "node:path"
import { logOf, node, until, withLocal } from "./harness.ts"

const collect = (id: string, options?: { readonly follow?: boolean; readonly after?: string }) =>
  Stream.runCollect(Atlas.streamLogs(id, options))
const textsOf = (lines: ReadonlyArray<{ readonly text: string }>) => lines.map(({ text }) => text)

describe("the log of a local compute", () => {
  it.live("comes line by line, both streams together, and ends with the compute", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "echo one; echo two >&2; printf 'crlf\\r\\n'; printf last"]
        })
        const lines = yield* collect(id, { follow: true })
        assert.deepStrictEqual(textsOf(lines), ["one", "two", "crlf", "last"])
        assert.deepStrictEqual(lines.map(({ cursor }) => cursor), ["4", "8", "14", "18"])
      })
    ))

  it.live("resumes at any cursor without losing or repeating a line", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "for i in 1 2 3 4 5; do echo \"line $i: žluťoučký\"; done"]
        })
        const all = yield* collect(id, { follow: true })
        assert.strictEqual(all.length, 5)
        for (const [index, { cursor }] of all.entries()) {
          assert.deepStrictEqual(yield* collect(id, { after: cursor }), all.slice(index + 1))
        }
        const error = yield* Effect.flip(collect(id, { after: "x" }))
        assert.strictEqual(error.message, "[local] validation: after: Expected a cursor of this compute's log")
      })
    ))

  it.live("is followed while it grows; a line without an end is given as a piece, and goes on where it was", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("process.stdin; process.stdout.write('half'); setInterval(() => {}, 1e6)")
        })
        yield* until(() => logOf(stateDir, id) === "half")
        const [piece] = yield* collect(id)
        assert.deepInclude(piece, { text: "half", partial: true, cursor: "4" })
        const seen: Array<LogElement.LogElement> = []
        const following = yield* Effect.forkChild(
          Stream.runForEach(Atlas.streamLogs(id, { follow: true }), (line) => Effect.sync(() => void seen.push(line)))
        )
        yield* until(() => seen.length === 1)
        fs.appendFileSync(join(stateDir, id, "log"), " and half\nmore\n10%\r20%\rnever ended")
        yield* until(() => seen.length === 6)
        yield* Atlas.stop(id)
        yield* Fiber.join(following)
        assert.deepStrictEqual(
          seen.map(({ continues, overwritten, partial, text }) => [text, { continues, overwritten, partial }]),
          [
            ["half", { continues: undefined, overwritten: undefined, partial: true }],
            [" and half", { continues: true, overwritten: undefined, partial: undefined }],
            ["more", { continues: undefined, overwritten: undefined, partial: undefined }],
            ["10%", { continues: undefined, overwritten: true, partial: undefined }],
            ["20%", { continues: undefined, overwritten: true, partial: undefined }],
            ["never ended", { continues: undefined, overwritten: undefined, partial: true }]
          ]
        )
        // read again once it is over, the last line is whole: nothing can follow
        const again = yield* collect(id, { after: seen.at(-2)?.cursor ?? "" })
        assert.deepStrictEqual(again.map(({ partial, text }) => [text, partial]), [["never ended", undefined]])
      })
    ))

  it.live("is read to its very end also when the compute is taken away meanwhile", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "trap 'echo saved; printf bye; exit 0' TERM; echo here; while :; do sleep 0.02; done"]
        })
        yield* until(() => logOf(stateDir, id) === "here\n")
        const seen: Array<string> = []
        const following = yield* Effect.forkChild(
          Stream.runForEach(
            Atlas.streamLogs(id, { follow: true }),
            ({ text }) => Effect.sync(() => void seen.push(text))
          )
        )
        yield* until(() => seen.length === 1)
        yield* Atlas.end(id)
        assert.isFalse(fs.existsSync(join(stateDir, id)))
        yield* Fiber.join(following)
        assert.deepStrictEqual([seen[0], ...seen.slice(-2)], ["here", "saved", "bye"])
        assert.strictEqual((yield* Effect.flip(collect(id))).kind, "not_found")
      })
    ))

  it.live("a line of five megabytes is one line", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("process.stdout.write('x'.repeat(5e6) + '\\nend\\n')")
        })
        const lines = yield* collect(id, { follow: true })
        assert.deepStrictEqual(lines.map(({ cursor }) => cursor), ["5000001", "5000005"])
        assert.strictEqual(lines[0]?.text.length, 5_000_000)
      })
    ))

  it.live("a line of twenty megabytes comes in pieces that lose nothing, not even half a character", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("process.stdout.write('ž'.repeat(10 * 2 ** 20) + '\\nend\\n')")
        })
        const lines = yield* collect(id, { follow: true })
        assert.isTrue(lines[0]?.partial)
        assert.isTrue(lines[1]?.continues)
        const texts = textsOf(lines)
        assert.strictEqual(texts.pop(), "end")
        assert.isTrue(texts.join("") === "ž".repeat(10 * 2 ** 20))
      })
    ))

  it.live("ends with the command, whatever a process that it left behind goes on to write", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "(while sleep 0.05; do echo tick; done) & echo mine; exit 3"]
        })
        const lines = yield* collect(id, { follow: true })
        assert.include(textsOf(lines), "mine")
        assert.strictEqual((yield* Atlas.getCompute(id)).exitCode, 3)
      })
    ))

  it.live("that is emptied by hand goes on, and so does its command", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const waitFor = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", `echo first; ${waitFor("a")}; echo 2; ${waitFor("b")}; echo 3; echo 4; exit 3`],
          providerOpts: { logLimit: 65_536 }
        })
        const tell = (file: string) => fs.writeFileSync(join(stateDir, id, "work", file), "")
        yield* until(() => logOf(stateDir, id) === "first\n")
        fs.truncateSync(join(stateDir, id, "log"))
        tell("a")
        yield* until(() => logOf(stateDir, id) === "2\n")
        tell("b")
        yield* collect(id, { follow: true })
        assert.strictEqual(logOf(stateDir, id), "2\n3\n4\n")
        assert.strictEqual((yield* Atlas.getCompute(id)).exitCode, 3)
      })
    ))

  it.live("whose writer was killed is said to have lost something", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "trap '' PIPE; echo one; until [ -e go ]; do sleep 0.02; done; echo two; exit 0"]
        })
        yield* until(() => logOf(stateDir, id) === "one\n")
        const atPipe = fs.readdirSync("/proc").filter((pid) => {
          try {
            return fs.readlinkSync(`/proc/${pid}/fd/0`).startsWith(join(stateDir, id, ".out."))
          } catch {
            return false
          }
        })
        for (const pid of atPipe) process.kill(Number(pid), "SIGKILL")
        fs.writeFileSync(join(stateDir, id, "work", "go"), "")
        const lines = yield* collect(id, { follow: true })
        assert.deepStrictEqual(lines.map(({ lost, text }) => lost === true ? "lost" : text), ["one", "lost"])
      })
    ))

  it.live("asks for nothing before the first pull", () =>
    withLocal(() => Effect.sync(() => assert.isTrue(Stream.isStream(Atlas.streamLogs("local-none"))))))
})
