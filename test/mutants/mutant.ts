/**
 * A mutant: a mistake, made by a change of the source or a fault of the simulation, and the checks that must notice it.
 */
import { globSync, readFileSync } from "node:fs"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"

/** A change of one file; the text it looks for is there exactly once. */
export interface Edit {
  /** From the root of the checkout. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Checks that must notice: some worlds of a kind, by one of these invariants, or test files. */
export type Witness =
  | {
    readonly kind: Simulation.Kind
    readonly seeds: number
    readonly invariants: ReadonlyArray<Simulation.Invariant>
  }
  | { readonly tests: ReadonlyArray<string> }

interface Described {
  readonly name: string
  /** The mistake, in a sentence. */
  readonly why: string
  /** Each of these checks must notice the mistake by itself. */
  readonly noticedBy: ReadonlyArray<Witness>
}

/** A mistake in the source. */
export interface Patch extends Described, Edit {
  /** Further changes that the same mistake needs. */
  readonly and?: ReadonlyArray<Edit>
}

/** A mistake that a simulation makes around the orchestrator. */
export interface Wrapped extends Described {
  readonly fault: Simulation.Fault
}

export type Mutant = Patch | Wrapped

/** The first worlds of a kind; twelve are enough for each mistake that is known. */
export const worlds = (
  kind: Simulation.Kind,
  invariants: ReadonlyArray<Simulation.Invariant>,
  seeds = 12
): Witness => ({ kind, seeds, invariants })

export const tests = (...files: ReadonlyArray<string>): Witness => ({ tests: files })

export const editsOf = (mutant: Mutant): ReadonlyArray<Edit> =>
  "fault" in mutant ? [] : [{ file: mutant.file, find: mutant.find, replace: mutant.replace }, ...(mutant.and ?? [])]

/** Why a mutant cannot be made in the source under `root`; null when it can. */
export const refusalOf = (mutant: Mutant, root: string): string | null => {
  if ("fault" in mutant) {
    return Simulation.isFault(mutant.fault) ? null : `the simulation knows no fault ${mutant.fault}`
  }
  for (const { file, find, replace } of editsOf(mutant)) {
    if (globSync(file, { cwd: root }).length === 0) return `there is no ${file}`
    const count = readFileSync(`${root}/${file}`, "utf8").split(find).length - 1
    if (count !== 1) return `${file} has ${count} times, not once: ${find}`
    if (find === replace) return `${file} stays as it is`
  }
  return null
}
