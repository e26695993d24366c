/** One request from its arrival to its answer: admission, quotas, the route, and the faults that were ordered. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Entropy from "../../../domain/Entropy.ts"
import type { FaultLine } from "../../../http/FakeHost.ts"
import type { Access, Fault, RecordedRequest } from "../FakeRunPodControls.ts"
import type { OperationName } from "../schema/operations.ts"
import { acts, entriesIn, millisOf, strike } from "./faults.ts"
import { diceFrom, type Input } from "./input.ts"
import { createPod } from "./podRoutes.ts"
import { makeRuntimeQuotas, type Quotas } from "./quota.ts"
import { type Immediate, problem, refusal, type Reply, text, type Written } from "./reply.ts"
import { match, type Plane, routes } from "./routes.ts"
import type { State } from "./state.ts"

/** A request, over any transport. */
export interface Incoming {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The APIs that are played at the address it was sent to. */
  readonly planes: ReadonlyArray<Plane>
}

export interface Account {
  access: Access
  readonly requests: Array<RecordedRequest>
}

export interface Server {
  readonly state: State
  readonly account: Account
  readonly faults: FaultLine<Fault>
  readonly quotas: Quotas
  readonly limitsRuntime: boolean
  readonly refusesDefaultAgents: boolean
  /** Requests that are still under way live as long as this. */
  readonly scope: Scope.Scope
}

const largest = 102_400

/** The default User-Agents of HTTP libraries, which RunPod refuses. */
const defaultAgent =
  /^(|node|undici|node-fetch.*|axios\/.*|got .*|python-requests\/.*|python-urllib\/.*|go-http-client\/.*|bun\/.*|deno\/.*)$/i

const byteLength = (body: string): number => new TextEncoder().encode(body).byteLength

const writes = (method: string): boolean => method !== "GET" && method !== "HEAD"

/** Only names are remembered: bodies hold secrets. */
const nameIn = (body: string): string | null => {
  // most requests have none, and a failed parse costs more than the rest of the request
  if (body === "") return null
  try {
    const parsed: unknown = JSON.parse(body)
    const name: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "name") : null
    return typeof name === "string" ? name : null
  } catch {
    return null
  }
}

/** The refusal of a request without a proper User-Agent, size or key; undefined where it is admitted. */
const refusalOf = (server: Server, incoming: Incoming, plane: Plane): Written | undefined => {
  const { headers, method, url } = incoming
  const say = plane === "management" ? problem : refusal
  if (plane === "management" && server.refusesDefaultAgents && defaultAgent.test(headers["user-agent"] ?? "")) {
    return text(403, "error code: 1010")
  }
  if (method === "POST" && url.pathname === "/v2/pods" && byteLength(incoming.body) > largest) {
    return problem(413, `the request body is larger than ${largest} bytes`)
  }
  const [, key = ""] = /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "") ?? []
  if (key === "") return say(401, "missing bearer token")
  switch (server.account.access) {
    case "revoked":
      return say(401, "invalid bearer token")
    case "none":
      return say(403, "access denied")
    case "read":
      return writes(method) ? say(403, "access denied") : undefined
    default:
      return undefined
  }
}

/** Does what the request asks for, and answers at once or holds the answer. */
const act = (
  server: Server,
  operation: OperationName,
  input: Input,
  fault: Fault | undefined
): Effect.Effect<Immediate> => {
  const duplicate = fault?._tag === "Twin" ? millisOf(fault.apart) : undefined
  const route = operation === "createPod"
    ? createPod(server.state, input, duplicate)
    : routes[operation](server.state, input)
  return Effect.catch(route, (refused) => Effect.succeed<Immediate>(refused))
}

const settled = (immediate: Immediate): Effect.Effect<Reply> =>
  immediate._tag === "Held" ? immediate.answer : Effect.succeed(immediate)

