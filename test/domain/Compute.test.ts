/**
 * A compute as every provider reports it: what it says of itself, and what it never shows.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute, Ids } from "effect-atlas"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { bearerOf } from "../support/secrets.ts"

const auth = bearerOf("canary-token")

const compute = new Compute.Compute({
  id: Ids.ComputeId.make("pod-1"),
  provider: Ids.ProviderId.make("acme"),
  status: "running",
  name: "atlas-adhoc-web-abcdefghijkl",
  publicIp: "203.0.113.1",
  ports: [new Compute.PortBinding({ internal: 80, external: null, protocol: "http", url: null })],
  gpuType: "H100",
  gpuCount: 1,
  costPerHour: null,
  region: null,
  image: "me/server",
  auth,
  createdAt: DateTime.makeUnsafe(0),
  exitCode: null,
  failure: null,
  raw: { env: "canary-raw" }
})

describe("Compute", () => {
  it("made from its id, its provider and its status says nothing else: one GPU, no ports, null where it is not known", () => {
    const bare = new Compute.Compute({ id: compute.id, provider: compute.provider, status: "running" })
    const { gpuCount, id, ports, provider, status, ...rest } = { ...bare }
    assert.deepStrictEqual([id, provider, status, gpuCount, ports], [compute.id, compute.provider, "running", 1, []])
    assert.deepStrictEqual(
      Object.keys(rest).toSorted(),
      Object.keys(compute).filter((key) => !["id", "provider", "status", "gpuCount", "ports"].includes(key)).toSorted()
    )
    assert.deepStrictEqual([...new Set(Object.values(rest))], [null])
  })

  it("printing it shows neither its credential nor raw, in no way of printing", () => {
    for (const value of [compute, { compute }, [compute]]) {
      for (const printed of [inspect(value, { depth: null }), JSON.stringify(value), String(value)]) {
        assert.notInclude(printed, "canary")
      }
    }
    assert.strictEqual(String(compute), "Compute(acme/pod-1 running)")
  })

  it.effect("logging it shows neither its credential nor raw", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const to = (logger: Logger.Logger<unknown, unknown>) =>
        Logger.layer([Logger.map(logger, (line) => void lines.push(inspect(line, { depth: null })))])
      for (const format of [Logger.formatSimple, Logger.formatLogFmt, Logger.formatStructured, Logger.formatJson]) {
        yield* Effect.logInfo(compute, { compute }).pipe(
          Effect.annotateLogs({ compute }),
          Effect.provide(to(format), { local: true })
        )
      }
      assert.lengthOf(lines, 4)
      assert.notInclude(lines.join("\n"), "canary")
    }))

  it("what is printed is everything else, null where it is not known", () => {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(compute)), {
      id: "pod-1",
      provider: "acme",
      status: "running",
      name: "atlas-adhoc-web-abcdefghijkl",
      rentedAs: null,
      publicIp: "203.0.113.1",
      ports: [{ internal: 80, external: null, protocol: "http", url: null }],
      gpuType: "H100",
      gpuCount: 1,
      costPerHour: null,
      region: null,
      image: "me/server",
      createdAt: "1970-01-01T00:00:00.000Z",
      exitCode: null,
      failure: null
    })
  })

  it.each(
    [
      ["provisioning", true],
      ["running", true],
      ["stopped", true],
      ["terminated", false],
      ["failed", false]
    ] as const
  )("%s may still cost money: %s", (status, isLive) => {
    assert.strictEqual(new Compute.Compute({ ...compute, status }).isLive, isLive)
  })

  it.effect("an unknown status, protocol or scheme is refused", () =>
    Effect.gen(function*() {
      const isRefused = <S extends Schema.Constraint & { readonly DecodingServices: never }>(
        schema: S,
        value: unknown
      ) => Effect.map(Effect.exit(Schema.decodeUnknownEffect(schema)(value)), (exit) => exit._tag === "Failure")
      assert.isTrue(yield* isRefused(Compute.ComputeStatus, "toString"))
      assert.isTrue(yield* isRefused(Compute.PortProtocol, "udp"))
      assert.isFalse(yield* isRefused(Compute.ComputeStatus, "running"))
    }))
})
