/**
 * The last lines of a log file, found from its end.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { beginOfLast } from "../../../src/providers/local/internal/logEnd.ts"

const reference = (text: string, lines: number): string => {
  const all = text.split(/(?<=\n|\r(?!\n))/)
  // the last part is what has no end yet
  return (/[\r\n]$/.test(text) ? [...all, ""] : all).slice(-lines - 1).join("")
}

layer(NodeServices.layer)("beginOfLast", (it) => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["nothing", ""],
    ["one line", "a\n"],
    ["a last line without an end", "a\nb\nc"],
    ["empty lines", "a\n\n\n\n"],
    ["a progress bar, and lines that end as on Windows", "a\r\n1%\r2%\r100%\r\nb\r"],
    ["a return as the last byte of a read", `a\n${"x".repeat(64 * 1024 - 3)}\r\nb\n`],
    ["lines longer than a read", `${"x".repeat(70_000)}\n${"y".repeat(140_000)}\nz\n`],
    ["more lines than a read holds", Array.from({ length: 30_000 }, (_, at) => `line ${at}\n`).join("")],
    ["one long line without an end", "x".repeat(200_000)]
  ]

  it.effect.each(cases)("of %s", ([, text]) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/log`, text)
      for (const lines of [1, 2, 3, 10, 20_000]) {
        const at = yield* beginOfLast(fs, directory, lines)
        assert.strictEqual(text.slice(at), reference(text, lines), `${lines}`)
      }
    }))

  it.effect("of a log whose oldest part was removed", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      // bytes 0 to 100 are gone
      yield* fs.writeFileString(`${directory}/log.100.106`, "b\nc\nd\n")
      yield* fs.writeFileString(`${directory}/log`, "e\nf")
      const at = [0, 1, 2, 3, 4, 6].map((lines) => beginOfLast(fs, directory, lines))
      assert.deepStrictEqual(yield* Effect.all(at), [108, 106, 104, 102, 100, 100])
    }))

  it.effect("reads no more of a log than the lines take, and none of a file that is not there", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const file = `${directory}/log`
      yield* fs.writeFileString(file, "")
      // a hole of a gigabyte: reading it all would take seconds, and memory
      yield* fs.truncate(file, 2 ** 30)
      yield* fs.writeFileString(file, "\na\nb\n", { flag: "a" })
      let read = 0
      const counting = FileSystem.make({
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (handle) =>
            new Proxy(handle, {
              get: (target, key, receiver) => {
                if (key === "readAlloc") read += 1
                return Reflect.get(target, key, receiver)
              }
            }))
      })
      assert.strictEqual(yield* beginOfLast(counting, directory, 2), 2 ** 30 + 1)
      assert.strictEqual(read, 1)
      assert.strictEqual(yield* beginOfLast(fs, `${directory}/gone`, 2), 0)
    }))
})
