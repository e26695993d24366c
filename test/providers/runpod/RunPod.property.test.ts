import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { layer, passWhile } from "./harness.ts"

const acted = Schema.Boolean
const on = Schema.Literals(["createPod", "listPods", "getPod", "deletePod"])

/** Whatever may go wrong around one create. */
const Faults = Schema.Array(
  Schema.Union([
    Schema.TaggedStruct("LoseAnswer", { on, acted }),
    Schema.TaggedStruct("Refuse", {
      on,
      acted,
      status: Schema.Literals([408, 500, 502, 503, 524])
    }),
    // a server that answers 429 has not acted: that is why a create may be sent again
    Schema.TaggedStruct("Refuse", { on, status: Schema.Literal(429) }),
    Schema.TaggedStruct("Hang", { on, acted }),
    Schema.TaggedStruct("Garble", { on }),
    Schema.TaggedStruct("WrongShape", { on }),
    Schema.TaggedStruct("NoCapacity", {
      on: Schema.Literal("createPod"),
      detail: Schema.Literals(FakeRunPod.noCapacity)
    }),
    Schema.TaggedStruct("ShortPage", { on: Schema.Literal("listPods") }),
    Schema.TaggedStruct("CursorLoop", { on: Schema.Literal("listPods") })
  ])
).check(Schema.isMinLength(1), Schema.isMaxLength(6))

it.effect.prop(
  "after any 1 to 6 faults around a create there is one pod of that name if the call succeeded, else none, sent once",
  [Faults, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))],
  ([faults, lag]) =>
    Effect.gen(function*() {
      const { compute } = yield* RunPod.RunPod
      const controls = yield* FakeRunPod.FakeRunPodControls
      yield* controls.setListingLag(lag)
      yield* controls.order(...faults)
      const spawn = yield* compute.prepare({ gpu: "h100", image: "me/server" })
      const made = yield* passWhile(Effect.result(
        compute.rent(spawn).pipe(
          Effect.catchReason("AtlasError", "Uncertain", () =>
            // the faults that are left strike the resolution too: it is asked for until it can tell
            Effect.retry(compute.resolve(spawn), { times: 20 }))
        )
      ))
      const { made: ledger } = yield* controls.ledger
      const named = ledger.filter(({ endedAt, name }) => name === spawn.name && endedAt === null)
      const isKnown = made._tag === "Success" && made.success !== null
      assert.deepStrictEqual(named.map(({ id }) => id), isKnown ? [made.success.id] : [])
      // a 429 says that nothing was done, so the create may be sent again
      const refused = faults.filter((fault) =>
        fault._tag === "Refuse" && fault.on === "createPod" && fault.status === 429
      )
      const sent = (yield* controls.requests).filter(({ operation }) => operation === "createPod").length
      assert.isAtMost(sent, 1 + refused.length)
    }).pipe(Effect.provide(layer())),
  { arbitrary: { runs: 300 } }
)
