/**
 * Writing a request: address, headers, credential and body; the only place where secrets become plain text. And where a redirect
 * may lead it.
 */
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Unauthorized, Validation } from "../../domain/AtlasError.ts"
import { type BaseUrl, isLoopback } from "../../http/BaseUrl.ts"
import type { Call } from "../Call.ts"
import * as HttpAnswer from "./httpAnswer.ts"
import { revealedJson } from "./revealedJson.ts"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** The names between braces in a path template, such as `id` in `/pods/{id}`. */
export type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest>
  : never

/** Names and values of a query; null and undefined are left out, a list repeats the name. */
export type Query = Readonly<
  Record<string, UrlParams.Coercible | ReadonlyArray<UrlParams.Coercible>>
>

/** What an endpoint says once about all its requests. */
export interface Shape {
  readonly method: Method
  readonly path: (params: Readonly<Record<string, string | number | undefined>>) => Result.Result<string, Validation>
  readonly headers: Readonly<Record<string, string>>
}

export interface Input {
  readonly params?: Readonly<Record<string, string | number>> | undefined
  readonly query?: Query | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly body?: unknown
}

export interface Written {
  readonly request: HttpClientRequest.HttpClientRequest
  /** The API key, and the headers that carry it. */
  readonly credentials: ReadonlyArray<string>
  /** Cleans answers of the secrets that this request carries. */
  readonly scrub: () => HttpAnswer.Scrub
}

const refuse = (path: string, message: string) => Result.fail(new Validation({ issues: [{ path, message }] }))

/** One path segment; `.` and `..` would walk to another path, and an empty one would name the whole collection. */
const segment = (name: string, value: string | number | undefined): Result.Result<string, Validation> => {
  const text = value === undefined ? "" : String(value)
  return text === "" || text === "." || text === ".." || !text.isWellFormed()
    ? refuse(name, "must be text that can stand in a URL path, and neither . nor ..")
    : Result.succeed(encodeURIComponent(text))
}

/** Compiles a template once; each parameter becomes one percent-encoded segment. */
export const path = (template: string) => {
  const parts = template.split(/\{([^}]*)\}/)
  return (params: Readonly<Record<string, string | number | undefined>>): Result.Result<string, Validation> => {
    let built = ""
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 0) {
        built += part
        continue
      }
      const encoded = segment(part, Object.hasOwn(params, part) ? params[part] : undefined)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      built += encoded.success
    }
    return Result.succeed(built)
  }
}

const query = (input: Query | undefined): string => {
  if (input === undefined) return ""
  const given = Object.entries(input).flatMap(([name, value]): ReadonlyArray<readonly [string, UrlParams.Coercible]> =>
    (Array.isArray(value) ? value : [value]).flatMap((one) => one === null || one === undefined ? [] : [[name, one]])
  )
  return given.length === 0 ? "" : `?${UrlParams.toString(given)}`
}

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
/** These say where a request ends and how its connection is used: the transport's business alone. */
const transportHeaders = [
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
]

const invalid = (path: string, message: string) => new Validation({ issues: [{ path, message }] })

const plain = (value: string | Redacted.Redacted): string => Redacted.isRedacted(value) ? Redacted.value(value) : value

/** JSON with every redacted text written out. */
const encode = (body: unknown): Result.Result<string | undefined, Validation> => {
  try {
    return Result.succeed(revealedJson(body))
  } catch {
    return Result.fail(invalid("body", "cannot be written as JSON"))
  }
}

export const write = (
  base: BaseUrl,
  shape: Shape,
  input: Input,
  call: Call,
  credential: { readonly key: Redacted.Redacted; readonly headers: Readonly<Record<string, string>> } | null
): Result.Result<Written, Validation | Unauthorized> => {
  const path = shape.path(input.params ?? {})
  if (Result.isFailure(path)) return Result.fail(path.failure)

  const headers: Record<string, string> = { ...shape.headers }
  const secrets: Array<string> = []
  if (credential !== null) {
    secrets.push(Redacted.value(credential.key))
    for (const [name, value] of Object.entries(credential.headers)) {
      if (!headerValue.test(value)) {
        return Result.fail(new Unauthorized({ message: "the API key holds a character that no header can carry" }))
      }
      headers[name.toLowerCase()] = value
      secrets.push(value)
    }
  }
  for (const given of [input.headers ?? {}, call.headers]) {
    for (const [name, value] of Object.entries(given)) {
      const lower = name.toLowerCase()
      if (!headerName.test(name) || !headerValue.test(plain(value)) || transportHeaders.includes(lower)) {
        return Result.fail(
          invalid("headers", `must be names and one-line Latin-1 values, without ${transportHeaders.join(", ")}`)
        )
      }
      headers[lower] = plain(value)
      // the last word alone is the secret of "Bearer secret"
      if (Redacted.isRedacted(value)) secrets.push(plain(value), ...plain(value).split(" ").slice(-1))
    }
  }

  const body = input.body === undefined ? Result.succeed(undefined) : encode(input.body)
  if (Result.isFailure(body)) return Result.fail(body.failure)

  return Result.succeed({
    request: HttpClientRequest.makeWith(
      shape.method,
      `${base.href}${path.success}${query(input.query)}`,
      UrlParams.empty,
      Option.none(),
      Headers.fromRecordUnsafe(headers),
      HttpBody.empty
    ).pipe((request) =>
      body.success === undefined
        ? request
        : HttpClientRequest.setBody(request, HttpBody.text(body.success, "application/json"))
    ),
    credentials: secrets,
    scrub: () =>
      HttpAnswer.makeScrub([...secrets, ...HttpAnswer.secretsIn(input.body), ...HttpAnswer.secretsIn(input.query)])
  })
}

const keepsEveryMethod = new Set([307, 308])
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * Where to go on, or null to stay: only to the same origin, over https or on this machine, and only where the redirect
 * keeps method and body.
 */
export const redirectTarget = (
  from: string,
  answer: { readonly status: number; readonly location: string | undefined },
  method: string
): string | null => {
  if (!redirects.has(answer.status) || answer.location === undefined) return null
  if (method !== "GET" && !keepsEveryMethod.has(answer.status)) return null
  const here = URL.parse(from)
  const there = URL.parse(answer.location, from)
  if (here === null || there === null || there.origin !== here.origin) return null
  if (there.username !== "" || there.password !== "") return null
  if (there.protocol !== "https:" && !isLoopback(there)) return null
  there.hash = ""
  return there.href
}

/** The same request to another address on the same origin. */
export const moved = (request: HttpClientRequest.HttpClientRequest, url: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.makeWith(request.method, url, UrlParams.empty, Option.none(), request.headers, request.body)
