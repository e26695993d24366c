/**
 * The executable as a service, with real processes: found, asked, cut short, and gone with all it has started.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyCli } from "effect-atlas/fly"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { isGroupAlive } from "../e2e/harness.ts"
import { timedFrom } from "../support/timedFrom.ts"
import { until } from "../support/until.ts"
import { bin, inPlace, layer, type Place } from "./harness.ts"

const canary = "canary-9f2c"

const run = (...[args, options]: Parameters<FlyCli.FlyCli["Service"]["run"]>) =>
  FlyCli.FlyCli.use((cli) => cli.run(args, options))

/** Waits until the stand-in has said that it runs, and answers its process group. */
const group = (place: Place) =>
  Effect.promise(async () => {
    await until("the executable runs", () => place.runs().length > 0)
    return place.runs()[0]?.pid ?? 0
  })

describe("a run", () => {
  it.live("answers its exit code and both streams, apart", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* run(["tokens", "create", "readonly", "--json"], {
          env: { FAKE_FLY_TOKEN: "FlyV1 fm2_x", FAKE_FLY_TOKENS: "noisy" }
        }),
        {
          exitCode: 0,
          stdout: "{\n    \"token\": \"FlyV1 fm2_x\"\n}\n",
          stderr: "WARN a new version of fly is available\n"
        }
      )
      assert.deepStrictEqual(yield* run(["nonsense"]), {
        exitCode: 1,
        stdout: "",
        stderr: "Error: unknown command \"nonsense\" for \"flyctl\"\n"
      })
    }).pipe(Effect.provide(layer())))

  it.live("gets our environment, the variables that quiet it, closed stdin, and its arguments unchanged", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const args = ["deploy", "a b", "$HOME", "--x=\"y\"", ""]
        yield* run(args, {
          directory: place.directory,
          env: { ...place.env(), FLY_API_TOKEN: Redacted.make(canary), FLY_APP: undefined }
        })
        const [one] = place.runs()
        assert.include(one?.lines ?? [], `directory ${place.directory}`)
        assert.deepStrictEqual(one?.lines.filter((line) => line.startsWith("arg")), args.map((arg) => `arg ${arg}`))
        assert.includeMembers([...one?.lines ?? []], [
          "stdin closed",
          "has FLY_API_TOKEN",
          "env NO_COLOR=1",
          "env CLICOLOR=0",
          "env FLY_NO_UPDATE_CHECK=1",
          "env FLY_SEND_METRICS=0"
        ])
        assert.notInclude(inspect(one), canary)
      })
    ).pipe(Effect.provide(layer())))

  it.live("keeps the last 10 MiB of each stream and says what is missing", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const { stdout } = yield* run(["deploy"], { env: place.env("big") })
        assert.match(stdout, /^\[\.\.\. \d+ bytes of earlier output dropped \.\.\.\]\n/)
        assert.isTrue(stdout.endsWith("\nend\n"))
        assert.isBelow(stdout.length, 10 * 1024 * 1024 + 100)
      })
    ).pipe(Effect.provide(layer())))

  it.live("that a signal ended has the exit code that a shell reports", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["deploy"], { env: { FAKE_FLY_MODE: "killed" } })).exitCode, 137)
    }).pipe(Effect.provide(layer())))

  it.effect("that takes too long fails, and its group is gone by then", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const options = { env: place.env("stubborn"), timeout: "500 millis", operation: "acquire", app: "a" } as const
        const error = yield* timedFrom(() => place.runs().length > 0, Effect.flip(run(["deploy", canary], options)))
        assert.strictEqual(error.message, "[fly] fly_timeout: `fly deploy` did not finish within 500ms and was ended")
        assert.deepStrictEqual([error.operation, error.app], ["acquire", "a"])
        assert.isFalse(isGroupAlive(yield* group(place)))
        assert.notInclude(inspect(error, { depth: 9 }), canary)
      })
      // a grace would be seen as a test that takes a minute
    ).pipe(Effect.provide(layer({ killGrace: "1 minute" }))))

  it.effect("that has ended in time is no failure, however long a process it left behind holds its streams", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        // the limit passes while the streams are still open
        const options = { env: place.env("leaves-daemon"), timeout: "500 millis" } as const
        const { stdout } = yield* timedFrom(() => {
          const [one] = place.runs()
          return one !== undefined && !isGroupAlive(one.pid)
        }, run(["deploy"], options))
        assert.strictEqual(stdout, "left\n")
      })
    ).pipe(Effect.provide(layer())))

  it.live.each([{ mode: "leaves-child" }, { mode: "leaves-writer" }])(
    "ends although a process it left behind holds its streams: $mode",
    ({ mode }) =>
      inPlace((place) =>
        Effect.gen(function*() {
          const { exitCode, stdout } = yield* run(["deploy"], { env: place.env(mode) })
          assert.strictEqual(exitCode, 0)
          assert.isTrue(stdout.startsWith("left\n"))
          assert.isFalse(isGroupAlive(yield* group(place)))
        })
        // what is left behind is not asked first: that would be seen as a test that takes a minute
      ).pipe(Effect.provide(layer({ killGrace: "1 minute" })))
  )

  it.live("a time limit that is not a positive duration is refused before anything starts", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run(["deploy"], { env: place.env(), timeout: 0 }))
        assert.match(error.message, /^\[fly\] validation: timeout: Expected a duration above 0/)
        assert.lengthOf(place.runs(), 0)
      })
    ).pipe(Effect.provide(layer())))
})

