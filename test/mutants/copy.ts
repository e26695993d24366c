/**
 * Copies of the checkout in a temporary directory, in which mistakes are made.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { editsOf, type Mutant, refusalOf } from "./mutant.ts"

/** The checkout, without a slash at the end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "")

/** What the compiler, the simulation and the tests of the source read. */
const parts = ["src", "test", ".config", "package.json", "tsconfig.json"]

/** A copy of the checkout. */
export interface Copy {
  readonly path: string
  /** Makes a mistake and returns a function that undoes it. Throws when the source has changed and it cannot be made. */
  readonly plant: (mutant: Mutant) => () => void
  readonly remove: () => void
}

export const make = (): Copy => {
  const path = mkdtempSync(join(tmpdir(), "atlas-mutant-"))
  // some tests run programs of it as another user
  chmodSync(path, 0o755)
  mkdirSync(`${path}/.tmp`)
  for (const part of parts) cpSync(`${root}/${part}`, `${path}/${part}`, { recursive: true })
  symlinkSync(`${root}/node_modules`, `${path}/node_modules`)
  return {
    path,
    plant: (mutant) => {
      const refusal = refusalOf(mutant, path)
      if (refusal !== null) throw new Error(`${mutant.name} does not apply: ${refusal}`)
      const before = new Map<string, string>()
      for (const { file, find, replace } of editsOf(mutant)) {
        const text = readFileSync(`${path}/${file}`, "utf8")
        if (!before.has(file)) before.set(file, text)
        // a function, since replace() would interpret patterns such as $& in a text
        writeFileSync(`${path}/${file}`, text.replace(find, () => replace))
      }
      return () => {
        for (const [file, text] of before) writeFileSync(`${path}/${file}`, text)
      }
    },
    remove: () => rmSync(path, { recursive: true, force: true })
  }
}
