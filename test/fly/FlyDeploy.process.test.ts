/**
 * Deploys with real processes: every line as it was meant, limits kept, and nobody left of the process group.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyDeploy, type FlyError } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { isGroupAlive, until } from "../e2e/atlas.ts"
import { inPlace, layer, type Place } from "./kit.ts"

/** The lines of a deploy, and its failure if it has one. */
const streamed = (place: Place, mode: string, options: FlyDeploy.Options = {}) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const failure = yield* FlyDeploy.streamDeploy(place.directory, ".", { env: place.env(mode), ...options }).pipe(
      Stream.runForEach((line) => Effect.sync(() => void lines.push(line))),
      Effect.as<FlyError.FlyError | null>(null),
      Effect.catch(Effect.succeed)
    )
    return { lines, failure }
  })

const group = (place: Place): number => place.runs()[0]?.pid ?? 0

/** Long after any real line; a test that needs it has failed. */
const generous = "20 seconds"

/** A limit that is met on purpose, after a line that a busy machine takes a while to start a process for. */
const short = "2 seconds"

describe("a deploy, line by line", () => {
  it.live.each([
    { mode: "slow", lines: ["step 1", "step 2", "step 3", "step 4", "step 5"] },
    { mode: "no-newline", lines: ["first", "last without an end"] },
    { mode: "crlf", lines: ["one", "two", "three"] },
    { mode: "progress", lines: ["pushing 100%", "done"] },
    { mode: "ansi", lines: ["==> Building image", "red"] },
    { mode: "split-utf8", lines: ["on stderr", "glücklich ✔ 🚀"] },
    { mode: "long-line", lines: ["x".repeat(10_000_000), "after"] }
  ])("$mode", ({ lines, mode }) =>
    inPlace((place) =>
      Effect.gen(function*() {
        const seen = yield* streamed(place, mode)
        assert.isNull(seen.failure)
        assert.isTrue(JSON.stringify(seen.lines) === JSON.stringify(lines), JSON.stringify(seen.lines).slice(0, 500))
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

  it.live("ends although a process it left behind holds its streams open, and that one is gone too", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        // a second of waiting for what it left behind is not silence
        const { failure, lines } = yield* streamed(place, "leaves-child", { activityTimeout: "700 millis" })
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
  it.live("times out on time, and its group is gone", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const started = performance.now()
        const { failure, lines } = yield* streamed(place, "stubborn", {
          activityTimeout: short,
          absoluteTimeout: generous
        })
        const took = performance.now() - started
        assert.deepStrictEqual(lines, ["stubborn"])
        assert.strictEqual(
          failure?.message,
          "[fly] fly_timeout: `fly deploy` wrote nothing for 2s and was ended"
        )
        // the limit, 200 ms of grace, at most a second in which the system buries the dead, and a busy machine
        assert.isAtLeast(took, 2000)
        assert.isBelow(took, 7500)
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
        yield* Effect.promise(() => until("it runs", () => place.runs().length > 0))
        assert.isTrue(isGroupAlive(group(place)))
        yield* Fiber.interrupt(reading)
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))

  it.live("is gone when waiting for its end takes too long", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(
          FlyDeploy.deploy(place.directory, ".", { env: place.env("stubborn"), absoluteTimeout: short })
        )
        assert.strictEqual(error.message, "[fly] fly_timeout: `fly deploy` did not finish within 2s and was ended")
        assert.isFalse(isGroupAlive(group(place)))
      })
    ).pipe(Effect.provide(layer())))
})

describe("the limits of a real deploy", () => {
  it.live("blank lines are activity", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        // 0.8 s of nothing but blank lines, none later than the limit after the one before
        const { failure, lines } = yield* streamed(place, "blanks", { activityTimeout: "700 millis" })
        assert.isNull(failure)
        assert.deepStrictEqual(lines, [])
      })
    ).pipe(Effect.provide(layer())))

  it.live("a question that nobody answers is shown before the deploy times out", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const { failure, lines } = yield* streamed(place, "ask", { activityTimeout: short })
        assert.deepStrictEqual(lines, ["Would you like to continue? (y/N) "])
        assert.strictEqual(failure?.kind, "fly_timeout")
      })
    ).pipe(Effect.provide(layer())))

  it.live("a slow reader neither slows the deploy nor lets it time out", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        yield* FlyDeploy.streamDeploy(place.directory, ".", {
          env: place.env("big"),
          activityTimeout: "5 seconds"
        }).pipe(
          Stream.runForEachArray((more) =>
            Effect.gen(function*() {
              lines.push(...more)
              // reads on only when the process has been over for long
              if (lines.length === more.length) {
                yield* Effect.promise(() => until("it is over", () => !isGroupAlive(group(place))))
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
