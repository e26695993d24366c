/** The two ways to reach the fake: as an `HttpClient` of the same process, and as an HTTP server. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import { connectionFailure, hangUp } from "../../../http/FakeHost.ts"
import { find, settle, statusOf } from "./podStates.ts"
import { type Reply, text, type Written } from "./reply.ts"
import type { Plane } from "./routes.ts"
import type { Incoming } from "./server.ts"
import type { State } from "./state.ts"

const encoder = new TextEncoder()

type Handle = (incoming: Incoming) => Effect.Effect<Reply>

const hosts: Readonly<Record<string, Plane>> = {
  "api.runpod.io": "management",
  "v2-rest.runpod.io": "management",
  "api.runpod.ai": "runtime"
}

const proxied = /^([a-z0-9]+)-(\d+)\.proxy\.runpod\.net$/

/** A pod's HTTP proxy: it answers `ok` for the application in the pod once the pod runs. */
const behindProxy = (state: State, host: string): Effect.Effect<Written> | undefined => {
  const [, id = "", port = ""] = proxied.exec(host) ?? []
  if (id === "") return undefined
  return Effect.map(Clock.currentTimeMillis, (now) => {
    const pod = find(state, id, now)
    const isUp = pod !== undefined && pod.ports.includes(`${port}/http`)
      && statusOf(pod, now, state.settings) === "RUNNING"
    if (pod !== undefined) settle(pod, now)
    return isUp ? text(200, "ok") : text(502, "<html>Bad Gateway</html>", "text/html")
  })
}

const bodyOf = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<string, HttpClientError.HttpClientError> => {
  const { body } = request
  switch (body._tag) {
    case "Empty":
      return Effect.succeed("")
    case "Uint8Array":
      return Effect.succeed(new TextDecoder().decode(body.body))
    case "Raw":
      return Effect.succeed(String(body.body))
    case "FormData":
      return Effect.succeed("")
    case "Stream":
      return Stream.mkString(Stream.decodeText(body.stream)).pipe(
        Effect.mapError(() => connectionFailure(request, "ECONNRESET", "write"))
      )
  }
}

/**
 * An answer for a client in this process. Its body is read in the reader's own fiber, by its own clock, and without a turn
 * of the event loop: a simulation has none.
 */
const toClient = (
  request: HttpClientRequest.HttpClientRequest,
  reply: Exclude<Reply, { _tag: "Broken" }>
): HttpClientResponse.HttpClientResponse => {
  const { headers, status } = reply
  const bare = HttpClientResponse.fromWeb(request, new Response(null, { status, headers: { ...headers } }))
  if (reply._tag === "Written" && reply.body === null) return bare
  const stream = reply._tag === "Written"
    ? Stream.fromArray(reply.body === "" || reply.body === null ? [] : [encoder.encode(reply.body)])
    : Stream.mapError(reply.bytes, () => connectionFailure(request, "ECONNRESET", "read"))
  const arrayBuffer = Effect.map(Stream.mkUint8Array(stream), (bytes) => bytes.slice().buffer)
  return Object.defineProperties(bare, { stream: { value: stream }, arrayBuffer: { value: arrayBuffer } })
}

export const clientOf = (state: State, handle: Handle): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function*() {
      const plane = url.protocol === "https:" && url.port === "" ? hosts[url.hostname] : undefined
      const behind = behindProxy(state, url.hostname)
      if (plane === undefined) {
        return behind === undefined
          ? yield* connectionFailure(request, "ENOTFOUND", "getaddrinfo")
          : toClient(request, yield* behind)
      }
      const body = yield* bodyOf(request)
      const reply = yield* handle({ method: request.method, url, headers: request.headers, body, planes: [plane] })
      return reply._tag === "Broken"
        ? yield* connectionFailure(request, "ECONNRESET", "read")
        : toClient(request, reply)
    })
  )

export const responseTo = (
  request: HttpServerRequest.HttpServerRequest,
  handle: Handle
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.gen(function*() {
    const body = yield* Effect.orElseSucceed(request.text, () => "")
    const reply = yield* handle({
      method: request.method,
      url: new URL(request.url, "http://127.0.0.1"),
      headers: request.headers,
      body,
      planes: ["management", "runtime"]
    })
    if (reply._tag === "Broken") {
      return hangUp(request.source) ? yield* Effect.never : HttpServerResponse.empty({ status: 502 })
    }
    const { headers, status } = reply
    const contentType = headers["content-type"]
    const options = { status, headers, ...(contentType === undefined ? {} : { contentType }) }
    if (reply._tag === "Flowing") {
      return HttpServerResponse.stream(
        Stream.tapError(reply.bytes, () => Effect.sync(() => hangUp(request.source))),
        options
      )
    }
    return reply.body === null
      ? HttpServerResponse.empty({ status, headers })
      : HttpServerResponse.text(reply.body, options)
  })
