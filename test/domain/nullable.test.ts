import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { nullable } from "../../src/domain/Decode.ts"

it("null is told without asking the schema beside it, which may find out by throwing", () => {
  let asked = 0
  const costly = Schema.Unknown.pipe(Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transformEffect((input) => {
      asked += 1
      return Effect.succeed(String(input))
    }),
    encode: SchemaGetter.passthrough()
  }))
  const decode = Schema.decodeUnknownSync(Schema.Struct({ field: nullable(costly) }))
  assert.deepStrictEqual([decode({}), decode({ field: null })], [{ field: null }, { field: null }])
  assert.strictEqual(asked, 0)
  assert.deepStrictEqual(decode({ field: 1 }), { field: "1" })
})
