/**
 * The command line without a process: arguments in, what it wrote and its exit code out.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Provider, Providers } from "effect-atlas"
import type { FlyCli } from "effect-atlas/fly"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as AtlasCli from "../../src/cli/AtlasCli.ts"
import { Clouds } from "../../src/cli/Clouds.ts"
import { FlyTools } from "../../src/cli/FlyTools.ts"
import { OwnerStore } from "../../src/cli/OwnerStore.ts"
import { invocation, make as makeSafe, Shell } from "../../src/cli/Shell.ts"
import * as SessionStore from "../../src/orchestrator/SessionStore.ts"
import * as NameStamp from "../../src/provider/NameStamp.ts"

export interface Surroundings {
  /** The environment; that of the test where it is left out. */
  readonly env?: Readonly<Record<string, string>>
  /** What is typed at a question; without it no question can be asked. */
  readonly answer?: boolean
  /** What stands on stdin. */
  readonly input?: string
  /** The providers there are, or those the program itself has, with the records it keeps. */
  readonly providers?: ReadonlyArray<Providers.Made> | "as shipped"
  /** Whether stdout is a terminal. */
  readonly terminal?: boolean
  /** Whether it has colours, and shows progress. */
  readonly colour?: boolean
  readonly flyTools?: Layer.Layer<FlyCli.FlyCli>
  /** What the reader of stdout does before it takes something; takes all at once unless it is given. */
  readonly reader?: Effect.Effect<void>
  /** Where sessions are kept; a place of its own for each run unless it is given. */
  readonly store?: SessionStore.SessionStore["Service"]
  /** The directory the command is typed in. */
  readonly directory?: string
  /** Whether nobody reads stdout any more, after so many writes. */
  readonly blocked?: (written: number) => boolean
}

const over = (providers: ReadonlyArray<Providers.Made>, store: Surroundings["store"]) => {
  const registry = Providers.make(providers, { default: providers[0]?.id ?? "" })
  const layer = store === undefined ? SessionStore.layerMemory : Layer.succeed(SessionStore.SessionStore, store)
  return <A, E, R>(self: Effect.Effect<A, E, R>) =>
    self.pipe(
      Effect.provideService(Clouds, Layer.succeed(Providers.Providers, registry)),
      Effect.provideService(OwnerStore, Effect.succeed({ owner, store: layer }))
    )
}

/** A run whose output is kept: `out` and `err` grow while the command runs. */
export const start = (
  args: ReadonlyArray<string>,
  {
    answer,
    blocked = () => false,
    colour = false,
    directory = "/home/me",
    env,
    flyTools,
    input = "",
    providers = [],
    reader = Effect.void,
    store,
    terminal = false
  }: Surroundings = {}
) => {
  const out: Array<string> = []
  const err: Array<string> = []
  const questions: Array<string> = []
  let asked = 0
  const shell = makeSafe({
    invocation: invocation(args),
    directory,
    variable: (name) => env?.[name],
    hasColor: colour,
    outIsTerminal: terminal,
    showsProgress: colour && !invocation(args).json,
    canAsk: answer !== undefined,
    input: Effect.succeed(input),
    out: (text) =>
      Effect.andThen(
        reader,
        Effect.suspend(() => {
          out.push(text)
          return blocked(out.length) ? Effect.never : Effect.void
        })
      ),
    write: (text) => Effect.andThen(reader, Effect.sync(() => void out.push(...text.replace(/\n$/, "").split("\n")))),
    err: (text) => Effect.sync(() => void err.push(text)),
    ask: (question) =>
      Effect.sync(() => {
        questions.push(question)
        return answer ?? false
      }),
    exitWith: (code) =>
      Effect.sync(() => {
        asked = code
      })
  })
  const ended = AtlasCli.run.pipe(
    Effect.provideService(Shell, shell),
    providers === "as shipped" ? identity : over(providers, store),
    flyTools === undefined ? identity : Effect.provideService(FlyTools, flyTools),
    env === undefined
      ? identity
      : Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env)),
    Effect.provide(NodeServices.layer),
    Effect.exit,
    Effect.map((exit) => ({
      code: Exit.isSuccess(exit) ? asked : AtlasCli.exitCodeOf(exit),
      out: out.join("\n"),
      err: err.join("\n"),
      questions
    }))
  )
  return { out, err, ended }
}

/** Runs one command line to its end. */
export const run = (args: ReadonlyArray<string>, surroundings?: Surroundings) => start(args, surroundings).ended

/** The owner whose sessions the command line keeps here. */
export const owner = NameStamp.Owner.make("tester")

/** A mock whose computes run at once, and its controls. */
export const mock = MockProvider.make({ pollInterval: "100 millis", settleWindow: "100 millis" })

/** A provider that is only reserved. */
export const reserved = Provider.placeholder("runpod", ["raw_tcp"])

/** Lets everything run that can. */
export const settle = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, { discard: true })

/** Lets time pass in small steps, so that what wakes up may do its work before the next one does. */
export const pass = (seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () => Effect.andThen(TestClock.adjust("1 second"), settle), {
    discard: true
  })

/** Starts a command and answers its lines so far and its end. */
export const begin = (args: ReadonlyArray<string>, surroundings: Surroundings) =>
  Effect.gen(function*() {
    const { ended, out } = start(args, surroundings)
    const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
    yield* settle
    const lines = () => out.flatMap((text) => text.split("\n")).map((line): Record<string, unknown> => JSON.parse(line))
    return { lines, ended: Fiber.join(fiber), fiber }
  })

/** The id in a line of JSON. */
export const idOf = (line: Record<string, unknown> | undefined) => String(line?.["id"])
