/** What a route gets of a request: its parameters, its query, and its body read by a closed schema. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { issuesOf } from "../../../domain/Decode.ts"
import { demand, problem, type Written } from "./reply.ts"

export interface Input {
  readonly now: number
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Random whole numbers below the given one. */
  readonly dice: (below: number) => number
}

const where = (path: string): string => path === "" ? "$" : path.startsWith("[") ? `$${path}` : `$.${path}`

/** As RunPod's validator words it: the parent first, then what is wrong with its property. */
const worded = ({ message, path }: { readonly message: string; readonly path: string }): string => {
  const [, parent = "", leaf = path] = /^(.*?)\.?([^.[\]]+)$/.exec(path) ?? []
  if (message === "is required") return `${where(parent)}: missing property '${leaf}'`
  if (message === "is not a known field") return `${where(parent)}: additional properties '${leaf}' not allowed`
  return `${where(path)}: ${message}`
}

const parsed = (body: string): Effect.Effect<unknown, Written> =>
  Effect.try({
    try: (): unknown => JSON.parse(body),
    catch: () => problem(400, "request body is not valid JSON")
  })

/** The body, or 422 with every violation. */
export const reader = <S extends Schema.Constraint & { readonly DecodingServices: never }>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all", onExcessProperty: "error" })
  return (input: Input): Effect.Effect<S["Type"], Written> =>
    Effect.flatMap(parsed(input.body), (body) =>
      Effect.mapError(
        decode(body),
        (error) => problem(422, "Request validation failed.", issuesOf(error).map(worded))
      ))
}

export const plain = (value: string | Redacted.Redacted): string =>
  Redacted.isRedacted(value) ? Redacted.value(value) : value

export const plainEnv = (env: Readonly<Record<string, string | Redacted.Redacted>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, plain(value)]))

/** A list in a query, joined by commas or repeated. */
export const listIn = (query: URLSearchParams, name: string): ReadonlyArray<string> | null => {
  const all = query.getAll(name).flatMap((one) => one.split(",")).filter((one) => one !== "")
  return query.has(name) ? all : null
}

export const wholeIn = (
  query: URLSearchParams,
  name: string,
  minimum: number,
  maximum: number
): Effect.Effect<number | null, Written> => {
  const given = query.get(name)
  if (given === null) return Effect.succeed(null)
  const value = Number(given)
  const holds = /^-?\d+$/.test(given) && value >= minimum && value <= maximum
  return Effect.as(demand(holds, `$.query.${name}: must be a whole number from ${minimum} to ${maximum}`), value)
}

const lower = "abcdefghijklmnopqrstuvwxyz0123456789"

export const word = (dice: Input["dice"], length: number, alphabet = lower): string =>
  Array.from({ length }, () => alphabet[dice(alphabet.length)]).join("")

export const uuid = (dice: Input["dice"]): string => {
  const hex = (length: number) => word(dice, length, "0123456789abcdef")
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${word(dice, 1, "89ab")}${hex(3)}-${hex(12)}`
}

/** Numbers that follow from a few random bytes, as many as are needed (mulberry32). */
export const diceFrom = (bytes: Uint8Array): Input["dice"] => {
  let state = bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5)
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

export const iso = (millis: number): string => new Date(millis).toISOString()
