/**
 * Suspended time by the clocks of a kernel: noise is no suspend, a suspend counts once, and nothing ever goes back.
 */
import { assert, describe, it } from "@effect/vitest"
import { makeReader, type Uptime, uptimeOfLinux } from "../../src/orchestrator/internal/uptime.ts"

/** A kernel of the test: what its clocks read, and what the reader answers. */
const kernel = (first: Uptime | null) => {
  let uptime = first
  let now = 0
  let asked = 0
  const read = makeReader(() => {
    asked++
    return uptime
  }, () => now)
  const after = (millis: number, next: Uptime | null) => {
    now += millis
    uptime = next
    return read()
  }
  return { after, asked: () => asked }
}

describe("suspended time", () => {
  it("is what the uptime has more than the time awake, from the first reading on", () => {
    assert.strictEqual(kernel({ all: 90_500, awake: 60_000 }).after(0, { all: 90_500, awake: 60_000 }), 30_500)
  })

  it("grows by a suspend and not by what passes between two readings", () => {
    const { after } = kernel(null)
    assert.strictEqual(after(0, { all: 10_010, awake: 10_000 }), 10)
    assert.strictEqual(after(1_000, { all: 11_900, awake: 11_000 }), 10)
    assert.strictEqual(after(1_000, { all: 72_000, awake: 12_000 }), 60_000)
  })

  it("never goes back, whatever the kernel says", () => {
    const { after } = kernel(null)
    assert.strictEqual(after(0, { all: 60_000, awake: 10_000 }), 50_000)
    assert.strictEqual(after(1_000, { all: 5_000, awake: 11_000 }), 50_000)
    assert.strictEqual(after(1_000, null), 50_000)
  })

  it("that was not known at first stays unknown, so that it is never taken for a suspend", () => {
    const { after } = kernel(null)
    assert.isNull(after(0, null))
    assert.isNull(after(1_000, { all: 60_000, awake: 10_000 }))
  })

  it("is asked for five times a second at most", () => {
    const { after, asked } = kernel({ all: 0, awake: 0 })
    for (let call = 0; call < 1_000; call++) after(1, { all: call, awake: call })
    assert.isAtMost(asked(), 6)
  })

  it.skipIf(process.platform !== "linux")("is told by Linux", () => {
    const read = uptimeOfLinux()?.() ?? null
    assert.isNotNull(read)
    // this computer may have been suspended, and never the other way round
    assert.isAtLeast((read?.all ?? 0) - (read?.awake ?? 0), -1_000)
  })
})
