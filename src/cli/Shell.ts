/**
 * What a command sees of the shell it was typed into: its arguments, environment, directory, terminal and exit code.
 *
 * Commands write through it and nothing else, so a test can run them without a process, and no provider's text reaches a terminal
 * as it came.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ForeignText from "../domain/ForeignText.ts"

/** What the user typed, as far as it matters before a command is chosen. */
export interface Invocation {
  /** The arguments without `--json`. */
  readonly args: ReadonlyArray<string>
  /** Results as JSON on stdout, failures as JSON on stderr. */
  readonly json: boolean
  /** Whether `--log-level` asks for what only helps to find a bug, such as stack traces. */
  readonly debug: boolean
  /** How many words stand after `--`; they belong to the command that runs in the compute. */
  readonly trailing: number
}

const detailed = /^(all|trace|debug)$/
const isJson = (word: string): boolean => word === "--json" || word === "--json=true"

/**
 * Reads the flags that decide how everything else is shown, even an error about the other flags.
 *
 * `--json` is taken out here: a boolean flag of `effect/cli` would take a following `1` or `on` as its value.
 */
export const invocation = (argv: ReadonlyArray<string>): Invocation => {
  const end = argv.indexOf("--")
  const own = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end)
  const level = own.flatMap((word, index) =>
    word === "--log-level" ? [own[index + 1] ?? ""] : word.startsWith("--log-level=") ? [word.slice(12)] : []
  ).at(-1)
  return {
    args: [...own.filter((word) => !isJson(word)), ...rest],
    json: own.some(isJson),
    debug: level !== undefined && detailed.test(level),
    trailing: Math.max(0, rest.length - 1)
  }
}

/** The shell in use. */
export class Shell extends Context.Service<Shell, {
  readonly invocation: Invocation
  /** The directory the command was typed in. */
  readonly directory: string
  readonly variable: (name: string) => string | undefined
  /** Whether stdout may be coloured. */
  readonly hasColor: boolean
  /** Whether stdout is a terminal, so that a person and no program reads it. */
  readonly outIsTerminal: boolean
  /** How many cells a line of the terminal has that stdout is; undefined where it is none. */
  readonly columns?: () => number | undefined
  /** Whether a person reads stderr as it comes, so that progress is worth showing. */
  readonly showsProgress: boolean
  /** Whether a person is there to answer a question. */
  readonly canAsk: boolean
  /** All of stdin. */
  readonly input: Effect.Effect<string>
  /** Writes text and a line end to stdout, as soon as there is room: only this wait can be interrupted, and it always can. */
  readonly out: (text: string) => Effect.Effect<void>
  /** Writes what a program has written to stdout, with the line ends that it has and no other. */
  readonly write: (text: string) => Effect.Effect<void>
  /** Writes text and a line end to stdout, in place of all that the terminal shows. */
  readonly screen: (text: string) => Effect.Effect<void>
  /** Writes text and a line end to stderr; waits for no reader. */
  readonly err: (text: string) => Effect.Effect<void>
  /** Asks a yes/no question; anything but yes is no. */
  readonly ask: (question: string) => Effect.Effect<boolean>
  /** Sets the exit code of a run that does not fail; 0 until then. */
  readonly exitWith: (code: number) => Effect.Effect<void>
}>()("effect-atlas/cli/Shell") {}

/**
 * Makes output wait no longer for a reader that takes nothing: for an end that the reader has no part in, such as that of a limit.
 * The process provides it.
 */
export const Hurry = Context.Reference<Effect.Effect<void>>("effect-atlas/cli/Hurry", {
  defaultValue: () => Effect.void
})

/** Ends when the reader of stdout has been given up, so that all that is still written is dropped. The process provides it. */
export const GivenUp = Context.Reference<Effect.Effect<void>>("effect-atlas/cli/GivenUp", {
  defaultValue: () => Effect.never
})

/**
 * A shell whose writers pass on nothing that a terminal obeys, but for the colours where it may have them. JSON keeps its value:
 * what is harmful in it is written as an escape.
 */
export const make = (shell: Omit<Shell["Service"], "screen">): Shell["Service"] => {
  const { ask, err, hasColor, invocation, out, write } = shell
  const clean = (colours: boolean) => (text: string) =>
    invocation.json ? ForeignText.json(text) : ForeignText.lines(text, { colours })
  const [forOut, forErr] = [clean(hasColor), clean(false)]
  return Shell.of({
    ...shell,
    out: (text) => out(forOut(text)),
    write: (text) => write(ForeignText.log(text)),
    screen: (text) => out(`\u001b[H\u001b[J${forOut(text)}`),
    err: (text) => err(forErr(text)),
    ask: (question) => ask(ForeignText.line(question))
  })
}
