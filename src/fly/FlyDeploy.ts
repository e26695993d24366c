/**
 * Deploys with the `fly` executable: wait for the end, or read the output line by line.
 *
 * When the caller ends, the deploy ends with it: no process, timer or message is left.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TimeSpan from "../domain/TimeSpan.ts"
import { Dispatcher } from "../events/Dispatcher.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import { FlyCli, type Running, type RunOptions } from "./FlyCli.ts"
import { FlyError, type FlyErrorReason, FlyExitCode, FlyTimeout, invalid, InvalidDeployDir } from "./FlyError.ts"
import * as FlyTopics from "./FlyTopics.ts"
import { setting } from "./internal/flySetting.ts"
import * as Limit from "./internal/limit.ts"
import { makeBacklog, makeLines, makeTail } from "./internal/output.ts"
import * as Scrub from "./internal/scrub.ts"

/** The most that is kept of the output, and of lines that wait for a slow reader. */
const captureLimit = 10 * 1024 * 1024
/** How long a deploy that is over waits for the dispatcher to accept its last lines. */
const publishGrace = Duration.seconds(1)

/**
 * Options of a deploy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Lines are published on `FlyTopics.deploy(ticket)` as they come, if a `Dispatcher` is in context; without one that is logged. */
  readonly ticket?: string | undefined
  /** The configuration to deploy by instead of the directory's own: a file, or a directory with one; relative to `directory`. */
  readonly config?: string | undefined
  /** Arguments after `fly deploy --remote-only`, such as `--yes`; a secret belongs into `env`, where no list of processes shows it. */
  readonly args?: ReadonlyArray<string> | undefined
  /** Variables of the executable, such as `FLY_API_TOKEN`. */
  readonly env?: RunOptions["env"]
  /** The longest time without output; every byte counts, that of a blank line too. */
  readonly activityTimeout?: Duration.Input | undefined
  /** The longest time in all, whatever the output. */
  readonly absoluteTimeout?: Duration.Input | undefined
}

const operation = "deploy"

const failed = (reason: FlyErrorReason) => new FlyError({ app: null, operation, reason })

/** A path that is empty would stand for another one: the directory that this process happens to be in. */
const checkGiven = (path: string, value: string) =>
  value.trim() === "" || value.includes("\0")
    ? Effect.fail(invalid(operation, [{ path, message: "Expected a path, such as . for the directory itself" }]))
    : Effect.void

const typeOf = (path: string) =>
  FileSystem.FileSystem.use((fs) =>
    fs.stat(path).pipe(Effect.map(({ type }) => type), Effect.orElseSucceed(() => null))
  )

/** The directory as an absolute path, if it is one. */
const directoryOf = (project: string, directory: string) =>
  Effect.gen(function*() {
    yield* checkGiven("project", project)
    yield* checkGiven("directory", directory)
    const { resolve } = yield* Path.Path
    const path = resolve(project, directory)
    return (yield* typeOf(path)) === "Directory"
      ? path
      : yield* failed(new InvalidDeployDir({ path, message: `there is no directory ${path} to deploy from` }))
  })

/** What names the configuration to fly; it is not left to fly to find out that there is none, minutes later. */
const configArgs = Effect.fnUntraced(function*(directory: string, config: string | undefined) {
  if (config === undefined) return []
  yield* checkGiven("config", config)
  const { resolve } = yield* Path.Path
  const path = resolve(directory, config)
  const type = yield* typeOf(path)
  if (type !== "File" && type !== "Directory") {
    const message = `Expected a file of fly's configuration, and ${path} is ${type === null ? "not there" : "none"}`
    return yield* invalid(operation, [{ path: "config", message }])
  }
  return ["--config", path]
})

/** The value may follow as a word of its own, after `=`, and after the short name without anything between. */
const tokenFlag = /^(?:--access-token(?:=(.+))?|-t=?(.+)?)$/s

/** The tokens that this deploy is given, to be found in what it writes: in its variables, in ours, in its arguments. */
const tokensOf = Effect.fnUntraced(function*({ args = [], env = {} }: Options) {
  const inherited = yield* Effect.forEach(
    ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"],
    (name) => Effect.map(setting(name, operation), (token) => token ?? "")
  )
  const given = Object.entries(env).flatMap(([name, value]) =>
    Redacted.isRedacted(value) ? [Redacted.value(value)] : /TOKEN/.test(name) ? [value ?? ""] : []
  )
  const typed = args.flatMap((word, index) => {
    const found = tokenFlag.exec(word)
    return found === null ? [] : [found[1] ?? found[2] ?? args[index + 1] ?? ""]
  })
  return [...inherited, ...given, ...typed].filter((token) => token.trim() !== "")
})

interface Limits {
  readonly activity: Duration.Duration
  readonly absolute: Duration.Duration
}

