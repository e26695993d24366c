/**
 * Each flag of `up` and `task` reaches the provider's create, or is refused by its own name.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { begin, mock, pass, run } from "./harness.ts"
import { account } from "./rentingHarness.ts"

// loaded before, since the test's clock does not wait for a module
beforeAll(() => import("../../src/cli/actions/runSession.ts"))

const common = ["--gpu", "l4", "--image", "x"]

/** Flags, and the fields of RunPod's create that they become. */
const become: ReadonlyArray<readonly [flags: ReadonlyArray<string>, fields: Readonly<Record<string, unknown>>]> = [
  [[], { cloud: undefined, disk: 50, mounts: undefined, templateId: undefined, registry: undefined }],
  [["--disk", "70"], { disk: 70 }],
  [["--disk", "70GB"], { disk: 70 }],
  [["--volume-gb", "20"], { mounts: { persistent: { size: 20, path: "/workspace" } } }],
  [["--cloud", "community"], { cloud: "COMMUNITY" }],
  [["--cloud", "secure"], { cloud: "SECURE" }],
  [["--cloud", "any"], { cloud: undefined }],
  [["--cuda", "12.8"], { gpu: { id: "NVIDIA L4", count: 1, minCudaVersion: "12.8" } }],
  [["--opt", "startSsh=true", "--opt", "gpu.minRamPerGpu=8"], {
    startSsh: true,
    gpu: { id: "NVIDIA L4", count: 1, minRamPerGpu: 8 }
  }],
  [["--opt", "gpu={\"minRamPerGpu\":8}", "--cuda", "12.4"], {
    gpu: { id: "NVIDIA L4", count: 1, minRamPerGpu: 8, minCudaVersion: "12.4" }
  }]
]

/** What is refused before anything is sent: the flags, and the flag that the issue names. */
const refused: ReadonlyArray<readonly [flags: ReadonlyArray<string>, path: string, code: number]> = [
  ...["0", "-5", "1.5", "1e9", "1000001", "", " ", "50GiB", "50 GB", "GB", "٣"].flatMap((size) => [
    [["--disk", size], "--disk", 2] as const,
    [["--volume-gb", size], "--volume-gb", 2] as const
  ]),
  [["--disk", "5", "--disk", "6"], "--disk", 2],
  [["--volume-gb", "9"], "--volume-gb", 1],
  [["--gpu-count", "0"], "--gpu-count", 1],
  [["--volume-gb", "20", "--network-volume", "v"], "--network-volume", 1],
  [["--network-volume", ""], "--network-volume", 2],
  [["--template", " "], "--template", 2],
  [["--cloud", "Secure"], "--cloud", 2],
  ...["12", "12.8.1", "x", "", "-1.0", "123.4"].map((version) => [["--cuda", version], "--cuda", 2] as const),
  [["--registry-auth", ""], "--registry-auth", 2],
  [["--registry-auth", "nosuch"], "--registry-auth", 1],
  [["--opt", "disc=5"], "--opt disc", 1],
  [["--opt", "disk=\"many\""], "--opt disk", 1],
  [["--opt", "disk=many"], "--opt disk", 1],
  [["--opt", "gpu.count=0"], "--opt gpu.count", 1],
  [["--opt", "constructor=1"], "--opt constructor", 1],
  [["--opt", "__proto__.polluted=1"], "--opt __proto__.polluted", 1],
  [["--opt", "gpu={\"__proto__\":{\"polluted\":1}}"], "--opt gpu", 1],
  [["--opt", `gpu=${"[".repeat(20_000)}${"]".repeat(20_000)}`], "--opt gpu", 1],
  [["--opt", "disk=1", "--opt", "disk=2"], "--opt disk", 1],
  [["--opt", "gpu.minCudaVersion=\"12.4\"", "--cuda", "12.8"], "--opt gpu.minCudaVersion", 1],
  [["--opt", "env.A=\"x\""], "--opt env", 1],
  [["--opt", "name=\"x\""], "--opt name", 1],
  [
    [
      "--opt",
      "mounts={\"persistent\":{\"size\":20,\"path\":\"/a\"},\"network\":[{\"volumeId\":\"v\",\"path\":\"/b\"}]}"
    ],
    "--opt mounts",
    1
  ],
  ...["", "=1", "a..b=1", ".a=1", "a.=1", "no-value"].map((text) => [["--opt", text], "--opt", 1] as const),
  [["--count", "0"], "--count", 2],
  [["--count", "-1"], "--count", 2],
  [["--count", "1.5"], "--count", 2],
  [["--count", "1e9"], "--count", 2],
  [["--count", "65"], "--count", 2]
]

