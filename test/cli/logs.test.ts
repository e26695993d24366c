/**
 * `atlas logs`: a part of a log, and all of one as a JSON array that is printed while it is read.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Ids, LogElement, Provider } from "effect-atlas"
import type { LogOptions } from "effect-atlas/provider/Adapter"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { run, settle, start } from "./harness.ts"

const line = (cursor: number, at: number | null = null) =>
  new LogElement.LogElement({
    cursor: String(cursor),
    at: at === null ? null : DateTime.makeUnsafe(at),
    stream: "output",
    text: `line ${cursor}`
  })

type Lines = Stream.Stream<LogElement.LogElement, AtlasError.AtlasErrorReason>

/** A provider whose one compute has this log. */
const withLog = (stream: (options: LogOptions) => Lines) => {
  const compute = new Compute.Compute({
    id: Ids.ComputeId.make("pod1"),
    provider: Ids.ProviderId.make("acme"),
    status: "running"
  })
  return {
    providers: [Provider.neutral(Provider.make({
      id: "acme",
      compute: {
        spawn: () => Effect.fail(new AtlasError.NoCapacity({ message: "sold out" })),
        get: () => Effect.succeed(compute),
        list: () => Effect.succeed([compute]),
        terminate: () => Effect.void
      },
      logs: { stream: (_, options) => stream(options) }
    }))]
  }
}

/** A log that is kept line by line and forgets nothing; `after` and `follow` are kept, `tail` is not. */
const kept = (lines: ReadonlyArray<LogElement.LogElement>, later: ReadonlyArray<LogElement.LogElement> = []) =>
  withLog(({ after = null, follow = false }) =>
    Stream.fromIterable(
      [...lines, ...follow ? later : []].filter(({ cursor }) => after === null || Number(cursor) > Number(after))
    )
  )

const textsOf = (out: string) => out === "" ? [] : out.split("\n")

describe("logs --json", () => {
  it.effect("is one array, whatever the number of lines", () =>
    Effect.gen(function*() {
      for (const count of [0, 1, 2, 5000]) {
        const lines = Array.from({ length: count }, (_, at) => line(at))
        const { code, out } = yield* run(["logs", "pod1", "--json"], kept(lines))
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(
          JSON.parse(out).map(({ text }: { readonly text: string }) => text),
          lines.map(({ text }) => text)
        )
      }
    }))

  it.effect("prints its elements while they come, and holds none of them back", () =>
    Effect.gen(function*() {
      const surroundings = withLog(() => Stream.concat(Stream.make(line(1)), Stream.never))
      const { ended, out } = start(["logs", "pod1", "--json"], surroundings)
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      assert.match(out.join("\n"), /^\[\{"type":"log","cursor":"1".*\}$/)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("is read no faster than it is printed, so that a slow reader costs no memory", () =>
    Effect.gen(function*() {
      let read = 0
      const endless = Stream.forever(Stream.fromEffect(Effect.sync(() => line(read++))))
      const { ended, out } = start(["logs", "pod1", "--json"], {
        ...withLog(() => endless),
        blocked: (printed) => printed >= 3
      })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      assert.strictEqual(out.length, 3)
      assert.isAtMost(read, 10)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("that fails before its first element prints nothing on stdout", () =>
    Effect.gen(function*() {
      const surroundings = withLog(() => Stream.fail(new AtlasError.ProviderFault({ message: "it broke" })))
      const { code, err, out } = yield* run(["logs", "pod1", "--json"], surroundings)
      assert.deepStrictEqual([code, out, JSON.parse(err).error.kind], [1, "", "provider"])
    }))

  it.effect("that fails half-way stays open, so that no reader takes the part for the whole, and exits with 1", () =>
    Effect.gen(function*() {
      const broken = Stream.fail(new AtlasError.ProviderFault({ message: "it broke" }))
      const surroundings = withLog(() => Stream.concat(Stream.make(line(1), line(2)), broken))
      const { code, err, out } = yield* run(["logs", "pod1", "--json"], surroundings)
      assert.strictEqual(code, 1)
      assert.throws(() => JSON.parse(out))
      assert.strictEqual(JSON.parse(`${out}]`).length, 2)
      assert.strictEqual(JSON.parse(err).error.message, "it broke")
    }))
})

describe("logs --tail", () => {
  const five = Array.from({ length: 5 }, (_, at) => line(at + 1))

  it.effect.each<readonly [number, ReadonlyArray<string>]>([
    [0, []],
    [2, ["line 4", "line 5"]],
    [5, five.map(({ text }) => text)],
    [100, five.map(({ text }) => text)]
  ])(
    "%i gives the last lines and no more, whatever the provider keeps of it",
    ([count, texts]) =>
      Effect.gen(function*() {
        const { code, out } = yield* run(["logs", "pod1", "--tail", String(count)], kept(five))
        assert.deepStrictEqual([code, textsOf(out)], [0, texts])
      })
  )

  it.effect("with -f goes on with what comes, and 0 shows nothing but that", () =>
    Effect.gen(function*() {
      const log = kept(five, [line(6), line(7)])
      const last = yield* run(["logs", "pod1", "-f", "--tail", "1"], log)
      assert.deepStrictEqual(textsOf(last.out), ["line 5", "line 6", "line 7"])
      const none = yield* run(["logs", "pod1", "-f", "--tail", "0"], log)
      assert.deepStrictEqual(textsOf(none.out), ["line 6", "line 7"])
      const empty = yield* run(["logs", "pod1", "-f", "--tail", "0"], kept([], [line(6)]))
      assert.deepStrictEqual(textsOf(empty.out), ["line 6"])
    }))

  it.effect("reads a log of 200000 lines to show three", () =>
    Effect.gen(function*() {
      const many = Stream.map(Stream.range(1, 200_000), (at) => line(at))
      const { out } = yield* run(["logs", "pod1", "--tail", "3"], withLog(() => many))
      assert.deepStrictEqual(textsOf(out), ["line 199998", "line 199999", "line 200000"])
    }))

  it.effect.each(["-1", "100001", "x", "1.5"])("%s is bad usage", (count) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["logs", "pod1", `--tail=${count}`], kept(five))).code, 2)
    }))
})

describe("logs --since and --timestamps", () => {
  const minute = 60_000
  const dated = [line(1, 0), line(2, 8 * minute), line(3), line(4, 9 * minute)]

  it.effect("shows what was written in that time; a line without a time is as old as the one before", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10 * minute)
      const { out } = yield* run(["logs", "pod1", "--since", "2m", "-t"], kept(dated))
      assert.deepStrictEqual(textsOf(out), [
        "1970-01-01T00:08:00.000Z line 2",
        "- line 3",
        "1970-01-01T00:09:00.000Z line 4"
      ])
    }))

  it.effect("fails as unsupported where no line has a time, and prints none", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(["logs", "pod1", "--since", "2m", "--json"], kept([line(1), line(2)]))
      assert.deepStrictEqual([code, out, JSON.parse(err).error.kind], [1, "", "unsupported"])
      assert.include(JSON.parse(err).error.message, "acme does not tell when a line was written")
    }))

  it.effect("says once that a provider tells no times", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(["logs", "pod1", "--timestamps"], kept([line(1), line(2)]))
      assert.deepStrictEqual([code, textsOf(out)], [0, ["- line 1", "- line 2"]])
      assert.strictEqual(err.split("\n").length, 1)
      assert.include(err, "acme does not tell when a line was written")
    }))
})
