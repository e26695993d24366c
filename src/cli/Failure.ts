/**
 * Failures as the user sees them: what went wrong in one line or one JSON object, and with which exit code.
 */
import * as Cause from "effect/Cause"
import type * as CliError from "effect/cli/CliError"
import type * as Config from "effect/Config"
import * as Data from "effect/Data"
import type { AtlasError } from "../domain/AtlasError.ts"
import * as ForeignText from "../domain/ForeignText.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import type { FlyError } from "../fly/FlyError.ts"
import * as Made from "./Made.ts"
import type { Invocation } from "./Shell.ts"

/** One failure, as it is printed. */
export interface Failure {
  /** 1 for a typed failure, 2 for bad usage. */
  readonly exitCode: 1 | 2
  readonly kind: string
  readonly message: string
  readonly provider: string | null
  /** The verb that failed, or the command that was typed wrong. */
  readonly operation: string | null
  readonly issues: ReadonlyArray<{ readonly path: string; readonly message: string }>
  /** What to do about it, for people. */
  readonly hint: string | null
  /** A compute that may be there all the same. */
  readonly computeId?: string | null
  /** How it went with each of several things, where the command was asked for several. */
  readonly results?: ReadonlyArray<Result>
}

const unknown = (message: string): Failure => ({
  exitCode: 1,
  kind: "unknown",
  message,
  provider: null,
  operation: null,
  issues: [],
  hint: null
})

/** How it went with one of several things that a command was asked for. */
export interface Result {
  readonly id: string
  readonly status: "terminated" | "not_found" | "failed"
}

/** Some of what a command was asked for failed; the results of all of it are told with the failures. */
export class Incomplete extends Data.TaggedError("Incomplete")<{
  readonly failures: ReadonlyArray<{ readonly id: string | null; readonly error: AtlasError }>
  readonly results: ReadonlyArray<Result>
}> {}

/** Everything a run of the command line can fail with. */
export type Error = AtlasError | FlyError | CliError.CliError | Config.ConfigError | Incomplete

/** Also what the user typed: it may have been pasted. */
const oneLine = (message: string): string => ForeignText.line(message.replace(/\s*\n\s*/g, " "))

const pathOf = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return error.option
    case "MissingOption":
      return `--${error.option}`
    case "InvalidValue":
      return error.kind === "flag" ? `--${error.option}` : error.option
    case "MissingArgument":
      return error.argument
    default:
      return ""
  }
}

const sentenceOf = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `unknown flag ${error.option}`
    case "UnknownSubcommand":
      return `unknown command "${error.subcommand}"`
    default:
      return oneLine(error.message)
  }
}

const suggestionsOf = (error: CliError.NonShowHelpErrors): string => {
  const found = error._tag === "UnrecognizedOption" || error._tag === "UnknownSubcommand" ? error.suggestions : []
  return found.length === 0 ? "" : `; did you mean ${found.join(" or ")}?`
}

const fromUsage = (commandPath: ReadonlyArray<string>, errors: ReadonlyArray<CliError.NonShowHelpErrors>): Failure => {
  const issues = errors.map((error) => ({ path: pathOf(error), message: sentenceOf(error) + suggestionsOf(error) }))
  const command = commandPath.join(" ")
  return {
    exitCode: 2,
    kind: "validation",
    // one unknown command makes everything after it wrong too: the first complaint is the one to act on
    message: issues[0]?.message ?? "no command given",
    provider: null,
    operation: command,
    issues,
    hint: `try \`${command} --help\``
  }
}

const computeIdOf = ({ reason }: AtlasError): string | null => {
  switch (reason._tag) {
    case "Uncertain":
      return reason.computeId ?? reason.lastSeen?.id ?? null
    case "Timeout":
      return reason.lastSeen?.id ?? null
    default:
      return null
  }
}

