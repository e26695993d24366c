/** Names of what is recorded about a request: a route template, words and numbers, never a query, body or header. */
import * as Metric from "effect/Metric"

export const method = "http.request.method"
export const route = "url.template"
export const host = "server.address"
export const status = "http.response.status_code"
export const attempts = "atlas.http.attempts"
export const callClass = "atlas.http.class"
export const api = "atlas.http.api"

/** Requests as their callers see them, retries included, by `provider`, `api` and `status` (`2xx`, ..., `none`). */
export const requests = Metric.counter("atlas_http_requests", {
  description: "Provider HTTP requests, retries not counted apart",
  incremental: true
})

/** Attempts beyond the first, by `provider` and `api`. */
export const retries = Metric.counter("atlas_http_retries", {
  description: "Provider HTTP requests sent again",
  incremental: true
})

export const statusClass = (code: number | null): string => code === null ? "none" : `${Math.floor(code / 100)}xx`
