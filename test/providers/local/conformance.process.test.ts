import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, it } from "@effect/vitest"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import { ProviderConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const layer = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-local-"))),
      (stateDir) => Effect.sync(() => fs.rmSync(stateDir, { recursive: true, force: true }))
    ),
    (stateDir) => LocalProvider.layer({ stateDir }).pipe(Layer.provide(NodeServices.layer))
  )
)

ProviderConformance.suite({ describe, it }, "local", layer, {
  request: { command: ["sh", "-c", "echo started; echo listening; exec sleep 1000"] }
})
