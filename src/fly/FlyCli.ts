/**
 * The `fly` (or `flyctl`) executable as a service: it runs in a process group of its own that ends with its caller.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { constants } from "node:os"
import { Timeout, Unknown } from "../domain/AtlasError.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import * as SystemReason from "../storage/SystemReason.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import * as Traced from "../telemetry/Traced.ts"
import { FlyError, type FlyErrorReason, FlyNotFound, FlyTimeout, invalid } from "./FlyError.ts"
import * as Limit from "./internal/limit.ts"
import { makeTail } from "./internal/output.ts"

/**
 * Options of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  /** The operation that errors name; default `fly`. */
  readonly operation?: string | undefined
  /** The app that errors name. */
  readonly app?: string | null | undefined
  /** Working directory; default that of this process. */
  readonly directory?: string | undefined
  /** Variables on top of those of this process and of those that quiet the executable; undefined removes one. */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted | undefined>> | undefined
  /** How long the process group may take to end after TERM before it gets KILL; 0 for KILL at once. Default that of the layer. */
  readonly killGrace?: Duration.Input | undefined
}

/**
 * How a run ended: its exit code and its output, of each stream at most the last 10 MiB.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completed {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A piece of output, and the stream it was written to.
 *
 * @category models
 * @since 0.1.0
 */
export const Chunk = Schema.Struct({ from: Schema.Literals(["stdout", "stderr"]), bytes: Schema.Uint8Array })

/**
 * @category models
 * @since 0.1.0
 */
export type Chunk = typeof Chunk.Type

/**
 * A run in progress. Its output can be read once, through `output` or through `chunks`, and ends at the latest a second
 * after the executable: a process that it left behind, and that has left its process group, may hold the streams open for ever.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly pid: number
  /** The bytes of stdout and stderr, merged in the order they arrive. */
  readonly output: Stream.Stream<Uint8Array, FlyError>
  /** The same with the stream of each piece, for readers of lines: a line of one stream may be interrupted by the other. */
  readonly chunks: Stream.Stream<Chunk, FlyError>
  /**
   * Waits for the end of the executable itself. Exit codes other than 0 are no failure here; for an executable that a
   * signal ended it is 128 plus the number of the signal, as in shells.
   */
  readonly exitCode: Effect.Effect<number, FlyError>
}

