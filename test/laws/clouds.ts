/**
 * Which files name a cloud: its own folder and the files beside it, and no other, so that the next cloud is one folder and no
 * search.
 *
 * A new cloud stands in `clouds`. To let one more file name a cloud, add it to `allowances` with the reason.
 */
import type { File } from "./files.ts"

interface Cloud {
  readonly name: string
  /** How the name stands in code, in a comment or in a path. */
  readonly word: RegExp
  /** What the paths begin with that are the cloud's own. */
  readonly own: ReadonlyArray<string>
}

/** A file, or a folder with a slash at its end, that may name a cloud which is not its own. */
export interface Allowance {
  readonly path: string
  readonly cloud: string
  readonly why: string
}

const clouds: ReadonlyArray<Cloud> = [
  { name: "RunPod", word: /run[-_]?pod/i, own: ["src/providers/runpod/", "src/providers/RunPod"] },
  {
    name: "Lambda",
    word: /\blambda(?![a-z])|lambda[-_]?labs/i,
    own: ["src/providers/lambdalabs/", "src/providers/LambdaLabs"]
  },
  { name: "Vast", word: /\bvast(?![a-z])/i, own: ["src/providers/vast/", "src/providers/Vast"] },
  // Fly is also a platform with a folder of its own, apart from the providers
  {
    name: "Fly",
    word: /\bfly(?:ctl)?(?![a-z])|fly[-_]?machines/i,
    own: [
      "src/providers/flymachines/",
      "src/providers/FlyMachines",
      "src/fly/",
      "src/telemetry/FlyTelemetry.ts",
      "src/testing/",
      "src/cli/"
    ]
  }
]

const registration = "registers the clouds that the command line knows"
const help = "an example in the help names a cloud that can be rented from"
const fake = "serves or hands out the fake of this cloud"
const world = "one simulated world in twelve rents through a real adapter, over its fake"

export const allowances: ReadonlyArray<Allowance> = [
  ...["RunPod", "Lambda", "Vast"].map((cloud) => ({ path: "src/cli/providers.ts", cloud, why: registration })),
  ...[
    "Flags.ts",
    "commands/accountCommands.ts",
    "commands/computeCommands.ts",
    "commands/jobCommands.ts",
    "commands/sessionCommands.ts"
  ]
    .map((file) => ({ path: `src/cli/${file}`, cloud: "RunPod", why: help })),
  ...["src/cli/actions/fakeRunPod.ts", "src/cli/commands/trialCommands.ts", "src/testing/index.ts"].map((path) => ({
    path,
    cloud: "RunPod",
    why: fake
  })),
  { path: "src/testing/simulation/", cloud: "RunPod", why: world },
  { path: "src/storage/SqliteNode.ts", cloud: "Fly", why: "its example keeps the tokens of the Fly wing" }
]

/** Folders of providers that are no clouds: this machine, and a cloud in memory. */
const noClouds = ["local", "mock"]

/** Folders of `src/providers` whose cloud the law does not know, so that it would not see that cloud's name anywhere. */
export const unknownClouds = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const folders = paths.flatMap((path) => /^src\/providers\/([^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(folders)].filter((folder) =>
    !noClouds.includes(folder) && !clouds.some(({ own }) => own.includes(`src/providers/${folder}/`))
  )
}

/** A text as it stands, and with the words of its names apart: `isVast`, `VastClient` and `my_vast` hold the word `Vast`. */
const holds = (text: string, word: RegExp): boolean =>
  word.test(text) || word.test(text.replace(/([a-z0-9])(?=[A-Z])/g, "$1 ").replaceAll("_", " "))

/** Every line that names a cloud outside of its home, and every file whose own name does. */
export const namings = (
  files: ReadonlyArray<File>,
  allowed: ReadonlyArray<Allowance>
): ReadonlyArray<string> =>
  files.flatMap(({ path, text }) =>
    clouds.flatMap(({ name, own, word }) => {
      const isAllowed = own.some((start) => path.startsWith(start)) ||
        allowed.some((one) => one.cloud === name && (path === one.path || isIn(path, one.path)))
      if (isAllowed) return []
      const inPath = holds(path.slice("src/".length), word) ? [`${path} is called after ${name}`] : []
      const inText = text.split("\n").flatMap((line, index) =>
        holds(line, word) ? [`${path}:${index + 1} names ${name}: ${line.trim()}`] : []
      )
      return [...inPath, ...inText]
    })
  )

const isIn = (path: string, folder: string): boolean => folder.endsWith("/") && path.startsWith(folder)
