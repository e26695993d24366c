/**
 * What a caller may ask for: defaults, refusals that name their field, and secrets that stay out of every message.
 */
import { assert, describe, it } from "@effect/vitest"
import { type AtlasError, ComputeRequest } from "effect-atlas"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const canary = "canary-3f7a"

/** Input that the compiler would refuse, as JavaScript callers can write it. */
const untyped = (input: object): Effect.Effect<ComputeRequest.ComputeRequest, AtlasError.AtlasError> =>
  ComputeRequest.decode(JSON.parse(JSON.stringify(input)))

const refused = (decoding: Effect.Effect<unknown, AtlasError.AtlasError>) =>
  Effect.map(Effect.flip(decoding), (error) => {
    assert.strictEqual(error.kind, "validation")
    return {
      error,
      paths: error.reason._tag === "Validation" ? error.reason.issues.map((issue) => issue.path) : []
    }
  })

describe("ComputeRequest", () => {
  it.effect("everything has a default", () =>
    Effect.gen(function*() {
      const request = yield* ComputeRequest.decode({})
      assert.deepStrictEqual({ ...request }, {
        gpu: null,
        gpuCount: 1,
        image: null,
        cloudType: "any",
        spot: false,
        regionHints: [],
        ports: [],
        env: {},
        volumeGb: null,
        containerDiskGb: null,
        networkVolumeId: null,
        templateId: null,
        name: null,
        auth: "none",
        idleTtl: null,
        providerOpts: {},
        command: null,
        selfTerminate: true
      })
    }))

  it.effect("ports are written as text or as fields, http unless said otherwise", () =>
    Effect.gen(function*() {
      const { ports } = yield* ComputeRequest.decode({
        ports: ["8000", "22/tcp", "8080/http", { port: 9000 }, { port: 9001, protocol: "tcp", symmetric: true }]
      })
      assert.deepStrictEqual(ports.map(({ port, protocol, symmetric }) => [port, protocol, symmetric]), [
        [8000, "http", false],
        [22, "tcp", false],
        [8080, "http", false],
        [9000, "http", false],
        [9001, "tcp", true]
      ])
    }))

  it.effect("an empty command means the same as none", () =>
    Effect.gen(function*() {
      assert.isNull((yield* ComputeRequest.decode({ command: [] })).command)
      assert.deepStrictEqual((yield* ComputeRequest.decode({ command: ["a", ""] })).command, ["a", ""])
    }))

  it.effect("a time to live is any duration above nothing", () =>
    Effect.gen(function*() {
      const { idleTtl } = yield* ComputeRequest.decode({ idleTtl: "30 minutes" })
      assert.strictEqual(idleTtl === null ? null : Duration.toMillis(idleTtl), 1_800_000)
      for (const idleTtl of ["soon", 0, -1, true]) {
        assert.deepStrictEqual((yield* refused(untyped({ idleTtl }))).paths, ["idleTtl"])
      }
    }))

  it.effect("a request built before is taken as it is", () =>
    Effect.gen(function*() {
      const request = yield* ComputeRequest.decode({ gpu: "h100" })
      assert.strictEqual(yield* ComputeRequest.decode(request), request)
    }))

  it.effect.each(
    [
      [{ gpuz: "h100" }, "gpuz"],
      [{ mode: "async" }, "mode"],
      [{ gpu: 7 }, "gpu"],
      [{ gpu: "" }, "gpu"],
      [{ gpuCount: 0 }, "gpuCount"],
      [{ gpuCount: 1.5 }, "gpuCount"],
      [{ gpuCount: "2" }, "gpuCount"],
      [{ image: "a\0b" }, "image"],
      [{ cloudType: "private" }, "cloudType"],
      [{ spot: "yes" }, "spot"],
      [{ regionHints: "ams" }, "regionHints"],
      [{ regionHints: ["ams", 1] }, "regionHints[1]"],
      [{ volumeGb: 0 }, "volumeGb"],
      [{ containerDiskGb: -1 }, "containerDiskGb"],
      [{ name: "x".repeat(257) }, "name"],
      [{ auth: "basic" }, "auth"],
      [{ command: "ls" }, "command"],
      [{ command: ["ls", "a\0b"] }, "command[1]"],
      [{ selfTerminate: null }, "selfTerminate"],
      [{ env: ["A=1"] }, "env"],
      [{ env: { A: 1 } }, "env.A"],
      [{ env: { "A B": "1" } }, "env[\"A B\"]"],
      [{ env: { "1A": "1" } }, "env[\"1A\"]"],
      [{ env: { A: "a\0b" } }, "env.A"],
      [{ env: { A: "<redacted>" } }, "env.A"],
      [{ providerOpts: [] }, "providerOpts"],
      [{ providerOpts: { env: {} } }, "providerOpts.env"]
    ] as const
  )("%j is refused on %s", ([input, path]) =>
    Effect.gen(function*() {
      const { paths } = yield* refused(untyped(input))
      assert.deepStrictEqual([...new Set(paths)], [path])
    }))

  it.effect.each([0, 70_000, -1, 1.5, 65_536])(
    "port %d is refused, as text and as a field",
    (port) =>
      Effect.gen(function*() {
        for (const input of [{ ports: [{ port }] }, { ports: ["80", `${port}/tcp`] }]) {
          const { paths } = yield* refused(untyped(input))
          assert.isAbove(paths.length, 0)
          assert.isTrue(paths.every((path) => path.startsWith("ports[")), paths.join())
        }
      })
  )

  it.effect("a port listed twice is refused, and so is an unknown protocol", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* refused(untyped({ ports: ["80/http", "80/tcp"] }))).paths, ["ports[1].port"])
      const { paths } = yield* refused(untyped({ ports: ["80/udp"] }))
      assert.isTrue(paths.every((path) => path.startsWith("ports[0]")), paths.join())
    }))

  it.effect.each([
    "ATLAS_PRESHARED_KEY",
    "ATLAS_SIGNING_SECRET",
    "ATLAS_CALLBACK_URL",
    "ATLAS_CALLBACK_TOKEN",
    "ATLAS_TASK_ID",
    "ATLAS_PORTS"
  ])("env may not set %s, which the library sets", (name) =>
    Effect.gen(function*() {
      const { paths } = yield* refused(ComputeRequest.decode({ env: { [name]: "mine" } }))
      assert.deepStrictEqual(paths, [`env.${name}`])
    }))

  it.effect("everything that is wrong is said at once", () =>
    Effect.gen(function*() {
      const { paths } = yield* refused(untyped({ gpuCount: 0, spot: "yes", colour: "red" }))
      assert.deepStrictEqual([...paths].toSorted(), ["colour", "gpuCount", "spot"])
    }))

  it.effect("no refusal shows a value, whatever field it stands in", () =>
    Effect.gen(function*() {
      const nested = { deep: { list: [canary] } }
      const inputs = [
        ...[
          "gpu",
          "gpuCount",
          "image",
          "cloudType",
          "spot",
          "regionHints",
          "ports",
          "env",
          "volumeGb",
          "containerDiskGb",
          "networkVolumeId",
          "templateId",
          "name",
          "auth",
          "idleTtl",
          "providerOpts",
          "command",
          "selfTerminate",
          "unknownField"
        ].flatMap((field) => [`${canary}\0`, nested, [canary, 7], [nested]].map((value) => ({ [field]: value }))),
        { env: { KEY: `${canary}\0` } },
        { env: { KEY: { canary } } },
        { env: { ATLAS_PORTS: canary } },
        { env: { "NOT A NAME": canary } },
        { ports: [`80/${canary}`] },
        { ports: [{ port: canary }] },
        { providerOpts: { env: { KEY: canary } } },
        [canary],
        { command: [canary, `${canary}\0`] }
      ]
      for (const input of inputs) {
        const result = yield* Effect.result(untyped(input))
        if (result._tag === "Success") continue
        const error = result.failure
        for (
          const shown of [error.message, inspect(error, { depth: null }), JSON.stringify(error), error.stack ?? ""]
        ) {
          assert.notInclude(shown, canary, JSON.stringify(input))
        }
      }
    }))

  it.effect("printing one shows the names of its environment and options, never their values", () =>
    Effect.gen(function*() {
      const request = yield* ComputeRequest.decode({
        env: { PLAIN: canary, SEALED: Redacted.make(canary) },
        providerOpts: { note: canary }
      })
      for (const printed of [inspect(request, { depth: null }), JSON.stringify(request), String(request)]) {
        assert.notInclude(printed, canary)
      }
      assert.include(JSON.stringify(request), "PLAIN")
      assert.strictEqual(Object.values(request.env).map(Redacted.value).join(), `${canary},${canary}`)
    }))
})
