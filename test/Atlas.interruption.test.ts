/**
 * A call that is interrupted at any moment leaves no machine behind: every run is cut off at every moment it has.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, type Compute, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { isFull } from "./support/full.ts"
import * as Stepper from "./support/Stepper.ts"

type Orders = (controls: MockProvider.Controls) => Effect.Effect<unknown>

const faults: ReadonlyArray<readonly [string, Orders]> = [
  ["nothing goes wrong", () => Effect.void],
  ["the create is slow", (mock) => mock.delay("spawnCompute", { request: "2 seconds", answer: "2 seconds" })],
  ["the answer is lost and the machine exists", (mock) => mock.loseNextAnswer({ created: true })],
  ["the answer is lost and there is no machine", (mock) => mock.loseNextAnswer({ created: false })],
  [
    "the answer is lost and the listing lags",
    (mock) => Effect.andThen(mock.loseNextAnswer({ created: true }), mock.setListingLag("7 seconds"))
  ],
  [
    "the answer is lost after a slow create",
    (mock) =>
      Effect.andThen(
        mock.loseNextAnswer({ created: true }),
        mock.delay("spawnCompute", { request: "1 second", answer: "3 seconds" })
      )
  ],
  ["the create is refused", (mock) => mock.failNext("spawnCompute", new AtlasError.NoCapacity({}))],
  ["the create fails for an unknown reason", (mock) => mock.failNext("spawnCompute", new AtlasError.Unknown({}))],
  ["the listing lags", (mock) => mock.setListingLag("4 seconds")],
  ["two deletes are accepted and not done", (mock) => mock.ignoreDeletes(2)],
  [
    "the listing lags and two deletes are accepted and not done",
    (mock) => Effect.andThen(mock.setListingLag("4 seconds"), mock.ignoreDeletes(2))
  ],
  ["the adapter dies in the create", (mock) => mock.dieNext("spawnCompute", new Error("a bug"))],
  [
    "the adapter dies while looking for a lost answer",
    (mock) => Effect.andThen(mock.loseNextAnswer({ created: true }), mock.dieNext("listCompute", new Error("a bug")))
  ],
  [
    "looking for a lost answer fails twice",
    (mock) =>
      Effect.andThen(
        mock.loseNextAnswer({ created: true }),
        mock.failNext("listCompute", new AtlasError.ProviderFault({ status: 500 }), 2)
      )
  ],
  [
    "a lost answer has made two machines",
    (mock) => Effect.andThen(mock.loseNextAnswer({ created: true }), mock.twinNext())
  ]
]

const request = { gpu: "h100", name: "cut off" }

/** Few enough that every run is cut off at some hundred moments, between any two waits and within them. */
const opsPerTurn = 5

interface Way {
  readonly name: string
  readonly run: Effect.Effect<Compute.Compute | void, AtlasError.AtlasError, Providers.Providers>
  /** Machines its caller has after a success. */
  readonly kept: number
  /** Turns at the end in which the answer is on its way to the caller and an interrupt comes too late. */
  readonly tooLate: number
}

const ways: ReadonlyArray<Way> = [
  // a bare value has these last operations too: a caller that must not miss one uses a scope
  { name: "spawnCompute", run: Atlas.spawnCompute(request), kept: 1, tooLate: 2 },
  {
    name: "scoped",
    run: Effect.scoped(Effect.andThen(Atlas.scoped(request), Effect.sleep("1 second"))),
    kept: 0,
    tooLate: 0
  },
  { name: "withCompute", run: Atlas.withCompute(request, () => Effect.sleep("1 second")), kept: 0, tooLate: 0 }
]

/** Runs once and interrupts after so many steps; says what was left and whether the run was over before. */
const cutOff = (way: Way, orders: Orders, point: number) => {
  const stepper = Stepper.make(opsPerTurn)
  const { controls, provider } = Effect.runSync(MockProvider.make())
  Effect.runSync(orders(controls))
  const fiber = stepper.fork(
    way.run,
    Context.make(Providers.Providers, Providers.make([provider], { default: provider.id })).pipe(
      Context.add(References.MinimumLogLevel, "None")
    )
  )
  let steps = 0
  while (steps < point && fiber.pollUnsafe() === undefined && stepper.step()) steps++
  const wasOver = fiber.pollUnsafe() !== undefined
  if (!wasOver) fiber.interruptUnsafe()
  const exit = stepper.finish(fiber)
  assert.isDefined(exit, `hangs when interrupted after ${point} steps`)
  // what was still on its way has arrived by then
  stepper.advance("1 hour")
  const ledger = stepper.finish(stepper.fork(controls.ledger, Context.empty()))
  assert.isDefined(ledger)
  const live = Exit.getSuccess(ledger).pipe(Option.getOrThrow).live.length
  return { wasOver, left: live - (Exit.isSuccess(exit) ? way.kept : 0) }
}

/** Every moment, or every fourth one and all of the last: what is between two waits looks alike. */
const stride = isFull ? 1 : 4

describe.each(ways)("$name, interrupted at any moment, leaves nothing behind", (way) => {
  it.each(faults)("%s", (_, orders) => {
    const leaks: Array<number> = []
    const isOverAt = (point: number): boolean => {
      const { left, wasOver } = cutOff(way, orders, point)
      if (left !== 0) leaks.push(point)
      return wasOver
    }
    let end = 0
    while (!isOverAt(end)) {
      end += stride
      assert.isBelow(end, 5_000, "it never ends by itself")
    }
    // the first moment at which the run was over
    while (end > 0 && (end - 1) % stride !== 0 && isOverAt(end - 1)) end--
    assert.isAbove(end, 19, "hardly a moment to interrupt it")
    const tooLate = (leak: number) => leak < end && leak >= end - way.tooLate
    assert.deepStrictEqual(leaks.filter((leak) => !tooLate(leak)), [])
  })
})
