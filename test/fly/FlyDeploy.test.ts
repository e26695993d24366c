/**
 * Deploys on a clock that is moved: limits, publishing, telemetry, and nothing left on any exit.
 */
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "effect-atlas/events/Dispatcher"
import { FlyDeploy, FlyTopics } from "effect-atlas/fly"
import * as FlyTelemetry from "effect-atlas/telemetry/FlyTelemetry"
import { FakeFlyCli, SpanRecorder } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import {
  alone,
  begin,
  calls,
  canary,
  everyMinute,
  exits,
  failureOf,
  fake,
  pass,
  publishing,
  recording,
  settle,
  states,
  type Use
} from "./deployHarness.ts"

describe("limits", () => {
  it.effect("silence of 5 minutes ends a deploy, and the silence only", () =>
    Effect.gen(function*() {
      const { fiber, lines } = yield* begin()
      yield* pass("4 minutes")
      yield* pass("4 minutes")
      assert.deepStrictEqual(lines, ["building"])
      assert.isUndefined(fiber.pollUnsafe())
      yield* pass("1 minute")
      const exit = yield* Fiber.join(fiber)
      assert.strictEqual(failureOf(exit), "[fly] fly_timeout: `fly deploy` wrote nothing for 5m and was ended")
      assert.deepStrictEqual(yield* states, ["killed"])
    }).pipe(Effect.provide(fake({ steps: [{ after: "4 minutes", stdout: "building\n" }], ending: "hang" }))))

  it.effect("30 minutes end a deploy, whatever it writes", () =>
    Effect.gen(function*() {
      const { fiber } = yield* begin()
      for (let minute = 0; minute < 29; minute++) yield* pass("1 minute")
      assert.isUndefined(fiber.pollUnsafe())
      yield* pass("1 minute")
      assert.strictEqual(
        failureOf(yield* Fiber.join(fiber)),
        "[fly] fly_timeout: `fly deploy` did not finish within 30m and was ended"
      )
      assert.deepStrictEqual(yield* states, ["killed"])
    }).pipe(Effect.provide(fake({ steps: everyMinute("still building\n", 100) }))))

  it.effect.each([
    { what: "a blank line", text: "\n" },
    { what: "a dot of a progress bar", text: "." },
    { what: "half a character", text: new Uint8Array([0xc3]) }
  ])("$what is activity", ({ text }) =>
    Effect.gen(function*() {
      const { fiber, lines } = yield* begin()
      for (let step = 0; step < 5; step++) yield* pass("4 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      assert.deepStrictEqual(lines, [])
      yield* pass("5 minutes")
      assert.match(failureOf(yield* Fiber.join(fiber)), /wrote nothing for 5m/)
    }).pipe(Effect.provide(fake({
      steps: Array.from({ length: 5 }, () => ({ after: "4 minutes" as const, stderr: text })),
      ending: "hang"
    }))))

  it.effect("both limits are options", () =>
    Effect.gen(function*() {
      const { fiber } = yield* begin({ activityTimeout: "10 minutes", absoluteTimeout: "2 hours" })
      for (let step = 0; step < 12; step++) yield* TestClock.adjust("9 minutes").pipe(Effect.andThen(settle))
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 minutes").pipe(Effect.andThen(settle))
      assert.match(failureOf(yield* Fiber.join(fiber)), /wrote nothing for 10m/)
    }).pipe(Effect.provide(fake({
      steps: Array.from({ length: 12 }, () => ({ after: "9 minutes" as const, stdout: "." })),
      ending: "hang"
    }))))

  it.effect("waiting for the end has 15 minutes, and silence is no reason to end it", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.exit(FlyDeploy.deploy("/", "tmp")), { startImmediately: true })
      yield* settle
      yield* TestClock.adjust("899 seconds").pipe(Effect.andThen(settle))
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second").pipe(Effect.andThen(settle))
      assert.match(failureOf(yield* Fiber.join(fiber)), /did not finish within 15m/)
    }).pipe(Effect.provide(fake({ ending: "hang" }))))

  it.effect("a limit that is not a positive duration is refused before anything else", () =>
    Effect.gen(function*() {
      for (const option of ["activityTimeout", "absoluteTimeout"]) {
        for (const value of [0, -1, Number.NaN]) {
          const error = yield* Effect.flip(FlyDeploy.deploy("/", "nowhere", { [option]: value }))
          assert.match(error.message, new RegExp(`validation: ${option}: Expected a duration`))
        }
      }
      assert.lengthOf(yield* calls, 0)
    }).pipe(Effect.provide(fake())))
})

