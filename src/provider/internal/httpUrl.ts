/** Addresses below a base URL: paths built from a template, queries, and redirects that stay at home. */
import * as UrlParams from "effect/http/UrlParams"
import * as Result from "effect/Result"
import { Validation } from "../../domain/AtlasError.ts"
import { isLoopback } from "../../http/BaseUrl.ts"

const refuse = (path: string, message: string) => Result.fail(new Validation({ issues: [{ path, message }] }))

/** The names between braces in a path template, such as `id` in `/pods/{id}`. */
export type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest>
  : never

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

/** Names and values of a query; null and undefined are left out, a list repeats the name. */
export type Query = Readonly<
  Record<string, UrlParams.Coercible | ReadonlyArray<UrlParams.Coercible>>
>

export const query = (input: Query | undefined): string => {
  if (input === undefined) return ""
  const given = Object.entries(input).flatMap(([name, value]): ReadonlyArray<readonly [string, UrlParams.Coercible]> =>
    (Array.isArray(value) ? value : [value]).flatMap((one) => one === null || one === undefined ? [] : [[name, one]])
  )
  return given.length === 0 ? "" : `?${UrlParams.toString(given)}`
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
