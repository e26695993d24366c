/**
 * The project's own files as the laws read them: path from the root with forward slashes, and text.
 */
import { execFileSync } from "node:child_process"
import { existsSync, globSync, readFileSync, statSync } from "node:fs"
import { sep } from "node:path"
import { fileURLToPath } from "node:url"

export interface File {
  readonly path: string
  readonly text: string
}

/** The checkout, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "")

export const read = (path: string, from = root): File => ({ path, text: readFileSync(`${from}/${path}`, "utf8") })

/** Every file that matches, by path; `from` is where patterns start. */
export const matching = (patterns: ReadonlyArray<string>, from = root): ReadonlyArray<File> =>
  globSync([...patterns], { cwd: from })
    .map((path) => path.split(sep).join("/"))
    .toSorted()
    .filter((path) => statSync(`${from}/${path}`).isFile())
    .map((path) => read(path, from))

/** What git tracks or would track: everything but ignored files. A file that was just deleted is not there. */
export const tracked = (): ReadonlyArray<string> =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "" && existsSync(`${root}/${path}`))
