/**
 * Redacted text in a schema: smaller than `Schema.Redacted`, which holds any value and gives it away as JSON.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

/**
 * What stands for a secret in JSON, as in print.
 *
 * @category schemas
 * @since 0.1.0
 */
export const withheld = "<redacted>"

/**
 * Becomes `<redacted>` as JSON, so that what holds it can always be encoded; that text is no secret to read back.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RedactedText = Schema.declare(
  (value: unknown): value is Redacted.Redacted =>
    Redacted.isRedacted(value) && typeof Redacted.value(value) === "string",
  {
    expected: "Redacted",
    toCodecJson: () =>
      Schema.link<Redacted.Redacted>()(Schema.Literal(withheld), {
        decode: SchemaGetter.forbidden(() => "the secret was left out of this JSON: send it with Credential.Revealed"),
        encode: SchemaGetter.transform((): typeof withheld => withheld)
      }),
    // what makes values of a schema up would go through the JSON otherwise
    toCodecArbitrary: () =>
      Schema.link<Redacted.Redacted>()(Schema.String, {
        decode: SchemaGetter.transform((text: string) => Redacted.make(text)),
        encode: SchemaGetter.transform((secret: Redacted.Redacted) => Redacted.value(secret))
      })
  }
)
