import { assert, it } from "@effect/vitest"
import { LogElement } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { LogOptions } from "../../src/provider/Adapter.ts"
import { read } from "../../src/provider/internal/lastLines.ts"

const line = (cursor: string) => new LogElement.LogElement({ cursor, at: null, stream: "stdout", text: cursor })

/** A log that begins anew for each reader, and what each reader asked for. */
const logOf = (...cursors: ReadonlyArray<string>) => {
  const asked: Array<LogOptions> = []
  const open = (options: LogOptions) => {
    asked.push(options)
    const from = options.after == null ? 0 : cursors.indexOf(options.after) + 1
    return Stream.fromArray([...cursors.slice(from), ...(options.follow === true ? ["later"] : [])].map(line))
  }
  return { asked, open }
}

it.effect("the last lines come first, then those that are written while the log is followed, each once", () =>
  Effect.gen(function*() {
    const { asked, open } = logOf("a", "b", "c")
    const seen = yield* Stream.runCollect(read(open, { tail: 2, follow: true }))
    assert.deepStrictEqual(seen.map(({ text }) => text), ["b", "c", "later"])
    assert.deepStrictEqual(asked.map(({ after, follow }) => [after, follow]), [[null, undefined], ["c", true]])
  }))

it.effect("of no last lines only what follows is given", () =>
  Effect.gen(function*() {
    const { open } = logOf("a", "b")
    const seen = yield* Stream.runCollect(read(open, { tail: 0, follow: true }))
    assert.deepStrictEqual(seen.map(({ text }) => text), ["later"])
  }))

it.effect("without following, the last lines are all", () =>
  Effect.gen(function*() {
    const { asked, open } = logOf("a", "b", "c")
    const seen = yield* Stream.runCollect(read(open, { tail: 2 }))
    assert.deepStrictEqual(seen.map(({ text }) => text), ["b", "c"])
    assert.strictEqual(asked.length, 1)
  }))
