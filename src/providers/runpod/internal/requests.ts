/** Checking what is to be sent: unknown fields, wrong types and sizes are named before anything is sent, values never. */
import * as Result from "effect/Result"
import { Validation } from "../../../domain/AtlasError.ts"
import * as JsonBody from "../../../provider/JsonBody.ts"
import type { Operation } from "../RunPodSchema.ts"

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

/** RunPod refuses larger bodies before it looks at the key; on the runtime these are the documented sizes. */
const mostBytes: ReadonlyMap<string, number> = new Map([
  ["createPod", 102_400],
  ["run", 10 * 1024 * 1024],
  ["runSync", 20 * 1024 * 1024]
])

/** The variable by which a container knows its stamped name, and by which a pod is recognised after it was renamed. */
export const nameVariable = "ATLAS_COMPUTE_NAME"

/** Fields whose text is blotted out where an answer repeats it. */
export const secret = {
  texts: ["args", "entrypoint", "cmd", "password", "webhook", "webhookV2"],
  records: ["env", "s3Config"],
  // in every error and listing anyway
  open: [nameVariable]
}

/** What is sent of a body that passed its checks; refuses one of more bytes than RunPod takes. */
const sentBody = (body: object, limit: number | undefined): Result.Result<object, Validation> =>
  Result.map(
    limit === undefined ? Result.succeed(undefined) : JsonBody.within(body, limit, "RunPod"),
    () => JsonBody.sealed(body, secret)
  )

/** A body that was made here, field by field, from a checked request: only its size is yet to be seen. */
export const own = ({ name }: Operation, body: object): Result.Result<Sent, Validation> =>
  Result.map(sentBody(body, mostBytes.get(name)), (body) => ({ params: {}, body }))

const checkOf = (operation: Operation, isOpen: boolean) => {
  const params = operation.path.match(/(?<=\{)[^}]+(?=\})/g) ?? []
  const { query: queryShape, request } = operation
  // for bodies whose shape RunPod does not publish, so that what a caller adds goes through
  const anyFields = (input: unknown) => JsonBody.fields(input, "body")
  const checkBody = isOpen ? anyFields : request === undefined ? null : JsonBody.check(request, "body")
  const checkQuery = queryShape === undefined ? null : JsonBody.check(queryShape, "query")
  const allowed = new Set([
    ...params,
    ...(checkBody === null ? [] : ["body"]),
    ...(checkQuery === null ? [] : ["query"]),
    ...(operation.sse === true ? ["lastEventId"] : [])
  ])
  const limit = mostBytes.get(operation.name)
  const noQuery = checkQuery === null ? null : checkQuery({})
  const isKnown = (key: string): boolean => allowed.has(key)

  const bodyOf = (input: Loose): Result.Result<object | null, Validation> => {
    if (checkBody === null) return Result.succeed(null)
    return Result.flatMap(checkBody(input["body"]), (body) => sentBody(body, limit))
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
      ...(body.success === null ? {} : { body: body.success })
    })
  }
}

const checks = new WeakMap<Operation, ReturnType<typeof checkOf>>()

/** The check of one call's input, which answers what is to be sent. */
export const check = (operation: Operation): ReturnType<typeof checkOf> => {
  const known = checks.get(operation)
  if (known !== undefined) return known
  const made = checkOf(operation, false)
  checks.set(operation, made)
  return made
}

/** The same, with any fields in the body. */
export const checkOpen = (operation: Operation): ReturnType<typeof checkOf> => checkOf(operation, true)
