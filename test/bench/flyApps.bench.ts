/**
 * Discovery of apps in 10,000 directories, every tenth with a fly.toml that is read and parsed, against `find`, which only
 * looks at names.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FlyApps } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compare } from "./measure.ts"

const outer = 100
const inner = 100
const root = fs.mkdtempSync(join(tmpdir(), "atlas-bench-"))
for (let a = 0; a < outer; a++) {
  for (let b = 0; b < inner; b++) {
    const directory = join(root, `${a}`, `${b}`)
    fs.mkdirSync(directory, { recursive: true })
    fs.writeFileSync(join(directory, "README.md"), "")
    if (b % 10 === 0) {
      const more =
        "[build]\n\n[http_service]\n  internal_port = 8080\n  processes = [\"app\"]\n\n[[vm]]\n  memory = \"512mb\"\n"
      fs.writeFileSync(join(directory, "fly.toml"), `app = "app-${a}-${b}"\nprimary_region = "fra"\n${more}`)
    }
  }
}
const expected = outer * inner / 10

try {
  console.log(`one operation: ${outer * inner} directories`)
  await compare([
    {
      name: "find",
      run: (times) => {
        for (let i = 0; i < times; i++) {
          const { stdout } = spawnSync("find", [root, "-maxdepth", "3", "-name", "fly.toml"], { encoding: "utf8" })
          if (stdout.trimEnd().split("\n").length !== expected) throw new Error("find found something else")
        }
      }
    },
    {
      name: "discoverApps",
      run: async (times) => {
        for (let i = 0; i < times; i++) {
          const apps = await Effect.runPromise(
            FlyApps.discoverApps(root, { maxDepth: 2 }).pipe(Effect.provide(NodeServices.layer))
          )
          if (apps.length !== expected) throw new Error("discoverApps found something else")
        }
      }
    }
  ], 1)
} finally {
  fs.rmSync(root, { recursive: true, force: true })
}