describe("failures, in the order they are checked", () => {
  it.effect("no such directory, before the executable is looked for", () =>
    Effect.gen(function*() {
      for (const directory of ["nowhere", "../nowhere"]) {
        const error = yield* Effect.flip(FlyDeploy.deploy("/", directory))
        assert.match(error.message, /^\[fly\] invalid_deploy_dir: there is no directory \/\S* to deploy from$/)
      }
      assert.lengthOf(yield* calls, 0)
      assert.deepStrictEqual([yield* exits("invalid_deploy_dir"), yield* exits("ok")], [0, 0])
    }).pipe(alone, Effect.provide(fake({ ending: "absent" }))))

  it.effect("an empty path stands for no directory: it is refused, and the field is named", () =>
    Effect.gen(function*() {
      const refused = (project: string, directory: string, options?: FlyDeploy.Options) =>
        Effect.map(Effect.flip(FlyDeploy.deploy(project, directory, options)), ({ message }) => message)
      for (const nothing of ["", "  ", "a\0b"]) {
        assert.match(yield* refused("/tmp", nothing), /^\[fly\] validation: directory: Expected a path/)
        assert.match(yield* refused(nothing, "/tmp"), /^\[fly\] validation: project: Expected a path/)
        assert.match(yield* refused("/", "tmp", { config: nothing }), /^\[fly\] validation: config: Expected a path/)
      }
      assert.match(
        yield* refused("/", "tmp", { config: "fly.x.toml" }),
        /config: Expected .* \/tmp\/fly.x.toml is not there$/
      )
      assert.lengthOf(yield* calls, 0)
    }).pipe(Effect.provide(fake())))

  it.effect("no executable, which is no exit", () =>
    Effect.gen(function*() {
      const { fiber } = yield* begin()
      assert.match(failureOf(yield* Fiber.join(fiber)), /fly_not_found/)
      assert.deepStrictEqual([yield* exits("fly_not_found"), yield* exits("ok")], [0, 0])
    }).pipe(alone, Effect.provide(fake({ ending: "absent" }))))

  it.effect.each([
    { exitCode: 1, message: "`fly deploy` ended with exit code 1" },
    { exitCode: 126, message: "`fly deploy` ended with exit code 126: a time limit of fly itself passed" },
    { exitCode: 127, message: "`fly deploy` ended with exit code 127: it was cancelled" }
  ])("exit code $exitCode, with the output", ({ exitCode, message }) =>
    Effect.gen(function*() {
      const { reason } = yield* Effect.flip(FlyDeploy.deploy("/", "tmp"))
      assert.deepStrictEqual(
        reason._tag === "FlyExitCode" ? [reason.exitCode, reason.message, reason.output] : reason,
        [exitCode, message, "one\n\ntwo\n"]
      )
    }).pipe(Effect.provide(fake({ steps: [{ stdout: "one\n\ntwo" }], exitCode }))))

  it.effect("a directory may be absolute or below the project", () =>
    Effect.gen(function*() {
      yield* FlyDeploy.deploy("/usr", "bin")
      yield* FlyDeploy.deploy("/usr", "/tmp")
      assert.deepStrictEqual((yield* calls).map(({ options }) => options.directory), ["/usr/bin", "/tmp"])
    }).pipe(Effect.provide(fake({}))))
})

