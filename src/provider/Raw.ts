/**
 * A cloud's own answer beside what was decoded of it, and the part of it that `raw` may hold.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"

/**
 * A decoded answer beside its whole body, which also has the fields that the schema does not know.
 *
 * @category models
 * @since 0.1.0
 */
export interface WithBody<A> {
  readonly value: A
  readonly body: unknown
}

/**
 * A schema that decodes an answer as `schema` does and gives its body too.
 *
 * @category schemas
 * @since 0.1.0
 */
export const withBody = <S extends Schema.Constraint & { readonly DecodingServices: never }>(schema: S) => {
  const read = SchemaParser.decodeUnknownEffect(schema)
  // the second member is never tried: it tells which field names are documented, so that a failure may name them
  return Schema.Union([Schema.Unknown, Schema.toEncoded(schema)]).pipe(
    Schema.decodeTo(Schema.declare((_: unknown): _ is WithBody<S["Type"]> => true), {
      decode: SchemaGetter.transformEffect((body: unknown) =>
        Effect.map(read(body), (value): WithBody<S["Type"]> => ({ value, body }))
      ),
      encode: SchemaGetter.transformEffect(() =>
        Effect.fail(new SchemaIssue.InvalidValue({ message: "an answer is never sent" }))
      )
    })
  )
}

/**
 * Reads one entry of a list on its own, so that one of another shape costs itself and not the list; its value is null then.
 *
 * @category reading
 * @since 0.1.0
 */
export const entryOf = <S extends Schema.Constraint & { readonly DecodingServices: never }>(schema: S) => {
  const read = Schema.decodeUnknownResult(schema)
  return (body: unknown): WithBody<S["Type"] | null> => {
    const decoded = read(body)
    return { value: Result.isSuccess(decoded) ? decoded.success : null, body }
  }
}

/**
 * One field of a body, or one entry of a list; undefined where there is none.
 *
 * @category reading
 * @since 0.1.0
 */
export const part = (body: unknown, key: string | number): unknown =>
  typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined

/** Fields that any cloud may add and that say by their name what they hold; compared in lower case, without `-` and `_`. */
const telling = /(?:password|passwd|secret|token|apikey|accesskey|privatekey|credentials?|authorization|dockerargs)$/

/** More names than all answers of a cloud have; further ones are checked anew each time. */
const mostVerdicts = 1000

/**
 * A function that gives the part of an answer that may be kept, at any depth; null for what is no JSON.
 *
 * **Details**
 *
 * Left out are the fields named `hidden`, those that hold what a caller sent to be kept secret, and every field whose name
 * says that it holds a credential, such as `jupyter_token`. With `only`, nothing but these fields of the answer itself is kept, for a
 * cloud whose answers hold secrets under other names. A part of which nothing is left out is not copied: do not change the answer
 * afterwards.
 *
 * **Example** (A cloud that answers with addresses that open a machine)
 *
 * ```ts
 * import * as Raw from "effect-atlas/provider/Raw"
 *
 * const rawOf = Raw.make({ hidden: ["env", "args"], only: ["id", "status", "region"] })
 *
 * rawOf({ id: "box-1", status: "up", console: "https://user:pass@box-1" }) // { id: "box-1", status: "up" }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly hidden: ReadonlyArray<string>
  readonly only?: ReadonlyArray<string> | undefined
}): (body: unknown) => Schema.Json => {
  const hidden = new Set(options.hidden)
  const only = options.only === undefined ? null : new Set(options.only)
  const verdicts = new Map<string, boolean>()

  /** Whether a field of this name is left out; a list of machines asks for the same few names again and again. */
  const isSecret = (key: string): boolean => {
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const verdict = hidden.has(key) || telling.test(key.toLowerCase().replaceAll(/[-_]/g, ""))
    if (verdicts.size < mostVerdicts) verdicts.set(key, verdict)
    return verdict
  }

  const isLeftOut = (key: string, allowed: ReadonlySet<string> | null): boolean =>
    // assigned as a field, `__proto__` would set the object's prototype
    key === "__proto__" || isSecret(key) || (allowed !== null && !allowed.has(key))

  /** The very object where all of it may be kept: most parts of most answers hold no secret, and are not copied. */
  const withoutSecrets = (body: object, allowed: ReadonlySet<string> | null): Schema.Json => {
    const keys = Object.keys(body)
    let kept: Record<string, Schema.Json> | null = Object.getPrototypeOf(body) === Object.prototype ? null : {}
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] ?? ""
      const value: unknown = Reflect.get(body, key)
      const isOut = isLeftOut(key, allowed)
      const part = isOut ? null : rawOf(value, null)
      if (kept === null && (isOut || part !== value)) {
        kept = {}
        // these were found to be kept as they are
        for (const before of keys.slice(0, index)) kept[before] = Reflect.get(body, before)
      }
      if (kept !== null && !isOut) kept[key] = part
    }
    // no part of it differs from what may be kept
    return kept ?? body as Schema.JsonObject
  }

  const listOf = (body: ReadonlyArray<unknown>, allowed: ReadonlySet<string> | null): Schema.Json => {
    const kept = body.map((one) => rawOf(one, allowed))
    return kept.every((one, index) => one === body[index]) ? body as ReadonlyArray<Schema.Json> : kept
  }

  const rawOf = (body: unknown, allowed: ReadonlySet<string> | null): Schema.Json => {
    switch (typeof body) {
      case "string":
      case "boolean":
        return body
      case "number":
        return Number.isFinite(body) ? body : null
      case "object":
        if (body === null) return null
        return Array.isArray(body) ? listOf(body, allowed) : withoutSecrets(body, allowed)
      default:
        return null
    }
  }

  return (body) => rawOf(body, only)
}
