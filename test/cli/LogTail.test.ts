/**
 * The log of a machine to its end: what it says of itself, and one that is there for longer than its machine.
 */
import { assert, describe, it } from "@effect/vitest"
import { LogElement, type Provider, Providers } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import * as LogTail from "../../src/cli/LogTail.ts"
import { passWhile } from "../../src/testing/TestTime.ts"
import { mock, settle } from "./harness.ts"

type Lines = Stream.Stream<LogElement.LogElement>

const line = (cursor: number, text: string, fields: object = {}) =>
  new LogElement.LogElement({ cursor: String(cursor), at: null, stream: "output", text, ...fields })

/** The tail of a machine whose log is this one, and what it printed. */
const tailOf = (stream: (follow: boolean) => Lines, outlivesCompute: boolean) =>
  Effect.gen(function*() {
    const { provider } = yield* mock
    const { id } = yield* passWhile(provider.compute.spawn({ image: "x" }))
    const reading: Provider.Service = {
      ...provider,
      logs: { ...provider.logs, outlivesCompute, stream: (_, options) => stream(options?.follow === true) }
    }
    const texts: Array<string> = []
    const printer = {
      log: (lines: ReadonlyArray<LogElement.LogElement>) => void texts.push(...lines.map(({ text }) => text)),
      record: () => {},
      room: Effect.void,
      drained: () => Effect.succeed(null),
      count: () => texts.length,
      taken: () => texts.length
    }
    const tail = yield* LogTail.make(id, {}, printer, () => Effect.void).pipe(
      Effect.provideService(Providers.Providers, Providers.make([reading], { default: "mock" }))
    )
    yield* settle
    return { tail, texts }
  })

describe("a log", () => {
  it.effect("that says it has lost something is not whole, and says so once however often its end is read", () =>
    Effect.gen(function*() {
      const lost = (text: string) => line(2, text, { stream: "system", lost: true })
      const { tail, texts } = yield* tailOf(
        (follow) => follow ? Stream.make(line(1, "first"), lost("lost: disk")) : Stream.make(lost("lost: disk")),
        false
      )
      assert.strictEqual(tail.missing(), "lost: disk")
      yield* passWhile(tail.drain)
      assert.deepStrictEqual(texts.filter((text) => text !== "first"), ["lost: disk"])
      assert.strictEqual(tail.missing(), "lost: disk")
    }))

  it.effect("that outlives its machine holds up no end, and is read to its own end afterwards", () =>
    Effect.gen(function*() {
      const rest = Latch.makeUnsafe()
      const { tail, texts } = yield* tailOf(
        (follow) =>
          follow
            ? Stream.concat(Stream.make(line(1, "first")), Stream.fromEffect(Effect.as(rest.await, line(2, "last"))))
            : Stream.die("a reading that goes on was given up"),
        true
      )
      yield* passWhile(tail.drain)
      assert.deepStrictEqual(texts, ["first"])
      yield* rest.open
      yield* tail.read
      assert.deepStrictEqual(texts, ["first", "last"])
      assert.isNull(tail.missing())
    }))
})
