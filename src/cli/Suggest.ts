/**
 * What a user who typed an unknown word meant, where that can be told: nothing is better than a wrong guess.
 */
import * as CliError from "effect/cli/CliError"
import type * as Completions from "effect/cli/Completions"

/** Words that other tools have for our commands. */
const synonyms: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["list", ["ps"]],
  ["status", ["ps"]],
  ["top", ["ps"]],
  ["run", ["up", "task"]],
  ["create", ["up"]],
  ["launch", ["up"]],
  ["rent", ["up"]],
  ["show", ["get"]],
  ["inspect", ["get"]],
  ["describe", ["get"]],
  ["wait", ["await"]],
  ["remove", ["down"]],
  ["delete", ["down"]],
  ["destroy", ["down"]],
  ["terminate", ["down"]]
])

/** How many letters must be added, left out, changed or swapped with the next one to make one word of the other. */
const distance = (one: string, other: string): number => {
  let beforeLast: ReadonlyArray<number> = []
  let last = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const changed = (last[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
        ? (beforeLast[j - 2] ?? 0) + 1
        : changed
      row.push(Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, changed, swapped))
    }
    beforeLast = last
    last = row
  }
  return last[other.length] ?? 0
}

/** A slip of a finger; two in a word that is long enough to be known by the rest. */
const slips = (typed: string): number => typed.length < 3 ? 0 : typed.length < 6 ? 1 : 2
/** A word this short begins too many others. */
const shortestBeginning = 3

/** The known words that are closest to a typed one: those within a slip or two of it, else those that it begins. */
export const closest = (typed: string, known: Iterable<string>): ReadonlyArray<string> => {
  const words = [...new Set(known)]
  const near = words.map((word) => [distance(typed, word), word] as const).filter(([far]) => far <= slips(typed))
  const nearest = Math.min(...near.map(([far]) => far))
  if (near.length > 0) return near.flatMap(([far, word]) => far === nearest ? [word] : [])
  return typed.length < shortestBeginning ? [] : words.filter((word) => word.startsWith(typed))
}

/** A command and, where the user has typed one, the command below it that a path leads to. */
export const commandAt = (
  root: Completions.CommandDescriptor,
  path: ReadonlyArray<string>
): Completions.CommandDescriptor =>
  path.slice(1).reduce((at, word) => at.subcommands.find(({ name }) => name === word) ?? at, root)

/** The same error with suggestions of ours; `everywhere` are the flags of every command. */
export const amend = (root: Completions.CommandDescriptor, everywhere: ReadonlyArray<Completions.FlagDescriptor>) =>
(
  error: CliError.NonShowHelpErrors
): CliError.NonShowHelpErrors => {
  switch (error._tag) {
    case "UnknownSubcommand": {
      const { parent = [root.name], subcommand } = error
      const known = commandAt(root, parent).subcommands.map(({ name }) => name)
      const other = parent.length <= 1 ? synonyms.get(subcommand) : undefined
      return new CliError.UnknownSubcommand({ ...error, suggestions: other ?? closest(subcommand, known) })
    }
    case "UnrecognizedOption": {
      const { command = [root.name], option } = error
      if (!option.startsWith("--")) return new CliError.UnrecognizedOption({ ...error, suggestions: [] })
      const known = [...commandAt(root, command).flags, ...everywhere].flatMap((
        { aliases, name }
      ) => [name, ...aliases])
      const suggestions = closest(option.slice(2), known.filter((name) => name.length > 1)).map((name) => `--${name}`)
      return new CliError.UnrecognizedOption({ ...error, suggestions })
    }
    default:
      return error
  }
}
