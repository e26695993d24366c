/**
 * The credential of one compute: two shapes told apart by their tag, its text only where it is asked for on purpose.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute, Credential } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { machine } from "../support/acme.ts"
import { bearerOf } from "../support/secrets.ts"

const bearer = bearerOf("canary-token")
const signed = new Credential.SignedUrl({ secret: Redacted.make("canary-secret") })
const both = [bearer, signed]

const encodeJson = <S extends Schema.Constraint & { readonly EncodingServices: never }>(schema: S, value: S["Type"]) =>
  Effect.map(Schema.encodeUnknownEffect(Schema.toCodecJson(schema))(value), (json) => JSON.stringify(json))

describe("Credential", () => {
  it("prints as redacted, and is revealed on purpose only", () => {
    for (const credential of both) {
      assert.notInclude(
        inspect(credential, { depth: null }) + JSON.stringify(credential) + String(credential),
        "canary"
      )
    }
    assert.deepStrictEqual(Credential.reveal(bearer), {
      scheme: "bearer",
      token: "canary-token",
      hash: bearer.hash,
      header: "Bearer canary-token"
    })
    assert.deepStrictEqual(Credential.reveal(signed), {
      scheme: "signed_url",
      token: "canary-secret",
      hash: null,
      header: null
    })
  })

  it.effect("is null in the JSON of a compute that has one, and is null where that is read back", () =>
    Effect.gen(function*() {
      for (const auth of both) {
        const compute = machine({ auth })
        const text = yield* encodeJson(Compute.Compute, compute)
        assert.propertyVal(JSON.parse(text), "auth", null)
        assert.notInclude(text, "canary")
        assert.isNull((yield* Schema.encodeEffect(Compute.Compute)(compute)).auth)
        const again = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(Compute.Compute))(JSON.parse(text))
        assert.deepStrictEqual(again, machine())
      }
    }))

  it.effect("encodes without its secret on its own, and what was left out cannot be read back", () =>
    Effect.gen(function*() {
      for (const credential of both) {
        const text = yield* encodeJson(Credential.Credential, credential)
        assert.notInclude(text, "canary")
        assert.include(text, "<redacted>")
        const error = yield* Effect.flip(
          Schema.decodeUnknownEffect(Schema.toCodecJson(Credential.Credential))(JSON.parse(text))
        )
        assert.include(error.message, "Credential.Revealed")
      }
    }))

  it.effect("is sent as text by the one schema that says so, and is a credential again where it arrives", () =>
    Effect.gen(function*() {
      for (const credential of both) {
        const text = yield* encodeJson(Credential.Revealed, credential)
        assert.deepStrictEqual(JSON.parse(text), Credential.reveal(credential))
        const again = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(Credential.Revealed))(JSON.parse(text))
        assert.deepStrictEqual(again, credential)
        assert.notInclude(inspect(again, { depth: null }), "canary")
      }
    }))
})
