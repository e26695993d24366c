/**
 * A command's own output: how long its end waits for its reader, and for what it does not wait.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Printer from "../../src/cli/Printer.ts"
import { GivenUp, invocation, make, Shell } from "../../src/cli/Shell.ts"
import { settle } from "./harness.ts"

const shell = make({
  invocation: invocation(["task", "--json"]),
  directory: "/",
  variable: () => undefined,
  hasColor: false,
  outIsTerminal: false,
  showsProgress: false,
  canAsk: false,
  input: Effect.succeed(""),
  out: () => Effect.void,
  write: () => Effect.void,
  err: () => Effect.void,
  ask: () => Effect.succeed(false),
  exitWith: () => Effect.void
})

describe("a reader that was given up", () => {
  it.effect("is waited for no longer, whatever patience there is, and no more of a log is read for it", () =>
    Effect.gen(function*() {
      const givenUp = Latch.makeUnsafe()
      const printer = yield* Printer.make.pipe(
        Effect.provideService(Shell, shell),
        Effect.provideService(GivenUp, givenUp.await)
      )
      let isReading = true
      const source = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (isReading = false)))
      const drained = yield* Effect.forkChild(printer.drained(source, { quiet: null, total: null }))
      yield* settle
      assert.isUndefined(drained.pollUnsafe())
      yield* givenUp.open
      yield* settle
      assert.isDefined(drained.pollUnsafe())
      assert.strictEqual(yield* Fiber.join(drained), Printer.givenUp)
      assert.isFalse(isReading)
    }).pipe(Effect.scoped))
})
