/**
 * What sessions have cost: in total, at each provider, for each user.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import { Usd } from "../domain/Money.ts"
import * as Metrics from "../telemetry/OrchestratorMetrics.ts"
import { advance, type Now } from "./session/Clock.ts"
import * as Meter from "./session/Meter.ts"
import type { Seen } from "./SessionEngine.ts"

/**
 * What the stored sessions have cost so far, in US dollars: live ones, and those that ended within the retention.
 *
 * @category models
 * @since 0.1.0
 */
export const Spending = Schema.Struct({
  totalUsd: Usd,
  /** The cost of each machine, at the provider it was rented from. */
  byProvider: Schema.ReadonlyMap(Schema.String, Usd),
  /** Sessions without a user count under null. */
  byUser: Schema.ReadonlyMap(Schema.NullOr(Schema.String), Usd)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Spending = typeof Spending.Type

const add = <K>(map: Map<K, Usd>, key: K, usd: number): void => {
  map.set(key, Usd.make((map.get(key) ?? 0) + usd))
}

/**
 * What these sessions have cost until now.
 *
 * @category reading
 * @since 0.1.0
 */
export const of = (sessions: Iterable<Seen>, read: Now): Spending => {
  const byProvider = new Map<string, Usd>()
  const byUser = new Map<string | null, Usd>()
  let totalUsd = 0
  for (const { state: { clock, meter, spec } } of sessions) {
    const { wall } = advance(clock, read)
    for (const { provider, usd } of meter.settled) add(byProvider, provider, usd)
    for (const machine of meter.running) add(byProvider, machine.provider, Meter.spentOn(meter, machine, wall))
    const usd = Meter.spent(meter, wall)
    add(byUser, spec.userId, usd)
    totalUsd += usd
  }
  return { totalUsd: Usd.make(totalUsd), byProvider, byUser }
}

/**
 * Updates the metric of what each provider has cost.
 *
 * @category reading
 * @since 0.1.0
 */
export const show = ({ byProvider }: Spending): Effect.Effect<void> =>
  Effect.forEach(
    byProvider,
    ([provider, usd]) => Metric.update(Metric.withAttributes(Metrics.spend, { provider }), usd),
    { discard: true }
  )
