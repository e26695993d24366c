/**
 * The log of a compute in its files: an offset means the same byte, whichever file it is in, and what was removed is named.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as LogParts from "../../../src/providers/local/internal/logParts.ts"

const withLog = <A, E>(
  use: (log: {
    readonly directory: string
    readonly append: (text: string) => void
    /** Something that the writer does while a reader reads. */
    readonly beforeNextListing: (act: () => void) => void
    /** What the writer does at the limit. */
    readonly rotate: () => void
    readonly open: (offset: number) => Effect.Effect<
      { readonly next: Effect.Effect<string | null, unknown>; readonly missed: () => LogParts.Missed | null },
      unknown,
      import("effect/Scope").Scope
    >
  }) => Effect.Effect<A, E, import("effect/Scope").Scope>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-parts-"))),
    (directory) =>
      Effect.gen(function*() {
        const real = yield* FileSystem.FileSystem
        let meanwhile = () => {}
        const system: FileSystem.FileSystem = {
          ...real,
          readDirectory: (...given) =>
            Effect.suspend(() => {
              const act = meanwhile
              meanwhile = () => {}
              act()
              return real.readDirectory(...given)
            })
        }
        let base = 0
        const file = join(directory, "log")
        fs.writeFileSync(file, "")
        return yield* use({
          directory,
          append: (text) => fs.appendFileSync(file, text),
          beforeNextListing: (act) => {
            meanwhile = act
          },
          rotate: () => {
            const end = base + fs.statSync(file).size
            fs.renameSync(file, join(directory, `log.${base}.${end}`))
            for (const name of fs.readdirSync(directory)) {
              if (name.startsWith("log.") && !name.endsWith(`.${end}`)) fs.rmSync(join(directory, name))
            }
            base = end
          },
          open: (offset) =>
            Effect.map(LogParts.open(system, directory, offset), (reader) => ({
              next: Effect.map(
                reader.readAlloc(1_000),
                Option.match({ onNone: () => null, onSome: (bytes) => new TextDecoder().decode(bytes) })
              ),
              missed: reader.missed
            }))
        })
      }).pipe(Effect.scoped),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
  ).pipe(Effect.provide(NodeServices.layer))

describe("a log in parts", () => {
  it.live("is one sequence of bytes: a reader that keeps up misses nothing, however often it is rotated", () =>
    withLog(({ append, open, rotate }) =>
      Effect.gen(function*() {
        const reader = yield* open(0)
        let read = ""
        for (let time = 0; time < 5; time++) {
          append(`first ${time},`)
          read += yield* reader.next
          append(`late ${time},`)
          rotate()
          read += yield* reader.next
          assert.isNull(yield* reader.next)
          assert.isNull(reader.missed())
        }
        assert.strictEqual(read, [0, 1, 2, 3, 4].map((time) => `first ${time},late ${time},`).join(""))
      })
    ))

  it.live("an offset in the part before is read there, and goes on in the one that is written", () =>
    withLog(({ append, open, rotate }) =>
      Effect.gen(function*() {
        append("0123456789")
        rotate()
        append("abc")
        const reader = yield* open(7)
        assert.deepStrictEqual([yield* reader.next, yield* reader.next, yield* reader.next], ["789", "abc", null])
        assert.deepStrictEqual([yield* (yield* open(11)).next], ["bc"])
      })
    ))

  it.live("an offset that was removed goes on at the oldest byte there is, and says what is missed", () =>
    withLog(({ append, open, rotate }) =>
      Effect.gen(function*() {
        append("0123456789")
        rotate()
        append("abcde")
        rotate()
        append("x")
        const reader = yield* open(3)
        assert.strictEqual(yield* reader.next, "abcde")
        assert.deepStrictEqual(reader.missed(), { from: 3, to: 10 })
        assert.strictEqual(yield* reader.next, "x")
        assert.isNull(reader.missed())
      })
    ))

  it.live("a reader that was left behind reads the file it had to its end before it misses anything", () =>
    withLog(({ append, open, rotate }) =>
      Effect.gen(function*() {
        append("ab")
        const reader = yield* open(0)
        assert.strictEqual(yield* reader.next, "ab")
        append("cd")
        for (const text of ["two", "three"]) {
          rotate()
          append(text)
        }
        rotate()
        assert.strictEqual(yield* reader.next, "cd")
        assert.strictEqual(yield* reader.next, "three")
        assert.deepStrictEqual(reader.missed(), { from: 4, to: 7 })
      })
    ))

  it.live("what is written right before a rotation is read although the file is gone at the next look", () =>
    withLog(({ append, beforeNextListing, open, rotate }) =>
      Effect.gen(function*() {
        append("ab")
        const reader = yield* open(0)
        assert.strictEqual(yield* reader.next, "ab")
        beforeNextListing(() => {
          append("late")
          rotate()
          append("next")
          rotate()
          append("more")
        })
        assert.strictEqual(yield* reader.next, "late")
        assert.strictEqual(yield* reader.next, "next")
        assert.strictEqual(yield* reader.next, "more")
        assert.isNull(reader.missed())
      })
    ))

  it.live("a log that is taken away, or has no file for a moment, has nothing to read and fails nobody", () =>
    withLog(({ append, directory, open, rotate }) =>
      Effect.gen(function*() {
        append("ab")
        const reader = yield* open(0)
        assert.strictEqual(yield* reader.next, "ab")
        rotate()
        assert.isNull(yield* reader.next)
        append("cd")
        assert.strictEqual(yield* reader.next, "cd")
        fs.rmSync(directory, { recursive: true })
        assert.isNull(yield* reader.next)
        assert.isNull(yield* (yield* open(0)).next)
        fs.mkdirSync(directory)
      })
    ))

  it.live("a directory in its place is an error, and no reader waits at it", () =>
    withLog(({ directory, open }) =>
      Effect.gen(function*() {
        fs.rmSync(join(directory, "log"))
        fs.mkdirSync(join(directory, "log"))
        const reader = yield* open(0)
        assert.include(String(yield* Effect.flip(reader.next)), "not a file")
      })
    ))
})
