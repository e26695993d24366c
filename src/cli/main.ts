#!/usr/bin/env node
/**
 * The `atlas` program: the only module that runs anything.
 */
import * as fs from "node:fs"
import { enableCompileCache } from "node:module"
import { homedir } from "node:os"
import { join } from "node:path"

// Compiled code is kept between runs, which halves the start. In the user's own cache, where nobody else can plant
// code, and only if there is one: a program that prints its help creates no directories.
const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache")
if (fs.existsSync(cache)) enableCompileCache(join(cache, "effect-atlas"))

const { main } = await import("./NodeMain.ts")
main(process.argv.slice(2))
