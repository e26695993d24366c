/**
 * The credential minted for one compute: a bearer token with its hash and header, or the secret that signs URLs.
 *
 * Only the process that rented the compute has it. Its text is in no JSON: {@link reveal} and {@link Revealed} give it on purpose.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { RedactedText } from "./RedactedText.ts"

/**
 * A bearer token and its other forms. Store `hash` to verify the token later; the library keeps neither.
 *
 * @category models
 * @since 0.1.0
 */
export class Bearer extends Schema.TaggedClass<Bearer>("effect-atlas/domain/Credential/Bearer")("Bearer", {
  token: RedactedText,
  /** `Bearer <token>`, the value of an Authorization header. */
  header: RedactedText,
  /** SHA-256 of the token as 64 hex digits. */
  hash: Schema.String
}) {}

/**
 * The secret that signs the URLs of a compute; see SignedUrl.
 *
 * @category models
 * @since 0.1.0
 */
export class SignedUrl extends Schema.TaggedClass<SignedUrl>("effect-atlas/domain/Credential/SignedUrl")("SignedUrl", {
  secret: RedactedText
}) {}

/**
 * The credential of one compute, told apart by `_tag`.
 *
 * **Details**
 *
 * As JSON it has `<redacted>` in place of its secrets, and such JSON cannot be read back.
 *
 * **Example** (The header to send)
 *
 * ```ts
 * import type { Credential } from "effect-atlas"
 * import * as Redacted from "effect/Redacted"
 *
 * const headerOf = (auth: Credential.Credential | null) => auth?._tag === "Bearer" ? Redacted.value(auth.header) : null
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const Credential = Schema.Union([Bearer, SignedUrl])

/**
 * @category models
 * @since 0.1.0
 */
export type Credential = typeof Credential.Type

/**
 * A credential inside this process, and null in everything that is encoded: the field `auth` of what is stored, sent or logged.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Kept = Schema.Null.pipe(
  Schema.decodeTo(
    Schema.NullOr(Schema.toType(Credential)),
    SchemaTransformation.transform<Credential | null, null>({ decode: () => null, encode: () => null })
  ),
  Schema.withConstructorDefault(Effect.succeed(null))
)

const BearerText = Schema.Struct({
  scheme: Schema.Literal("bearer"),
  token: Schema.String,
  hash: Schema.String,
  header: Schema.String
})

const SignedUrlText = Schema.Struct({
  scheme: Schema.Literal("signed_url"),
  token: Schema.String,
  hash: Schema.Null,
  header: Schema.Null
})

/**
 * A credential as plain text.
 *
 * @category models
 * @since 0.1.0
 */
export type Text = typeof BearerText.Type | typeof SignedUrlText.Type

/**
 * The credential as plain text, to be given to its user on purpose: `{ scheme, token, hash, header }`. Of a signing secret,
 * `token` is the secret and the others are null.
 *
 * **Gotchas**
 *
 * The result holds the secret as text. Print it only where the user asked for it.
 *
 * @category secrets
 * @since 0.1.0
 */
export const reveal = (credential: Credential): Text =>
  credential._tag === "Bearer"
    ? {
      scheme: "bearer",
      token: Redacted.value(credential.token),
      hash: credential.hash,
      header: Redacted.value(credential.header)
    }
    : { scheme: "signed_url", token: Redacted.value(credential.secret), hash: null, header: null }

const fromText = (text: Text): Credential =>
  text.scheme === "bearer"
    ? new Bearer({ token: Redacted.make(text.token), header: Redacted.make(text.header), hash: text.hash })
    : new SignedUrl({ secret: Redacted.make(text.token) })

/**
 * A credential that is sent as plain text: the one schema that puts the secret into what it encodes, as {@link reveal} gives it,
 * and makes a credential of it where it is decoded.
 *
 * **When to use**
 *
 * In the answer of a host that gives a machine to the very user it was rented for.
 *
 * **Example** (An answer with the credential)
 *
 * ```ts
 * import { Compute, Credential } from "effect-atlas"
 * import * as Schema from "effect/Schema"
 *
 * const Machine = Schema.Struct({ compute: Compute.Compute, credential: Schema.NullOr(Credential.Revealed) })
 * ```
 *
 * @category secrets
 * @since 0.1.0
 */
export const Revealed = Schema.Union([BearerText, SignedUrlText]).pipe(
  Schema.decodeTo(
    Schema.toType(Credential),
    SchemaTransformation.transform<Credential, Text>({ decode: fromText, encode: reveal })
  )
)
