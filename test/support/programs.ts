/**
 * The programs that tests start, each in a few files instead of hundreds of modules: tests start them hundreds of times, and
 * most of what a short one does is to load. `npm start` and the packed package run the modules as they are.
 */
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** What can be started, by its path in the checkout. */
export const programs = [
  "src/cli/main.ts",
  "test/e2e/fixtures/crashing.ts",
  "test/events/redisProcess.ts",
  "test/fly/tokenWriter.ts",
  "test/orchestrator/store/storeWorker.ts",
  "test/providers/local/starter.ts"
] as const

/** Where test/setup.programs.ts has put them; nowhere where a test is run without it. */
export const variable = "ATLAS_TEST_PROGRAMS"

/** The file to start. */
export const programOf = (path: (typeof programs)[number]): string => {
  const built = process.env[variable]
  return built === undefined ? join(root, path) : join(built, basename(path).replace(/\.ts$/, ".js"))
}
