/**
 * Checks of a JSON body before it is sent: failures name unknown fields, wrong types and sizes, and never a value.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Issue, Validation } from "../domain/AtlasError.ts"
import { issuesOf } from "../domain/Decode.ts"
import { revealedJson } from "./internal/revealedJson.ts"

/**
 * A schema whose values are sent: it decodes without services.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape = Schema.Constraint & { readonly DecodingServices: never }

const refuse = (path: string, message: string) => Result.fail(new Validation({ issues: [{ path, message }] }))

const joined = (issue: Issue, part: string): Issue => ({
  ...issue,
  path: issue.path === "" ? part : `${part}.${issue.path}`
})

/**
 * The check of one part of a request (`body` or `query`) by its schema; unknown fields are refused.
 *
 * **Details**
 *
 * Prepare it once. Fails as `Validation` with every issue and its path, such as `body.gpu.count`.
 *
 * **Example** (A body)
 *
 * ```ts
 * import * as JsonBody from "effect-atlas/provider/JsonBody"
 * import * as Schema from "effect/Schema"
 *
 * const check = JsonBody.check(Schema.Struct({ label: Schema.String }), "body")
 *
 * check({ label: "web", colour: "red" }) // fails and names body.colour
 * ```
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (shape: Shape, part: string): (input: unknown) => Result.Result<object, Validation> => {
  const decode = Schema.decodeUnknownResult(shape, { errors: "all", onExcessProperty: "error" })
  return (input) => {
    const checked: Result.Result<unknown, Schema.SchemaError> = decode(input)
    return Result.isFailure(checked)
      ? Result.fail(new Validation({ issues: issuesOf(checked.failure).map((issue) => joined(issue, part)) }))
      : fields(checked.success, part)
  }
}

/**
 * The check of a part whose shape the cloud does not publish: any fields, so that what a caller adds goes through.
 *
 * @category checks
 * @since 0.1.0
 */
export const fields = (input: unknown, part: string): Result.Result<object, Validation> =>
  typeof input === "object" && input !== null ? Result.succeed(input) : refuse(part, "Expected fields")

const bytesOf = (value: unknown): number => new TextEncoder().encode(revealedJson(value) ?? "").byteLength

/** JSON writes one character as six bytes at most; a number is shorter than this, and so is all that stands between two values. */
const [mostOfCharacter, mostOfNumber] = [6, 32]

/** No fewer bytes than the JSON of it has, without writing it; infinite for what is not plain data. */
const atMost = (value: unknown): number => {
  if (typeof value === "string") return value.length * mostOfCharacter + mostOfNumber
  if (value === null || typeof value !== "object") return mostOfNumber
  if (Redacted.isRedacted(value)) return atMost(Redacted.value(value))
  if (typeof Reflect.get(value, "toJSON") === "function") return Infinity
  let bytes = mostOfNumber
  for (const [key, one] of Object.entries(value)) bytes += atMost(key) + atMost(one)
  return bytes
}

/**
 * Refuses a body of more bytes than a cloud takes, and names its largest field.
 *
 * @category checks
 * @since 0.1.0
 */
export const within = (body: object, mostBytes: number, cloud: string): Result.Result<void, Validation> => {
  if (atMost(body) <= mostBytes) return Result.succeed(undefined)
  const bytes = bytesOf(body)
  if (bytes <= mostBytes) return Result.succeed(undefined)
  const sizes = Object.entries(body).map(([name, value]) => [name, bytesOf(value)] as const)
  const [largest = "", size = 0] = sizes.toSorted(([, left], [, right]) => right - left)[0] ?? []
  return refuse(
    `body.${largest}`,
    `${cloud} takes ${mostBytes} bytes in all, and this is ${bytes}, ${size} of them here`
  )
}

const redacted = (value: unknown): unknown =>
  typeof value === "string" ? Redacted.make(value) : Array.isArray(value) ? value.map(redacted) : value

const eachRedacted = (value: unknown, open: ReadonlyArray<string>): unknown =>
  typeof value === "object" && value !== null && !Redacted.isRedacted(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, open.includes(key) ? one : redacted(one)]))
    : value

/**
 * A body whose secret texts are `Redacted`, so that they are blotted out where an answer repeats them.
 *
 * **Details**
 *
 * `texts` names fields that are a secret or a list of them, `records` those that hold one under each name, such as `env`, but
 * for the names in `open` (default none).
 *
 * @category secrets
 * @since 0.1.0
 */
export const sealed = (
  body: object,
  secret: {
    readonly texts: ReadonlyArray<string>
    readonly records: ReadonlyArray<string>
    readonly open?: ReadonlyArray<string>
  }
): object =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]: [string, unknown]) => {
      if (secret.records.includes(name)) return [name, eachRedacted(value, secret.open ?? [])]
      return [name, secret.texts.includes(name) ? redacted(value) : value]
    })
  )
