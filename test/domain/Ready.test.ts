import { assert, describe, it } from "@effect/vitest"
import { Compute, PortBinding } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Ready from "effect-atlas/domain/Ready"

const compute = (
  status: Compute["status"],
  ...ports: ReadonlyArray<readonly [number, "http" | "tcp", string | null]>
) =>
  new Compute({
    id: ComputeId.make("m1"),
    provider: ProviderId.make("acme"),
    status,
    ports: ports.map(([internal, protocol, url]) => new PortBinding({ internal, external: null, protocol, url }))
  })

const wanted = (port: number, protocol: "http" | "tcp", symmetric = false) => ({ port, protocol, symmetric })
const there = "tcp://203.0.113.7:30000"

describe("a compute is ready when it runs and each of its ports has an address", () => {
  it("one without ports is ready as soon as it runs, and in no other status", () => {
    for (const status of ["provisioning", "running", "stopped", "terminated", "failed"] as const) {
      assert.strictEqual(Ready.isReady(compute(status)), status === "running")
    }
  })

  it("each port that it lists counts, whoever asked for it", () => {
    assert.deepStrictEqual(Ready.unmapped(compute("running", [22, "tcp", null], [80, "http", null])), [
      "22/tcp",
      "80/http"
    ])
    assert.isFalse(Ready.isReady(compute("running", [22, "tcp", there], [80, "http", null])))
    assert.isTrue(Ready.isReady(compute("running", [22, "tcp", there], [80, "http", "https://x.example"])))
  })

  it("a port that was asked for and is not listed is missing, also where another protocol has its number", () => {
    assert.deepStrictEqual(Ready.unmapped(compute("running"), [wanted(22, "tcp")]), ["22/tcp"])
    assert.deepStrictEqual(Ready.unmapped(compute("running", [22, "http", "https://x"]), [wanted(22, "tcp")]), [
      "22/tcp"
    ])
  })

  it("a symmetric one is any port that nothing else asked for, since the provider chooses its number", () => {
    const asked = [wanted(22, "tcp"), wanted(5000, "tcp", true)]
    assert.deepStrictEqual(Ready.unmapped(compute("running", [22, "tcp", there]), asked), ["5000/tcp (symmetric)"])
    assert.isTrue(Ready.isReady(compute("running", [22, "tcp", there], [41_000, "tcp", there]), asked))
  })
})
