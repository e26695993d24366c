/**
 * The log of one compute, read while it lives and to its end when it is over: each line once, however often reading starts again.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Atlas from "../Atlas.ts"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { LogElement } from "../domain/LogElement.ts"
import { Providers } from "../provider/Providers.ts"
import type { Printer } from "./Printer.ts"

/** Between two readings of a log that came to an end: its machine has ended, or could not be asked. */
const pause = Duration.seconds(1)
/** A log that gives nothing for so long while its machine ends is taken as read. */
const quiet = Duration.seconds(5)
/** A stop that is not answered by then is not waited for. */
const stopLimit = Duration.seconds(5)
/** No log delays the end of a machine longer: of one that is over, of one that was stopped for it, and of one that goes on. */
const longest = { over: Duration.minutes(1), stopped: Duration.seconds(10), running: Duration.seconds(5) }
/** How long a look at the machine may take. */
const lookLimits = { timeout: "5 seconds", retries: 0 } as const

/** A log that is being read. */
export interface LogTail {
  /**
   * To be run before the machine is terminated: reads what it says while it is being ended. Where its provider can, it is stopped
   * first, which ends the billing of its GPU. Never fails, and never takes longer than its bounds, however slow the reader is; done once.
   */
  readonly drain: Effect.Effect<void>
  /** Waits until nothing more is read. */
  readonly read: Effect.Effect<void>
  /** Waits until a reading comes to an end, which may mean that the machine is over. */
  readonly pausing: Effect.Effect<void>
  /** Fails when the log cannot be read, by a failure that does not pass. */
  readonly failed: Effect.Effect<never, AtlasError>
  /** Why something of the log was not read; null while nothing is known to be missing. */
  readonly missing: () => string | null
}

/** Follows the log of a compute from its beginning, in the scope; `heard` runs each time lines were read. */
export const make = Effect.fnUntraced(function*(
  id: string,
  call: Atlas.Options,
  printer: Printer,
  heard: (lines: ReadonlyArray<LogElement>) => Effect.Effect<void>
) {
  const context = yield* Effect.context<Providers>()
  const provider = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "streamLogs"))
  const { baseUrl } = call
  let after: string | null = null
  /** How often lines came. */
  let deliveries = 0
  let missing: string | null = null
  /** What the log itself says that it has lost; said once, however often its end is read. */
  let lost: string | null = null
  /** Open once a reading has begun, so that it goes on to its end. */
  const begun = Latch.makeUnsafe()
  const ending = Latch.makeUnsafe()
  /** Closed while the machine is ended, where the log can be read later: reading must not take the processor from that. */
  const mayRead = Latch.makeUnsafe(true)
  const pausing = Latch.makeUnsafe()
  const failed = Deferred.makeUnsafe<never, AtlasError>()

  // taken and remembered in one step, so that the next reading starts after the last line taken
  const take = (all: ReadonlyArray<LogElement>) =>
    Effect.suspend(() => {
      const lines = all.filter((line) => line.lost === undefined || line.text !== lost)
      lost = lines.findLast((line) => line.lost)?.text ?? lost
      after = lines.at(-1)?.cursor ?? after
      deliveries += 1
      begun.openUnsafe()
      printer.log(lines)
      return heard(lines)
    })

  const read = (follow: boolean): Effect.Effect<void, AtlasError> =>
    Stream.suspend(() => Atlas.streamLogs(id, { follow, after }, call)).pipe(
      Stream.runForEachArray((lines) =>
        follow ? Effect.andThen(take(lines), Effect.andThen(printer.room, mayRead.await)) : take(lines)
      ),
      Effect.provideContext(context)
    )

  /** What a failed reading means; a passing failure ends that reading only. */
  const isPassing = ({ isRetryable, reason }: AtlasError) => isRetryable || reason._tag === "NotFound"

  const following = Effect.gen(function*() {
    while (!ending.isOpen()) {
      const result = yield* Effect.result(read(true))
      begun.openUnsafe()
      if (Result.isFailure(result) && !isPassing(result.failure)) {
        if (result.failure.reason._tag === "Unsupported") return
        missing = result.failure.reason.message
        return Deferred.doneUnsafe(failed, Effect.fail(result.failure))
      }
      pausing.openUnsafe()
      if (!ending.isOpen()) yield* Effect.timeoutOption(ending.await, pause)
      pausing.closeUnsafe()
    }
  })
  const fiber = yield* Effect.forkScoped(following, { startImmediately: true })

  /** Ends when nothing has come for a while. */
  const silence = Effect.gen(function*() {
    while (true) {
      const before = deliveries
      yield* Effect.sleep(quiet)
      if (deliveries === before) return
    }
  })

  const isOver = provider.compute.get(id, { baseUrl, ...lookLimits }).pipe(
    Effect.match({
      onFailure: ({ reason }) => reason._tag === "NotFound",
      onSuccess: ({ status }) => status !== "running" && status !== "provisioning"
    })
  )

  const untilOver = Effect.gen(function*() {
    while (!(yield* isOver)) yield* Effect.sleep(pause)
  })

  const canStop = provider.capabilities.includes("power")
  const stop = canStop ? Effect.result(provider.power.stop(id, { baseUrl, retries: 0 })) : Effect.succeed(Result.void)

  /** Everything that is there now, and no more than that. */
  const remaining = Effect.gen(function*() {
    yield* Fiber.interrupt(fiber)
    const result = yield* Effect.result(Effect.raceFirst(
      Effect.as(read(false), true),
      Effect.as(silence, false)
    ))
    if (Result.isSuccess(result)) {
      return result.success
        ? null
        : "it was not read to its end: it gave nothing more in time"
    }
    const { isRetryable, message, reason } = result.failure
    return reason._tag === "NotFound" || reason._tag === "Unsupported"
      ? null
      : isRetryable || missing === null
      ? `it was not read to its end: ${message}`
      : missing
  })

  const drain = Effect.gen(function*() {
    ending.openUnsafe()
    if (provider.logs.outlivesCompute === true) {
      // what is being read is read to its end, whenever that is; so it only has to have begun
      mayRead.closeUnsafe()
      yield* stop
      yield* Effect.timeoutOption(begun.await, quiet)
      return
    }
    const answer = yield* Effect.timeoutOption(stop, stopLimit)
    const isStopped = canStop && Option.exists(answer, Result.isSuccess)
    const state = isStopped ? "stopped" : (yield* isOver) ? "over" : "running"
    const last = isStopped ? Effect.andThen(Effect.raceFirst(untilOver, silence), remaining) : remaining
    const known = yield* Effect.timeoutOption(last, longest[state])
    missing = Option.getOrElse(known, () => "it was not read to its end: its machine had to be ended")
  })

  const tail: LogTail = {
    drain: Effect.suspend(() => ending.isOpen() ? Effect.void : drain),
    read: Effect.andThen(mayRead.open, Effect.asVoid(Fiber.await(fiber))),
    pausing: pausing.await,
    failed: Deferred.await(failed),
    missing: () => lost ?? missing
  }
  return tail
})
