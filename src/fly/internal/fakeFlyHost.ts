/**
 * The fake of the two log hosts: which requests they accept, which lines a page has, how each host writes them, and how
 * requests reach them, as an `HttpClient` of the same process or over an HTTP server.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { connectionFailure, type FaultLine, hangUp, makeFaultLine } from "../../http/FakeHost.ts"
import { parseTime, toNanos } from "./logWire.ts"

/**
 * One line of an app's log as the fake has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** RFC 3339, or any text to see what a reader makes of it; default now. */
  readonly timestamp?: string | null
  readonly message?: string | null
  /** Default `info`. */
  readonly level?: string | null
  /** Default `fra`. */
  readonly region?: string | null
  readonly instance?: string | null
  /** Default a unique one; null for a line without an id. */
  readonly id?: string | null
}

/**
 * Which requests a fault is for: those to one host, for one app, or any; the first `skip` of them pass, the next `times`
 * (default 1) get the fault.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultTarget {
  readonly on?: "platform" | "machines"
  readonly app?: string
  readonly skip?: number
  readonly times?: number
}

/**
 * A fault to order, as data.
 *
 * **Details**
 *
 * - `Refuse`: this status, with `Retry-After` in seconds and a body if given. `Redirect`: a 302.
 * - `LoseAnswer`: the connection ends without an answer. `Hang`: no answer ever comes. `Delay`: it comes `by` later.
 * - `Garble`: the body is cut in half. `Huge`: the body has `bytes` bytes.
 * - `Strange`: these texts are put among the lines unchanged. `Hollow`: every nested object is null.
 * - `Cursor`: `next_token` is this JSON text. `Overlap`: the page begins with the last line of the page before.
 * - `IgnoreCursor`: the page has the newest lines, whatever the request asks for.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  & FaultTarget
  & (
    | { readonly _tag: "Refuse"; readonly status: number; readonly retryAfter?: number; readonly body?: string }
    | { readonly _tag: "Redirect"; readonly location: string }
    | { readonly _tag: "LoseAnswer" }
    | { readonly _tag: "Hang" }
    | { readonly _tag: "Delay"; readonly by: Duration.Input }
    | { readonly _tag: "Garble" }
    | { readonly _tag: "Huge"; readonly bytes: number }
    | { readonly _tag: "Strange"; readonly lines: ReadonlyArray<string> }
    | { readonly _tag: "Hollow" }
    | { readonly _tag: "Cursor"; readonly text: string }
    | { readonly _tag: "Overlap" }
    | { readonly _tag: "IgnoreCursor" }
  )

/**
 * One request as the fake received it; of its token only the scheme is recorded.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Which host the path belongs to; null for a path that neither has. */
  readonly endpoint: "platform" | "machines" | null
  readonly app: string | null
  readonly cursor: string | null
  readonly region: string | null
  readonly instance: string | null
  readonly scheme: string | null
  /** The status of the answer; null while there is none, and for a request that was never answered. */
  readonly status: number | null
}

/** A line as it is stored, with its time in nanoseconds. */
interface StoredLine {
  readonly at: bigint
  readonly id: string
  readonly line: Line
}

/** What the fake remembers. */
export interface State {
  readonly apps: Map<string, Array<StoredLine>>
  readonly refused: Set<string>
  readonly requests: Array<RecordedRequest>
  readonly faults: FaultLine<Fault>
  /** How `next_token` is written. */
  readonly cursors: "string" | "number" | "alternating"
  serial: number
}

export const makeState = (apps: ReadonlyArray<string>, cursors: State["cursors"]): State => ({
  apps: new Map(apps.map((app) => [app, []])),
  refused: new Set(),
  requests: [],
  faults: makeFaultLine(),
  cursors,
  serial: 0
})

/** What the hosts look at of a request. */
export interface Incoming {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
}

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The connection ends without an answer. */
const broken = "broken"

const pageSize = 100
/** Enough lines for any test; beyond it the oldest go, so that a server that runs for days does not grow. */
const mostLines = 20_000

const nanosOf = (text: string | null | undefined, now: bigint): bigint => {
  const moment = text === null || text === undefined ? null : parseTime(text)
  return moment === null ? now : toNanos(moment)
}

