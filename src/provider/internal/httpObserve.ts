/** A span and metrics around every call of an endpoint: route template, method, status and counts, never a query or a body. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { CallClass, Progress } from "./httpCall.ts"
import * as Series from "./series.ts"

const methodAttribute = "http.request.method"
const routeAttribute = "url.template"
const hostAttribute = "server.address"
const statusAttribute = "http.response.status_code"
const attemptsAttribute = "atlas.http.attempts"
const classAttribute = "atlas.http.class"
const apiAttribute = "atlas.http.api"

/** Requests as their callers see them, retries included, by `provider`, `api` and `status` (`2xx`, ..., `none`). */
const requestsMetric = Metric.counter("atlas_http_requests", {
  description: "Provider HTTP requests, retries not counted apart",
  incremental: true
})

/** Attempts beyond the first, by `provider` and `api`. */
const retriesMetric = Metric.counter("atlas_http_retries", {
  description: "Provider HTTP requests sent again",
  incremental: true
})

const statusClass = (code: number | null): string => code === null ? "none" : `${Math.floor(code / 100)}xx`

interface Observed {
  readonly provider: string
  readonly name: string
  readonly api: string
}

interface Route {
  readonly operation: string
  readonly class: CallClass
  readonly method: string
  readonly path: string
}

/** Observes the calls of one endpoint; each reports its progress, so that an interrupted call is recorded too. */
export const observer = ({ api, name, provider }: Observed, route: Route) => {
  const labels = { provider, api }
  const retries = Series.counted(retriesMetric, labels)
  // a series finds its place in the registry once, so each is made once
  const byStatus = new Map<string, typeof requestsMetric>()
  const requests = (status: string) => {
    const known = byStatus.get(status)
    if (known !== undefined) return known
    const made = Series.counted(requestsMetric, { ...labels, status })
    byStatus.set(status, made)
    return made
  }
  const span = {
    kind: "client" as const,
    attributes: {
      [Attributes.provider]: provider,
      [apiAttribute]: api,
      [methodAttribute]: route.method,
      [routeAttribute]: route.path,
      [classAttribute]: route.class
    }
  }

  const spanName = `${name}.${route.operation}`
  // a stack would show this line, for every request
  const noStack = { captureStackTrace: false } as const

  return <A, E, R>(use: (progress: Progress) => Effect.Effect<A, E, R>) =>
    Effect.useSpan(spanName, span, (current): Effect.Effect<A, E, R> => {
      const progress: Progress = { attempts: 0, status: null, host: null }
      return Effect.onExit(Effect.withParentSpan(use(progress), current, noStack), () => {
        const { attempts, host, status } = progress
        current.attribute(attemptsAttribute, attempts)
        if (host !== null) current.attribute(hostAttribute, host)
        if (status !== null) current.attribute(statusAttribute, status)
        // refused here: there was no request
        if (attempts === 0) return Effect.void
        const counted = Metric.update(requests(statusClass(status)), 1)
        return attempts > 1 ? Effect.andThen(counted, Metric.update(retries, attempts - 1)) : counted
      })
    })
}
