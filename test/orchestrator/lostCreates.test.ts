/**
 * Creates whose answers were lost, at an account that takes long to be listed: they share its listings.
 */
import { assert, describe, it } from "@effect/vitest"
import { Transport } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Usd } from "effect-atlas/domain/Money"
import * as Provider from "effect-atlas/provider/Provider"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { answerOf, open, pass } from "./harness.ts"

const id = ProviderId.make("slow")

/** Loses the answers of all creates, and takes its time for a listing, which shows machines that are `hidden` no longer. */
const makeSlowCloud = ({ hidden = 0, ...options }: {
  readonly listing: number
  readonly makes: boolean
  readonly hidden?: number
}) => {
  const machines = new Map<string, Compute>()
  const seen = { lists: 0, underWay: 0, mostUnderWay: 0, creates: 0 }
  const provider = Provider.make({
    id,
    pollInterval: "5 seconds",
    settleWindow: "5 seconds",
    compute: {
      spawn: ({ name }) =>
        Effect.gen(function*() {
          seen.creates += 1
          const computeId = ComputeId.make(`slow-${seen.creates}`)
          if (options.makes) {
            const made = { id: computeId, provider: id, name, costPerHour: Usd.make(1), createdAt: yield* DateTime.now }
            machines.set(computeId, new Compute({ ...made, status: "running" }))
          }
          return yield* new Transport({ message: "reset" })
        }),
      get: (wanted) => {
        const machine = machines.get(wanted)
        return machine === undefined ? Effect.fail(new Transport({ message: "reset" })) : Effect.succeed(machine)
      },
      list: () =>
        Effect.gen(function*() {
          seen.lists += 1
          seen.underWay += 1
          seen.mostUnderWay = Math.max(seen.mostUnderWay, seen.underWay)
          const now = yield* Clock.currentTimeMillis
          const shown = [...machines.values()]
            .filter(({ createdAt }) => (createdAt?.epochMilliseconds ?? 0) + hidden <= now)
          yield* Effect.sleep(options.listing)
          return shown
        }).pipe(Effect.ensuring(Effect.sync(() => void (seen.underWay -= 1)))),
      terminate: (wanted) => Effect.sync(() => void machines.delete(wanted))
    }
  })
  return { provider, seen }
}

describe("a create whose answer was lost", () => {
  it.effect.each([7_000, 10_000])(
    "is found where a listing takes %d ms, and its caller is answered",
    (listing) =>
      Effect.gen(function*() {
        const cloud = makeSlowCloud({ listing, makes: true })
        const { orchestrator } = yield* open({ more: [cloud.provider], reapProviders: [] })
        const asked = yield* Effect.forkChild(orchestrator.spawn({}, { provider: "slow", idleTtl: false }))
        yield* pass(30)
        assert.strictEqual((yield* answerOf(asked)).compute.provider, "slow")
        assert.strictEqual(cloud.seen.creates, 1)
      })
  )

  it.effect("is not sent again for a listing that was asked for before both windows had passed, and answered after", () =>
    Effect.gen(function*() {
      const cloud = makeSlowCloud({ listing: 12_000, makes: true, hidden: 8_000 })
      const { orchestrator } = yield* open({ more: [cloud.provider], reapProviders: [] })
      const asked = yield* Effect.forkChild(orchestrator.spawn({}, { provider: "slow", idleTtl: false }))
      yield* pass(60)
      assert.strictEqual((yield* answerOf(asked)).compute.id, "slow-1")
      assert.strictEqual(cloud.seen.creates, 1)
    }))

  it.effect("and made nothing is known to be so where a listing takes 10 seconds, and the next candidate is asked", () =>
    Effect.gen(function*() {
      const cloud = makeSlowCloud({ listing: 10_000, makes: false })
      const { orchestrator } = yield* open({ more: [cloud.provider], reapProviders: [] })
      const asked = yield* Effect.forkChild(orchestrator.spawn({}, { provider: ["slow", "mock"], idleTtl: false }))
      yield* pass(120)
      assert.strictEqual((yield* answerOf(asked)).compute.provider, "mock")
      assert.strictEqual(cloud.seen.creates, 2, "a lost create is sent once more")
    }))

  it.effect("costs no listing of its own: fifty of them share a few, one at a time", () =>
    Effect.gen(function*() {
      const cloud = makeSlowCloud({ listing: 1_000, makes: false })
      const { orchestrator } = yield* open({ more: [cloud.provider], reapProviders: [] })
      const asked = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 50 }),
          () => Effect.exit(orchestrator.spawn({}, { provider: "slow" })),
          { concurrency: "unbounded" }
        )
      )
      yield* pass(60)
      assert.isTrue((yield* answerOf(asked)).every(({ _tag }) => _tag === "Failure"))
      assert.strictEqual(cloud.seen.creates, 100)
      assert.isAtMost(cloud.seen.lists, 13)
      assert.strictEqual(cloud.seen.mostUnderWay, 1)
    }))
})