describe("a started run", () => {
  it.live("ends with its scope, grandchildren included, also one that ignores TERM", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const pid = yield* Effect.scoped(Effect.gen(function*() {
          const cli = yield* FlyCli.FlyCli
          const running = yield* cli.start(["deploy"], { env: place.env("stubborn") })
          yield* Stream.runHead(running.output)
          assert.isTrue(isGroupAlive(running.pid))
          return running.pid
        }))
        assert.strictEqual(pid, yield* group(place))
        assert.isFalse(isGroupAlive(pid))
      })
    ).pipe(Effect.provide(layer())))

  it.live("leaves nobody behind when it ends by itself, and is not held up by one that ignores TERM", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const code = yield* Effect.scoped(Effect.gen(function*() {
          const cli = yield* FlyCli.FlyCli
          const running = yield* cli.start(["deploy"], { env: place.env("leaves-child") })
          yield* Stream.runDrain(running.output)
          return yield* running.exitCode
        }))
        assert.strictEqual(code, 0)
        assert.isFalse(isGroupAlive(yield* group(place)))
      })
    ).pipe(Effect.provide(layer({ killGrace: "1 minute" }))))

  it.live("ends with its caller", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(run(["deploy"], { env: place.env("stubborn") }))
        const pid = yield* group(place)
        assert.isTrue(isGroupAlive(pid))
        yield* Fiber.interrupt(fiber)
        assert.isFalse(isGroupAlive(pid))
      })
    ).pipe(Effect.provide(layer())))

  it.live("gets TERM before KILL", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        yield* Effect.scoped(Effect.gen(function*() {
          const cli = yield* FlyCli.FlyCli
          const running = yield* cli.start(["deploy"], { env: place.env("polite") })
          yield* Stream.runHead(running.output)
          yield* Effect.addFinalizer(() =>
            Effect.sync(() => assert.isTrue(isGroupAlive(running.pid), "finalizers run in reverse: this one is first"))
          )
        }))
        assert.isFalse(isGroupAlive(yield* group(place)))
      })
      // long enough that KILL would be noticed as a test that takes a minute
    ).pipe(Effect.provide(layer({ killGrace: "1 minute" }))))

  it.live("gives both streams merged, and in pieces that say where they come from", () =>
    Effect.gen(function*() {
      const cli = yield* FlyCli.FlyCli
      const text = (chunks: ReadonlyArray<Uint8Array>) => Buffer.concat(chunks).toString("utf8")
      const merged = yield* cli.start(["deploy"]).pipe(
        Effect.flatMap(({ output }) => Stream.runCollect(output)),
        Effect.scoped
      )
      assert.include(text(merged), "==> Verifying app config\n")
      assert.include(text(merged), "✓ Configuration is valid\n")
      const apart = yield* cli.start(["deploy"]).pipe(
        Effect.flatMap(({ chunks }) => Stream.runCollect(chunks)),
        Effect.scoped
      )
      assert.strictEqual(
        text(apart.filter(({ from }) => from === "stderr").map(({ bytes }) => bytes)),
        "==> Verifying app config\n"
      )
    }).pipe(Effect.provide(layer())))
})

describe("the executable", () => {
  it.live("is fly, then flyctl, wherever PATH has it; one that may not be run is passed over", () =>
    inPlace((place) =>
      Effect.gen(function*() {
        const only = (name: string, mode: number) => {
          const directory = fs.mkdtempSync(join(place.directory, "bin-"))
          fs.copyFileSync(join(bin, "fly"), join(directory, name))
          fs.chmodSync(join(directory, name), mode)
          return directory
        }
        const version = (...path: ReadonlyArray<string>) =>
          run(["version"], { env: { PATH: [...path, "/usr/bin", "/bin"].join(":") } })
        assert.match((yield* version(only("flyctl", 0o755))).stdout, /^fly v/)
        assert.match((yield* version(only("fly", 0o755), only("flyctl", 0o755))).stdout, /^fly v/)
        assert.match((yield* version(only("fly", 0o644), only("flyctl", 0o755))).stdout, /^fly v/)
        for (const path of [[], [only("fly", 0o644)]]) {
          const error = yield* Effect.flip(version(...path))
          assert.strictEqual(
            error.message,
            "[fly] fly_not_found: fly or flyctl cannot be run here: install flyctl, or put it on PATH"
          )
        }
      })
    ).pipe(Effect.provide(layer({ executables: undefined }))))

  it.live("a directory that is not there is no missing executable", () =>
    Effect.gen(function*() {
      for (const directory of ["/nowhere", join(bin, "fly")]) {
        const error = yield* Effect.flip(run(["version"], { directory }))
        assert.match(
          error.message,
          /validation: directory: Expected|unknown: the fly executable cannot be started \(ENOTDIR\)/
        )
      }
    }).pipe(Effect.provide(layer())))

  it.live("an argument with a NUL is refused, and the message does not repeat it", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(run([`${canary}\0`], { env: { SECRET: Redacted.make(canary) } }))
      assert.match(inspect(exit, { depth: 9 }), /Expected arguments without NUL/)
      assert.notInclude(inspect(exit, { depth: 9 }), canary)
    }).pipe(Effect.provide(layer())))

  it.effect("a killGrace that is not a positive duration is refused when the layer is built", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.provide(run(["version"]), layer({ killGrace: -1 })))
      assert.isTrue(exit._tag === "Failure" && /killGrace: Expected a duration/.test(Cause.pretty(exit.cause)))
    }))
})
