import { assert, describe, it } from "@effect/vitest"
import { ComputeRequest } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decoder, sparse } from "../../src/domain/Decode.ts"

const whole = decoder(ComputeRequest.ComputeRequest)
const some = sparse(ComputeRequest.ComputeRequest)

/** Anything at all under the names of a request, and under others. */
const AnyInput = Schema.Struct({
  gpu: Schema.optionalKey(Schema.Union([Schema.Literals(["h100", ""]), Schema.Json, Schema.Undefined])),
  gpuCount: Schema.optionalKey(Schema.Union([Schema.Literals([0, 1, 2]), Schema.Json])),
  ports: Schema.optionalKey(
    Schema.Union([
      Schema.Array(Schema.Union([
        Schema.Literals(["8000/http", "22/tcp", "0/tcp", "70000", "x"]),
        Schema.Struct({ port: Schema.Literals([22, 8000, 70_000]), symmetric: Schema.Json }),
        Schema.Struct({ port: Schema.Literals([22, 8000]), protocol: Schema.Literal("tcp") })
      ])),
      Schema.Json
    ])
  ),
  env: Schema.optionalKey(
    Schema.Union([Schema.Record(Schema.Literals(["A", "ATLAS_PORTS"]), Schema.Json), Schema.Json])
  ),
  idleTtl: Schema.optionalKey(Schema.Union([Schema.Literals(["5 minutes", 0]), Schema.Json])),
  command: Schema.optionalKey(Schema.Union([Schema.Array(Schema.String), Schema.Json])),
  providerOpts: Schema.optionalKey(Schema.Json),
  auth: Schema.optionalKey(Schema.Union([Schema.Literal("bearer"), Schema.Json])),
  toString: Schema.optionalKey(Schema.Json),
  unknown: Schema.optionalKey(Schema.Undefined)
})

describe("a decoder that looks at what is given alone", () => {
  it.effect.prop(
    "answers and refuses what the decoder of the whole does",
    [AnyInput],
    ([input]) =>
      Effect.gen(function*() {
        const [one, other] = [yield* Effect.result(some(input, "spawn")), yield* Effect.result(whole(input, "spawn"))]
        assert.deepStrictEqual(one, other)
        if (one._tag === "Success") {
          assert.instanceOf(one.success, ComputeRequest.ComputeRequest)
          one.success.ports.forEach((port) => assert.instanceOf(port, ComputeRequest.PortRequest))
        }
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect("what is not a plain object is for the whole schema to judge", () =>
    Effect.gen(function*() {
      for (const input of [null, undefined, 7, "h100", [], new Map([["gpu", "h100"]]), Object.create({ gpu: 7 })]) {
        assert.deepStrictEqual(
          yield* Effect.result(some(input, "spawn")),
          yield* Effect.result(whole(input, "spawn"))
        )
      }
    }))
})
