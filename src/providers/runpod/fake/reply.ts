/** What the fake answers, before it is known over which transport. */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

export interface Written {
  readonly _tag: "Written"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Null for an answer without a body. */
  readonly body: string | null
}

/** Bytes as they come. */
export interface Flowing {
  readonly _tag: "Flowing"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Stream.Stream<Uint8Array, Broken>
}

/** The connection ends without an answer. */
export interface Broken {
  readonly _tag: "Broken"
}

/** An answer the server holds back. */
export interface Held {
  readonly _tag: "Held"
  readonly answer: Effect.Effect<Written>
}

export type Reply = Written | Flowing | Broken
/** What a route answers at once. */
export type Immediate = Written | Flowing | Held

export const broken: Broken = { _tag: "Broken" }

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Entity",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
}

export const json = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {}
): Written => ({
  _tag: "Written",
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value)
})

export const empty = (status = 204): Written => ({ _tag: "Written", status, headers: {}, body: null })

export const text = (status: number, body: string, type = "text/plain"): Written => ({
  _tag: "Written",
  status,
  headers: { "content-type": type },
  body
})

/** A refusal of the management API. */
export const problem = (
  status: number,
  detail: string,
  errors?: ReadonlyArray<string>,
  headers: Readonly<Record<string, string>> = {}
): Written =>
  json(status, { title: titles[status] ?? "Error", status, detail, ...(errors === undefined ? {} : { errors }) }, {
    ...headers,
    "content-type": "application/problem+json"
  })

/** A refusal of the runtime. */
export const refusal = (status: number, error: string): Written => json(status, { error })

/** Ends a route with a refusal of the management API. */
export const refuse = (
  status: number,
  detail: string,
  errors?: ReadonlyArray<string>
): Effect.Effect<never, Written> => Effect.fail(problem(status, detail, errors))

/** Ends a route with a refusal if this is so. */
export const refuseIf = (isWrong: boolean, status: number, detail: string): Effect.Effect<void, Written> =>
  isWrong ? refuse(status, detail) : Effect.void

/** Goes on only while the request keeps a rule of its contract: 422 otherwise. */
export const demand = (holds: boolean, violation: string): Effect.Effect<void, Written> =>
  holds ? Effect.void : refuse(422, "Request validation failed.", [violation])
