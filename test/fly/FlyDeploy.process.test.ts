/**
 * Deploys with real processes: every line as it was meant, limits kept, and no process left of the group.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyDeploy, type FlyError } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { isGroupAlive } from "../e2e/harness.ts"
import { timedFrom } from "../support/timedFrom.ts"
import { untilSo } from "../support/until.ts"
import { inPlace, layer, type Place } from "./harness.ts"

/** The lines of a deploy, and its failure if it has one. */
const streamed = (place: Place, mode: string, options: FlyDeploy.Options = {}, lines: Array<string> = []) =>
  Effect.gen(function*() {
    const failure = yield* FlyDeploy.streamDeploy(place.directory, ".", { env: place.env(mode), ...options }).pipe(
      Stream.runForEach((line) => Effect.sync(() => void lines.push(line))),
      Effect.as<FlyError.FlyError | null>(null),
      Effect.catch(Effect.succeed)
    )
    return { lines, failure }
  })

const group = (place: Place): number => place.runs()[0]?.pid ?? 0

/** A limit that is met on purpose. */
const short = "500 millis"

describe("a deploy, line by line", () => {
  it.live.each([
    { mode: "slow", lines: ["step 1", "step 2", "step 3", "step 4", "step 5"] },
    { mode: "no-newline", lines: ["first", "last without an end"] },
    { mode: "crlf", lines: ["one", "two", "three"] },
    { mode: "progress", lines: ["pushing 100%", "done"] },
    { mode: "ansi", lines: ["==> Building image", "red"] },
    { mode: "long-line", lines: ["x".repeat(10_000_000), "after"] }
  ])("$mode", ({ lines, mode }) =>
    inPlace((place) =>
      Effect.gen(function*() {
        const seen = yield* streamed(place, mode)
        assert.isNull(seen.failure)
        assert.isTrue(JSON.stringify(seen.lines) === JSON.stringify(lines), JSON.stringify(seen.lines).slice(0, 500))
      })
    ).pipe(Effect.provide(layer())))

  it.live("a line above the limit is cut, marked, and shown, and so are the lines around it", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const { failure, lines } = yield* streamed(place, "too-long-line")
        assert.isNull(failure)
        assert.deepStrictEqual(lines.map((line) => line.slice(10_000_000)), [
          "",
          " [... 2000000 more characters cut ...]",
          ""
        ])
        assert.deepStrictEqual([lines[0], lines[2]], ["before", "after"])
      })
    ).pipe(Effect.provide(layer())))

  it.live("a character that comes in pieces is whole, also when the other stream writes meanwhile", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const seen = yield* streamed(place, "split-utf8")
        assert.isNull(seen.failure)
        // two pipes: which of two lines is read first is the system's to say
        assert.deepStrictEqual(seen.lines.toSorted(), ["glücklich ✔ 🚀", "on stderr"])
      })
    ).pipe(Effect.provide(layer())))

  it.live("runs fly deploy --remote-only in the directory, with stdin closed and no secret among the words", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const output = yield* FlyDeploy.deploy(`${place.directory}/..`, "app", {
          args: ["--yes"],
          env: { ...place.env(), FLY_API_TOKEN: Redacted.make("canary-3b1d") }
        })
        assert.include(output, "✓ Configuration is valid\n\nVisit your newly deployed app")
        assert.include(output, "==> Verifying app config\n")
        const [one] = place.runs()
        assert.deepStrictEqual(
          one?.lines.filter((line) => line.startsWith("arg ")),
          ["arg deploy", "arg --remote-only", "arg --yes"]
        )
        assert.includeMembers([...one?.lines ?? []], [
          `directory ${place.directory}`,
          "stdin closed",
          "has FLY_API_TOKEN"
        ])
        assert.notInclude(JSON.stringify(one), "canary")
      })
    ).pipe(Effect.provide(layer())))

  it.live("that fails shows its lines and then its exit code with the whole output", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const { failure, lines } = yield* streamed(place, "exit-1")
        assert.lengthOf(lines, 2)
        assert.strictEqual(failure?.message, "[fly] fly_exit_code: `fly deploy` ended with exit code 1")
        const reason = failure?.reason
        assert.isTrue(reason?._tag === "FlyExitCode" && reason.exitCode === 1)
        assert.include(reason?._tag === "FlyExitCode" ? reason.output : "", "Error: release_command failed")
      })
    ).pipe(Effect.provide(layer())))

  it.effect("ends although a process it left behind holds its streams open, and that one is gone too", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        // a second of waiting for what it left behind is not silence
        const { failure, lines } = yield* timedFrom(
          (slept) => slept.includes(1_000),
          streamed(place, "leaves-child", { activityTimeout: "700 millis" })
        )
        assert.isNull(failure)
        assert.deepStrictEqual(lines, ["left"])
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))

  it.live("keeps the last 10 MiB of its output and says how much is missing", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const output = yield* FlyDeploy.deploy(place.directory, ".", { env: place.env("big") })
        assert.match(output, /^\[\.\.\. \d+ bytes of earlier output dropped \.\.\.\]\nx/)
        assert.isTrue(output.endsWith("x\nend\n"))
        assert.isBelow(output.length, 10 * 1024 * 1024 + 100)
      })
    ).pipe(Effect.provide(layer())))
})