describe("tokens in what fly writes", () => {
  const own = "an-own-token-of-no-shape"
  const other = "fm2_lJPECAAAAAAAA"
  const chatty: FakeFlyCli.Reply = {
    steps: [{ stdout: `using ${own} and FlyV1 ${other}\n` }, { stderr: `refused: ${own.slice(3)}, ${other}` }],
    exitCode: 1
  }

  it.effect.each<readonly [string, FlyDeploy.Options]>([
    ["in a variable", { env: { FLY_API_TOKEN: own } }],
    ["in a sealed variable of any name", { env: { MY_SECRET: Redacted.make(own) } }],
    ["in an argument", { args: ["--access-token", own] }],
    ["in an argument of one word", { args: ["--yes", `--access-token=${own}`] }],
    ["in a short argument", { args: ["-t", own] }],
    ["in a short argument of one word", { args: [`-t${own}`] }]
  ])("are neither in lines, topics, nor the error: given %s", ([, options]) =>
    Effect.gen(function*() {
      const { bus, messages } = recording()
      const lines: Array<string> = []
      const error = yield* Effect.flip(
        FlyDeploy.streamDeploy("/", "tmp", { ...options, ticket: "t" }).pipe(
          Stream.runForEach((line) => Effect.sync(() => void lines.push(line))),
          Effect.provideService(Dispatcher, bus)
        )
      )
      assert.deepStrictEqual(lines, ["using <redacted> and <redacted>", "refused: <redacted>, <redacted>"])
      assert.lengthOf(messages, 2)
      const everything = JSON.stringify([messages, error, error.message]) + inspect(error, { depth: 9 })
      for (const secret of [own, own.slice(3), other]) assert.notInclude(everything, secret)
      assert.include(everything, "refused: <redacted>")
    }).pipe(Effect.provide(fake(chatty))))

  it.effect("nor is the one that fly takes from our own environment", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(FlyDeploy.deploy("/", "tmp"))
      assert.notInclude(inspect(error, { depth: 9 }), own.slice(3))
    }).pipe(
      Effect.provide(Layer.merge(
        fake(chatty),
        ConfigProvider.layer(ConfigProvider.fromEnvRecord({ FLY_ACCESS_TOKEN: own }))
      ))
    ))
})

describe("lines by ticket", () => {
  const lines = fake({ steps: [{ stdout: "one\n\n" }, { after: "1 minute", stderr: "two\nthree" }] })

  it.effect("every line that is not blank is published on the ticket's topic, also by deploy, which only waits for the end", () =>
    Effect.gen(function*() {
      for (
        const run of [
          (ticket: string) => Stream.runDrain(FlyDeploy.streamDeploy("/", "tmp", { ticket })),
          (ticket: string) =>
            Effect.map(FlyDeploy.deploy("/", "tmp", { ticket }), (output) => {
              assert.strictEqual(output, "one\n\ntwo\nthree\n")
            })
        ]
      ) {
        const { bus, messages } = recording()
        const fiber = yield* run("t1").pipe(
          Effect.provideService(Dispatcher, bus),
          Effect.forkChild({ startImmediately: true })
        )
        yield* settle
        assert.lengthOf(messages, 1)
        yield* pass("1 minute")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          messages,
          ["one", "two", "three"].map((line) => ["fly_deploy:t1", { _tag: "DeployLine", ticket: "t1", line }])
        )
        assert.isTrue(messages.every(([, message]) => Schema.is(FlyTopics.DeployMessage)(message)))
      }
    }).pipe(Effect.provide(lines)))

  it.effect("without a dispatcher or without a ticket the deploy is the same, and a ticket without a dispatcher is warned of", () =>
    Effect.gen(function*() {
      const { bus, messages } = recording()
      const warnings: Array<unknown> = []
      const logger = Logger.make(({ message }) => void warnings.push(message))
      const alone = yield* begin({ ticket: "t1" }).pipe(Effect.provide(Logger.layer([logger])))
      const unnamed = yield* begin().pipe(Effect.provideService(Dispatcher, bus))
      yield* pass("1 minute")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(alone.fiber)))
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(unnamed.fiber)))
      assert.lengthOf(messages, 0)
      assert.include(String(warnings), "published nowhere")
      assert.lengthOf(warnings, 1)
    }).pipe(Effect.provide(lines)))

  it.effect.each([
    { what: "dies", publish: () => Effect.die(new Error(canary)) },
    {
      what: "throws",
      publish: () => {
        throw new Error(canary)
      }
    },
    { what: "interrupts itself", publish: () => Effect.interrupt },
    { what: "never answers", publish: () => Effect.never }
  ])("a bus that $what never fails or delays a deploy", ({ publish }) =>
    Effect.gen(function*() {
      const { fiber, lines } = yield* begin({ ticket: "t1" }).pipe(
        Effect.provideService(Dispatcher, publishing(publish))
      )
      yield* pass("1 minute")
      assert.deepStrictEqual(lines, ["one", "two", "three"])
      // how long an answer is waited for once the deploy is over
      yield* TestClock.adjust("1 second").pipe(Effect.andThen(settle))
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
    }).pipe(Effect.provide(lines)))
})

