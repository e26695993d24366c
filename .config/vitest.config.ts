import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  // "effect-atlas" inside the checkout means src/, not dist/
  resolve: { conditions: ["effect-atlas-source"] },
  ssr: { resolve: { conditions: ["effect-atlas-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // many of them wait for other processes
    maxWorkers: 2,
    setupFiles: ["./test/setup.ts"],
    // tests that start real processes share two cores with everybody else; a hang must still end on its own
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    reporters: process.env["CI"] === undefined ? ["default"] : ["default", "json"],
    // where .ci/run reads its counts
    outputFile: { json: ".tmp/vitest.json" }
  }
})
