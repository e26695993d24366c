/**
 * The stand-in executable with a directory of its own, and what tests need to see of its processes.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FlyCli } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const executable = fileURLToPath(new URL("../fixtures/fly/fly", import.meta.url))

/** The directory to put on PATH. */
export const bin = fileURLToPath(new URL("../fixtures/fly", import.meta.url))

export interface Place {
  /** A directory to deploy from. */
  readonly directory: string
  /** What each run has recorded, oldest first. */
  readonly runs: () => ReadonlyArray<Run>
  /** Whether its question has been written. */
  readonly hasAsked: () => boolean
  readonly env: (mode?: string) => Record<string, string>
}

export interface Run {
  readonly pid: number
  readonly lines: ReadonlyArray<string>
}

const runsIn = (record: string): ReadonlyArray<Run> =>
  fs.readdirSync(record).filter((name) => !name.startsWith(".")).map((name) => ({
    pid: Number(name),
    lines: fs.readFileSync(join(record, name), "utf8").trimEnd().split("\n")
  }))

/** A short grace: the stand-in's stubborn processes do not deserve a longer one. */
export const layer = (options: FlyCli.Options = {}) =>
  FlyCli.layer({ executables: [executable], killGrace: "200 millis", ...options }).pipe(
    Layer.provideMerge(NodeServices.layer)
  )

export const makePlace = (): Place & { readonly close: () => void } => {
  const root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "atlas-fly-")))
  const record = join(root, "record")
  const directory = join(root, "app")
  fs.mkdirSync(record)
  fs.mkdirSync(directory)
  return {
    directory,
    runs: () => runsIn(record),
    hasAsked: () => fs.existsSync(join(record, ".asked")),
    env: (mode) => ({ FAKE_FLY_RECORD: record, ...mode === undefined ? {} : { FAKE_FLY_MODE: mode } }),
    close: () => fs.rmSync(root, { recursive: true, force: true })
  }
}

/** Runs in a fresh directory. */
export const inPlace = <A, E, R>(use: (place: Place) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(Effect.sync(makePlace), use, (place) => Effect.sync(place.close))
