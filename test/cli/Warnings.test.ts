import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { invocation, Shell } from "../../src/cli/Shell.ts"
import * as Warnings from "../../src/cli/Warnings.ts"

/** What is written to stderr while this runs under these arguments. */
const said = (args: ReadonlyArray<string>, self: Effect.Effect<void, never, Shell>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const shell = Shell.of({
      invocation: invocation(args),
      directory: "/",
      variable: () => undefined,
      hasColor: false,
      outIsTerminal: false,
      showsProgress: false,
      canAsk: false,
      input: Effect.succeed(""),
      out: () => Effect.die("stdout belongs to results"),
      write: () => Effect.die("stdout belongs to results"),
      screen: () => Effect.die("stdout belongs to results"),
      err: (text) => Effect.sync(() => void lines.push(text)),
      ask: () => Effect.succeed(false),
      exitWith: () => Effect.void
    })
    yield* self.pipe(
      Effect.provideService(Shell, shell),
      Effect.provide(Logger.layer([Warnings.logger(shell)])),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
    return lines
  })

const logged = Effect.logWarning("the token could not be removed:", new Error("no room\nat all"), "now").pipe(
  Effect.annotateLogs({ app: "acme-web" })
)

describe("a warning", () => {
  it.effect("of the library is one plain line, with what it is about", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* said(["task"], logged), [
        "warning: the token could not be removed: no room at all now (app: acme-web)"
      ])
      assert.deepStrictEqual(yield* said(["task"], Effect.logError("lost", Cause.fail(new Error("reset")))), [
        "warning: lost reset"
      ])
    }))

  it.effect("is one object with a type where JSON is asked for, from a command and from the library alike", () =>
    Effect.gen(function*() {
      const lines = yield* said(["ps", "--json"], Effect.andThen(Warnings.warn("odd", { id: "a/b" }), logged))
      assert.deepStrictEqual(lines.map((line): unknown => JSON.parse(line)), [
        { type: "warning", message: "odd", id: "a/b" },
        {
          type: "warning",
          message: "the token could not be removed: no room\nat all now",
          level: "warn",
          app: "acme-web"
        }
      ])
    }))

  it.effect("has the time and the fiber only where detail is asked for", () =>
    Effect.gen(function*() {
      const [line = ""] = yield* said(["ps", "--log-level", "debug"], logged)
      assert.match(line, /timestamp=.* level=Warn fiber=#\d+/i)
      assert.deepStrictEqual(yield* said(["ps"], Effect.logDebug("why")), ["debug: why"])
    }))
})
