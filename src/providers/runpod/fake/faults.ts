/** What goes wrong on order, and what it does to the answer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Fault } from "../FakeRunPodControls.ts"
import { broken, problem, refusal, type Reply, text, type Written } from "./reply.ts"

export const millisOf = (duration: Duration.Input | undefined, otherwise = 0): number =>
  duration === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(duration))

/** Whether the request is done before the fault strikes. */
export const acts = (fault: Fault): boolean => {
  switch (fault._tag) {
    case "Refuse":
    case "LoseAnswer":
    case "Hang":
      return fault.acted ?? false
    case "NoCapacity":
      return false
    default:
      return true
  }
}

const refusalOf = (fault: Extract<Fault, { _tag: "Refuse" }>, isManagement: boolean): Written => {
  const detail = fault.detail ?? `refused on order with ${fault.status}`
  const headers: Record<string, string> = fault.retryAfter === undefined
    ? {}
    : { "retry-after": String(fault.retryAfter) }
  const written = fault.form === "html"
    ? text(fault.status, `<html><body><h1>${fault.status}</h1>${detail}</body></html>`, "text/html")
    : fault.form === "text"
    ? text(fault.status, detail)
    : isManagement
    ? problem(fault.status, detail)
    : refusal(fault.status, detail)
  return { ...written, headers: { ...written.headers, ...headers } }
}

const cut = (written: Written): Written => {
  const body = written.body ?? "{}"
  return { ...written, body: body.slice(0, Math.ceil(body.length / 2)) }
}

const looped = (written: Written, cursor: string | null): Written => {
  const body: unknown = JSON.parse(written.body ?? "null")
  if (written.status !== 200 || typeof body !== "object" || body === null) return written
  const pagination = { nextCursor: cursor ?? "bG9vcA", hasNextPage: true }
  return { ...written, body: JSON.stringify({ ...body, pagination }) }
}

/** How many entries the list of an answer has. */
export const entriesIn = (written: Reply): number => {
  const body: unknown = written._tag === "Written" ? JSON.parse(written.body ?? "null") : null
  const list = typeof body === "object" && body !== null
    ? Object.values(body).find((value) => Array.isArray(value))
    : null
  return Array.isArray(list) ? list.length : 0
}

const encoder = new TextEncoder()

const dripped = (written: Written, every: number, size: number): Reply => {
  const bytes = encoder.encode(written.body ?? "")
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size))
  return {
    _tag: "Flowing",
    status: written.status,
    headers: written.headers,
    bytes: Stream.fromIterable(parts).pipe(
      Stream.rechunk(1),
      Stream.mapEffect((part) => Effect.as(Effect.sleep(Duration.millis(every)), part))
    )
  }
}

/** What the caller gets instead of `answer`; undefined is an answer that never comes. */
export const strike = (
  fault: Fault,
  answer: Reply,
  facts: { readonly isManagement: boolean; readonly cursor: string | null }
): Reply | undefined => {
  switch (fault._tag) {
    case "LoseAnswer":
      return broken
    case "Hang":
      return undefined
    case "Refuse":
      return refusalOf(fault, facts.isManagement)
    case "NoCapacity":
      return problem(400, fault.detail)
    case "Garble":
      return answer._tag === "Written" ? cut(answer) : answer
    case "WrongShape":
      return answer._tag === "Written" ? { ...answer, body: JSON.stringify({ surprise: true }) } : answer
    case "Drip":
      return answer._tag === "Written" ? dripped(answer, millisOf(fault.every), fault.bytes ?? 1) : answer
    case "CutStream":
      return answer._tag === "Flowing"
        // the opening comment comes first, and the last part is lost while it is on its way
        ? {
          ...answer,
          bytes: Stream.concat(Stream.take(answer.bytes, fault.lines + 1), Stream.fail(broken))
        }
        : answer
    case "CursorLoop":
      return answer._tag === "Written" ? looped(answer, facts.cursor) : answer
    case "ShortPage":
    case "Delay":
    case "Twin":
      return answer
  }
}
