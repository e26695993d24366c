/**
 * The kind of a test file by its name, and what a file of that kind may reach.
 */
import { posix } from "node:path"
import type { File } from "./files.ts"
import { importsOf } from "./imports.ts"

export type Kind = "pure" | "process" | "server" | "docs" | "laws"

/** As the projects of `.config/vitest.config.ts` choose. */
export const kindOf = (path: string): Kind => {
  const [, suffix] = /\.(process|server)\.test\.ts$/.exec(path) ?? []
  if (suffix === "process" || suffix === "server") return suffix
  const [, folder] = /^test\/(docs|laws)\//.exec(path) ?? []
  return folder === "docs" || folder === "laws" ? folder : "pure"
}

/** What starts other processes, or threads. */
const starters = /^(node:)?(child_process|cluster|worker_threads)$/

const servers = /^test\/support\/(postgres|redis)\.ts$/

const known = new WeakMap<File, ReturnType<typeof importsOf>>()

/** {@link importsOf}, which is slow, once for a file that many others load. */
const imports = (file: File) => {
  const found = known.get(file) ?? importsOf(file)
  known.set(file, found)
  return found
}

/** The files a file loads, itself first, and which modules of Node that start something stand in them. */
const reached = (file: File, read: (path: string) => File | undefined): ReadonlyArray<string> => {
  const seen = new Map<string, File>([[file.path, file]])
  const found: Array<string> = []
  // a map is walked to its end even while it grows
  for (const one of seen.values()) {
    const { path } = one
    for (const { kind, specifier } of imports(one)) {
      if (kind === "type" || kind === "file") continue
      if (starters.test(specifier)) found.push(`${specifier} in ${path}`)
      if (!specifier.startsWith(".")) continue
      const next = posix.join(posix.dirname(path), specifier)
      const other = next.startsWith("test/") && !seen.has(next) ? read(next) : undefined
      if (other !== undefined) seen.set(next, other)
    }
  }
  return [...seen.keys(), ...found]
}

/** What is wrong with the name of a test file, for what it reaches among the files of `test/`. */
export const misnamed = (file: File, read: (path: string) => File | undefined): ReadonlyArray<string> => {
  const kind = kindOf(file.path)
  if (kind === "docs" || kind === "laws" || kind === "server") return []
  const all = reached(file, read)
  const server = all.find((one) => servers.test(one))
  if (server !== undefined) return [`${file.path} reaches ${server}: name it *.server.test.ts`]
  const starter = kind === "pure" ? all.find((one) => one.includes(" in ")) : undefined
  return starter === undefined ? [] : [`${file.path} reaches ${starter}: name it *.process.test.ts`]
}
