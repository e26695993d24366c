/**
 * The `fly` (or `flyctl`) executable as a service: runs it in a process group of its own that never outlives its caller.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { FlyError } from "./FlyError.ts"

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
 * A run in progress.
 *
 * @category models
 * @since 0.1.0
 */
export interface Running {
  readonly pid: number
  /** stdout and stderr merged, as the bytes come; can be run once. */
  readonly output: Stream.Stream<Uint8Array, FlyError>
  /** Waits for the end of the executable itself; another exit code than 0 is no failure here. */
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