describe("flags of renting", () => {
  it.effect.each(become)("%j become fields of the create", ([flags, fields]) =>
    Effect.gen(function*() {
      const { atlas, creates } = yield* account
      const { code, err } = yield* atlas(["up", ...common, ...flags, "-d"])
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      assert.strictEqual(creates.length, 1)
      for (const [name, value] of Object.entries(fields)) assert.deepStrictEqual(creates[0]?.[name], value, name)
    }).pipe(Effect.scoped))

  it.effect.each(refused)(
    "%j are refused before anything is sent, and %s is named",
    ([flags, named, code]) =>
      Effect.gen(function*() {
        const { atlas, controls } = yield* account
        const ended = yield* atlas(["up", ...common, ...flags, "-d", "--json"])
        const { error } = JSON.parse(ended.err)
        assert.deepStrictEqual([ended.code, error.kind, error.issues[0]?.path], [code, "validation", named])
        assert.deepStrictEqual((yield* controls.ledger).made, [])
        assert.isUndefined(Reflect.get({}, "polluted"))
      }).pipe(Effect.scoped)
  )

  it.effect("a template and a network volume are named by their ids, a registry credential by its name or id", () =>
    Effect.gen(function*() {
      const { atlas, creates, provider, registry } = yield* account
      const volume = yield* provider.volumes.create({ name: "models", sizeGb: 10, region: "EU-RO-1" })
      const template = yield* provider.templates.create({ name: "server", image: "me/server" })
      const id = yield* registry("hub")
      for (const auth of ["hub", id]) {
        const { code, err } = yield* atlas(
          ["up", "--gpu", "l4", "--template", template.id, "--network-volume", volume.id, "--registry-auth", auth, "-d"]
        )
        assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
        const { mounts, registry, templateId } = creates.at(-1) ?? {}
        assert.deepStrictEqual({ mounts, registry, templateId }, {
          mounts: { network: [{ volumeId: volume.id, path: "/workspace" }] },
          registry: id,
          templateId: template.id
        })
      }
      yield* registry("hub")
      const { err } = yield* atlas(["up", ...common, "--registry-auth", "hub", "-d", "--json"])
      assert.include(JSON.parse(err).error.message, `give the id of one: `)
    }).pipe(Effect.scoped))

  it.effect("a task's session carries them too", () =>
    Effect.gen(function*() {
      const { creates, provider } = yield* account
      const { fiber } = yield* begin(
        [
          "task",
          ...common,
          "--disk",
          "70",
          "--cuda",
          "12.8",
          "--cloud",
          "community",
          "--opt",
          "startSsh=true",
          "--json"
        ],
        { providers: [provider] }
      )
      yield* pass(2)
      const { cloud, disk, gpu, startSsh } = creates[0] ?? {}
      assert.deepStrictEqual({ cloud, disk, gpu, startSsh }, {
        cloud: "COMMUNITY",
        disk: 70,
        gpu: { id: "NVIDIA L4", count: 1, minCudaVersion: "12.8" },
        startSsh: true
      })
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* pass(20)
      yield* Fiber.join(ending)
    }).pipe(Effect.scoped))

  it.effect.each(["--cuda=12.8", "--registry-auth=x"])(
    "%s is unsupported by name where the provider cannot",
    (flag) =>
      Effect.gen(function*() {
        const { controls, provider } = yield* mock
        for (const verb of ["up", "task"]) {
          const { code, err } = yield* run([verb, "--image", "x", flag, "--json"], { providers: [provider] })
          const { error } = JSON.parse(err)
          assert.deepStrictEqual([code, error.kind], [1, "unsupported"])
          assert.include(error.message, `leave ${flag.split("=")[0]} out`)
        }
        assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      })
  )

  it.effect("the mock of the command line ignores no option", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(
        ["up", "--provider", "mock", "--image", "x", "--opt", "note=1", "-d", "--json"],
        {
          providers: "as shipped",
          env: {}
        }
      )
      assert.deepStrictEqual([code, JSON.parse(err).error.issues[0]?.path], [1, "--opt note"])
    }))

  it.effect("a secret in --opt is in no error", () =>
    Effect.gen(function*() {
      const { atlas } = yield* account
      const texts = [
        "disk=\"canary\"",
        "canary",
        "args=canary",
        "registry={\"a\":\"canary\"}",
        "canary/=1"
      ]
      for (const text of texts) {
        const { err } = yield* atlas(["up", ...common, "--opt", text, "-d", "--json"])
        assert.notInclude(err, "canary", text)
        assert.strictEqual(JSON.parse(err).error.kind, "validation")
      }
    }).pipe(Effect.scoped))
})

