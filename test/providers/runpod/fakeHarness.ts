/** What the tests of the fake share: requests in this process, as any HTTP client would send them. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"

export const management = "https://api.runpod.io/v2"
export const runtime = "https://api.runpod.ai/v2"

export const headers = { authorization: "Bearer rpa_key", "user-agent": "fake-test/1.0" }

/** The fake as this process's HTTP client. */
export const inProcess = (options: FakeRunPod.Options = {}) =>
  Layer.provideMerge(FakeRunPod.layerClient, FakeRunPod.layer(options))

export interface Sent {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body as JSON; null where it is none. */
  readonly json: unknown
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** One request; a path without a host is one of the management API. */
export const send = (method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, sent: Sent = {}) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const url = path.startsWith("https://") ? path : `${management}${path}`
    const request = HttpClientRequest.make(method)(url, { headers: sent.headers ?? headers }).pipe((request) =>
      sent.body === undefined
        ? request
        : HttpClientRequest.bodyText(
          request,
          typeof sent.body === "string" ? sent.body : JSON.stringify(sent.body),
          "application/json"
        )
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    const got: Got = { status: response.status, headers: response.headers, text, json: parsed(text) }
    return got
  })

/** A field of an answer, however deep: `at(pod, "ssh", "direct", "port")`. */
export const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (here, key) => typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined,
    value
  )

export const textAt = (value: unknown, ...path: ReadonlyArray<string | number>): string => String(at(value, ...path))

export const listAt = (value: unknown, ...path: ReadonlyArray<string | number>): ReadonlyArray<unknown> => {
  const list = at(value, ...path)
  return Array.isArray(list) ? list : []
}

export const podBody = (name: string, more: object = {}) => ({
  name,
  image: "test/image",
  disk: 20,
  gpu: { id: "NVIDIA GeForce RTX 4090", count: 1 },
  ports: ["8000/http", "22/tcp"],
  ...more
})
