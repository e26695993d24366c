/**
 * A fake `fly` executable: it answers from a script, on the test's clock, and remembers what it was asked.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as FlyCli from "../fly/FlyCli.ts"
import { FlyError, FlyNotFound } from "../fly/FlyError.ts"

/**
 * Output of the executable, at once or after a while.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  readonly after?: Duration.Input | undefined
  readonly stdout?: string | Uint8Array | undefined
  readonly stderr?: string | Uint8Array | undefined
}

/**
 * What the executable does when it is called.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  /** The words that the arguments begin with, or a test of the arguments; default any. */
  readonly when?: ReadonlyArray<string> | ((args: ReadonlyArray<string>) => boolean) | undefined
  /** How many calls this reply answers; default all. */
  readonly times?: number | undefined
  readonly steps?: ReadonlyArray<Step> | undefined
  /** `exit` (default) with the exit code, `hang` for ever after the steps, or `absent` as if it were not installed. */
  readonly ending?: "exit" | "hang" | "absent" | undefined
  readonly exitCode?: number | undefined
}

/**
 * One call of the executable.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly args: ReadonlyArray<string>
  readonly options: FlyCli.RunOptions
  /** `killed` when its caller interrupted it before it was done. */
  readonly state: "running" | "exited" | "killed" | "absent"
}

/**
 * The controls of the fake.
 *
 * @category services
 * @since 0.1.0
 */
export class FakeFlyCli extends Context.Service<FakeFlyCli, {
  /** Every call so far, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
  /** Adds replies, in front of those that are there. */
  readonly script: (...replies: ReadonlyArray<Reply>) => Effect.Effect<void>
}>()("effect-atlas/testing/FakeFlyCli") {}

const bytesOf = (written: string | Uint8Array): Uint8Array =>
  typeof written === "string" ? new TextEncoder().encode(written) : written

const fits = ({ when }: Reply, args: ReadonlyArray<string>): boolean =>
  when === undefined || (typeof when === "function" ? when(args) : when.every((word, index) => args[index] === word))

const unknownCommand: Reply = { steps: [{ stderr: "Error: unknown command\n" }], exitCode: 1 }

/**
 * The fake in place of the executable; a call is answered by the first matching reply that is not used up.
 *
 * **Example** (A deploy that takes a minute)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { FlyDeploy } from "effect-atlas/fly"
 * import { FakeFlyCli } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const fake = FakeFlyCli.layer({
 *   when: ["deploy"],
 *   steps: [{ stdout: "building\n" }, { after: "1 minute", stdout: "done\n" }]
 * })
 * const test = FlyDeploy.deploy("/", "tmp").pipe(
 *   Effect.provide(Layer.merge(fake, NodeServices.layer))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (...replies: ReadonlyArray<Reply>): Layer.Layer<FlyCli.FlyCli | FakeFlyCli> =>
  Layer.syncContext(() => {
    let script: Array<{ readonly reply: Reply; left: number }> = []
    const calls: Array<Call> = []
    const add = (more: ReadonlyArray<Reply>) => {
      script = [...more.map((reply) => ({ reply, left: reply.times ?? Infinity })), ...script]
    }
    add(replies)

    const next = (args: ReadonlyArray<string>): Reply => {
      const entry = script.find(({ left, reply }) => left > 0 && fits(reply, args))
      if (entry === undefined) return unknownCommand
      entry.left -= 1
      return entry.reply
    }

    const cli = FlyCli.make(Effect.fnUntraced(function*(args, options) {
      const { ending = "exit", exitCode = 0, steps = [] } = next(args)
      const index = calls.length
      const become = (state: Call["state"]) => Effect.sync(() => void (calls[index] = { args, options, state }))
      yield* become(ending === "absent" ? "absent" : "running")
      if (ending === "absent") {
        return yield* new FlyError({
          app: options.app ?? null,
          operation: options.operation ?? "fly",
          reason: new FlyNotFound({ message: "neither fly nor flyctl is on PATH" })
        })
      }
      const ended = yield* Deferred.make<number>()
      const stdout = yield* Queue.unbounded<Uint8Array, FlyError | Cause.Done>()
      const stderr = yield* Queue.unbounded<Uint8Array, FlyError | Cause.Done>()
      const play = Effect.gen(function*() {
        for (const step of steps) {
          if (step.after !== undefined) yield* Effect.sleep(step.after)
          if (step.stdout !== undefined) yield* Queue.offer(stdout, bytesOf(step.stdout))
          if (step.stderr !== undefined) yield* Queue.offer(stderr, bytesOf(step.stderr))
        }
        if (ending === "hang") return yield* Effect.never
        yield* become("exited")
        yield* Deferred.succeed(ended, exitCode)
        yield* Queue.end(stdout)
        yield* Queue.end(stderr)
      })
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => calls[index]?.state === "running" ? become("killed") : Effect.void)
      )
      yield* Effect.forkScoped(play)
      return {
        pid: 1000 + index,
        stdout: Stream.fromQueue(stdout),
        stderr: Stream.fromQueue(stderr),
        exitCode: Deferred.await(ended)
      }
    }))

    return Context.make(FlyCli.FlyCli, cli).pipe(
      Context.add(
        FakeFlyCli,
        FakeFlyCli.of({
          calls: Effect.sync(() => [...calls]),
          script: (...more) => Effect.sync(() => add(more))
        })
      )
    )
  })
