/** The two log hosts as they answer: who may ask, which lines a page has, and how each writes them. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type FaultLine, makeFaultLine } from "../../http/FakeHost.ts"
import type { Fault, Line, RecordedRequest } from "../FakeFly.ts"
import { parseTime, toNanos } from "./logWire.ts"

/** A line as it is kept: when, in nanoseconds, and what it says. */
interface Kept {
  readonly at: bigint
  readonly id: string
  readonly line: Line
}

export interface State {
  readonly apps: Map<string, Array<Kept>>
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

export interface Incoming {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The connection ends without an answer. */
export const broken = "broken"

const pageSize = 100
/** A week of lines in a test; a server that runs for days must not grow. */
const mostKept = 20_000

const nanosOf = (text: string | null | undefined, now: bigint): bigint => {
  const moment = text === null || text === undefined ? null : parseTime(text)
  return moment === null ? now : toNanos(moment)
}

const stamp = (nanos: bigint): string => {
  const millis = Number(nanos / 1_000_000n)
  return new Date(millis).toISOString().replace(/\.\d+Z$/, `.${String(nanos % 1_000_000_000n).padStart(9, "0")}Z`)
}

/** Adds lines to an app's log, in the order of their times. */
export const append = (state: State, app: string, lines: ReadonlyArray<Line>, nowMillis: number): void => {
  const kept = state.apps.get(app) ?? []
  for (const line of lines) {
    const number = state.serial++
    // two lines of one millisecond differ in their nanoseconds, as on a real host
    const now = BigInt(nowMillis) * 1_000_000n + BigInt(number % 1_000_000)
    const at = nanosOf(line.timestamp, now)
    kept.push({ at, id: line.id ?? `${at}-${number}`, line: { timestamp: stamp(now), ...line } })
  }
  state.apps.set(app, kept.toSorted((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0).slice(-mostKept))
}

const macaroon = /^fm\d[a-z]?_/

/** Whether a header lets its sender in; a macaroon only behind `FlyV1`, anything else only behind `Bearer`. */
const isLetIn = (state: State, header: string | undefined): boolean => {
  const [, scheme = "", token = ""] = /^(FlyV1|Bearer) (\S+)$/.exec(header ?? "") ?? []
  if (token === "" || state.refused.has(token)) return false
  const parts = token.split(",")
  return scheme === "FlyV1" ? parts.every((part) => macaroon.test(part)) : !parts.some((part) => macaroon.test(part))
}

const asMachines = ({ line }: Kept, app: string, isHollow: boolean): string =>
  JSON.stringify({
    timestamp: line.timestamp,
    message: line.message,
    host: "edge-0a1b",
    log: isHollow ? null : { level: line.level ?? "info" },
    event: { provider: "app" },
    fly: isHollow ? null : { region: line.region ?? "fra", app: { name: app, instance: line.instance ?? null } }
  })

const asPlatform = ({ id, line }: Kept, isHollow: boolean): string => {
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

/** What a request is for. */
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
    const from = digits(query.get("start_time"))
    const shown = from === null ? all : all.filter(({ at }) => at >= from)
    const lines = [...strange, ...shown.map((one) => asMachines(one, app, isHollow))]
    return {
      status: 200,
      headers: { "content-type": "application/x-ndjson" },
      body: cut(lines.map((line) => `${line}\n`).join(""))
    }
  }
  const after = digits(query.get("next_token"))
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
    if (!isLetIn(state, incoming.authorization)) return refusal(401)
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
