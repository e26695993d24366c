import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
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

  it.live("is followed while it grows; a line is given when it is whole", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("process.stdin; process.stdout.write('half'); setInterval(() => {}, 1e6)")
        })
        yield* until(() => logOf(stateDir, id) === "half")
        assert.deepStrictEqual(yield* collect(id), [])
        const following = yield* Effect.forkChild(collect(id, { follow: true }))
        fs.appendFileSync(join(stateDir, id, "log"), " and half\nmore\n")
        yield* until(() => logOf(stateDir, id).endsWith("more\n"))
        yield* Atlas.stop(id)
        assert.deepStrictEqual(textsOf(yield* Fiber.join(following)), ["half and half", "more"])
      })
    ))

  it.live("ends when the compute is taken away", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: node("console.log('here'); setInterval(() => {}, 1e6)") })
        yield* until(() => logOf(stateDir, id) === "here\n")
        const following = yield* Effect.forkChild(collect(id, { follow: true }), { startImmediately: true })
        yield* Atlas.end(id)
        assert.include([0, 1], (yield* Fiber.join(following)).length)
        assert.strictEqual((yield* Effect.flip(collect(id))).kind, "not_found")
      })
    ))

  it.live("a line of ten megabytes comes in pieces that lose nothing, not even half a character", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node("process.stdout.write('ž'.repeat(5 * 2 ** 20) + '\\nend\\n')")
        })
        const texts = textsOf(yield* collect(id, { follow: true }))
        assert.isAbove(texts.length, 9)
        assert.isAtMost(Math.max(...texts.map(({ length }) => length)), 2 ** 20)
        assert.strictEqual(texts.join(""), `${"ž".repeat(5 * 2 ** 20)}end`)
      })
    ))

  it.live("asks for nothing before the first pull", () =>
    withLocal(() => Effect.sync(() => assert.isTrue(Stream.isStream(Atlas.streamLogs("local-none"))))))
})
