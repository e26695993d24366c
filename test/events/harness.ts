/**
 * What the tests of dispatchers share: logs kept instead of printed, fibers counted, garbage collected.
 */
import type { Delivery } from "effect-atlas/events/Dispatcher"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { repeatUntil } from "../support/until.ts"

/** Every log line as JSON with all it carries. */
export const keepLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.map(Logger.formatJson, (line) => void lines.push(line))
  return { lines, layer: Logger.layer([logger]) }
}

/** Counts the fibers of an effect that run now. */
export const countFibers = () => {
  let running = 0
  const service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      running += 1
    },
    recordFiberEnd: () => {
      running -= 1
    }
  }
  return {
    running: () => running,
    within: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.provideService(self, Metric.FiberRuntimeMetrics, service)
  }
}

export const collectGarbage = async (): Promise<void> => {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")
  // weak references are kept until the turn is over
  await new Promise((resolve) => setImmediate(resolve))
  collect()
}

/** Waits until it holds. */
export const until = <R>(holds: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  Effect.asVoid(repeatUntil(holds, (isSo) => isSo))

/** The next messages of a subscription. */
export const next = <A>(stream: Stream.Stream<Delivery<A>>, count: number) =>
  Stream.runCollect(Stream.take(stream, count))

export const message = <A>(value: A): Delivery<A> => ({ _tag: "Message", message: value })

/** What a counter of ours says within a registry of the test's own. */
export const counted = (counter: Metric.Counter<number>) => Effect.map(Metric.value(counter), ({ count }) => count)

export const ownMetrics = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.provideService(self, Metric.MetricRegistry, new Map())
