#!/usr/bin/env node
/**
 * The `atlas` program: the only module that runs anything.
 */
import * as fs from "node:fs"
import * as nodeModule from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

// An older Node fails in the middle of loading what is below, with an error that names no version.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`error [unsupported] atlas needs Node 22.19 or newer; this is ${process.versions.node}\n`)
  process.exit(1)
}

// Without HOME, as under some init systems, the user's home is still the user's: the cache below, and the files of the
// programs that atlas starts, are there. Where our own state is kept is for storage/StateDirectory.
if (!process.env["HOME"]) {
  delete process.env["HOME"]
  try {
    process.env["HOME"] = homedir()
  } catch {
    // the system does not know this user
  }
}

// Compiled code is kept between runs, which halves the start. In the user's own cache, where no other user can plant
// code, and only if there is one: a program that prints its help creates no directories.
const cache = process.env["XDG_CACHE_HOME"] || join(process.env["HOME"] ?? "/", ".cache")
if (fs.existsSync(cache)) nodeModule.enableCompileCache(join(cache, "effect-atlas"))

const { main } = await import("./NodeMain.ts")
main(process.argv.slice(2))