describe("a bus that fails once", () => {
  it.effect.each<{ readonly what: string; readonly fail: () => Effect.Effect<void> }>([
    { what: "dies", fail: () => Effect.die(new Error(canary)) },
    {
      what: "throws",
      fail: () => {
        throw new Error(canary)
      }
    },
    { what: "interrupts itself", fail: () => Effect.interrupt }
  ])("and $what gets the lines after that one", ({ fail }) =>
    Effect.gen(function*() {
      const { bus, messages } = recording()
      let asked = 0
      const flaky = Dispatcher.of({
        ...bus,
        publish: (topic, message) => {
          asked += 1
          return asked === 1 ? fail() : bus.publish(topic, message)
        }
      })
      yield* FlyDeploy.deploy("/", "tmp", { ticket: "t1" }).pipe(Effect.provideService(Dispatcher, flaky))
      assert.deepStrictEqual(messages.map(([, message]) => message), [
        { _tag: "DeployLine", ticket: "t1", line: "two" },
        { _tag: "DeployLine", ticket: "t1", line: "three" }
      ])
    }).pipe(Effect.provide(fake({ steps: [{ stdout: "one\ntwo\nthree\n" }] }))))
})

describe("metrics and spans of a deploy", () => {
  it.effect("counts lines that are not blank, and one exit of each deploy that started", () =>
    Effect.gen(function*() {
      const script = (...replies: ReadonlyArray<FakeFlyCli.Reply>) =>
        FakeFlyCli.FakeFlyCli.use((controls) => controls.script(...replies))
      yield* FlyDeploy.deploy("/", "tmp", { ticket: "t1" })
      yield* script({ exitCode: 7, times: 1 })
      yield* Effect.ignore(FlyDeploy.deploy("/", "tmp"))
      yield* script({ ending: "hang" })
      const late = yield* begin({ absoluteTimeout: "1 minute" })
      yield* pass("1 minute")
      yield* Fiber.join(late.fiber)
      const unwanted = yield* begin()
      yield* Fiber.interrupt(unwanted.fiber)
      assert.deepStrictEqual(
        yield* Effect.forEach(["ok", "exit_7", "timeout", "interrupted"], exits),
        [1, 1, 1, 1]
      )
      assert.strictEqual((yield* Metric.value(FlyTelemetry.deployLines)).count, 2)
    }).pipe(alone, Effect.provide(fake({ steps: [{ stdout: "one\n\n" }, { stderr: "\ntwo\n" }] }))))

  it.effect("a span has the ticket and the result, and never the output or a secret", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ cause, message }) => void logged.push(message, cause))
      const run = (ticket: string) =>
        FlyDeploy.deploy("/", "tmp", { ticket, env: { FLY_API_TOKEN: Redacted.make(canary) } }).pipe(
          Effect.provideService(Dispatcher, publishing(() => Effect.die(canary)))
        )
      const exit = yield* Effect.exit(run("t1")).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "All")
      )
      assert.strictEqual(failureOf(exit), "[fly] fly_exit_code: `fly deploy` ended with exit code 1")
      const recorder = yield* SpanRecorder.SpanRecorder
      const span = recorder.find(FlyTelemetry.deploy)
      assert.deepStrictEqual(
        [span?.attributes.get(FlyTelemetry.ticket), span?.attributes.get(FlyTelemetry.result)],
        ["t1", "exit_1"]
      )
      const [call] = yield* calls
      assert.deepStrictEqual(call?.args, ["deploy", "--remote-only"])
      assert.notInclude(inspect([failureOf(exit), call], { depth: 9 }), canary)
      assert.notInclude(recorder.dump() + inspect(logged, { depth: 9 }), canary)
    }).pipe(
      Effect.provide(Layer.merge(SpanRecorder.layer, fake({ steps: [{ stdout: `token ${canary}\n` }], exitCode: 1 })))
    ))
})

