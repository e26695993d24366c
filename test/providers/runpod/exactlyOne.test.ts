/**
 * Exactly one pod, whatever the cloud does: any few faults around a create, then the ledger is checked.
 */
import { assert, describe, it } from "@effect/vitest"
import { type AtlasError, Entropy, NameStamp, Provider } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { isFull } from "../../support/full.ts"
import { layer, passWhile } from "./harness.ts"

/** Runs of one test; each is its own cloud and its own seed, and a failing one is named by it. */
const runs = isFull ? 500 : 100

const pick = <A>(options: readonly [A, ...ReadonlyArray<A>]) =>
  Effect.map(Random.nextIntBetween(0, options.length), (index) => options[index] ?? options[0])

const isActed = pick([true, false])

/** Faults of the create itself, and of the looks that follow a lost answer. */
const anyFault: Effect.Effect<FakeRunPod.Fault> = Effect.gen(function*() {
  const acted = yield* isActed
  const looks = { on: "listPods", skip: yield* Random.nextIntBetween(0, 3) } as const
  const create = { on: "createPod" } as const
  return yield* pick<FakeRunPod.Fault>([
    { _tag: "LoseAnswer", ...create, acted },
    { _tag: "Refuse", ...create, status: 500, acted },
    { _tag: "Refuse", ...create, status: 502, acted, form: "html" },
    { _tag: "Refuse", ...create, status: 408, acted },
    { _tag: "Refuse", ...create, status: 429, retryAfter: 1 },
    { _tag: "Refuse", ...create, status: 400 },
    { _tag: "NoCapacity", ...create, detail: FakeRunPod.noCapacity[0] ?? "" },
    { _tag: "Garble", ...create },
    { _tag: "WrongShape", ...create },
    { _tag: "Hang", ...create, acted },
    { _tag: "Delay", ...create, request: "2 seconds", answer: "1 minute" },
    { _tag: "LoseAnswer", ...looks },
    { _tag: "Refuse", ...looks, status: 503 },
    { _tag: "Refuse", ...looks, status: 429, retryAfter: 2 },
    { _tag: "Garble", ...looks },
    { _tag: "WrongShape", ...looks },
    { _tag: "ShortPage", ...looks },
    { _tag: "CursorLoop", ...looks },
    { _tag: "Delay", ...looks, answer: "3 seconds" }
  ])
})

/** The result of a caller that left before the answer came. */
const left = "left" as const

const foreign = { name: "not-ours", image: "theirs", gpu: { id: "NVIDIA L4", count: 1 }, disk: 20 }

const oneRun = Effect.gen(function*() {
  const cloud = yield* FakeRunPod.FakeRunPodControls
  const { compute } = yield* Provider.Provider
  const neighbour = yield* cloud.plantPod(foreign)
  const faults = yield* Effect.replicateEffect(anyFault, yield* Random.nextIntBetween(1, 7))
  yield* cloud.order(...faults)
  yield* cloud.setListingLag(`${yield* Random.nextIntBetween(0, 5)} seconds`)
  const stamp = yield* NameStamp.adhoc("exactly one")
  const request = { gpu: "h100", image: "me/server", regionHints: ["EU-RO-1"], auth: "bearer" } as const
  const timeout = yield* pick<"3 seconds" | "20 seconds" | null>(["3 seconds", "20 seconds", null])
  const patience = yield* Random.nextIntBetween(0, 12_000)
  const spawned = compute.spawn(request, { stamp, timeout })
  // one caller in four does not stay for the answer
  const asked = (yield* Random.nextIntBetween(0, 4)) > 0
    ? spawned
    : Effect.timeoutOrElse(spawned, { duration: patience, orElse: () => Effect.fail(left) })
  const exit = yield* passWhile(Effect.exit(asked))
  // what was still on its way has arrived by now
  yield* cloud.clearFaults
  yield* passWhile(Effect.sleep("2 minutes"))
  const ledger = yield* cloud.ledger
  const creates = (yield* cloud.requests).filter(({ operation }) => operation === "createPod")
  return { exit, faults, neighbour, ledger, name: NameStamp.render(stamp), creates }
})

const seeded = (seed: string) =>
  oneRun.pipe(
    Effect.provide(Layer.merge(layer({ provisioning: 0, starting: 0 }), Entropy.layerPredictable), { local: true }),
    Random.withSeed(seed)
  )

describe("any one to six faults around a create, with any limit, and callers that leave early", () => {
  it.effect(
    "leave at most one pod of its name, exactly one where it succeeded, none where the caller left; it was sent once",
    () =>
      Effect.gen(function*() {
        const seen = { succeeded: 0, refused: 0, uncertain: 0, left: 0 }
        for (let run = 0; run < runs; run++) {
          const { creates, exit, faults, ledger, name, neighbour } = yield* seeded(`exactly one ${run}`)
          const story = () => `seed ${run}: ${JSON.stringify({ faults, exit, creates }, null, 1)}`
          const ours = ledger.live.filter((pod) => pod.name === name)
          assert.isAtMost(ours.length, 1, story())
          // a create that the server refused by its rate limit was not done, so it may be sent again
          assert.isAtMost(creates.filter(({ status }) => status !== 429).length, 1, story())
          assert.isTrue(ledger.live.some(({ id }) => id === neighbour), story())
          assert.strictEqual(ledger.made.length - 1, ledger.made.filter((pod) => pod.name === name).length, story())
          if (Exit.isSuccess(exit)) {
            seen.succeeded++
            assert.deepStrictEqual(ours.map(({ id }) => id), [exit.value.id], story())
            assert.isNotNull(exit.value.auth, story())
            continue
          }
          const error: AtlasError.AtlasError | typeof left = Option.getOrThrow(Exit.findErrorOption(exit))
          if (error === left) {
            seen.left++
            assert.deepStrictEqual(ours, [], story())
          } else if (error.reason._tag === "Uncertain") {
            seen.uncertain++
            assert.strictEqual(error.reason.computeName, name, story())
          } else {
            seen.refused++
            assert.deepStrictEqual(ours, [], story())
          }
        }
        // the property would be empty if the faults led to one kind of end only
        for (const [end, count] of Object.entries(seen)) assert.isAbove(count, 0, end)
      }),
    120_000
  )
})