/** Of a refusal without a word of its own the status says most. */
const wordless = ({ reason, status }: AtlasError): string => {
  const said = status === null ? "no message" : `the provider answered with HTTP ${status} and no message`
  return reason._tag === "RateLimited" && reason.retryAfter !== null
    ? `${said}; it asks to wait ${TimeSpan.format(reason.retryAfter)}`
    : said
}

const fromError = (error: Exclude<Error, Incomplete>): Failure => {
  switch (error._tag) {
    case "AtlasError":
      return {
        exitCode: 1,
        kind: error.kind,
        message: error.reason.message || wordless(error),
        provider: error.provider,
        operation: error.operation,
        issues: error.reason._tag === "Validation" ? error.reason.issues : [],
        hint: null,
        computeId: computeIdOf(error)
      }
    case "FlyError":
      return {
        exitCode: 1,
        kind: error.kind,
        message: error.reason.message || "no message",
        provider: null,
        operation: error.operation,
        issues: error.reason._tag === "Validation" ? error.reason.issues : [],
        hint: null
      }
    case "ConfigError":
      return { ...unknown(oneLine(error.cause.message)), exitCode: 2, kind: "validation" }
    case "ShowHelp":
      return fromUsage(error.commandPath, error.errors)
    default:
      return fromUsage(["atlas"], [error])
  }
}

const naming = ({ message, ...failure }: Failure, id: string | null): Failure => ({
  ...failure,
  message: id === null || message.includes(id) ? message : `${message} (${id})`
})

const fromFailed = (error: Error): ReadonlyArray<Failure> =>
  error._tag === "Incomplete"
    ? error.failures.map((one) => ({ ...naming(fromError(one.error), one.id), results: error.results }))
    : [fromError(error)]

const fromDefect = (defect: unknown): Failure =>
  unknown(defect instanceof globalThis.Error ? defect.message : "atlas failed unexpectedly (a defect)")

/** Every failure and defect of a run, typed ones first; none for a run that was only interrupted. */
export const failuresOf = (cause: Cause.Cause<Error>): ReadonlyArray<Failure> => [
  ...cause.reasons.filter(Cause.isFailReason).flatMap(({ error }) => fromFailed(error)),
  ...cause.reasons.filter(Cause.isDieReason).map(({ defect }) => fromDefect(defect))
]

/** A failure of a run that has made these things, which nothing else may tell the ids of. */
const withMade = (failure: Failure, made: ReadonlyArray<Made.Thing>): Failure => ({
  ...failure,
  computeId: failure.computeId ?? made.find(({ type }) => type === "compute")?.id ?? null,
  hint: [...(failure.hint === null ? [] : [failure.hint]), ...made.map(Made.describe)].join("\n") || null
})

const toText = ({ hint, kind, message }: Failure): string =>
  `error [${kind}] ${oneLine(message)}${hint === null ? "" : `\n${hint}`}`

const toJson = (failures: readonly [Failure, ...ReadonlyArray<Failure>], made: ReadonlyArray<Made.Thing>): string => {
  const [{ computeId = null, kind, operation, provider, results }] = failures
  return JSON.stringify({
    error: {
      kind,
      message: oneLine(failures.map(({ message }) => message).join("; ")),
      provider,
      operation,
      issues: failures.flatMap(({ issues }) => issues),
      ...(results === undefined ? {} : { results }),
      ...(computeId === null ? {} : { computeId }),
      ...(made.length === 0 ? {} : { made })
    }
  })
}

/**
 * The failures of a run that has made these things. For people: `error [kind] message` each, and the hint if there is one. For programs:
 * one line with the first one's kind and the messages of all.
 */
export const render = (
  { json }: Pick<Invocation, "json">,
  [first, ...rest]: readonly [Failure, ...ReadonlyArray<Failure>],
  made: ReadonlyArray<Made.Thing>
): string => {
  const failures = [withMade(first, made), ...rest] as const
  return json ? toJson(failures, made) : failures.map(toText).join("\n")
}
