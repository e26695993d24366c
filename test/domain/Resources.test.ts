/**
 * What outlives a compute: what may be asked for, and what printing it never shows.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Ids, Providers, Resources } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

const mock = Effect.provide(Providers.layer(MockProvider.layer()))

const minimal = { name: "server", image: "me/server" }

/** Where a template that the compiler may not know is at fault, and the whole refusal as text. */
const refusal = (fields: object) =>
  Effect.gen(function*() {
    const input: Resources.TemplateInput = { ...minimal, ...fields }
    const { reason } = yield* Effect.flip(mock(Atlas.createTemplate(input)))
    if (!Schema.is(AtlasError.Validation)(reason)) return yield* Effect.die(reason)
    return { paths: reason.issues.map(({ path }) => path), text: inspect(reason, { depth: null }) + String(reason) }
  })

describe("a template", () => {
  it.effect.each<readonly [string, object, ReadonlyArray<string>]>([
    ["a port outside of 1 to 65535", { ports: [{ port: 0 }, "70000/tcp"] }, ["ports[0].port", "ports[1].port"]],
    ["a port that is listed twice", { ports: ["80/http", { port: 80, protocol: "tcp" }] }, ["ports[1].port"]],
    ["a variable that only the library sets", { env: { ATLAS_PRESHARED_KEY: "canary" } }, ["env.ATLAS_PRESHARED_KEY"]],
    ["a variable without a proper name", { env: { "A B": "canary" } }, ["env[\"A B\"]"]],
    ["a NUL in a variable", { env: { A: "canary\0" } }, ["env.A"]],
    ["a NUL in a command", { command: ["sh", "canary\0"] }, ["command[1]"]],
    ["variables in providerOpts", { providerOpts: { env: { A: "canary" } } }, ["providerOpts.env"]],
    ["an empty name", { name: "" }, ["name"]]
  ])("refuses %s, as a compute does, and never says the value", ([, fields, expected]) =>
    Effect.gen(function*() {
      const { paths, text } = yield* refusal(fields)
      assert.deepStrictEqual(paths, expected)
      assert.notInclude(text, "canary")
    }))

  it.effect("takes ports as text, variables redacted or not, and an empty command as none", () =>
    Effect.gen(function*() {
      const request = yield* Schema.decodeEffect(Resources.TemplateRequest)({
        ...minimal,
        ports: ["8000", "22/tcp"],
        env: { A: "plain", B: Redacted.make("sealed") },
        command: []
      })
      assert.deepStrictEqual(request.ports.map(({ port, protocol }) => [port, protocol]), [[8000, "http"], [22, "tcp"]])
      assert.deepStrictEqual(Object.values(request.env).map(Redacted.value), ["plain", "sealed"])
      assert.isNull(request.command)
    }))
})

describe("printing", () => {
  const provider = Ids.ProviderId.make("acme")
  const raw = { token: "canary" }
  const shared = { id: "thing-1", provider, name: "models", raw }
  const request = {
    name: "server",
    image: "me/server",
    sizeGb: 10,
    env: { A: "canary" },
    providerOpts: { a: "canary" }
  }

  it.each<readonly [string, object]>([
    ["a network volume", new Resources.NetworkVolume({ ...shared, sizeGb: 10, region: null })],
    ["a template", new Resources.Template({ ...shared, image: "me/server", serverless: false })],
    [
      "an endpoint",
      new Resources.Endpoint({
        ...shared,
        type: "queue",
        workersMin: 0,
        workersMax: 3,
        gpuPools: [],
        regionHints: [],
        networkVolumeIds: [],
        createdAt: null
      })
    ],
    [
      "a bill",
      new Resources.Spend({
        computeId: Ids.ComputeId.make("thing-1"),
        provider,
        totalUsd: Schema.decodeSync(Resources.Spend.fields.totalUsd)(1),
        gpuUsd: null,
        cpuUsd: null,
        diskUsd: null,
        from: null,
        to: null,
        raw
      })
    ],
    ["a volume to make", Schema.decodeSync(Resources.NetworkVolumeRequest)(request)],
    ["a template to make", Schema.decodeSync(Resources.TemplateRequest)(request)]
  ])("%s says what it is and nothing that may be secret", (_, thing) => {
    for (const value of [thing, { thing }, [thing]]) {
      for (const printed of [inspect(value, { depth: null }), JSON.stringify(value), String(value)]) {
        assert.notInclude(printed, "canary")
      }
    }
    assert.match(JSON.stringify(thing), /thing-1|server/)
  })
})
