/**
 * Words that do not explain themselves, and the plain ones to write instead.
 *
 * To let a text keep an old word, such as a name that scripts or tables rely on, add it to `allowances` with the reason.
 */
import ts from "typescript"
import type { File } from "./files.ts"

/** A word that may not be written, in code, comments or texts, alone or as a part of a name (`isSeatTaken`). */
interface Word {
  readonly word: string
  readonly plain: string
}

/** A type that may not have this name. */
interface Name {
  readonly name: string
  readonly plain: string
}

/** A text with an old word in it that one file, or every file of a folder with a slash at its end, may hold. */
export interface Allowance {
  readonly path: string
  readonly text: string
  readonly why: string
}

const forms = (plain: string, ...words: ReadonlyArray<string>): ReadonlyArray<Word> =>
  words.map((word) => ({ word, plain }))

const actor = "the actor, such as the caller, the process, the provider, the user"

const words: ReadonlyArray<Word> = [
  ...forms(actor, "somebody", "anybody", "nobody", "everybody", "someone", "anyone", "everyone", "whoever"),
  ...forms("termination, release, end", "handback", "handbacks"),
  ...forms("pending termination", "residual", "residuals"),
  ...forms("terminated", "buried", "bury"),
  ...forms("duplicate", "twin", "twins"),
  ...forms("orphan; for arguments, unexpected", "stray", "strays"),
  ...forms("observation", "sighting", "sightings"),
  ...forms("owner lock", "seat", "seats", "seated", "unseated"),
  ...forms("session event", "news"),
  ...forms("the engine, the caller's process, Atlas", "desk", "desks"),
  ...forms("flags, options", "wish", "wishes"),
  ...forms("fault profile, fault rates", "weather", "sky"),
  ...forms("without faults, quiet", "calm"),
  ...forms("final log read", "farewell", "farewells"),
  ...forms("scheduler, timer queue", "clockwork"),
  ...forms("revalidate", "glance", "glances"),
  ...forms("failed unexpectedly (a defect)", "broke")
]

const names: ReadonlyArray<Name> = [
  { name: "handBack", plain: "release, end" },
  { name: "Turn", plain: "Batch" },
  { name: "Turns", plain: "BatchLoop" },
  { name: "Draft", plain: "SessionUpdate" },
  { name: "Letter", plain: "Message" },
  { name: "Standing", plain: "EngineStatus" },
  { name: "Fate", plain: "AttemptResult, CloudControls" },
  { name: "Pace", plain: "AccountLimiter, EventRates" },
  { name: "Bench", plain: "CommandContext" },
  { name: "Steady", plain: "what it does" },
  { name: "FirstRow", plain: "what it does" },
  { name: "WakeHeap", plain: "TimerQueue" },
  { name: "Rent", plain: "PreparedSpawn" },
  { name: "Hands", plain: "ComputeCalls" }
]

export const allowances: ReadonlyArray<Allowance> = [
  {
    path: "src/cli/actions/fakeRunPod.ts",
    text: "\"twin-pods\": order({ _tag: \"Twin\"",
    why: "a fault of `dev fake-runpod` that scripts name"
  },
  { path: "src/cli/actions/fakeFly.ts", text: "twin ${", why: "a line that the fake has always written" },
  { path: "src/orchestrator/store/", text: "atlas_session_seats", why: "a table of databases that exist" },
  ...["buried", "residuals", "twin", "stray"].map((text) => ({
    path: "src/orchestrator/store/rows.ts",
    text,
    why: "a field or a cause of rows that an earlier build wrote"
  })),
  ...["src/providers/MockProvider.ts", "src/providers/mock/MockControls.ts", "guides/testing.md"].map((path) => ({
    path,
    text: "twinNext",
    why: "a control that tests call"
  })),
  { path: "guides/runpod.md", text: "`twin-pods`", why: "a fault of `dev fake-runpod` that scripts name" },
  ...["src/providers/runpod/", "src/testing/simulation/RunPodFaults.ts"].map((path) => ({
    path,
    text: "Twin",
    why: "a fault of the fake that tests order"
  }))
]

/** The parts of every name and word of a text: `isSeatTaken` and `atlas_session_seats` hold `seat` and `seats`. */
const partsOf = (line: string): ReadonlyArray<string> =>
  (line.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []).map((part) => part.toLowerCase())

const isIn = (path: string, place: string): boolean => place.endsWith("/") ? path.startsWith(place) : path === place

/** Identifiers of a file, with their lines; words of comments and texts are none. */
const identifiersOf = ({ text }: File): ReadonlyArray<{ readonly identifier: string; readonly line: number }> => {
  const source = ts.createSourceFile("a.ts", text, ts.ScriptTarget.Latest, true)
  const found: Array<{ readonly identifier: string; readonly line: number }> = []
  const visit = (node: ts.Node): void => {
    // a property may have the name of a tag, as `Rent` of a command
    if (ts.isIdentifier(node) && !(ts.isPropertyAssignment(node.parent) && node.parent.name === node)) {
      found.push({ identifier: node.text, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Every line with an old word or an old name, and what to write instead. */
export const oldWords = (
  files: ReadonlyArray<File>,
  options: { readonly allowed: ReadonlyArray<Allowance> }
): ReadonlyArray<string> =>
  files.flatMap((file) => {
    const { path, text } = file
    const texts = options.allowed.filter((one) => isIn(path, one.path)).map((one) => one.text)
    const inLines = text.split("\n").flatMap((line, index) => {
      const parts = new Set(partsOf(texts.reduce((rest, one) => rest.replaceAll(one, ""), line)))
      return words.filter(({ word }) => parts.has(word)).map(({ plain, word }) =>
        `${path}:${index + 1} says ${word}; write ${plain}`
      )
    })
    const inNames = (path.endsWith(".ts") ? identifiersOf(file) : []).flatMap(({ identifier, line }) =>
      names.filter(({ name }) => name === identifier).map(({ name, plain }) =>
        `${path}:${line} names ${name}; write ${plain}`
      )
    )
    return [...inLines, ...inNames]
  })
