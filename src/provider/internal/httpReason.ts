/** From an attempt's result to a value, or to the reason it failed for. */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import { ProviderFault, Uncertain } from "../../domain/AtlasError.ts"
import * as HttpReason from "../../domain/HttpReason.ts"
import * as RetryAfter from "../../http/RetryAfter.ts"
import { codeOf, messageOf, parseRefusal, parseSuccess, type Scrub } from "./httpAnswer.ts"
import { type Answered, type AttemptResult, type CallClass, isSuccess } from "./httpCall.ts"

/** An answer as an adapter sees it when it knows better than the status. */
export interface Refusal {
  readonly status: number
  /** As the provider sent it; may hold secrets, so take only known phrases and codes from it. */
  readonly body: Schema.Json
  /** The provider's message, without secrets. */
  readonly message: string
  /** The body without credentials; null for a success. */
  readonly raw: Schema.Json
}

export interface Judging {
  readonly callClass: CallClass
  /** The answer can repeat what was sent, so its message and body are left out. */
  readonly isWithheld: boolean
  readonly classify: ((refusal: Refusal) => AtlasErrorReason | undefined) | undefined
  readonly scrub: () => Scrub
}

/** What a refusal says by its status alone. */
const refusals: ReadonlyMap<number, string> = new Map([
  [401, "refused the API key"],
  [403, "does not allow this API key to do that"],
  [404, "does not know what was asked for"]
])

const withheld = (status: number): string =>
  `the provider ${refusals.get(status) ?? "refused"}; its message is withheld, since it can repeat what was sent`

const empty = new Uint8Array()

/** Runs when it is first asked, and never again. */
const once = <A>(make: () => A): () => A => {
  let made: { readonly value: A } | null = null
  return () => (made ??= { value: make() }).value
}

/** Reads of an answer what is asked: of most successes a caller wants to know no more than the status. */
const refusalOf = (
  answer: Answered,
  { isWithheld, scrub }: Judging
): Refusal & { readonly code: string | null } => {
  const { headers, status } = answer
  const bytes = answer.body ?? empty
  const scrubber = once(scrub)
  const body = once(() => parseRefusal(bytes, headers))
  const message = once(() => isWithheld ? withheld(status) : scrubber().text(messageOf(body())))
  const raw = once(() => isWithheld || isSuccess(status) ? null : scrubber().json(body(), bytes.byteLength))
  return {
    status,
    get body() {
      return body()
    },
    get message() {
      return message()
    },
    get raw() {
      return raw()
    },
    get code() {
      const code = codeOf(body())
      return code === null || scrubber().text(code) === code ? code : null
    }
  }
}

/** Why it failed; null for a success that `classify` does not object to. */
export const failureOf = (result: AttemptResult, judging: Judging, nowMillis: number): AtlasErrorReason | null => {
  const isCreate = judging.callClass === "create"
  if (result._tag === "Lost") {
    return isCreate && result.wasSent
      ? new Uncertain({ message: `sent, and no answer came back: ${result.reason.message}` })
      : result.reason
  }
  const { classify } = judging
  if (isSuccess(result.status) && (classify === undefined || result.body === null)) return null
  const refusal = refusalOf(result, judging)
  const better = classify?.(refusal)
  if (isSuccess(result.status)) return better ?? null
  const { code, message, raw, status } = refusal
  // whatever it says, a server that failed, or that sends its client elsewhere, may have done the request before
  if (isCreate && (status < 400 || status >= 500 || status === 408)) {
    const what = status < 400 ? "answered with a redirect" : "failed"
    return new Uncertain({
      status,
      raw,
      message: `the provider ${what} and may have acted${message && `: ${message}`}`,
      saidNoCapacity: better?._tag === "NoCapacity"
    })
  }
  if (better !== undefined) return better
  return HttpReason.fromStatus(status, {
    message: status < 400 && message === "" ? "a redirect that is not followed" : message,
    raw,
    code,
    retryAfter: RetryAfter.read(result.headers, nowMillis)
  })
}

/** Every field name a schema's encoded side documents: only these may be named, others come from the answer itself. */
const fieldsOf = (ast: SchemaAST.AST): ReadonlySet<string> => {
  const names = new Set<string>()
  const visited = new Set<SchemaAST.AST>()
  const visit = (one: SchemaAST.AST): void => {
    if (visited.has(one)) return
    visited.add(one)
    if (SchemaAST.isObjects(one)) {
      for (const { name, type } of one.propertySignatures) {
        names.add(String(name))
        visit(type)
      }
      for (const { type } of one.indexSignatures) visit(type)
    } else if (SchemaAST.isArrays(one)) [...one.elements, ...one.rest].forEach(visit)
    else if (SchemaAST.isUnion(one)) one.types.forEach(visit)
    else if (SchemaAST.isSuspend(one)) visit(one.thunk())
  }
  visit(SchemaAST.toEncoded(ast))
  return names
}

type Decodable = Schema.Constraint & { readonly DecodingServices: never }

/** The places of all issues. Effect's formatters also print what stood there, which may be secret, huge or bottomless. */
const placesOf = (
  issue: SchemaIssue.Issue,
  place: ReadonlyArray<PropertyKey> = []
): ReadonlyArray<ReadonlyArray<PropertyKey>> => {
  switch (issue._tag) {
    case "Filter":
    case "Encoding":
      return placesOf(issue.issue, place)
    case "Pointer":
      return placesOf(issue.issue, [...place, ...issue.path])
    case "Composite":
      return issue.issues.flatMap((one) => placesOf(one, place))
    default:
      return [place]
  }
}

/** Names the first places where a body differs from its schema, as far as the schema knows them. */
const locator = (schema: Decodable) => {
  let known: ReadonlySet<string> | null = null
  return (issue: SchemaIssue.Issue): string => {
    const documented = known ??= fieldsOf(schema.ast)
    const render = (text: string, key: PropertyKey): string =>
      typeof key === "number" ? `${text}[${key}]` : `${text}.${documented.has(String(key)) ? String(key) : "*"}`
    const places = new Set(placesOf(issue).map((place) => place.reduce<string>(render, "").replace(/^\./, "")))
    const named = [...places].filter((one) => one !== "").slice(0, 3)
    return named.length === 0 ? "" : ` at ${named.join(", ")}`
  }
}

/**
 * Decodes the successes of one endpoint; a failure names documented fields, and never what stood in them. Without a
 * schema the body is not looked at.
 */
export const makeDecoder = <S extends Decodable>(
  schema: S | undefined,
  { bodyLimit, callClass }: { readonly bodyLimit: number; readonly callClass: CallClass }
) => {
  const refuse = (status: number, what: string) =>
    Effect.fail(
      callClass === "create"
        ? new Uncertain({ status, message: `the provider answered with success, but ${what}` })
        : new ProviderFault({ status, message: what })
    )
  const read = schema === undefined
    ? null
    : { decode: SchemaParser.decodeUnknownEffect(schema), whereOf: locator(schema) }

  return (
    { body, status }: Answered,
    credentials: ReadonlyArray<string>
  ): Effect.Effect<S["Type"], ProviderFault | Uncertain> => {
    if (body === null) return refuse(status, `the answer is larger than ${bodyLimit} bytes`)
    if (read === null) return Effect.void
    const json = parseSuccess(body, credentials)
    if (json === undefined) return refuse(status, "the answer is not JSON")
    return Effect.catch(
      read.decode(json),
      (issue) => refuse(status, `the answer has another shape than documented${read.whereOf(issue)}`)
    )
  }
}
