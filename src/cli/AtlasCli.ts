/**
 * The `atlas` command: its grammar, and one run of it from the arguments to the exit code.
 *
 * Commands are loaded when they are chosen, so that the help costs no more than the grammar.
 */
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { version } from "../domain/Version.ts"
import { action } from "./Action.ts"
import { endpoints, gpus, providers, spend, templates, volumes } from "./commands/accountCommands.ts"
import { down, get, kill, logs, ls, ps, rm, start, stop, up, wait } from "./commands/computeCommands.ts"
import { fly } from "./commands/flyCommands.ts"
import { job } from "./commands/jobCommands.ts"
import { reap, sessions, task } from "./commands/sessionCommands.ts"
import { check, demo, dev } from "./commands/trialCommands.ts"
import * as Failure from "./Failure.ts"
import { everywhere, misused } from "./Flags.ts"
import * as HelpText from "./HelpText.ts"
import { Made } from "./Made.ts"
import { Shell } from "./Shell.ts"
import * as Warnings from "./Warnings.ts"

const help = Command.make("help", {
  words: Argument.String("command").pipe(
    Argument.withDescription("The command, in one word or more"),
    Argument.variadic()
  )
}, ({ words }): Effect.Effect<void, Failure.Error, Shell | Command.Environment> => helpOf(words)).pipe(
  Command.withDescription("Explain a command, as COMMAND --help does."),
  Command.withShortDescription("Explain a command"),
  Command.withExamples([
    { command: "atlas help up", description: "What up does, with its flags and examples" },
    { command: "atlas help fly token", description: "A command below another one" }
  ])
)

/** Run by the scripts of `--completions`, so no help lists it. */
const complete = Command.make(
  "complete",
  { line: Argument.String("word").pipe(Argument.variadic()) },
  ({ line }): Effect.Effect<void, Failure.Error, Shell | Command.Environment> => runComplete(line)
).pipe(
  Command.withDescription("Print the words that may stand where the last one is typed, one a line."),
  Command.unlisted
)
const runComplete = action(async () => {
  const [{ at }, { run }] = await Promise.all([import("./completion/words.ts"), import("./actions/complete.ts")])
  return (line: ReadonlyArray<string>) => run(at(grammar(), flagsOfAll(), line))
})

const atlas = Command.make("atlas").pipe(
  Command.withDescription(
    "Rent computers, watch over them, and end them. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured, also in small letters; " +
      "requests through a proxy need the package @effect/platform-node, or NODE_USE_ENV_PROXY=1."
  ),
  Command.withShortDescription("Rent computers, watch over them, and end them"),
  Command.withExamples([
    { command: "atlas demo", description: "See it work on this machine, in seconds" },
    { command: "atlas up --port 8000/http --auth bearer -- node server.js", description: "A server behind a token" },
    { command: "atlas ps", description: "List your computes" },
    { command: "atlas down ID", description: "End it" }
  ]),
  Command.withSubcommands([
    up,
    task,
    ps,
    get,
    wait,
    logs,
    stop,
    start,
    down,
    sessions,
    reap,
    gpus,
    spend,
    job,
    volumes,
    templates,
    endpoints,
    fly,
    providers,
    check,
    demo,
    dev,
    help,
    // the words of other tools
    ls,
    rm,
    kill,
    complete
  ]),
  // after the subcommands: only then it takes the settings out of what they need
  Command.withGlobalFlags(everywhere)
)

/** Prints what `effect/cli` itself produces: help and version. Bad usage is rendered with every other failure. */
const presenter = Effect.map(Shell, ({ columns, hasColor, invocation, out }): CliOutput.Presenter => {
  const show = (text: string, json: unknown) => out(invocation.json ? JSON.stringify(json) : text)
  return {
    present: (event) => {
      switch (event._tag) {
        case "Version":
          return show(`${event.name} ${event.version}`, { name: event.name, version: event.version })
        case "Help": {
          // `atlas` alone shows the help; `atlas --json` comes from a program that forgot the command
          if (event.reason === "Implicit" && invocation.json) return Effect.void
          const help = HelpText.format(event.helpDoc, { colours: hasColor, columns: columns?.() })
          return show(help, { help })
        }
        case "InvalidInvocation":
          return Effect.void
      }
    }
  }
})

