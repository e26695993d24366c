/**
 * What the tests of deploys share: a scripted fly on a disk of three directories, and a deploy under a moved clock.
 */
import { Dispatcher } from "effect-atlas/events/Dispatcher"
import { type FlyCli, FlyDeploy, type FlyError } from "effect-atlas/fly"
import * as FlyTelemetry from "effect-atlas/telemetry/FlyTelemetry"
import { FakeFlyCli } from "effect-atlas/testing"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

export const canary = "canary-71ce"

/** A disk of three directories, so that nothing here waits for a real one. */
export const disk = FileSystem.layerNoop({
  stat: (path) =>
    ["/tmp", "/usr/bin"].includes(path)
      ? Effect.succeed(directoryInfo)
      : Effect.fail(
        PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "stat", pathOrDescriptor: path })
      )
})

export const fake = (...replies: ReadonlyArray<FakeFlyCli.Reply>) =>
  Layer.mergeAll(FakeFlyCli.layer(...replies), disk, Path.layer)

export const directoryInfo: FileSystem.File.Info = {
  type: "Directory",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0o755,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.zero,
  blksize: Option.none(),
  blocks: Option.none()
}

export const calls = FakeFlyCli.FakeFlyCli.use((controls) => controls.calls)
export const states = Effect.map(calls, (all) => all.map(({ state }) => state))

/** Lets every fiber get as far as it can without the clock. */
export const settle = Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })

/** A deploy that runs while the test moves the clock. */
export const begin = (options: FlyDeploy.Options = {}) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const fiber = yield* FlyDeploy.streamDeploy("/", "tmp", options).pipe(
      Stream.runForEach((line) => Effect.sync(() => void lines.push(line))),
      Effect.exit,
      Effect.forkChild({ startImmediately: true })
    )
    yield* settle
    return { lines, fiber }
  })

export const failureOf = (exit: Exit.Exit<unknown, FlyError.FlyError>): string =>
  Exit.isFailure(exit)
    ? exit.cause.reasons.map((reason) => reason._tag === "Fail" ? reason.error.message : reason._tag).join()
    : "none"

export const pass = (duration: "1 minute" | "4 minutes" | "5 minutes" | "29 minutes") =>
  Effect.andThen(TestClock.adjust(duration), settle)

/** Metrics of this test alone. */
export const alone = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(self, Metric.MetricRegistry, new Map()))

export const exits = (result: string) =>
  Effect.map(Metric.value(Metric.withAttributes(FlyTelemetry.deployExits, { result })), ({ count }) => count)

export type Use = Effect.Effect<unknown, unknown, FlyCli.FlyCli | FileSystem.FileSystem | Path.Path>

export const everyMinute = (text: string, count: number): ReadonlyArray<FakeFlyCli.Step> =>
  Array.from({ length: count }, () => ({ after: "1 minute", stdout: text }))

/** A bus that keeps what it is given. */
export const recording = () => {
  const messages: Array<readonly [topic: string, message: unknown]> = []
  const bus = Dispatcher.of({
    canSubscribe: false,
    publish: (topic, message) => Effect.sync(() => void messages.push([topic.name, message])),
    subscribe: () => Effect.succeed(Stream.empty)
  })
  return { messages, bus }
}

export const publishing = (publish: () => Effect.Effect<void>) =>
  Dispatcher.of({ canSubscribe: false, publish, subscribe: () => Effect.succeed(Stream.empty) })