/**
 * Runs the `fly` executable.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyCli extends Context.Service<FlyCli, {
  /**
   * Runs it to its end and returns both streams separately. Any exit code is a result; fails as `FlyNotFound`, or as
   * `FlyTimeout` past `timeout` (default 15 seconds), at which the process group gets KILL. However this ends, the whole process
   * group has been ended by then. At most 8 run at once in this process; one that waits for its turn for as long as its own limit
   * fails as `Timeout` and is not run.
   */
  readonly run: (
    args: ReadonlyArray<string>,
    options?: RunOptions & { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<Completed, FlyError>
  /**
   * Starts it; closing the scope ends its process group: TERM, then KILL after 5 seconds. What is left of the group when the
   * executable has ended by itself gets KILL at once.
   */
  readonly start: (
    args: ReadonlyArray<string>,
    options?: RunOptions
  ) => Effect.Effect<Running, FlyError, Scope.Scope>
}>()("effect-atlas/fly/FlyCli") {}

/**
 * A started process, as `make` needs it: its two streams, which need not end with the process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Process {
  readonly pid: number
  readonly stdout: Stream.Stream<Uint8Array, FlyError>
  readonly stderr: Stream.Stream<Uint8Array, FlyError>
  readonly exitCode: Effect.Effect<number, FlyError>
}

/** How long the streams are read after the executable has ended: what it wrote before has arrived by then. */
const drainLimit = Duration.seconds(1)
const defaultTimeout = Duration.seconds(15)
const captureLimit = 10 * 1024 * 1024

const mostRuns = 8
/** The turns of this whole process, whichever layer runs the executable. */
const turns = Semaphore.makeUnsafe(mostRuns)

/**
 * The service over a function that starts a process; closing the scope must end the process and those it has started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  spawn: (args: ReadonlyArray<string>, options: RunOptions) => Effect.Effect<Process, FlyError, Scope.Scope>
): FlyCli["Service"] => {
  const untilDrained = ({ exitCode }: Process) =>
    Stream.interruptWhen<void, never, never>(Effect.andThen(Effect.ignore(exitCode), Effect.sleep(drainLimit)))

  const capture = (stream: Stream.Stream<Uint8Array, FlyError>) =>
    Effect.suspend(() => {
      const tail = makeTail(captureLimit)
      return Stream.runForEach(stream, (bytes) => Effect.sync(() => tail.push(bytes))).pipe(Effect.map(tail.text))
    })

  return FlyCli.of({
    start: (args, options = {}) =>
      Effect.map(spawn(args, options), (process) => {
        const from = (name: "stdout" | "stderr") => Stream.map(process[name], (bytes): Chunk => ({ from: name, bytes }))
        const chunks = untilDrained(process)(Stream.merge(from("stdout"), from("stderr")))
        return {
          pid: process.pid,
          output: Stream.map(chunks, ({ bytes }) => bytes),
          chunks,
          exitCode: process.exitCode
        }
      }),
    run: (args, { timeout = defaultTimeout, ...options } = {}) =>
      Effect.gen(function*() {
        const { app = null, operation = "fly" } = options
        const limit = yield* Limit.decode(timeout, "timeout", operation)
        const within = <A, E>(
          self: Effect.Effect<A, E>,
          reason: () => FlyErrorReason
        ): Effect.Effect<A, E | FlyError> =>
          Effect.timeoutOrElse(self, {
            duration: limit,
            orElse: () => Effect.fail(new FlyError({ app, operation, reason: reason() }))
          })
        const spent = TimeSpan.format(limit)
        yield* within(Semaphore.takeScoped(turns, 1).pipe(Scope.provide(yield* Effect.scope)), () =>
          new Timeout({ message: `${mostRuns} other fly commands were still running after ${spent}` }))
        const process = yield* spawn(args, { killGrace: 0, ...options })
        const stdout = yield* Effect.forkScoped(capture(untilDrained(process)(process.stdout)))
        const stderr = yield* Effect.forkScoped(capture(untilDrained(process)(process.stderr)))
        // the executable's own end is what counts: what it leaves behind may hold the streams open for longer
        const exitCode = yield* within(process.exitCode, () =>
          new FlyTimeout({
            limit: "absolute",
            message: `\`fly ${args[0] ?? ""}\` did not finish within ${spent} and was ended`
          }))
        return { exitCode, stdout: yield* Fiber.join(stdout), stderr: yield* Fiber.join(stderr) }
      }).pipe(Effect.scoped, Traced.call(FlyTelemetry.cliRun))
  })
}

/**
 * Options of `layer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Names on PATH or paths, tried in turn; default `fly`, then `flyctl`. */
  readonly executables?: ReadonlyArray<string> | undefined
  /** How long a process group may take to end after TERM before it gets KILL; default 5 seconds. */
  readonly killGrace?: Duration.Input | undefined
  /** Variables of every run, on top of those of this process; undefined removes one. */
  readonly env?: RunOptions["env"]
}

/** No colours, no redrawing, no update checks, no metrics sent to Fly, and no file that records every request. */
const quiet: RunOptions["env"] = {
  NO_COLOR: "1",
  CLICOLOR: "0",
  CLICOLOR_FORCE: undefined,
  BUILDKIT_PROGRESS: "plain",
  FLY_NO_UPDATE_CHECK: "1",
  FLY_NO_INCIDENTS_CHECK: "1",
  FLY_SEND_METRICS: "0",
  FLY_SYNTHETICS_AGENT: "0",
  FLYCTL_OUTPUT_HAR: undefined
}

/** Whether there is no such program, or none that this user may run; the next name is tried then. */
const isAbsent = ({ reason }: PlatformError.PlatformError): boolean =>
  (reason._tag === "NotFound" || reason._tag === "PermissionDenied") && reason.module === "ChildProcess"

const signals = new Map(Object.entries(constants.signals))

/** The exit code that a shell reports for a process ended by a signal; the spawner only names the signal in its message. */
const signalled = ({ reason }: PlatformError.PlatformError): number => {
  const [name = ""] = /SIG[A-Z0-9]+/.exec(reason.cause instanceof Error ? reason.cause.message : "") ?? []
  return 128 + (signals.get(name) ?? 0)
}

const notStarted = (why: string) => `the fly executable cannot be started (${why})`

