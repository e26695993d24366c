/**
 * Puts the programs that tests start into a few files each, once for all projects of a run.
 */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { sources } from "../.config/sources.mjs"
import { programs, variable } from "./support/programs.ts"

const root = fileURLToPath(new URL("..", import.meta.url))

export default async (): Promise<(() => void) | undefined> => {
  if (process.env[variable] !== undefined) return undefined
  // inside the checkout, where packages that stay outside are found
  fs.mkdirSync(`${root}/.tmp`, { recursive: true })
  const directory = fs.mkdtempSync(`${root}/.tmp/programs-`)
  // another user starts them too
  fs.chmodSync(directory, 0o755)
  const bundle = await rolldown({
    cwd: root,
    input: {
      ...Object.fromEntries(Object.entries(programs).map(([name, url]) => [name, fileURLToPath(url)])),
      // started by its path, beside the file that starts it
      inferenceServer: "src/providers/local/internal/inferenceServer.ts"
    },
    platform: "node",
    // as in the command that is built: what proxies need may be missing
    external: [/^pg/, "@effect/platform-node/Undici"],
    plugins: [sources],
    logLevel: "silent"
  })
  await bundle.write({ dir: directory, format: "esm", chunkFileNames: "[name]-[hash].js" })
  await bundle.close()
  process.env[variable] = directory
  return () => {
    delete process.env[variable]
    fs.rmSync(directory, { recursive: true, force: true })
  }
}
