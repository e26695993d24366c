/** A span and metrics around every call of an endpoint: route template, method, status and counts, never a query or a body. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Series from "../../telemetry/internal/series.ts"
import * as Metrics from "../../telemetry/Metrics.ts"
import * as SpanEnd from "../../telemetry/SpanEnd.ts"
import * as Spans from "../../telemetry/Spans.ts"
import type { CallClass, Progress } from "./httpCall.ts"

const statusClass = (code: number | null): string => code === null ? "none" : `${Math.floor(code / 100)}xx`

/** The kind of the failure is told by the span of the provider's call. */
const told = (reason: AtlasErrorReason): SpanEnd.Told => ({ reason })

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
  const retries = Series.counted(Metrics.httpRetries, labels)
  // a series finds its place in the registry once, so each is made once
  const byStatus = new Map<string, typeof Metrics.httpRequests>()
  const requests = (status: string) => {
    const known = byStatus.get(status)
    if (known !== undefined) return known
    const made = Series.counted(Metrics.httpRequests, { ...labels, status })
    byStatus.set(status, made)
    return made
  }
  const span = {
    kind: "client" as const,
    attributes: {
      [Attributes.provider]: provider,
      [Attributes.httpApi]: api,
      [Attributes.httpMethod]: route.method,
      [Attributes.httpRoute]: route.path,
      [Attributes.httpClass]: route.class
    }
  }

  const spanName = Spans.endpoint(name, route.operation)
  // a stack would show this line, for every request
  const noStack = { captureStackTrace: false } as const

  return <A, R>(use: (progress: Progress) => Effect.Effect<A, AtlasErrorReason, R>) =>
    Effect.useSpan(spanName, span, (current): Effect.Effect<A, AtlasErrorReason, R> => {
      const progress: Progress = { attempts: 0, status: null, host: null }
      return Effect.onExit(Effect.withParentSpan(use(progress), current, noStack), (exit) => {
        const { attempts, host, status } = progress
        current.attribute(Attributes.httpAttempts, attempts)
        if (host !== null) current.attribute(Attributes.httpHost, host)
        if (status !== null) current.attribute(Attributes.httpStatus, status)
        const settled = Exit.isSuccess(exit) ? Effect.void : Effect.withFiber((fiber) => {
          SpanEnd.settle(fiber, current, exit.cause, told)
          return Effect.void
        })
        // refused here: there was no request
        if (attempts === 0) return settled
        const counted = Effect.andThen(settled, Metric.update(requests(statusClass(status)), 1))
        return attempts > 1 ? Effect.andThen(counted, Metric.update(retries, attempts - 1)) : counted
      })
    })
}
