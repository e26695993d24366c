/**
 * What may stand at the end of a command line that is being typed: words of the grammar, or a kind of thing that has to be asked for.
 */
import type * as Completions from "effect/cli/Completions"

/** What is asked for while the user waits: ids and names that exist now. */
export type Kind = "compute" | "session" | "provider" | "gpu" | "file"

/** A word that may stand there, and what it is. */
export interface Word {
  readonly word: string
  readonly about: string
}

/** What may stand there. */
export interface Wanted {
  readonly words: ReadonlyArray<Word>
  readonly kind: Kind | null
  /** What was typed of it: all that is offered begins so. */
  readonly typed: string
  /** What stands before the part that is completed within the same word, such as `--provider=`. */
  readonly before: string
  /** What was typed for the flags that say which account is meant. */
  readonly flags: ReadonlyMap<string, string>
}

const nothing = { words: [], kind: null, before: "" } as const

/** Arguments that name something that exists, by the command they belong to. */
const argumentKinds: ReadonlyMap<string, Kind> = new Map([
  ...["get", "await", "logs", "stop", "start", "down", "rm", "kill", "spend"].map((name) => [name, "compute"] as const),
  ["sessions forget", "session"],
  ["check", "provider"],
  ["fly apps", "file"],
  ["fly deploy", "file"]
])
const flagKinds: ReadonlyMap<string, Kind> = new Map([
  ["provider", "provider"],
  ["gpu", "gpu"],
  ["env-file", "file"],
  ["config", "file"],
  ["input", "file"]
])
/** Only these decide where ids come from. */
const accountFlags: ReadonlySet<string> = new Set(["provider", "base-url"])

/** Commands with another name that no help lists. */
const aliases: ReadonlyMap<string, string> = new Map([["ls", "ps"], ["rm", "down"], ["kill", "down"]])

const takesValue = (flag: Completions.FlagDescriptor): boolean =>
  flag.type._tag !== "Boolean" && flag.optionalValue !== true

/** bash gives `--flag=value` as three words. */
const joined = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const made: Array<string> = []
  for (const [at, word] of words.entries()) {
    const previous = made.at(-1)
    if (word === "=" && previous?.startsWith("--") && !previous.includes("=")) made[made.length - 1] = `${previous}=`
    else if (words[at - 1] === "=" && previous?.endsWith("=")) made[made.length - 1] = previous + word
    else made.push(word)
  }
  return made
}

/**
 * What may stand where the last of these words is typed, which may be empty. `everywhere` are the flags of every command.
 */
export const at = (
  root: Completions.CommandDescriptor,
  everywhere: ReadonlyArray<Completions.FlagDescriptor>,
  line: ReadonlyArray<string>
): Wanted => {
  const words = joined(line)
  const split = words.length < line.length
  const typed = words.at(-1) ?? ""
  const flags = new Map<string, string>()
  const found = (text: string, command: Completions.CommandDescriptor) =>
    [...command.flags, ...everywhere].find(({ aliases: short, name }) =>
      `--${name}` === text || short.some((one) => `-${one}` === text)
    )
  const note = (name: string, value: string) => void (accountFlags.has(name) && flags.set(name, value))
  const valueOf = (flag: Completions.FlagDescriptor, value: string, before: string): Wanted => {
    const kind = flagKinds.get(flag.name) ?? (flag.type._tag === "Path" ? "file" : null)
    const choices = flag.type._tag === "Choice" ? flag.type.values : []
    return { words: choices.map((word) => ({ word, about: "" })), kind, typed: value, before, flags }
  }

  let command = root
  let path: ReadonlyArray<string> = []
  let hasArgument = false
  for (let i = 0; i < words.length - 1; i++) {
    const word = words[i] ?? ""
    // what stands there belongs to the command that runs in the compute
    if (word === "--") return { ...nothing, kind: "file", typed, flags }
    if (word.startsWith("-")) {
      const is = word.indexOf("=")
      if (is > 0) {
        note(word.slice(2, is), word.slice(is + 1))
        continue
      }
      const flag = found(word, command)
      if (flag === undefined || !takesValue(flag)) continue
      if (i === words.length - 2) return valueOf(flag, typed, "")
      i += 1
      note(flag.name, words[i] ?? "")
      continue
    }
    const named = path.length === 0 ? aliases.get(word) ?? word : word
    const next = hasArgument ? undefined : command.subcommands.find(({ name }) => name === named)
    if (next === undefined) hasArgument = true
    else {
      command = next
      path = [...path, named]
    }
  }

  if (typed.startsWith("-")) {
    const is = typed.indexOf("=")
    if (is > 0) {
      const flag = found(typed.slice(0, is), command)
      const before = split ? "" : typed.slice(0, is + 1)
      return flag === undefined ? { ...nothing, typed, flags } : valueOf(flag, typed.slice(is + 1), before)
    }
    const all = [...command.flags, ...everywhere].map(({ description = "", name }) => ({
      word: `--${name}`,
      about: description
    }))
    return { ...nothing, words: all, typed, flags }
  }
  const below = (hasArgument ? [] : path[0] === "help" ? root.subcommands : command.subcommands).map((
    { description = "", name }
  ) => ({ word: name, about: description }))
  const takesMore = !hasArgument || command.arguments.some(({ variadic }) => variadic)
  return {
    words: below,
    kind: takesMore ? argumentKinds.get(path.join(" ")) ?? null : null,
    typed,
    before: "",
    flags
  }
}