const stamp = (nanos: bigint): string => {
  const millis = Number(nanos / 1_000_000n)
  return new Date(millis).toISOString().replace(/\.\d+Z$/, `.${String(nanos % 1_000_000_000n).padStart(9, "0")}Z`)
}

/** Adds lines to an app's log, which is sorted by time. */
export const append = (state: State, app: string, lines: ReadonlyArray<Line>, nowMillis: number): void => {
  const kept = state.apps.get(app) ?? []
  for (const line of lines) {
    const number = state.serial++
    // two lines of one millisecond differ in their nanoseconds, as on a real host
    const now = BigInt(nowMillis) * 1_000_000n + BigInt(number % 1_000_000)
    const at = nanosOf(line.timestamp, now)
    kept.push({ at, id: line.id ?? `${at}-${number}`, line: { timestamp: stamp(now), ...line } })
  }
  state.apps.set(app, kept.toSorted((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0).slice(-mostLines))
}

const macaroon = /^fm\d[a-z]?_/

/** Whether the hosts accept a header: a macaroon only with `FlyV1`, any other token only with `Bearer`. */
const isAccepted = (state: State, header: string | undefined): boolean => {
  const [, scheme = "", token = ""] = /^(FlyV1|Bearer) (\S+)$/.exec(header ?? "") ?? []
  if (token === "" || state.refused.has(token)) return false
  const parts = token.split(",")
  return scheme === "FlyV1" ? parts.every((part) => macaroon.test(part)) : !parts.some((part) => macaroon.test(part))
}

const asMachines = ({ line }: StoredLine, app: string, isHollow: boolean): string =>
  JSON.stringify({
    timestamp: line.timestamp,
    message: line.message,
    host: "edge-0a1b",
    log: isHollow ? null : { level: line.level ?? "info" },
    event: { provider: "app" },
    fly: isHollow ? null : { region: line.region ?? "fra", app: { name: app, instance: line.instance ?? null } }
  })

const asPlatform = ({ id, line }: StoredLine, isHollow: boolean): string => {
  const where = { instance: line.instance ?? null, region: line.region ?? "fra" }
  const attributes = {
    timestamp: line.timestamp,
    message: line.message,
    level: line.level ?? "info",
    ...where,
    meta: { ...where, event: { provider: "app" } }
  }
  return JSON.stringify({ ...(line.id === null ? {} : { id }), attributes: isHollow ? null : attributes })
}

const refusal = (status: number, headers: Readonly<Record<string, string>> = {}, body?: string): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: body ?? JSON.stringify({ error: `refused with ${status}` })
})

/** Which host and app a request is for. */
interface Target {
  readonly endpoint: "platform" | "machines"
  readonly app: string
}

const routes = { platform: /^\/api\/v1\/apps\/([^/]+)\/logs$/, machines: /^\/v1\/apps\/([^/]+)\/logs$/ } as const

const route = (url: URL): Target | undefined => {
  for (const endpoint of ["platform", "machines"] as const) {
    const [, app] = routes[endpoint].exec(url.pathname) ?? []
    if (app !== undefined) return { endpoint, app: decodeURIComponent(app) }
  }
  return undefined
}

const digits = (text: string | null): bigint | null => text !== null && /^\d{1,30}$/.test(text) ? BigInt(text) : null

const page = (
  state: State,
  { app, endpoint }: Target,
  query: URLSearchParams,
  fault: Fault | undefined
): Reply => {
  const all = (state.apps.get(app) ?? []).filter(({ line }) =>
    (!query.has("region") || (line.region ?? "fra") === query.get("region"))
    && (!query.has("instance") || line.instance === query.get("instance"))
  )
  const strange = fault?._tag === "Strange" ? fault.lines : []
  const isHollow = fault?._tag === "Hollow"
  const cut = (body: string) => fault?._tag === "Garble" ? body.slice(0, Math.ceil(body.length / 2)) : body
  if (endpoint === "machines") {
    const from = fault?._tag === "IgnoreCursor" ? null : digits(query.get("start_time"))
    const shown = from === null ? all : all.filter(({ at }) => at >= from)
    const lines = [...strange, ...shown.map((one) => asMachines(one, app, isHollow))]
    return {
      status: 200,
      headers: { "content-type": "application/x-ndjson" },
      body: cut(lines.map((line) => `${line}\n`).join(""))
    }
  }
  const after = fault?._tag === "IgnoreCursor" ? null : digits(query.get("next_token"))
  const overlaps = fault?._tag === "Overlap"
  const shown = after === null
    ? all.slice(-pageSize)
    : all.filter(({ at }) => overlaps ? at >= after : at > after).slice(0, pageSize)
  const next = shown.at(-1)?.at ?? after
  const isNumber = state.cursors === "number" || (state.cursors === "alternating" && state.requests.length % 2 === 0)
  const token = fault?._tag === "Cursor" ? fault.text : next === null ? "\"\"" : isNumber ? `${next}` : `"${next}"`
  const data = [...strange, ...shown.map((one) => asPlatform(one, isHollow))]
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: cut(`{"data":[${data.join(",")}],"meta":{"next_token":${token}}}`)
  }
}

