/**
 * A disk that can really be full: a small file system in memory. Only root may make one, and not in every container.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A small disk, and what fills it. */
export interface SmallDisk {
  readonly directory: string
  /** Takes the last block. */
  readonly fill: () => void
  /** Gives so many bytes of what it took. */
  readonly leave: (bytes: number) => void
  /** Gives back all that it took. */
  readonly empty: () => void
  readonly unmount: () => void
}

/** Mounts a disk of this size. */
export const makeSmallDisk = (size: number): SmallDisk => {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-small-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "atlas-small", directory], { stdio: "ignore" })
  } catch (error) {
    fs.rmdirSync(directory)
    throw error
  }
  const filling = join(directory, "filling")
  return {
    directory,
    fill: () => {
      const handle = fs.openSync(filling, "a")
      for (let bytes = 65_536; bytes >= 1; bytes = bytes >> 1) {
        try {
          while (true) fs.writeSync(handle, Buffer.alloc(bytes, 1))
        } catch {
          // no room for so much
        }
      }
      fs.closeSync(handle)
    },
    leave: (bytes) => fs.truncateSync(filling, fs.statSync(filling).size - bytes),
    empty: () => fs.rmSync(filling, { force: true }),
    unmount: () => {
      execFileSync("umount", ["-l", directory], { stdio: "ignore" })
      fs.rmdirSync(directory)
    }
  }
}

/** Whether there can be one here. */
export const canMount = (() => {
  try {
    makeSmallDisk(65_536).unmount()
    return true
  } catch {
    return false
  }
})()