describe("nothing is left", () => {
  const reply: FakeFlyCli.Reply = { steps: [{ stdout: "one\n" }, { after: "1 minute", stdout: "two\n" }] }
  const stream = FlyDeploy.streamDeploy("/", "tmp", { ticket: "t1" })

  it.effect.each<{ readonly what: string; readonly reply: FakeFlyCli.Reply; readonly use: Use }>([
    { what: "success", reply, use: Stream.runDrain(stream) },
    { what: "a wait", reply, use: FlyDeploy.deploy("/", "tmp", { ticket: "t1" }) },
    { what: "an exit code", reply: { ...reply, exitCode: 1 }, use: Stream.runDrain(stream) },
    { what: "silence", reply: { ...reply, ending: "hang" }, use: Stream.runDrain(stream) },
    { what: "a missing executable", reply: { ending: "absent" }, use: Stream.runDrain(stream) },
    { what: "a missing directory", reply, use: FlyDeploy.deploy("/", "nowhere") },
    { what: "a reader who has enough", reply, use: Stream.runDrain(Stream.take(stream, 1)) },
    { what: "a reader who fails", reply, use: Stream.runForEach(stream, () => Effect.fail("enough")) },
    { what: "a reader who dies", reply, use: Stream.runForEach(stream, () => Effect.die("enough")) },
    { what: "a reader who is interrupted", reply, use: Effect.timeout(Stream.runDrain(stream), "30 seconds") },
    { what: "a wait that is interrupted", reply, use: Effect.timeout(FlyDeploy.deploy("/", "tmp"), "30 seconds") }
  ])(
    "after $what: no fiber, no process, no message",
    ({ reply, use }) =>
      Effect.forEach(
        [recording(), { bus: publishing(() => Effect.never), messages: [] }],
        ({ bus, messages }) =>
          Effect.gen(function*() {
            let alive = 0
            let started = 0
            const watched = yield* Effect.exit(use).pipe(
              Effect.provideService(Dispatcher, bus),
              Effect.forkChild({ startImmediately: true }),
              Effect.provideService(Metric.FiberRuntimeMetrics, {
                recordFiberStart: () => {
                  started += 1
                  alive += 1
                },
                recordFiberEnd: () => void (alive -= 1)
              })
            )
            yield* settle
            for (let minute = 0; minute < 8 && watched.pollUnsafe() === undefined; minute++) {
              yield* TestClock.adjust("1 minute").pipe(Effect.andThen(settle))
            }
            assert.isDefined(watched.pollUnsafe())
            assert.isAtLeast(started, 1)
            assert.strictEqual(alive, 0)
            assert.isFalse((yield* states).includes("running"))
            const published = messages.length
            yield* TestClock.adjust("1 hour").pipe(Effect.andThen(settle))
            assert.lengthOf(messages, published)
          })
      ).pipe(Effect.provide(fake(reply)))
  )
})
