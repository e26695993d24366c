/**
 * What outlives a pod: volumes, templates, endpoints and bills, to the wire and back.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ComputeId } from "../../../src/domain/Ids.ts"
import { NetworkVolumeRequest, TemplateRequest } from "../../../src/domain/Resources.ts"
import { templateBody, toEndpoint, toSpend, volumeBody } from "../../../src/providers/runpod/internal/resourceFacets.ts"
import * as Wire from "../../../src/providers/runpod/RunPodSchema.ts"

describe("what outlives a pod", () => {
  const volume = (fields: object) =>
    volumeBody(Schema.decodeSync(NetworkVolumeRequest)({ name: "v", sizeGb: 20, region: "EU-RO-1", ...fields }))
  const template = (fields: object) =>
    templateBody(Schema.decodeSync(TemplateRequest)({ name: "t", image: "i", ...fields }))
  const bodyOf = (result: ReturnType<typeof volume>) => Result.getOrThrow(result).body
  const pathsOf = (result: ReturnType<typeof volume>) =>
    Result.isFailure(result) ? result.failure.issues.map(({ path }) => path) : []

  it("a volume needs its data center and 10 to 4096 GB", () => {
    assert.deepStrictEqual(bodyOf(volume({ tier: "high_performance" })), {
      name: "v",
      size: 20,
      dataCenter: "EU-RO-1",
      type: "HIGH_PERFORMANCE"
    })
    assert.deepStrictEqual(pathsOf(volume({ region: null })), ["region"])
    assert.deepStrictEqual(pathsOf(volume({ sizeGb: 9 })), ["sizeGb"])
    assert.deepStrictEqual(pathsOf(volume({ sizeGb: 4097 })), ["sizeGb"])
    assert.deepStrictEqual(pathsOf(volume({ providerOpts: { colour: "red" } })), ["providerOpts.colour"])
  })

  it("a template says only what was asked for", () => {
    assert.deepStrictEqual(bodyOf(template({})), { name: "t", image: "i", serverless: false })
    const full = template({
      command: ["a b", "c"],
      ports: [{ port: 80, protocol: "http" }],
      env: { A: "x" },
      containerDiskGb: 5,
      volumeGb: 10,
      ssh: false,
      jupyter: false
    })
    assert.deepStrictEqual(bodyOf(full), {
      name: "t",
      image: "i",
      serverless: false,
      ports: ["80/http"],
      env: { A: Redacted.make("x") },
      disk: 5,
      mounts: { persistent: { size: 10, path: "/workspace" } },
      args: Redacted.make("'a b' 'c'"),
      startSsh: false,
      startJupyter: false
    })
    assert.deepStrictEqual(pathsOf(template({ providerOpts: { mounts: { red: 1 } } })), ["providerOpts.mounts.red"])
    assert.deepStrictEqual(pathsOf(template({ volumeGb: 9 })), ["volumeGb"])
  })

  it("a template's ports are written like those of a pod, symmetric ones too", () => {
    const ports = ["8000", "22/tcp", { port: 9000, protocol: "tcp", symmetric: true }]
    assert.deepStrictEqual(bodyOf(template({ ports })), {
      name: "t",
      image: "i",
      serverless: false,
      ports: ["8000/http", "22/tcp", "70001/tcp"]
    })
    assert.deepStrictEqual(pathsOf(template({ ports: [{ port: 80, symmetric: true }] })), ["ports[0].symmetric"])
  })

  it("an endpoint's type is known, unknown, or not told", () => {
    const typeOf = (type: unknown) =>
      toEndpoint(Schema.decodeUnknownSync(Wire.Endpoint)({ id: "e", name: "e", type }), {}).type
    assert.deepStrictEqual(
      ["QUEUE", "LOAD_BALANCER", "NEWER", 7].map(typeOf),
      ["queue", "load_balancer", "unknown", null]
    )
  })

  it("a bill with an amount missing is none", () => {
    const totals = { totalAmount: 3.12, gpuAmount: 2.96, cpuAmount: 0, diskAmount: 0.16 }
    const query = { startTime: "2026-11-20T00:00:00Z", endTime: "2026-11-21T00:00:00Z" }
    const spend = (totals: object) =>
      toSpend(
        ComputeId.make("pod1"),
        Schema.decodeSync(Wire.PodBillingList)({ records: [], metadata: { query, recordCount: 0, totals } }),
        {}
      )
    const whole = spend(totals)
    assert.deepStrictEqual(
      [whole?.totalUsd, whole?.gpuUsd, whole?.cpuUsd, whole?.diskUsd],
      [3.12, 2.96, 0, 0.16]
    )
    assert.strictEqual(String(whole?.from), "DateTime.Utc(2026-11-20T00:00:00.000Z)")
    for (const name of Object.keys(totals)) assert.isNull(spend({ ...totals, [name]: undefined }))
    assert.isNull(spend({ ...totals, totalAmount: "3.12" }))
  })
})
