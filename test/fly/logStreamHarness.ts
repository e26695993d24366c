/**
 * What the tests of followed logs share: a subscriber that keeps what comes, and a clock moved in steps.
 */
import { FlyLogStream } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { said } from "./logs.ts"

export type Element = FlyLogStream.Element

export const app = "acme-web"

/** Subscribes in a scope of its own, and keeps what comes. */
export const listen = (name = app, options: FlyLogStream.SubscribeOptions = {}) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const seen: Array<Element> = []
    const stream = yield* FlyLogStream.FlyLogStream.use((logs) => logs.subscribe(name, options)).pipe(
      Scope.provide(scope)
    )
    const fiber = yield* Effect.forkIn(
      Stream.runForEach(stream, (one) => Effect.sync(() => void seen.push(one))),
      scope
    )
    return { seen, fiber, leave: Scope.close(scope, Exit.void) }
  })

export const messages = (seen: ReadonlyArray<Element>): ReadonlyArray<string | null> =>
  seen.flatMap((one) => one._tag === "Logs" ? one.entries.map(({ message }) => message) : [])

export const tags = (seen: ReadonlyArray<Element>) => seen.map(({ _tag }) => _tag)

/** How many requests for an app's logs there have been. */
export const asked = (name = app) =>
  Effect.map(
    FakeFly.FakeFly.use(({ requests }) => requests),
    (all) => all.filter((one) => one.app === name).length
  )

export const append = (name: string, ...texts: ReadonlyArray<string>) =>
  FakeFly.FakeFly.use((fly) => fly.append(name, said(...texts)))

/** Lets every fiber that is not asleep go on until it is; what a body is read with needs real turns. */
export const settle = Effect.promise(async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
})

/** Moves the clock a second at a time, so that a fiber that wakes is done before it moves on. */
export const tick = (by: Duration.Input = 0) =>
  Effect.gen(function*() {
    yield* settle
    for (let left = Duration.toMillis(Duration.fromInputUnsafe(by)); left > 0; left -= 1000) {
      yield* TestClock.adjust(Math.min(left, 1000))
      yield* settle
    }
  })
