/**
 * What a command does when the program that reads its stdout leaves, as `head -1` does.
 */

/**
 * `end`: quietly, with exit code 0; `hand back`: what was rented is ended, then exit code 141, as shells count a closed pipe;
 * `go on`: to its own end, without output.
 */
export type Rule = "end" | "hand back" | "go on"

/** Flags of every command that take the next word. */
const takesAWord = /^--(provider|base-url|log-level)$/

/** Commands that change nothing. */
const readOnly =
  /^(help|ps|ls|get|await|logs|gpus|offers|spend|providers|watch|dev|sessions(?! forget)|fly (apps|logs|token get)|job (get|await|stream)|(volumes|templates|endpoints) (ls|get))( |$)/

/** Commands that rent for as long as they run, with no end of their own. */
const rentsWhileItRuns = /^(up|demo|check)( |$)/

/** The rule for a command, by its words up to `--`. */
export const ruleOf = (words: ReadonlyArray<string>): Rule => {
  const path = words.filter((word, index) => !word.startsWith("-") && !takesAWord.test(words[index - 1] ?? ""))
  const command = path.join(" ")
  if (rentsWhileItRuns.test(command)) {
    return words.some((word) => word === "--detach" || word === "-d")
      ? "go on"
      : "hand back"
  }
  // without a command the help is printed
  return command === "" || readOnly.test(command) ? "end" : "go on"
}
