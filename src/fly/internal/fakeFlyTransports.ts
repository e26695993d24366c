/** The two ways to reach the fake Fly: as an `HttpClient` of the same process, and as an HTTP server. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { broken, type Incoming, type Reply } from "./fakeFlyHost.ts"

type Handle = (incoming: Incoming) => Effect.Effect<Reply | typeof broken>

const hosts: ReadonlySet<string> = new Set(["https://api.fly.io", "https://api.machines.dev"])

/** A failure as a transport words it. */
const failure = (request: HttpClientRequest.HttpClientRequest, code: string) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({
      request,
      cause: new TypeError("fetch failed", { cause: Object.assign(new Error(`fake ${code}`), { code }) })
    })
  })

export const clientOf = (handle: Handle): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function*() {
      if (!hosts.has(url.origin)) return yield* failure(request, "ENOTFOUND")
      const reply = yield* handle({ method: request.method, url, authorization: request.headers["authorization"] })
      if (reply === broken) return yield* failure(request, "ECONNRESET")
      const { body, headers, status } = reply
      return HttpClientResponse.fromWeb(
        request,
        new Response(body === "" ? null : body, { status, headers: { ...headers } })
      )
    })
  )

/** Cuts the connection under a request, where there is one: Node's requests have a socket. */
const hangUp = (source: object): boolean => {
  const socket: unknown = Reflect.get(source, "socket")
  if (typeof socket !== "object" || socket === null) return false
  const destroy: unknown = Reflect.get(socket, "destroy")
  if (typeof destroy !== "function") return false
  Reflect.apply(destroy, socket, [])
  return true
}

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
