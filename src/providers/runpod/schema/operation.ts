/**
 * What a call of RunPod's is, as data, and the kinds of call there are.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as Runtime from "./runtime.ts"
import * as Wire from "./wire.ts"

/**
 * The shape of a body, a query or an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape = Schema.Constraint & { readonly DecodingServices: never }

/**
 * One call, under its `name`. `management` paths stand behind `https://api.runpod.io/v2`, `runtime` paths behind `https://api.runpod.ai/v2`.
 *
 * **Details**
 *
 * `class` says whether it may be sent twice. `query` lists are sent joined by commas. `status` are its successes; one
 * without `success` has no body. `sse` answers with server-sent events, each `data` of the shape `success`, and does
 * not end by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Operation {
  readonly name: string
  readonly plane: "management" | "runtime"
  readonly class: "read" | "create" | "idempotent"
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  readonly query?: Shape
  readonly request?: Shape
  readonly success?: Shape
  readonly status: ReadonlyArray<number>
  readonly sse?: true
}

/** A read without a query. */
export const read = <const Path extends string, Success extends Shape>(name: string, path: Path, success: Success) =>
  ({ name, plane: "management", class: "read", method: "GET", path, success, status: [200] }) as const

/** A read with a query. */
export const readWith = <const Path extends string, Success extends Shape, Query extends Shape>(
  name: string,
  path: Path,
  success: Success,
  query: Query
) => ({ ...read(name, path, success), query }) as const

/** A create: sent once. */
export const create = <const Path extends string, Request extends Shape, Success extends Shape>(
  name: string,
  path: Path,
  request: Request,
  success: Success
) => ({ name, plane: "management", class: "create", method: "POST", path, request, success, status: [201] }) as const

/** A change that may be sent again. */
export const change = <const Path extends string, Request extends Shape, Success extends Shape>(
  name: string,
  method: "PATCH" | "PUT",
  path: Path,
  request: Request,
  success: Success
) => ({ name, plane: "management", class: "idempotent", method, path, request, success, status: [200] }) as const

/** A removal, which answers nothing. */
export const remove = <const Path extends string>(name: string, path: Path) =>
  ({ name, plane: "management", class: "idempotent", method: "DELETE", path, status: [204] }) as const

/** A log that goes on until nobody listens. */
export const logs = <const Path extends string>(name: string, path: Path) =>
  ({ ...readWith(name, path, Wire.LogEvent, Wire.LogQuery), sse: true }) as const

/** A submit of a job: sent once. */
export const submit = <const Path extends string, Success extends Shape>(name: string, path: Path, success: Success) =>
  ({
    name,
    plane: "runtime",
    class: "create",
    method: "POST",
    path,
    request: Runtime.RunRequest,
    success,
    status: [200]
  }) as const

/** Any other call of the runtime. */
export const ask = <
  const Class extends Operation["class"],
  const Method extends "GET" | "POST",
  const Path extends string,
  Success extends Shape
>(
  name: string,
  callClass: Class,
  method: Method,
  path: Path,
  success: Success
) => ({ name, plane: "runtime", class: callClass, method, path, success, status: [200] }) as const
