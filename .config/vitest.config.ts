/**
 * The tests by kind; a file's name or folder says its kind, and test/laws/kinds.test.ts holds it to that.
 */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import { sources } from "./sources.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))

/** The file for a report in JSON, if one is wanted. */
const report = process.env["ATLAS_TEST_REPORT"]

const processes = ["test/**/*.process.test.ts"]
const servers = ["test/**/*.server.test.ts"]
const docs = ["test/docs/**/*.test.ts"]
const laws = ["test/laws/**/*.test.ts"]

/** What these start is put into few files first. */
const programs = "./test/setup.programs.ts"

/** Kinds that wait for other processes begin first, so that the ones that only compute fill the cores meanwhile. */
const order = ["process", "docs", "server", "laws", "pure"]

class ByKind extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not the method of arrays
    const sorted = await super.sort(files)
    const place = ({ project }: TestSpecification) => order.indexOf(project.name)
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  root,
  plugins: [sources],
  test: {
    // two cores are busy with this many, since most of them wait for other processes
    maxWorkers: 5,
    sequence: { sequencer: ByKind },
    setupFiles: ["./test/setup.ts"],
    // a test that hangs must end on its own, also on a machine that is busy with other things
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    // .ci/run reads its counts from a report
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      {
        extends: true,
        // in this very process, under a clock of its own: files share what they load, so what one changes another sees
        test: {
          name: "pure",
          include: ["test/**/*.test.ts"],
          exclude: [...processes, ...servers, ...docs, ...laws],
          setupFiles: ["./test/setup.pure.ts"],
          isolate: false
        }
      },
      { extends: true, test: { name: "process", include: processes, globalSetup: programs } },
      { extends: true, test: { name: "server", include: servers, globalSetup: [programs, "./test/setup.servers.ts"] } },
      // pages and laws read the same sources: what one of them has loaded serves the others
      { extends: true, test: { name: "docs", include: docs, isolate: false, globalSetup: programs } },
      { extends: true, test: { name: "laws", include: laws, isolate: false } }
    ]
  }
})
