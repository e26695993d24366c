/**
 * The `fly` (or `flyctl`) executable as a service: runs it in a process group of its own that never outlives its caller.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { constants } from "node:os"
import { Unknown } from "../domain/AtlasError.ts"
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
  /** Who asks, for errors; default `fly`. */
  readonly operation?: string | undefined
  /** The app it is about, for errors. */
  readonly app?: string | null | undefined
  /** Working directory; default ours. */
  readonly directory?: string | undefined
  /** Variables on top of ours and of those that quiet the executable; undefined removes one. */
  readonly env?: Readonly<Record<string, string | Redacted.Redacted | undefined>> | undefined
}

/**
 * How a run ended: its exit code and the end of what it wrote, at most 10 MiB of each stream.
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
 * A piece of what was written, and to which of the two streams.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly from: "stdout" | "stderr"
  readonly bytes: Uint8Array
}

/**
 * A run in progress. What it writes can be read once, through `output` or through `chunks`, and ends a second after
 * the executable at the latest: a process that it left behind may hold the streams open for ever.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly pid: number
  /** stdout and stderr merged, as the bytes come. */
  readonly output: Stream.Stream<Uint8Array, FlyError>
  /** The same with each piece's origin, for those who make lines: a line of one stream may be cut by the other. */
  readonly chunks: Stream.Stream<Chunk, FlyError>
  /**
   * Waits for the end of the executable itself. Another exit code than 0 is no failure here; one that a signal ended
   * has 128 and the signal's number, as shells count.
   */
  readonly exitCode: Effect.Effect<number, FlyError>
}

/**
 * The executable in use.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyCli extends Context.Service<FlyCli, {
  /**
   * Runs it to its end, streams apart. Any exit code is an answer; fails as `FlyNotFound`, or as `FlyTimeout` past
   * `timeout` (default 15 seconds). Its whole process group is gone when this ends, however it ends.
   */
  readonly run: (
    args: ReadonlyArray<string>,
    options?: RunOptions & { readonly timeout?: Duration.Input | undefined }
  ) => Effect.Effect<Completed, FlyError>
  /** Starts it; closing the scope ends its process group: TERM, then KILL after 5 seconds. */
  readonly start: (
    args: ReadonlyArray<string>,
    options?: RunOptions
  ) => Effect.Effect<Running, FlyError, Scope.Scope>
}>()("effect-atlas/fly/FlyCli") {}

/**
 * A started process, as an executor gives it: its streams apart and without an end of their own.
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

/** Whoever wrote something before the executable ended has it read by then. */
const drainLimit = Duration.seconds(1)
const defaultTimeout = Duration.seconds(15)
const captureLimit = 10 * 1024 * 1024

/**
 * The service over anything that can start a process; closing the scope ends the process and what it has started.
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
        const completed = Effect.gen(function*() {
          const process = yield* spawn(args, options)
          return yield* Effect.all({
            exitCode: process.exitCode,
            stdout: capture(untilDrained(process)(process.stdout)),
            stderr: capture(untilDrained(process)(process.stderr))
          }, { concurrency: "unbounded" })
        })
        return yield* Effect.scoped(completed).pipe(Effect.timeoutOrElse({
          duration: limit,
          orElse: () => {
            const message = `\`fly ${args[0] ?? ""}\` did not end in ${Duration.format(limit)} and was ended`
            return Effect.fail(new FlyError({ app, operation, reason: new FlyTimeout({ limit: "absolute", message }) }))
          }
        }))
      })
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
  /** How long a process group may take to leave after TERM before it gets KILL; default 5 seconds. */
  readonly killGrace?: Duration.Input | undefined
  /** Variables of every run, on top of ours; undefined removes one. */
  readonly env?: RunOptions["env"]
}

/** No colours, no redrawing, no questions about updates, nothing sent home, and no file with every request in it. */
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

/** No such program here, or none that may be run: the next name may do. */
const isAbsent = ({ reason }: PlatformError.PlatformError): boolean =>
  (reason._tag === "NotFound" || reason._tag === "PermissionDenied") && reason.module === "ChildProcess"

const signals = new Map(Object.entries(constants.signals))

/** The exit code a shell would tell for a process that a signal ended; the spawner only names the signal in words. */
const signalled = ({ reason }: PlatformError.PlatformError): number => {
  const [name = ""] = /SIG[A-Z0-9]+/.exec(reason.cause instanceof Error ? reason.cause.message : "") ?? []
  return 128 + (signals.get(name) ?? 0)
}

const notStarted = (why: string) => `the executable cannot be started (${why})`

const codeOf = (defect: unknown): string =>
  typeof defect === "object" && defect !== null && "code" in defect ? String(defect.code) : "for no known reason"

const refusal = (error: PlatformError.PlatformError): FlyErrorReason => {
  const { reason } = error
  // of what the system says only the kind: its own words repeat the arguments
  if (reason._tag === "BadArgument") return invalid("fly", [{ path: "args", message: "Expected no NUL" }]).reason
  return reason.module === "FileSystem"
    ? invalid("fly", [{ path: "directory", message: "Expected a directory that can be entered" }]).reason
    : new Unknown({ message: notStarted(reason._tag) })
}

/**
 * The executable on this machine.
 *
 * **Details**
 *
 * It runs without a terminal: stdin is closed, colours and update checks are switched off, the rest of the environment
 * is ours. It leads a process group; TERM, and KILL after the grace, go to all of that group, also to what the
 * executable has left behind. A process that has made a group of its own, as the agent of `fly` does, is not touched.
 *
 * **Gotchas**
 *
 * Another product has a program called `fly` too (Concourse); where it is on PATH, set `executables` to `["flyctl"]`.
 * Nothing can be done for the process group when our own process is ended by KILL.
 *
 * **Example** (Asking for the version)
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
      const forceKillAfter = yield* Limit.decode(killGrace, "killGrace", "layer")

      return make((args, run) => {
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
            killSignal: "SIGTERM",
            forceKillAfter
          }))
          return rest.length === 0 ? spawned : Effect.catchIf(spawned, isAbsent, () => first(rest))
        }

        return first(executables).pipe(
          // Node throws where the system refuses in a way it does not expect, such as too long a command line
          Effect.catchDefect((defect) => failed(new Unknown({ message: notStarted(codeOf(defect)) }))),
          Effect.catchTag("PlatformError", (error) =>
            failed(
              isAbsent(error)
                ? new FlyNotFound({
                  message: `${executables.join(" or ")} cannot be run here: install flyctl, or put it on PATH`
                })
                : refusal(error)
            )),
          Effect.map(({ exitCode, pid, stderr, stdout }) => ({
            pid,
            stdout: mapped(stdout),
            stderr: mapped(stderr),
            exitCode: Effect.catch(exitCode, (error) => Effect.succeed(signalled(error)))
          }))
        )
      })
    })
  )