const timedOut = (limit: "activity" | "absolute", duration: Duration.Duration) => {
  const what = limit === "activity" ? "wrote nothing for" : "did not finish within"
  return failed(new FlyTimeout({ limit, message: `\`fly deploy\` ${what} ${TimeSpan.format(duration)} and was ended` }))
}

/** What those exit codes of fly mean that say more than that it failed. */
const meanings: ReadonlyMap<number, string> = new Map([
  [3, ": fly itself crashed"],
  [126, ": a time limit of fly itself passed"],
  [127, ": it was cancelled"]
])

/** Fails when a limit passes. Silence is measured where output arrives, so a slow reader does not count as silence. */
const watch = (limits: Limits, lastSeen: () => bigint): Effect.Effect<never, FlyError> => {
  const silence = Effect.gen(function*() {
    while (true) {
      const quiet = Duration.nanos((yield* Clock.monotonicTimeNanos) - lastSeen())
      if (Duration.isGreaterThanOrEqualTo(quiet, limits.activity)) return yield* timedOut("activity", limits.activity)
      yield* Effect.sleep(Duration.subtract(limits.activity, quiet))
    }
  })
  const end = Effect.andThen(Effect.sleep(limits.absolute), Effect.fail(timedOut("absolute", limits.absolute)))
  return Effect.raceFirst(end, silence)
}

const resultOf = (exit: Exit.Exit<unknown, FlyError>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const reason = Option.map(Exit.findErrorOption(exit), (error) => error.reason)
  if (Option.isNone(reason)) return Cause.hasInterrupts(exit.cause) ? "interrupted" : "defect"
  switch (reason.value._tag) {
    case "FlyExitCode":
      return `exit_${reason.value.exitCode}`
    case "FlyTimeout":
      return "timeout"
    default:
      return failed(reason.value).kind
  }
}

/** Reads a started deploy to its end and returns its output. */
const follow = (
  running: Running,
  limits: Limits,
  hide: (text: string) => string,
  onLines: (lines: ReadonlyArray<string>) => void
) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const encoder = new TextEncoder()
    const tail = makeTail(captureLimit)
    const streams = { stdout: makeLines(), stderr: makeLines() }
    let lastSeen = clock.monotonicTimeNanosUnsafe()

    const accept = (written: ReadonlyArray<string>) => {
      if (written.length === 0) return Effect.void
      const lines = written.map(hide)
      tail.push(encoder.encode(`${lines.join("\n")}\n`))
      const shown = lines.filter((line) => line !== "")
      onLines(shown)
      return shown.length === 0 ? Effect.void : Metric.update(FlyTelemetry.deployLines, shown.length)
    }
    const flush = Effect.suspend(() => accept([...streams.stdout.end(), ...streams.stderr.end()]))

    const exitCode = yield* running.chunks.pipe(
      Stream.runForEach(({ bytes, from }) =>
        Effect.suspend(() => {
          lastSeen = clock.monotonicTimeNanosUnsafe()
          return accept(streams[from].push(bytes))
        })
      ),
      Effect.andThen(running.exitCode),
      // an executable that has ended is in time, however long a process that it left behind keeps the streams open
      Effect.raceFirst(
        watch(limits, () => lastSeen).pipe(
          Effect.raceFirst(Effect.ignore(running.exitCode)),
          Effect.andThen(Effect.never)
        )
      ),
      // a question that waits for an answer has no line end; the user must see it when the time limit passes
      Effect.ensuring(flush)
    )
    if (exitCode === 0) return tail.text()
    const message = `\`fly deploy\` ended with exit code ${exitCode}${meanings.get(exitCode) ?? ""}`
    return yield* failed(new FlyExitCode({ exitCode, output: tail.text(), message }))
  })

/** Publishes lines, if there is a dispatcher and the deploy has a ticket. It can neither fail nor delay the deploy. */
const publisher = Effect.fnUntraced(function*(ticket: string | undefined) {
  const dispatcher = yield* Effect.serviceOption(Dispatcher)
  if (ticket !== undefined && Option.isNone(dispatcher)) {
    yield* Effect.logWarning("a deploy with a ticket is published nowhere: provide it with a Dispatcher")
  }
  if (ticket === undefined || Option.isNone(dispatcher)) return { offer: () => {}, close: Effect.void }
  const topic = FlyTopics.deploy(ticket)
  const backlog = makeBacklog(captureLimit)
  const publish = (line: string) =>
    Effect.suspend(() => dispatcher.value.publish(topic, { _tag: "DeployLine", ticket, line })).pipe(
      Effect.catchCause(() => Effect.logDebug("the dispatcher failed to publish a line of a deploy"))
    )
  const fiber = yield* Effect.gen(function*() {
    while (true) {
      const lines = yield* backlog.take
      if (lines.length === 0) return
      yield* Effect.forEach(lines, publish, { discard: true })
    }
  }).pipe(Effect.forkScoped)
  const close = Effect.suspend(() => {
    backlog.end()
    return Effect.ignore(Effect.timeoutOption(Fiber.await(fiber), publishGrace))
  })
  return { offer: backlog.offer, close }
})