describe("a deploy that cannot be asked to end, with a child that holds its streams", () => {
  it.effect("times out, and its group is gone", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        const { failure } = yield* timedFrom(
          () => lines.length > 0,
          streamed(place, "stubborn", { activityTimeout: short, absoluteTimeout: "1 hour" }, lines)
        )
        assert.deepStrictEqual(lines, ["stubborn"])
        assert.strictEqual(
          failure?.message,
          "[fly] fly_timeout: `fly deploy` wrote nothing for 500ms and was ended"
        )
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))

  it.live("is gone when the reader has enough", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const lines = yield* FlyDeploy.streamDeploy(place.directory, ".", { env: place.env("stubborn") }).pipe(
          Stream.take(1),
          Stream.runCollect
        )
        assert.deepStrictEqual(lines, ["stubborn"])
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))

  it.live("is gone when the reader is interrupted", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const reading = yield* Effect.forkChild(streamed(place, "stubborn"))
        yield* untilSo("it runs", () => place.runs().length > 0)
        assert.isTrue(isGroupAlive(group(place)))
        yield* Fiber.interrupt(reading)
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))

  it.effect("is gone when waiting for its end takes too long", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const error = yield* timedFrom(
          () => place.runs().length > 0,
          Effect.flip(FlyDeploy.deploy(place.directory, ".", { env: place.env("stubborn"), absoluteTimeout: short }))
        )
        assert.strictEqual(error.message, "[fly] fly_timeout: `fly deploy` did not finish within 500ms and was ended")
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))
})

describe("the limits of a real deploy", () => {
  it.live("blank lines are no lines", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const { failure, lines } = yield* streamed(place, "blanks")
        assert.isNull(failure)
        assert.deepStrictEqual(lines, [])
      })
    ).pipe(Effect.provide(layer())))

  it.effect("a question that is never answered is shown before the deploy times out", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        // a line without an end is shown when the deploy is over: the question is waited for where it is asked
        const { failure, lines } = yield* timedFrom(
          () => place.hasAsked(),
          streamed(place, "ask", { activityTimeout: short })
        )
        assert.deepStrictEqual(lines, ["Would you like to continue? (y/N) "])
        assert.strictEqual(failure?.kind, "fly_timeout")
      })
    ).pipe(Effect.provide(layer())))

  it.effect("a slow reader neither slows the deploy nor lets it time out", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        yield* FlyDeploy.streamDeploy(place.directory, ".", {
          env: place.env("big"),
          activityTimeout: short
        }).pipe(
          Stream.runForEachArray((more) =>
            Effect.gen(function*() {
              lines.push(...more)
              // reads on only when the process has been over for long
              if (lines.length === more.length) {
                yield* untilSo("it is over", () => !isGroupAlive(group(place)))
                yield* TestClock.adjust("1 hour")
              }
            })
          )
        )
        assert.strictEqual(lines.at(-1), "end")
        assert.isTrue(lines.some((line) => /^\[\.\.\. \d+ lines dropped: read too slowly \.\.\.\]$/.test(line)))
        assert.isBelow(lines.join("").length, 2 * 10 * 1024 * 1024)
      })
    ).pipe(Effect.provide(layer())))
})
