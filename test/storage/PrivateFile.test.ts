import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as PrivateFile from "../../src/storage/PrivateFile.ts"

const inTemp = <A, E, R>(use: (directory: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-private-"))),
    use,
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
  )

describe("PrivateFile", () => {
  it.live("is readable by its owner only, and replaced as a whole", () =>
    inTemp((directory) =>
      Effect.gen(function*() {
        const file = join(directory, "key")
        yield* PrivateFile.write(file, "first")
        assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600)
        const before = fs.statSync(file).ino
        yield* PrivateFile.write(file, "second")
        assert.strictEqual(fs.readFileSync(file, "utf8"), "second")
        assert.notStrictEqual(fs.statSync(file).ino, before)
        assert.deepStrictEqual(fs.readdirSync(directory), ["key"])
      })
    ).pipe(Effect.provide(NodeServices.layer)))

  it.live("a failure leaves the old file and no temporary one", () =>
    inTemp((directory) =>
      Effect.gen(function*() {
        const target = join(directory, "taken")
        fs.mkdirSync(join(target, "full"), { recursive: true })
        yield* Effect.flip(PrivateFile.write(target, "text"))
        assert.deepStrictEqual(fs.readdirSync(directory), ["taken"])
        assert.strictEqual(
          (yield* Effect.flip(PrivateFile.write(join(directory, "no", "where"), "x"))).reason._tag,
          "NotFound"
        )
      })
    ).pipe(Effect.provide(NodeServices.layer)))

  it.live("what is no file, or larger than any such file, is not opened", () =>
    inTemp((directory) =>
      Effect.gen(function*() {
        const file = join(directory, "key")
        fs.writeFileSync(file, "0123456789")
        assert.strictEqual(yield* PrivateFile.read(file, 10), "0123456789")
        for (const [odd, longest, words] of [[file, 9, "10 bytes"], [directory, 10, "Directory"]] as const) {
          const { reason } = yield* Effect.flip(PrivateFile.read(odd, longest))
          assert.strictEqual(reason._tag, "BadResource")
          assert.include(reason.description, words)
        }
        // a device stands for a pipe here, which would hold up the test
        if (fs.existsSync("/dev/null")) yield* Effect.flip(PrivateFile.read("/dev/null", 10))
      })
    ).pipe(Effect.provide(NodeServices.layer)))

  it.live("many writers at once leave one whole text", () =>
    inTemp((directory) =>
      Effect.gen(function*() {
        const file = join(directory, "key")
        const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000))
        yield* Effect.forEach(texts, (text) => PrivateFile.write(file, text), { concurrency: "unbounded" })
        assert.include(texts, fs.readFileSync(file, "utf8"))
        assert.deepStrictEqual(fs.readdirSync(directory), ["key"])
      })
    ).pipe(Effect.provide(NodeServices.layer)))
})
