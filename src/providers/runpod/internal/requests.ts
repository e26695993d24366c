/** Checking what is to be sent: unknown fields, wrong types and sizes are named before anything leaves, values never. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Issue, Validation } from "../../../domain/AtlasError.ts"
import { issuesOf } from "../../../domain/Decode.ts"
import { type Operation, type OperationName, operations } from "../RunPodSchema.ts"

/** An input that is yet to be checked. */
export interface Loose {
  readonly [name: string]: unknown
}

/** An input that may be sent. */
export interface Sent {
  readonly params: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

const refuse = (path: string, message: string) => Result.fail(new Validation({ issues: [{ path, message }] }))

/** RunPod refuses larger bodies before it looks at the key; on the runtime these are the documented sizes. */
const mostBytes: Partial<Record<OperationName, number>> = {
  createPod: 102_400,
  run: 10 * 1024 * 1024,
  runSync: 20 * 1024 * 1024
}

const bytesOf = (value: unknown): number =>
  new TextEncoder().encode(
    JSON.stringify(value, function(this: unknown, key, shown: unknown) {
      // a redacted value turns itself into "<redacted>" before it gets here, so look at its holder
      const held: unknown = typeof this === "object" && this !== null ? Reflect.get(this, key) : shown
      return Redacted.isRedacted(held) ? Redacted.value(held) : shown
    }) ?? ""
  ).byteLength

const checkSize = (limit: number, body: object): Result.Result<void, Validation> => {
  const bytes = bytesOf(body)
  if (bytes <= limit) return Result.succeed(undefined)
  const sizes = Object.entries(body).map(([name, value]) => [name, bytesOf(value)] as const)
  const [largest = "", size = 0] = sizes.toSorted(([, left], [, right]) => right - left)[0] ?? []
  return refuse(`body.${largest}`, `RunPod takes ${limit} bytes in all, and this is ${bytes}, ${size} of them here`)
}

/** Fields whose text is blotted out of whatever the answer repeats. */
const secretFields = ["args", "entrypoint", "cmd", "password", "webhook", "webhookV2"]

const redacted = (value: unknown): unknown =>
  typeof value === "string" ? Redacted.make(value) : Array.isArray(value) ? value.map(redacted) : value

const each = (value: unknown, change: (one: unknown) => unknown): unknown =>
  typeof value === "object" && value !== null && !Redacted.isRedacted(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]))
    : value

const sealed = (body: object): object =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]: [string, unknown]) => {
      if (name === "env" || name === "s3Config") return [name, each(value, redacted)]
      return [name, secretFields.includes(name) ? redacted(value) : value]
    })
  )

const joined = (issue: Issue, part: string): Issue => ({
  ...issue,
  path: issue.path === "" ? part : `${part}.${issue.path}`
})

/** Checks one part of an input; null where the call has none. */
const checkerOf = (part: "body" | "query", shape: Operation["request"]) => {
  if (shape === undefined) return null
  const decode = Schema.decodeUnknownResult(shape, { errors: "all", onExcessProperty: "error" })
  return (input: unknown): Result.Result<object, Validation> => {
    const checked: Result.Result<unknown, Schema.SchemaError> = decode(input)
    if (Result.isFailure(checked)) {
      return Result.fail(new Validation({ issues: issuesOf(checked.failure).map((issue) => joined(issue, part)) }))
    }
    return typeof checked.success === "object" && checked.success !== null
      ? Result.succeed(checked.success)
      : refuse(part, "Expected fields")
  }
}

/** For bodies whose shape nobody published, so that what a caller adds to them goes through. */
const anyFields = (input: unknown): Result.Result<object, Validation> =>
  typeof input === "object" && input !== null ? Result.succeed(input) : refuse("body", "Expected fields")

const checkOf = (name: OperationName, isOpen: boolean) => {
  const operation: Operation = operations[name]
  const params = operation.path.match(/(?<=\{)[^}]+(?=\})/g) ?? []
  const checkBody = isOpen ? anyFields : checkerOf("body", operation.request)
  const checkQuery = checkerOf("query", operation.query)
  const allowed = new Set([
    ...params,
    ...(checkBody === null ? [] : ["body"]),
    ...(checkQuery === null ? [] : ["query"]),
    ...(operation.sse === true ? ["lastEventId"] : [])
  ])
  const limit = mostBytes[name]
  const noQuery = checkQuery === null ? null : checkQuery({})
  const isKnown = (key: string): boolean => allowed.has(key)

  const bodyOf = (input: Loose): Result.Result<object | null, Validation> => {
    if (checkBody === null) return Result.succeed(null)
    const body = checkBody(input["body"])
    if (Result.isFailure(body) || limit === undefined) return body
    const size = checkSize(limit, body.success)
    return Result.isFailure(size) ? Result.fail(size.failure) : body
  }

  return (input: Loose): Result.Result<Sent, Validation> => {
    const given = Object.keys(input)
    if (!given.every(isKnown)) {
      const unknown = given.filter((key) => !isKnown(key))
      return Result.fail(new Validation({ issues: unknown.map((path) => ({ path, message: "is not a known field" })) }))
    }
    const asked = input["query"] ?? null
    const query = checkQuery === null || asked === null ? noQuery : checkQuery(asked)
    if (query !== null && Result.isFailure(query)) return Result.fail(query.failure)
    const body = bodyOf(input)
    if (Result.isFailure(body)) return Result.fail(body.failure)
    const values: Record<string, string> = {}
    for (const param of params) {
      const value = input[param]
      values[param] = typeof value === "string" ? value : ""
    }
    const { lastEventId } = input
    return Result.succeed({
      params: values,
      ...(query === null ? {} : {
        // lists are one value here, not one parameter for each entry
        query: Object.fromEntries(Object.entries(query.success).map(([key, value]) => [key, String(value)]))
      }),
      ...(typeof lastEventId === "string" ? { headers: { "last-event-id": lastEventId } } : {}),
      ...(body.success === null ? {} : { body: sealed(body.success) })
    })
  }
}

const checks = new Map<OperationName, ReturnType<typeof checkOf>>()

/** The check of one call's input, which answers what is to be sent. */
export const check = (name: OperationName): ReturnType<typeof checkOf> => {
  const known = checks.get(name)
  if (known !== undefined) return known
  const made = checkOf(name, false)
  checks.set(name, made)
  return made
}

/** The same, with any fields in the body. */
export const checkOpen = (name: OperationName): ReturnType<typeof checkOf> => checkOf(name, true)