/** The answer to a request that was admitted. */
const answer = (
  server: Server,
  incoming: Incoming,
  operation: OperationName,
  params: Input["params"],
  plane: Plane
): Effect.Effect<Reply> =>
  Effect.gen(function*() {
    const fault = server.faults.take(({ on }) => on === undefined || on === operation)
    const bytes = writes(incoming.method) ? yield* Entropy.bytes(16) : new Uint8Array(0)
    const inputAt = (now: number, query: URLSearchParams): Input => ({
      now,
      params,
      query,
      headers: incoming.headers,
      body: incoming.body,
      dice: diceFrom(bytes)
    })
    const arrive = (query = incoming.url.searchParams) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => act(server, operation, inputAt(now, query), fault))
    const facts = { isManagement: plane === "management", cursor: incoming.url.searchParams.get("cursor") }
    if (fault === undefined) return yield* Effect.flatMap(arrive(), settled)
    if (fault._tag === "Delay") {
      // it arrives also when its caller has left, as on a real network
      const onItsWay = yield* Effect.forkIn(
        Effect.delay(arrive(), Duration.millis(millisOf(fault.request))),
        server.scope
      )
      const reply = yield* Effect.flatMap(Fiber.join(onItsWay), settled)
      return yield* Effect.delay(Effect.succeed(reply), Duration.millis(millisOf(fault.answer)))
    }
    if (!acts(fault)) return strike(fault, problem(500, ""), facts) ?? (yield* Effect.never)
    if (fault._tag === "CursorLoop") {
      const query = new URLSearchParams(incoming.url.searchParams)
      query.delete("cursor")
      const again = yield* Effect.flatMap(arrive(query), settled)
      return strike(fault, again, facts) ?? again
    }
    const immediate = yield* arrive()
    if (fault._tag === "LoseAnswer" || fault._tag === "Hang" || fault._tag === "Refuse") {
      return strike(fault, problem(500, ""), facts) ?? (yield* Effect.never)
    }
    const reply = yield* settled(immediate)
    if (fault._tag === "ShortPage") {
      const query = new URLSearchParams(incoming.url.searchParams)
      query.set("limit", String(Math.max(1, Math.ceil(entriesIn(reply) / 2))))
      return yield* Effect.flatMap(arrive(query), settled)
    }
    return strike(fault, reply, facts) ?? reply
  })

const withHeaders = (reply: Reply, headers: Readonly<Record<string, string>>): Reply =>
  reply._tag === "Broken" ? reply : { ...reply, headers: { ...headers, ...reply.headers } }

export const makeHandler = (server: Server) => {
  const takeRuntime = makeRuntimeQuotas()
  const { account, quotas } = server
  return (incoming: Incoming): Effect.Effect<Reply> =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const { method, planes, url } = incoming
      const path = url.pathname.startsWith("/v2/") ? url.pathname.slice("/v2".length) : null
      const found = path === null ? undefined : match(planes, method, path)
      const plane = found?.plane ?? planes[0] ?? "management"
      const operation = found?.operation ?? null
      const index = account.requests.length
      const record: RecordedRequest = {
        at: DateTime.makeUnsafe(now),
        plane,
        operation,
        method,
        path: url.pathname,
        name: nameIn(incoming.body),
        status: null
      }
      account.requests.push(record)

      const respond = Effect.gen(function*() {
        const refused = refusalOf(server, incoming, plane)
        if (refused !== undefined) return refused
        const isManagement = plane === "management"
        const tooMany = isManagement
          ? quotas.take(now)
          : server.limitsRuntime
          ? takeRuntime(operation ?? "", found?.params["endpointId"] ?? "", now)
          : undefined
        const headers = isManagement ? quotas.headers(now) : {}
        if (tooMany !== undefined) return withHeaders(tooMany, headers)
        if (found === undefined) {
          const unknown = isManagement
            ? problem(404, "The requested path was not found.")
            : refusal(404, "not found")
          return withHeaders(unknown, headers)
        }
        if (operation === null) {
          const allow = { allow: found.allow.join(", ") }
          return withHeaders(
            problem(405, "The requested method is not allowed for this path.", undefined, allow),
            headers
          )
        }
        return withHeaders(yield* answer(server, incoming, operation, found.params, plane), headers)
      })
      const reply = yield* respond
      if (reply._tag !== "Broken") account.requests[index] = { ...record, status: reply.status }
      return reply
    })
}