const codeOf = (defect: unknown): string =>
  typeof defect === "object" && defect !== null && "code" in defect ? String(defect.code) : "for no known reason"

const refusal = (error: PlatformError.PlatformError): FlyErrorReason => {
  const { reason } = error
  // only the kind of the system's error is used: its message repeats the arguments
  if (reason._tag === "BadArgument") {
    return invalid("fly", [{ path: "args", message: "Expected arguments without NUL characters" }]).reason
  }
  return reason.module === "FileSystem"
    ? invalid("fly", [{ path: "directory", message: "Expected a directory that exists and that this user may enter" }])
      .reason
    : new Unknown({ message: notStarted(SystemReason.describe(error)) })
}

/**
 * The executable on this machine.
 *
 * **Details**
 *
 * It runs without a terminal: stdin is closed, colours and update checks are switched off, the rest of the environment
 * is that of this process. It leads a process group; TERM, and KILL after the grace, go to the whole group. When the
 * executable ends, processes of its group that it has left behind get KILL, so that no caller waits for them. A process that has made
 * a group of its own, as the agent of `fly` does, is not ended.
 *
 * **Gotchas**
 *
 * Another product has a program called `fly` too (Concourse); where it is on PATH, set `executables` to `["flyctl"]`.
 * When this process itself is ended by KILL, the process group keeps running.
 *
 * **Example** (The version of the executable)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { FlyCli } from "effect-atlas/fly"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const version = Effect.map(
 *   FlyCli.FlyCli.use((cli) => cli.run(["version"])),
 *   ({ stdout }) => stdout.trim()
 * ).pipe(Effect.provide(FlyCli.layer().pipe(Layer.provide(NodeServices.layer))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<FlyCli, FlyError, ChildProcessSpawner.ChildProcessSpawner> =>
  Layer.effect(
    FlyCli,
    Effect.gen(function*() {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const { env, executables = ["fly", "flyctl"], killGrace = "5 seconds" } = options
      const standardGrace = yield* Limit.decode(killGrace, "killGrace", "layer")

      return make(Effect.fnUntraced(function*(args, run) {
        const grace = run.killGrace === undefined
          ? standardGrace
          : Option.getOrElse(Duration.fromInput(run.killGrace), () => standardGrace)
        const failed = (reason: FlyErrorReason) =>
          Effect.fail(new FlyError({ app: run.app ?? null, operation: run.operation ?? "fly", reason }))
        const mapped = Stream.catch((error: PlatformError.PlatformError) => Stream.fromEffect(failed(refusal(error))))

        const first = (names: ReadonlyArray<string>): ReturnType<typeof spawner.spawn> => {
          const [name = "", ...rest] = names
          const spawned = spawner.spawn(ChildProcess.make(name, args, {
            cwd: run.directory,
            env: { ...quiet, ...env, ...run.env },
            extendEnv: true,
            stdin: "ignore",
            // how it ends when the scope closes; by then it was asked with TERM, or may not be asked
            killSignal: "SIGKILL"
          }))
          return rest.length === 0 ? spawned : Effect.catchIf(spawned, isAbsent, () => first(rest))
        }

        const started = yield* first(executables).pipe(
          // Node throws for errors of the system that it does not expect, such as too long a command line
          Effect.catchDefect((defect) => failed(new Unknown({ message: notStarted(codeOf(defect)) }))),
          Effect.catchTag("PlatformError", (error) =>
            failed(
              isAbsent(error)
                ? new FlyNotFound({
                  message: `${executables.join(" or ")} cannot be run here: install flyctl, or put it on PATH`
                })
                : refusal(error)
            ))
        )
        const exitCode = Effect.catch(started.exitCode, (error) => Effect.succeed(signalled(error)))
        yield* Effect.forkScoped(Effect.andThen(exitCode, Effect.ignore(started.kill({ killSignal: "SIGKILL" }))))
        yield* Effect.addFinalizer(() =>
          Effect.flatMap(started.isRunning, (isRunning) =>
            isRunning && Duration.isGreaterThan(grace, Duration.zero)
              ? started.kill({ killSignal: "SIGTERM", forceKillAfter: grace })
              : Effect.void).pipe(Effect.ignore)
        )
        return { pid: started.pid, stdout: mapped(started.stdout), stderr: mapped(started.stderr), exitCode }
      }))
    })
  )
