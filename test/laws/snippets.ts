/**
 * Code in prose: the fenced blocks of a page or of docstrings, and what may stand in them.
 *
 * Every `ts` block is compiled on its own. The `sh` blocks of a page run one after the other in one shell; a block
 * fenced as `sh no-run` is only compared with `notRun`. To allow one more command, add it to `notRun` or `commands`.
 */
import { posix } from "node:path"
import type { File } from "./files.ts"

export interface Snippet {
  readonly file: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  readonly language: string
  /** What stands after the language, such as `no-run`. */
  readonly info: string
  readonly text: string
}

/** A command of a page as the shell reads it, continued lines joined. */
export interface Command {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** Languages a block may have; every other way to write code would escape the compiler or the shell. */
export const languages: ReadonlyArray<string> = ["ts", "sh", "json", "text", "toml", "mermaid"]

/** What a command that is run may start with. */
export const commands: ReadonlyArray<string> = [
  "atlas",
  "npm run -s atlas --",
  "npm run -s sim --",
  "node",
  "curl",
  "cat",
  "echo",
  "export",
  "cd",
  "mkdir",
  "chmod",
  "cp",
  "kill",
  "wait",
  "until [ -s fake.json ]; do sleep 0.1; done",
  "until [ -s faulty.json ]; do sleep 0.1; done",
  "until [ -s up.json ]; do sleep 0.1; done",
  "until [ -s kept.json ]; do sleep 0.1; done",
  "until [ -s lines.json ]; do sleep 0.1; done"
]

/** Commands that are shown and not run, because they fetch, build or test the checkout this very test runs in. */
export const notRun: ReadonlyArray<string> = [
  "npm install",
  "npm start",
  "npm start -- --json",
  "npm test",
  "npm install && npm start",
  "npm install && npm test",
  "npm install effect-atlas effect @effect/platform-node",
  "npm install --save-dev vitest @effect/vitest",
  "npm run check",
  "npm run build",
  "npm run bench",
  "npm run sim -- --seeds 1000",
  "npm run sim -- --mutate skip-intent",
  "npm run mutants",
  "npm run mutants -- skip-intent reap-young",
  "npm run docs"
]

const opening = /^(?<indent>\s*)(?<fence>`{3,})(?<language>[^\s`]*)[ \t]*(?<info>[^`]*)$/

/** Every fenced block of a page, in order. A block that is never closed ends with the page. */
export const blocksOf = ({ path, text }: File): ReadonlyArray<Snippet> => {
  const lines = text.split("\n")
  const blocks: Array<Snippet> = []
  for (let at = 0; at < lines.length; at++) {
    const { fence, indent = "", info = "", language = "" } = opening.exec(lines[at] ?? "")?.groups ?? {}
    if (fence === undefined) continue
    const first = at + 1
    const isOver = (line: string): boolean => line.trim() === fence
    while (++at < lines.length && !isOver(lines[at] ?? "")) { /* to the end of the block */ }
    const code = lines.slice(first, at).map((line) =>
      line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()
    )
    blocks.push({ file: path, line: first + 1, language, info: info.trim(), text: code.join("\n") })
  }
  return blocks
}

/** The prose of a source file: its docstrings without stars, on the same lines, and nothing else. */
const proseOf = (text: string): string => {
  let inside = false
  return text.split("\n").map((line) => {
    const opens = /^\s*\/\*\*/.test(line)
    const isProse = inside || opens
    inside = isProse && !line.includes("*/")
    return isProse ? line.replace(/^\s*\/?\*+ ?/, "").replace(/\*\/.*$/, "") : ""
  }).join("\n")
}

/** Every `ts` block in the docstrings of a source file. */
export const examplesOf = ({ path, text }: File): ReadonlyArray<Snippet> =>
  blocksOf({ path, text: proseOf(text) }).filter(({ language }) => language === "ts")

/** The block as a module of its own, its code on the lines where it stands in the page. */
export const moduleOf = ({ file, line, text }: Snippet): File => ({
  path: `${file.replaceAll("/", "__")}.${line}.ts`,
  text: `${"\n".repeat(line - 1)}${text}\n`
})

/** What the compiler says of such modules, as places in the pages they come from. */
export const complaintsOf = (
  output: string,
  snippets: ReadonlyArray<Snippet>
): ReadonlyArray<{ readonly file: string; readonly text: string }> => {
  const files = new Map(snippets.map((snippet) => [moduleOf(snippet).path, snippet.file]))
  return output.split("\n").flatMap((line) => {
    const [, path = "", at = "", rest = ""] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(line) ?? []
    if (path === "") return line.startsWith("error") ? [{ file: "", text: line }] : []
    const file = files.get(posix.basename(path)) ?? path
    return [{ file, text: `${file}:${at} ${rest}` }]
  })
}

const isRun = ({ info, language }: Snippet): boolean => language === "sh" && info !== "no-run"

/** The commands of a shell block: no comments, no empty lines, continued lines joined, here-documents left out. */
export const commandsOf = ({ file, line, text }: Snippet): ReadonlyArray<Command> => {
  const found: Array<Command> = []
  let until: string | undefined
  let open: Command | undefined
  for (const [index, raw] of text.split("\n").entries()) {
    const one = raw.replace(/\s+#\s.*$/, "")
    if (until !== undefined) {
      if (raw === until) until = undefined
      continue
    }
    const joined: Command = open === undefined
      ? { file, line: line + index, text: one.trim() }
      : { ...open, text: `${open.text} ${one.trim()}` }
    open = joined.text.endsWith("\\") ? { ...joined, text: joined.text.slice(0, -1).trimEnd() } : undefined
    if (open !== undefined || joined.text === "" || joined.text.startsWith("#")) continue
    until = /<<-?\s*["']?(\w+)["']?/.exec(joined.text)?.[1]
    found.push(joined)
  }
  return found
}

/** The command without what is assigned before it: `id=$(atlas ps)` and `A=1 atlas ps` are both `atlas ps`; `pid=$!` is none. */
const bare = (text: string): string =>
  text.replace(/^(?:\w+=(?:\$\(|"\$\(|\$!\s*|"[^"]*"\s*|'[^']*'\s*|[^\s$]*\s*))+/, "")

const startsWith = (text: string, command: string): boolean => text === command || text.startsWith(`${command} `)

/** Shell commands and languages of a page that no list knows. */
export const strangersOf = (snippets: ReadonlyArray<Snippet>): ReadonlyArray<string> =>
  snippets.flatMap((snippet) => {
    if (!languages.includes(snippet.language)) {
      return [
        `${snippet.file}:${snippet.line - 1} a block is one of ${languages.join(", ")}, not "${snippet.language}"`
      ]
    }
    if (snippet.language !== "sh") return []
    const isKnown = (text: string): boolean =>
      isRun(snippet)
        ? bare(text) === "" || commands.some((command) => startsWith(bare(text), command))
        : notRun.includes(text)
    return commandsOf(snippet)
      .filter(({ text }) => !isKnown(text))
      .map(({ file, line, text }) => `${file}:${line} ${isRun(snippet) ? "unknown command" : "not in notRun"}: ${text}`)
  })

/** The `sh` blocks of one page as one script, each line at the number it has in the page; undefined if none is run. */
export const scriptOf = (snippets: ReadonlyArray<Snippet>): string | undefined => {
  const lines: Array<string> = []
  for (const { line, text } of snippets.filter(isRun)) {
    text.split("\n").forEach((one, index) => {
      lines[line - 1 + index] = one
    })
  }
  return lines.length === 0 ? undefined : `${Array.from(lines, (line) => line ?? "").join("\n")}\n`
}

/** Where a page points to inside the repository, with the line. */
export const linksOf = ({ path, text }: File): ReadonlyArray<{ readonly line: number; readonly to: string }> => {
  const code = new Set(
    blocksOf({ path, text }).flatMap((block) => block.text.split("\n").map((_, n) => block.line + n))
  )
  return text.split("\n").flatMap((one, index) =>
    code.has(index + 1) ? [] : [...one.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)]
      .map(([, to = ""]) => to)
      .filter((to) => !/^[a-z]+:/.test(to))
      .map((to) => ({ line: index + 1, to: posix.normalize(posix.join(posix.dirname(path), to)) }))
  )
}
