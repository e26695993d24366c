/** A span and metrics around every call of an endpoint: a route template, words and numbers, never a query or a body. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { CallClass, Progress } from "./httpCall.ts"
import * as Telemetry from "./httpTelemetry.ts"

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

/** Watches one endpoint; what it does reports its progress, so that an interrupted call is recorded too. */
export const observer = ({ api, name, provider }: Observed, route: Route) => {
  const labels = { provider, api }
  const retries = Metric.withAttributes(Telemetry.retries, labels)
  // a labelled metric finds its place in the registry once, so each is made once
  const byStatus = new Map<string, typeof Telemetry.requests>()
  const requests = (status: string) => {
    const known = byStatus.get(status)
    if (known !== undefined) return known
    const made = Metric.withAttributes(Telemetry.requests, { ...labels, status })
    byStatus.set(status, made)
    return made
  }
  const span = {
    kind: "client" as const,
    attributes: {
      [Attributes.provider]: provider,
      [Telemetry.api]: api,
      [Telemetry.method]: route.method,
      [Telemetry.route]: route.path,
      [Telemetry.callClass]: route.class
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
        current.attribute(Telemetry.attempts, attempts)
        if (host !== null) current.attribute(Telemetry.host, host)
        if (status !== null) current.attribute(Telemetry.status, status)
        // refused here: there was no request
        if (attempts === 0) return Effect.void
        const counted = Metric.update(requests(Telemetry.statusClass(status)), 1)
        return attempts > 1 ? Effect.andThen(counted, Metric.update(retries, attempts - 1)) : counted
      })
    })
}