const logging = Effect.map(Shell, (shell) =>
  Layer.mergeAll(
    Logger.layer([Warnings.logger(shell)]),
    // a failure in JSON is the one line on stderr; `--log-level` shows more
    Layer.succeed(References.MinimumLogLevel, shell.invocation.json ? "None" : "Warn")
  ))

/** Prints a script that asks `atlas complete`, so that ids and names that exist now are completed too. */
const completions = GlobalFlag.Action({
  flag: GlobalFlag.Completions.flag,
  run: (shell) =>
    Option.isNone(shell) ? Effect.void : Effect.flatMap(
      Effect.promise(() => import("./completion/scripts.ts")),
      ({ scripts }) =>
        Console.log(
          shell.value === "powershell"
            ? Completions.generate("atlas", shell.value, grammar())
            : scripts[shell.value](
              grammar().subcommands.map(({ description = "", name }) => ({ word: name, about: description }))
            )
        )
    )
})

const builtIns = [GlobalFlag.Help, GlobalFlag.Version, completions, GlobalFlag.LogLevel]

const command = Command.runWith(atlas, { version })

/** The help of a command that is there, whatever it is called. */
const helpOf = (words: ReadonlyArray<string>): Effect.Effect<void, Failure.Error, Shell | Command.Environment> => {
  let at: Command.Command.Any = atlas
  for (const [depth, word] of words.entries()) {
    const next = at.subcommands.flatMap(({ commands }) => commands).find(({ name }) => name === word)
    if (next === undefined) {
      const parent = ["atlas", ...words.slice(0, depth)]
      const error = new CliError.UnknownSubcommand({ subcommand: word, parent, suggestions: [] })
      return Effect.fail(new CliError.ShowHelp({ commandPath: parent, errors: [error] }))
    }
    at = next
  }
  return command([...words, "--help"])
}

/** The commands that help lists, with their flags and arguments. */
const grammar = (): Completions.CommandDescriptor => Completions.fromCommand(atlas)

/** The flags of every command. */
const flagsOfAll = (): ReadonlyArray<Completions.FlagDescriptor> =>
  Completions.fromCommand(Command.make("every", { all: [...builtIns, ...everywhere].map(({ flag }) => flag) })).flags

/** Bad usage with suggestions that a user can have meant. */
const amended = ({ commandPath, errors }: CliError.ShowHelp): Effect.Effect<never, Failure.Error> =>
  Effect.flatMap(Effect.promise(() => import("./Suggest.ts")), (Suggest) =>
    Effect.fail(
      new CliError.ShowHelp({ commandPath, errors: errors.map(Suggest.amend(grammar(), flagsOfAll())) })
    ))

/** One run of the command line. Failures have been printed when it is over; `exitCodeOf` tells its exit code. */
export const run: Effect.Effect<void, Failure.Error, Shell | Command.Environment> = Effect.gen(function*() {
  const { invocation } = yield* Shell
  yield* command(invocation.args).pipe(
    Effect.catchIf(
      (error) => error._tag === "ShowHelp" && error.errors.length === 0,
      () => invocation.json ? Effect.fail(misused(null, "no command given")) : Effect.void
    ),
    // this one alone: of several failures, as of a hand-back, none may be left out
    Effect.catchTag("ShowHelp", amended),
    Effect.provide([
      CliConfig.layer({ builtIns }),
      CliOutput.layerPresenter(yield* presenter),
      yield* logging
    ])
  )
}).pipe(Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : report(exit.cause)))

/** Prints what went wrong, also for a run that was interrupted and then could not clean up. */
const report = (cause: Cause.Cause<Failure.Error>): Effect.Effect<void, never, Shell> =>
  Effect.gen(function*() {
    const { err, invocation } = yield* Shell
    const [first, ...rest] = Failure.failuresOf(cause)
    if (first === undefined) return
    yield* err(Failure.render(invocation, [first, ...rest], (yield* Made).all("kept")))
    if (invocation.debug && first.exitCode === 1) yield* err(Cause.pretty(cause))
  })

/** The exit code of a run, where neither a signal nor the command decides it. */
export const exitCodeOf = (exit: Exit.Exit<void, Failure.Error>): number =>
  Exit.isSuccess(exit) ? 0 : Failure.failuresOf(exit.cause)[0]?.exitCode ?? 130
