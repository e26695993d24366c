/** What went wrong below HTTP, and whether it can have reached the provider. */
import { Transport } from "../../domain/AtlasError.ts"
import type { Scrub } from "./httpScrub.ts"

/** Name look-up and connection failures: not a byte was sent. Everything else may have arrived. */
const beforeSending = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
  "ECONNREFUSED",
  "UND_ERR_CONNECT_TIMEOUT"
])
const connecting = new Set(["connect", "getaddrinfo"])
/** What fetch says, without a code, of a port it never connects to. */
const blocked = "bad port"

const textAt = (value: unknown, key: "code" | "syscall" | "message"): string => {
  if (typeof value !== "object" || value === null || !(key in value)) return ""
  const text: unknown = Reflect.get(value, key)
  return typeof text === "string" ? text : ""
}

/** The failure and its causes, outermost first; of several attempts to connect, all. */
const chain = (error: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (depth > 8 || !(error instanceof Error)) return [error]
  const causes: ReadonlyArray<unknown> = error instanceof AggregateError ? error.errors : [error.cause]
  return [error, ...causes.filter((cause) => cause !== undefined).flatMap((cause) => chain(cause, depth + 1))]
}

/** Whether it is certain that the provider never saw the request. */
export const isBeforeSending = (error: unknown): boolean => {
  const all = chain(error)
  const known = all.filter((one) => textAt(one, "code") !== "")
  return known.length === 0
    ? textAt(all.at(-1), "message") === blocked
    : known.every((one) => beforeSending.has(textAt(one, "code")) || connecting.has(textAt(one, "syscall")))
}

const nameOf = (error: unknown): string | null =>
  typeof error === "object" && error !== null ? error.constructor?.name ?? null : null

/** The innermost cause's class and text: the outer ones only say that a request failed. */
export const toReason = (error: unknown, scrub: Scrub): Transport => {
  const innermost = chain(error).at(-1)
  return new Transport({
    message: scrub.text(textAt(innermost, "message") || textAt(innermost, "code") || "the connection failed"),
    causeName: nameOf(innermost),
    neverSent: isBeforeSending(error)
  })
}
