/** The two ways to reach the fake Fly: as an `HttpClient` of the same process, and as an HTTP server. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { connectionFailure, hangUp } from "../../http/FakeHost.ts"
import { broken, type Incoming, type Reply } from "./fakeFlyHost.ts"

type Handle = (incoming: Incoming) => Effect.Effect<Reply | typeof broken>

const hosts: ReadonlySet<string> = new Set(["https://api.fly.io", "https://api.machines.dev"])

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
