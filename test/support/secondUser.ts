/**
 * The `atlas` program as another user of this machine runs it; only root can become one, and not in every place.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { programOf } from "./programs.ts"

/** The user that nothing belongs to. */
export const nobody = 65_534

const run = (stateDir: string, args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [programOf("atlas"), ...args], {
    uid: nobody,
    gid: nobody,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", HOME: stateDir, TMPDIR: "/tmp", ATLAS_STATE_DIR: stateDir, NO_COLOR: "1" },
    encoding: "utf8"
  })

/** A directory that the other user may look into. */
export const makeOpenDirectory = (): string => {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-second-"))
  fs.chmodSync(directory, 0o755)
  return directory
}

/** Runs `atlas` as nobody. */
export const asNobody = (
  stateDir: string,
  ...args: ReadonlyArray<string>
): { readonly code: number | null; readonly out: string; readonly err: string } => {
  const { status, stderr, stdout } = run(stateDir, args)
  return { code: status, out: stdout, err: stderr }
}

/** Whether there can be one here. */
export const canBeNobody = (() => {
  if (process.getuid?.() !== 0) return false
  const directory = makeOpenDirectory()
  try {
    return run(directory, ["providers", "--json"]).status === 0
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
})()