const answer = (state: State, incoming: Incoming, target: Target | undefined) =>
  Effect.gen(function*() {
    const query = incoming.url.searchParams
    if (target === undefined) return refusal(404)
    if (incoming.method !== "GET") return refusal(405)
    const { app, endpoint } = target
    const fault = state.faults.take((one) =>
      (one.on === undefined || one.on === endpoint) && (one.app === undefined || one.app === app)
    )
    switch (fault?._tag) {
      case "LoseAnswer":
        return broken
      case "Hang":
        return yield* Effect.never
      case "Delay":
        yield* Effect.sleep(Duration.fromInputUnsafe(fault.by))
        break
      case "Refuse": {
        const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) }
        return refusal(fault.status, headers, fault.body)
      }
      case "Redirect":
        return refusal(302, { location: fault.location })
      case "Huge":
        return { ...refusal(200), body: " ".repeat(fault.bytes) }
    }
    if (!isAccepted(state, incoming.authorization)) return refusal(401)
    if (!state.apps.has(app)) return refusal(404)
    return page(state, target, query, fault)
  })

/** One request from its arrival to its answer. */
export const handle = (state: State, incoming: Incoming): Effect.Effect<Reply | typeof broken> =>
  Effect.gen(function*() {
    const target = route(incoming.url)
    const query = incoming.url.searchParams
    const index = state.requests.length
    const record: RecordedRequest = {
      at: yield* Clock.currentTimeMillis,
      endpoint: target?.endpoint ?? null,
      app: target?.app ?? null,
      cursor: query.get("next_token") ?? query.get("start_time"),
      region: query.get("region"),
      instance: query.get("instance"),
      scheme: /^(\S+) /.exec(incoming.authorization ?? "")?.[1] ?? null,
      status: null
    }
    state.requests.push(record)
    const reply = yield* answer(state, incoming, target)
    if (reply !== broken) state.requests[index] = { ...record, status: reply.status }
    return reply
  })

type Handle = (incoming: Incoming) => Effect.Effect<Reply | typeof broken>

const hosts: ReadonlySet<string> = new Set(["https://api.fly.io", "https://api.machines.dev"])

/** The hosts as an `HttpClient`; it refuses every other host as a name that cannot be resolved. */
export const clientOf = (handle: Handle): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function*() {
      if (!hosts.has(url.origin)) return yield* connectionFailure(request, "ENOTFOUND", "getaddrinfo")
      const reply = yield* handle({ method: request.method, url, authorization: request.headers["authorization"] })
      if (reply === broken) return yield* connectionFailure(request, "ECONNRESET", "read")
      const { body, headers, status } = reply
      return HttpClientResponse.fromWeb(
        request,
        new Response(body === "" ? null : body, { status, headers: { ...headers } })
      )
    })
  )

/** The hosts behind an HTTP server. */
export const responseTo = (
  request: HttpServerRequest.HttpServerRequest,
  handle: Handle
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.gen(function*() {
    const reply = yield* handle({
      method: request.method,
      url: new URL(request.url, "http://127.0.0.1"),
      authorization: request.headers["authorization"]
    })
    if (reply === broken) {
      return hangUp(request.source) ? yield* Effect.never : HttpServerResponse.empty({ status: 502 })
    }
    const { body, headers, status } = reply
    const contentType = headers["content-type"]
    return HttpServerResponse.text(body, { status, headers, ...(contentType === undefined ? {} : { contentType }) })
  })