/** A file of variables in a directory of its own. */
const withFile = (content: string | Uint8Array) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "atlas-env-"))
      fs.writeFileSync(path.join(directory, "vars.env"), content)
      return directory
    }),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
  )

describe("--env-file", () => {
  const upWith = (content: string | Uint8Array, ...flags: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const { atlas, creates } = yield* account
      const directory = yield* withFile(content)
      const { code, err } = yield* atlas(["up", ...common, "--env-file", "vars.env", ...flags, "-d", "--json"], {
        directory,
        env: { TAKEN: "from here" },
        input: "FROM_STDIN=1\n"
      })
      const { ATLAS_COMPUTE_NAME: _, ...env } = Object(creates[0]?.["env"] ?? {})
      return { code, err, env }
    }).pipe(Effect.scoped)

  it.effect.each(
    [
      ["A=1\nB=2\n", { A: "1", B: "2" }],
      ["A=1", { A: "1" }],
      ["\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
      ["# a comment\n\n   # another\n\t\nA=1#2\n", { A: "1#2" }],
      ["export A=1\nexport\tB=2\n", { A: "1", B: "2" }],
      ["A=\"in quotes\"\nB='x'\n", { A: "\"in quotes\"", B: "'x'" }],
      ["A=x=y= \n", { A: "x=y= " }],
      ["A=\n", { A: "" }],
      ["TAKEN\n", { TAKEN: "from here" }],
      ["  A=1\nA=2\n", { A: "2" }],
      ["", {}]
    ] as const
  )("%j is read as docker reads it", ([content, env]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* upWith(content), { code: 0, err: "", env })
    }))

  it.effect("what is typed counts more than a file, a later file more than an earlier one, and - is stdin", () =>
    Effect.gen(function*() {
      const { env } = yield* upWith("A=file\nB=file\n", "--env-file", "-", "--env", "A=typed")
      assert.deepStrictEqual(env, { A: "typed", B: "file", FROM_STDIN: "1" })
    }))

  it.effect.each(
    [
      ["no such name", "canary value\n"],
      ["half a key", "-----BEGIN canary-----\n"],
      ["a name that is not set", "canary\n"],
      ["a second line of a value", "A=1\ncanary/+x==\n"],
      ["many of them", "canary canary\n".repeat(1_000)],
      ["not UTF-8", new Uint8Array([0x41, 0x3d, 0xff, 0xfe])],
      ["UTF-16", Buffer.from("\uFEFFcanary=1\n", "utf16le")],
      ["too large", `A=${"canary".repeat(200_000)}`]
    ] as const
  )("%s is refused with the file and the line, and never shown", ([, content]) =>
    Effect.gen(function*() {
      const { code, err, env } = yield* upWith(content)
      const { error } = JSON.parse(err)
      assert.deepStrictEqual([code, error.kind, error.issues[0].path], [1, "validation", "--env-file"])
      assert.include(error.message, "vars.env")
      assert.notInclude(err, "canary")
      assert.isBelow(err.length, 2_000)
      assert.deepStrictEqual(env, {})
    }))

  it.effect.each(["nosuch.env", "/", ".", ""])("%j, which is no file, is refused", (file) =>
    Effect.gen(function*() {
      const { code, err } = yield* upWith("A=1", "--env-file", file)
      assert.deepStrictEqual([code, JSON.parse(err).error.issues[0].path], [1, "--env-file"])
    }))
})
