/**
 * The programs that tests start, each in a few files instead of hundreds of modules: tests start them hundreds of times, and
 * most of what a short one does is to load. `npm start` runs the modules as they are.
 */
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** What can be started, as it stands in the checkout. */
export const programs = {
  atlas: new URL("../../src/cli/main.ts", import.meta.url),
  crashing: new URL("../e2e/fixtures/crashing.ts", import.meta.url),
  storming: new URL("../e2e/fixtures/storming.ts", import.meta.url),
  redisProcess: new URL("../events/redisProcess.ts", import.meta.url),
  tokenOpener: new URL("../fly/tokenOpener.ts", import.meta.url),
  tokenWriter: new URL("../fly/tokenWriter.ts", import.meta.url),
  storeWorker: new URL("../orchestrator/store/storeWorker.ts", import.meta.url),
  starter: new URL("../providers/local/starter.ts", import.meta.url)
}

/** Where test/setup.programs.ts has put them; nowhere where a test is run without it. */
export const variable = "ATLAS_TEST_PROGRAMS"

/** An `atlas` to start instead: the one of the packed package, in `.ci/run`. */
const installed = process.env["ATLAS_TEST_COMMAND"]

/** The file to start. */
export const programOf = (name: keyof typeof programs): string => {
  if (name === "atlas" && installed !== undefined) return installed
  const built = process.env[variable]
  return built === undefined ? fileURLToPath(programs[name]) : join(built, `${name}.js`)
}