/** One deploy from its checks to its end. */
const execute = (
  project: string,
  directory: string,
  options: Options,
  defaults: Limits,
  onLines: (lines: ReadonlyArray<string>) => void
) =>
  Effect.gen(function*() {
    const limits: Limits = {
      activity: yield* Limit.decode(options.activityTimeout ?? defaults.activity, "activityTimeout", operation),
      absolute: yield* Limit.decode(options.absoluteTimeout ?? defaults.absolute, "absoluteTimeout", operation)
    }
    const cwd = yield* directoryOf(project, directory)
    const cli = yield* FlyCli
    const { close, offer } = yield* publisher(options.ticket)
    const config = yield* configArgs(cwd, options.config)
    const hide = Scrub.all(yield* tokensOf(options))
    const running = yield* cli.start(["deploy", "--remote-only", ...config, ...options.args ?? []], {
      operation,
      directory: cwd,
      env: options.env
    })
    return yield* follow(running, limits, hide, (lines) => {
      onLines(lines)
      offer(lines)
    }).pipe(
      Effect.ensuring(close),
      Effect.onExit((exit) =>
        Metric.update(Metric.withAttributes(FlyTelemetry.deployExits, { result: resultOf(exit) }), 1)
      )
    )
  }).pipe(
    Effect.scoped,
    Effect.exit,
    Effect.tap((exit) => Effect.annotateCurrentSpan(FlyTelemetry.result, resultOf(exit))),
    // the span always ends as a success: a failure would carry the output into every exporter
    Effect.withSpan(FlyTelemetry.deploy, {
      attributes: options.ticket === undefined ? {} : { [FlyTelemetry.ticket]: options.ticket }
    }),
    Effect.flatten
  )

/**
 * Deploys and returns the whole output, within 15 minutes by default.
 *
 * **Details**
 *
 * Runs `fly deploy --remote-only` in `directory`, which may be relative to `project`. The output is stdout and stderr
 * line by line, without colours and tokens, at most the last 10 MiB; a line above 10 million characters is cut and says so. An empty
 * path is a `Validation` failure. Fails, checked in this order, as `InvalidDeployDir`,
 * `FlyNotFound`, `FlyTimeout`, `FlyExitCode` (which holds the output). However the effect ends, the process group has been
 * ended by then.
 *
 * **Example** (Deploy and wait)
 *
 * ```ts
 * import { FlyDeploy } from "effect-atlas/fly"
 * import * as Effect from "effect/Effect"
 *
 * const program = FlyDeploy.deploy("/srv/acme", "apps/web").pipe(
 *   Effect.catchReason("FlyError", "FlyExitCode", ({ output }) => Effect.succeed(`failed:\n${output}`))
 * )
 * ```
 *
 * @category deploys
 * @since 0.1.0
 */
export const deploy = (
  project: string,
  directory: string,
  options: Options = {}
): Effect.Effect<string, FlyError, FlyCli | FileSystem.FileSystem | Path.Path> =>
  execute(
    project,
    directory,
    options,
    { activity: Duration.infinity, absolute: Duration.minutes(15) },
    () => {}
  )

/**
 * Deploys and streams the output as lines, without blank ones, as they come. Ending the stream ends the deploy.
 *
 * **Details**
 *
 * Ends by itself after 5 minutes without output or after 30 minutes in all; a stream that ends without a failure is a
 * deploy that succeeded. Failures are those of `deploy`. A slow reader never slows the deploy or lets it time out: past
 * 10 MiB of unread lines the oldest are dropped, and a line says how many. Of a line redrawn with carriage returns
 * (a progress bar) only its last state is given.
 *
 * **Example** (Show it live)
 *
 * ```ts
 * import { FlyDeploy } from "effect-atlas/fly"
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 *
 * const program = FlyDeploy.streamDeploy("/srv/acme", ".", { ticket: "deploy-42" }).pipe(
 *   Stream.runForEach((line) => Console.log(line))
 * )
 * ```
 *
 * @category deploys
 * @since 0.1.0
 */
export const streamDeploy = (
  project: string,
  directory: string,
  options: Options = {}
): Stream.Stream<string, FlyError, FlyCli | FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const backlog = makeBacklog(captureLimit)
    const ended = yield* Deferred.make<string, FlyError>()
    yield* execute(
      project,
      directory,
      options,
      { activity: Duration.minutes(5), absolute: Duration.minutes(30) },
      backlog.offer
    ).pipe(
      Effect.onExit((exit) => Effect.andThen(Deferred.done(ended, exit), Effect.sync(backlog.end))),
      Effect.forkScoped
    )
    const pull = Effect.flatMap(backlog.take, ([line, ...rest]) =>
      line === undefined
        ? Effect.andThen(Deferred.await(ended), Cause.done())
        : Effect.succeed([line, ...rest] as const))
    return Stream.fromPull(Effect.succeed(pull))
  }))
