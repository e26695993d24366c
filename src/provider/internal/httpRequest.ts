/** Writing a request: address, headers, credential and body; the only place where secrets become plain text. */
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Unauthorized, Validation } from "../../domain/AtlasError.ts"
import type { BaseUrl } from "../../http/BaseUrl.ts"
import type { Call } from "../Call.ts"
import * as Scrub from "./httpScrub.ts"
import * as Url from "./httpUrl.ts"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** What an endpoint says once about all its requests. */
export interface Shape {
  readonly method: Method
  readonly path: (params: Readonly<Record<string, string | number | undefined>>) => Result.Result<string, Validation>
  readonly headers: Readonly<Record<string, string>>
}

export interface Input {
  readonly params?: Readonly<Record<string, string | number>> | undefined
  readonly query?: Url.Query | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly body?: unknown
}

export interface Written {
  readonly request: HttpClientRequest.HttpClientRequest
  /** Cleans answers of whatever secret this request carries. */
  readonly scrub: () => Scrub.Scrub
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
    return Result.succeed(JSON.stringify(body, function(this: unknown, key, value: unknown) {
      // a redacted value turns itself into "<redacted>" before it gets here, so look at its holder
      const held: unknown = typeof this === "object" && this !== null ? Reflect.get(this, key) : value
      return Redacted.isRedacted(held) ? Redacted.value(held) : value
    }))
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
      `${base.href}${path.success}${Url.query(input.query)}`,
      UrlParams.empty,
      Option.none(),
      Headers.fromRecordUnsafe(headers),
      HttpBody.empty
    ).pipe((request) =>
      body.success === undefined
        ? request
        : HttpClientRequest.setBody(request, HttpBody.text(body.success, "application/json"))
    ),
    scrub: () => Scrub.make([...secrets, ...Scrub.secretsIn(input.body), ...Scrub.secretsIn(input.query)])
  })
}

/** The same request to another address on the same origin. */
export const moved = (request: HttpClientRequest.HttpClientRequest, url: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.makeWith(request.method, url, UrlParams.empty, Option.none(), request.headers, request.body)
