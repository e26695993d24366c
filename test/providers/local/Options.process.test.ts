import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Atlas, type AtlasError, Providers } from "effect-atlas"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { leftIn, logOf, node, until } from "./harness.ts"

const withOptions = <A, E>(
  options: Omit<LocalProvider.Options, "stateDir">,
  use: (stateDir: string) => Effect.Effect<A, E, Providers.Providers>
): Effect.Effect<A, E | AtlasError.AtlasError> =>
  Effect.suspend(() => {
    const stateDir = fs.mkdtempSync(join(tmpdir(), "atlas-local-"))
    const layer = Providers.layer(LocalProvider.layer({ stateDir, ...options })).pipe(Layer.provide(NodeServices.layer))
    return use(stateDir).pipe(
      Effect.ensuring(
        Effect.ignore(
          Effect.flatMap(Atlas.listCompute(), Effect.forEach((compute) => Effect.ignore(Atlas.end(compute.id))))
        )
      ),
      Effect.provide(layer, { local: true }),
      Effect.ensuring(Effect.sync(() => fs.rmSync(stateDir, { recursive: true, force: true })))
    )
  })

const issueOf = (error: AtlasError.AtlasError) =>
  error.reason._tag === "Validation" ? error.reason.issues[0]?.path : error.reason._tag

describe("options of the local provider", () => {
  it.live("cwd is where a command runs, unless the request names another directory", () =>
    Effect.suspend(() => {
      const cwd = fs.realpathSync(tmpdir())
      return withOptions({ cwd }, (stateDir) =>
        Effect.gen(function*() {
          const command = node("console.log(process.cwd())")
          const one = yield* Atlas.spawnCompute({ command })
          const two = yield* Atlas.spawnCompute({ command, providerOpts: { cwd: "/" } })
          yield* until(() => logOf(stateDir, one.id) !== "" && logOf(stateDir, two.id) !== "")
          assert.deepStrictEqual([logOf(stateDir, one.id), logOf(stateDir, two.id)], [`${cwd}\n`, "/\n"])
        }))
    }))

  it.live("a cwd that is not there is refused before anything is made", () =>
    withOptions({ cwd: "/no/where" }, (stateDir) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Atlas.spawnCompute({ command: ["sleep", "1000"] }))
        assert.strictEqual(issueOf(error), "cwd")
        assert.deepStrictEqual(leftIn(stateDir), [])
      })))

  it.live("the price is on the computes and on the offer", () =>
    withOptions({ pricePerHour: 1.5 }, () =>
      Effect.gen(function*() {
        const compute = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        assert.strictEqual(compute.costPerHour, 1.5)
        assert.deepStrictEqual((yield* Atlas.listGpuTypes()).map((type) => Number(type.lowestPricePerHour)), [1.5])
      })))
})

/** Runs with a `nvidia-smi` that answers with these lines. */
const withGpus = <A, E, R>(lines: ReadonlyArray<string>, use: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const directory = fs.mkdtempSync(join(tmpdir(), "atlas-smi-"))
      const script = `#!/bin/sh\n${lines.map((line) => `echo '${line}'`).join("\n")}\n`
      fs.writeFileSync(join(directory, "nvidia-smi"), script, { mode: 0o755 })
      const before = process.env["PATH"]
      process.env["PATH"] = `${directory}${delimiter}${before ?? ""}`
      return { directory, before }
    }),
    () => use,
    ({ before, directory }) =>
      Effect.sync(() => {
        process.env["PATH"] = before
        fs.rmSync(directory, { recursive: true })
      })
  )

describe("GPUs of this machine", () => {
  const two = ["NVIDIA H100 80GB HBM3, 81559", "NVIDIA H100 80GB HBM3, 81559"]

  it.live("a kind of GPU is offered once, under its own and its canonical name", () =>
    withGpus(
      two,
      withOptions({}, () =>
        Effect.gen(function*() {
          const types = yield* Atlas.listGpuTypes()
          assert.deepStrictEqual(
            types.map(({ canonical, id, memoryGb }) => ({ canonical, id, memoryGb })),
            [{ canonical: "h100", id: "NVIDIA H100 80GB HBM3", memoryGb: 80 }]
          )
          const compute = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], gpu: "h100", gpuCount: 2 })
          assert.deepStrictEqual([compute.gpuType, compute.gpuCount], ["NVIDIA H100 80GB HBM3", 2])
        }))
    ))

  it.live("more of them than there are, or another one, is refused by its field", () =>
    withGpus(
      two,
      withOptions({}, (stateDir) =>
        Effect.gen(function*() {
          const command = ["sleep", "1000"]
          const many = yield* Effect.flip(Atlas.spawnCompute({ command, gpu: "h100", gpuCount: 3 }))
          const other = yield* Effect.flip(Atlas.spawnCompute({ command, gpu: "l4" }))
          assert.deepStrictEqual([issueOf(many), issueOf(other)], ["gpuCount", "gpu"])
          assert.include(other.message, "h100")
          assert.deepStrictEqual(leftIn(stateDir), [])
        }))
    ))
})

describe("on Windows", () => {
  it.live("every call says that it cannot work there", () =>
    withOptions({}, (stateDir) =>
      Effect.acquireUseRelease(
        Effect.sync(() => Object.getOwnPropertyDescriptor(process, "platform")),
        () =>
          Effect.gen(function*() {
            Object.defineProperty(process, "platform", { configurable: true, value: "win32" })
            const id = "local-aaaaaaaaaaaa"
            const calls: ReadonlyArray<Effect.Effect<unknown, AtlasError.AtlasError, Providers.Providers>> = [
              Atlas.spawnCompute({ command: ["sleep", "1000"] }),
              Atlas.getCompute(id),
              Atlas.listCompute(),
              Atlas.terminate(id),
              Atlas.stop(id),
              Atlas.start(id),
              Atlas.listGpuTypes(),
              Stream.runDrain(Atlas.streamLogs(id))
            ]
            for (const call of calls) assert.strictEqual((yield* Effect.flip(call)).kind, "unsupported")
            assert.deepStrictEqual(leftIn(stateDir), [])
          }),
        (platform) =>
          Effect.sync(() => {
            if (platform !== undefined) Object.defineProperty(process, "platform", platform)
          })
      )))
})
