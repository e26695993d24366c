/**
 * A log that is followed: what has no end of its line yet is shown after a pause, and goes on in the same line.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { lines } from "../../../src/providers/local/internal/logFile.ts"
import { passWhile } from "../../../src/testing/TestTime.ts"

/** Follows a log for some looks that find nothing new, before each of which something may be written. */
const followed = (looks: number, written: Readonly<Record<number, string>>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const write = (text: string) => Effect.orDie(fs.writeFileString(`${directory}/log`, text, { flag: "a" }))
    yield* write(written[0] ?? "")
    let look = 0
    const isOver = Effect.suspend(() => {
      look += 1
      return Effect.as(write(written[look] ?? ""), look >= looks)
    })
    const seen: Array<readonly [look: number, text: string, how: string]> = []
    yield* passWhile(
      Stream.runForEach(lines(fs, directory, { follow: true, exists: Effect.void, isOver }), (line) =>
        Effect.sync(() => {
          const how = (["partial", "continues", "overwritten"] as const).filter((name) => line[name]).join(" ")
          seen.push([look, line.text, how])
        }))
    )
    return seen
  })

layer(NodeServices.layer)("a line without its end", (it) => {
  it.effect("is shown half a second after it was written, and goes on where it was", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* followed(10, { 0: "whole\nName? ", 8: "me\n" }), [
        [0, "whole", ""],
        [6, "Name? ", "partial"],
        [8, "me", "continues"]
      ])
    }))

  it.effect("that ends in a return is shown at the next look, as one that is overwritten", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* followed(4, { 0: "10%\r" }), [[2, "10%", "overwritten"]])
    }))
})
