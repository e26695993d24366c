/**
 * What the tests of the HTTP edge share: a client whose answers are scripted, a loopback server that may misbehave,
 * an API of three endpoints, and everything a failure could print.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { inspect } from "node:util"
import { type AtlasErrorReason, Validation } from "../../../src/domain/AtlasError.ts"
import * as Call from "../../../src/provider/Call.ts"
import * as ProviderHttp from "../../../src/provider/ProviderHttp.ts"

export const canaryKey = "key-canary-7f3a9c"
export const canaryEnv = "env-canary \"5d1e\"/&42"

export const auth = { forCall: () => Effect.succeed(Redacted.make(canaryKey)), missing: [] }

export const call = (options: Call.CallOptions = {}): Call.Call => Effect.runSync(Call.decode(options, "test"))

export const Box = Schema.Struct({ id: Schema.String })

/** An API with one endpoint of each class. */
export const acme = (options: Partial<ProviderHttp.Options> = {}) =>
  Effect.map(
    ProviderHttp.make({ provider: "acme", name: "Acme", baseUrl: "https://api.acme.example/v1", auth, ...options }),
    (http) => ({
      http,
      get: http.endpoint({ operation: "getBox", class: "read", method: "GET", path: "/boxes/{id}", success: Box }),
      create: http.endpoint({ operation: "createBox", class: "create", method: "POST", path: "/boxes", success: Box }),
      stop: http.endpoint({ operation: "stopBox", class: "idempotent", method: "POST", path: "/boxes/{id}/stop" }),
      remove: http.endpoint({
        operation: "deleteBox",
        class: "idempotent",
        method: "DELETE",
        path: "/boxes/{id}",
        priority: "terminate"
      })
    })
  )

export const input = { params: { id: "7" } }
export const boxInput = { body: { name: "b", env: { TOKEN: Redacted.make(canaryEnv) } } }

const failure = (code: string, syscall?: string): Error =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(`${syscall ?? "read"} ${code}`), { code, syscall }) })

/** One answer of the scripted client. */
export type Script = Response | "refused" | "unknown host" | "reset" | "hang" | "refused by the client"

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly at: number
}

/** A client that gives these answers in turn, the last one again and again, and remembers what it was asked. */
export const scripted = (...answers: ReadonlyArray<Script | (() => Script)>) => {
  const seen: Array<Seen> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function*() {
      const next = answers[Math.min(seen.length, answers.length - 1)] ?? "hang"
      const answer = typeof next === "function" ? next() : next
      seen.push({
        method: request.method,
        url: url.href,
        headers: { ...request.headers },
        body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "",
        at: yield* Clock.currentTimeMillis
      })
      // a clone waits for the original when it is cancelled, so one that was made for this request is used itself
      if (answer instanceof Response) {
        return HttpClientResponse.fromWeb(request, typeof next === "function" ? answer : answer.clone())
      }
      if (answer === "hang") return yield* Effect.never
      const cause = answer === "refused"
        ? failure("ECONNREFUSED", "connect")
        : answer === "refused by the client"
        ? new Validation({ issues: [{ path: "HTTPS_PROXY", message: "cannot be used" }] })
        : answer === "unknown host"
        ? failure("ENOTFOUND", "getaddrinfo")
        : failure("ECONNRESET")
      return yield* new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, cause })
      })
    })
  )
  return { seen, provide: Effect.provideService(HttpClient.HttpClient, client) }
}

export const json = (body: unknown, init: ResponseInit = {}): Response => Response.json(body, init)

export const ok = (): Response => json({ id: "7" })

export const status = (code: number, headers: Record<string, string> = {}, body: unknown = { error: "no" }): Response =>
  json(body, { status: code, headers })

/** A server on a free loopback port; it remembers requests by method and path once their body is complete. */
export const serve = (
  handle: (request: IncomingMessage, response: ServerResponse, seen: ReadonlyArray<string>) => void
) =>
  Effect.acquireRelease(
    Effect.callback<
      {
        readonly url: string
        readonly port: number
        readonly seen: Array<string>
        readonly bodies: Array<string>
        readonly headers: Array<IncomingMessage["headers"]>
        /** Connections that are open now. */
        readonly open: Set<Socket>
        readonly stop: () => void
      }
    >((resume) => {
      const seen: Array<string> = []
      const bodies: Array<string> = []
      const headers: Array<IncomingMessage["headers"]> = []
      const open = new Set<Socket>()
      const server = createServer((request, response) => {
        response.on("error", () => {})
        let body = ""
        request.on("error", () => {}).on("data", (part: Buffer) => void (body += part.toString()))
        request.on("end", () => {
          seen.push(`${request.method} ${request.url}`)
          bodies.push(body)
          headers.push(request.headers)
          handle(request, response, seen)
        })
      })
      server.on("connection", (socket) => {
        open.add(socket)
        socket.on("error", () => {}).on("close", () => open.delete(socket))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const stop = () => {
          for (const socket of open) socket.destroy()
          server.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, port, seen, bodies, headers, open, stop }))
      })
    }),
    ({ stop }) => Effect.sync(stop)
  )

/** Every transport an application may bring. */
export const transports: ReadonlyArray<readonly [string, Layer.Layer<HttpClient.HttpClient>]> = [
  ["fetch", FetchHttpClient.layer],
  ["undici", NodeHttpClient.layerUndici],
  ["node:http", NodeHttpClient.layerNodeHttp]
]

/** Pauses and time limits pass faster than they say, for tests that do not depend on how long they are. */
export const hurried = (factor: number) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) =>
    Effect.provideService(effect, Clock.Clock, {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: clock.monotonicTimeNanos,
      sleep: (duration) => clock.sleep(Duration.divideUnsafe(duration, factor))
    })
  )

/** Spans and log lines of an effect, as an exporter would get them. */
export const recorded = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const spans: Array<Tracer.NativeSpan> = []
    const logs: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make(({ cause, message }) => void logs.push(inspect({ message, cause }, { depth: 12 })))
    return effect.pipe(
      Effect.exit,
      Effect.provideService(Tracer.Tracer, tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.map((exit) => ({
        exit,
        spans,
        logs,
        printed: printed({
          exit,
          logs,
          spans: spans.map((span) => [span.name, span.attributes, span.events, span.status])
        })
      }))
    )
  })

/** Everything that printing a value in any of the usual ways could show. */
export const printed = (value: unknown): string =>
  [
    inspect(value, { depth: 20, maxStringLength: null, showHidden: true }),
    JSON.stringify(value, (_, one: unknown) =>
      typeof one === "bigint" ? String(one) : one instanceof Map ? Object.fromEntries(one) : one),
    String(value),
    value instanceof Error ? value.stack ?? "" : ""
  ].join("\n")

export const assertNoCanary = (text: string): void => {
  for (const canary of [canaryKey, canaryEnv, JSON.stringify(canaryEnv).slice(1, -1), encodeURIComponent(canaryEnv)]) {
    assert.isFalse(
      text.includes(canary),
      `${canary} is in ${text.slice(Math.max(0, text.indexOf(canary) - 200), text.indexOf(canary) + 60)}`
    )
  }
}

export const tagOf = (effect: Effect.Effect<unknown, AtlasErrorReason>): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => "ok", onFailure: (reason) => reason._tag })
