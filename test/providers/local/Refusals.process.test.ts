/**
 * Input the local provider refuses: its field is named, and nothing is left behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, type AtlasError } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { leftIn, providers, withLocal } from "./harness.ts"

describe("bad input is refused with its field, and nothing is left behind", () => {
  const cases: ReadonlyArray<readonly [string, Parameters<typeof Atlas.spawnCompute>[0], string, string]> = [
    ["neither command nor image", {}, "validation", "command"],
    ["an empty command", { command: [] }, "validation", "command"],
    ["an image, which this machine cannot run", { image: "nginx" }, "validation", "image"],
    ["the bundled server without a port", { image: "builtin:inference-server" }, "validation", "ports"],
    ["a binary that does not exist", { command: ["/no/such/binary"] }, "validation", "command[0]"],
    ["a name that is on no PATH", { command: ["no-such-program-here"] }, "validation", "command[0]"],
    ["a directory as the program", { command: ["/tmp"] }, "validation", "command[0]"],
    ["a shell builtin that is no program", { command: ["exit", "0"] }, "validation", "command[0]"],
    ["an unknown GPU", { command: ["sleep", "1"], gpu: "h100_from_mars" }, "validation", "gpu"],
    ["port 0", { command: ["sleep", "1"], ports: ["0/http"] }, "validation", "ports[0].port"],
    ["port 70000", { command: ["sleep", "1"], ports: ["70000/tcp"] }, "validation", "ports[0].port"],
    ["a NUL in env", { command: ["sleep", "1"], env: { A: "x\0y" } }, "validation", "env.A"],
    [
      "a reserved env name",
      { command: ["sleep", "1"], env: { ATLAS_PRESHARED_KEY: "x" } },
      "validation",
      "env.ATLAS_PRESHARED_KEY"
    ],
    [
      "a port variable in env",
      { command: ["sleep", "1"], env: { ATLAS_PORT_8000: "1" } },
      "validation",
      "env.ATLAS_PORT_8000"
    ],
    [
      "a directory that is not there",
      { command: ["sleep", "1"], providerOpts: { cwd: "/no/where" } },
      "validation",
      "providerOpts.cwd"
    ],
    ["a spot price", { command: ["sleep", "1"], spot: true }, "unsupported", "spot"],
    ["a network volume", { command: ["sleep", "1"], networkVolumeId: "v" }, "unsupported", "network_volumes"],
    ["a template", { command: ["sleep", "1"], templateId: "t" }, "unsupported", "manage_templates"],
    ["a kind of cloud", { command: ["sleep", "1"], cloudType: "secure" }, "unsupported", "cloud"],
    ["a disk", { command: ["sleep", "1"], containerDiskGb: 5 }, "unsupported", "disk_size"],
    ["a volume", { command: ["sleep", "1"], volumeGb: 5 }, "unsupported", "disk_size"],
    ["an option it has not", { command: ["sleep", "1"], providerOpts: { disc: 1 } }, "validation", "providerOpts.disc"]
  ]
  const fieldOf = (reason: AtlasError.AtlasErrorReason) =>
    reason._tag === "Validation" ? reason.issues[0]?.path : reason._tag === "Unsupported" ? reason.capability : null

  it.live.each(cases)("%s", ([, request, kind, field]) =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Atlas.spawnCompute(request))
        assert.strictEqual(error.kind, kind)
        assert.strictEqual(fieldOf(error.reason), field)
        assert.deepStrictEqual(leftIn(stateDir), [])
      })
    ))

  it.live("a state directory below one that takes no entries is refused, and no call waits for ever", () =>
    Effect.gen(function*() {
      const spawned = Atlas.spawnCompute({ command: ["sleep", "1000"] }).pipe(
        Effect.provide(providers("/proc/atlas/state"))
      )
      const error = yield* Effect.flip(spawned)
      assert.strictEqual(error.kind, "storage_fault")
      assert.include(error.message, "/proc/atlas/state")
    }))

  it.live("a state directory that cannot be used is named", () =>
    Effect.suspend(() =>
      withLocal((stateDir) =>
        Effect.gen(function*() {
          fs.rmSync(stateDir, { recursive: true })
          fs.writeFileSync(stateDir, "a file where the directory should be")
          const error = yield* Effect.flip(Atlas.spawnCompute({ command: ["sleep", "1000"] }))
          assert.strictEqual(error.kind, "storage_fault")
          assert.include(error.message, stateDir)
        })
      )
    ))
})
