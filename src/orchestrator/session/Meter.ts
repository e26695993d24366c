/**
 * The meter of a session: a running entry for each machine that may bill, and the sum of those that are gone.
 *
 * Cost is counted on the wall clock, because the cloud bills also while this computer is suspended.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { usdOrNull } from "./internal/bounds.ts"

/**
 * A machine that may bill: what it cost until `since`, and what it costs an hour from there on (null while unknown).
 *
 * @category models
 * @since 0.1.0
 */
export const Running = Schema.Struct({
  computeId: ComputeId,
  provider: ProviderId,
  usd: Schema.Finite,
  rate: Schema.NullOr(Schema.Finite),
  /** Wall clock. */
  since: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Running = typeof Running.Type

/**
 * The meter of a session.
 *
 * @category models
 * @since 0.1.0
 */
export const Meter = Schema.Struct({
  /** What the machines that are gone have cost at each provider. */
  settled: Schema.Array(Schema.Struct({ provider: ProviderId, usd: Schema.Finite })),
  running: Schema.Array(Running)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Meter = typeof Meter.Type

/**
 * A meter that has counted nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const zero: Meter = { settled: [], running: [] }

const hour = 3_600_000

/**
 * Whether a price is usable. One that is not leaves the last price in place; at the beginning there is none.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPrice = (rate: number | null): rate is number => usdOrNull(rate) !== null

const costOf = ({ rate, since, usd }: Running, wall: number): number =>
  usd + (rate ?? 0) * Math.max(0, wall - since) / hour

interface Machine {
  readonly provider: ProviderId
  readonly computeId: ComputeId
}

const isOf = (running: Running, machine: Machine): boolean =>
  running.computeId === machine.computeId && running.provider === machine.provider

const change = (meter: Meter, machine: Machine, f: (running: Running) => Running): Meter => {
  const index = meter.running.findIndex((running) => isOf(running, machine))
  const old = meter.running[index]
  if (old === undefined) return meter
  const changed = f(old)
  return changed === old ? meter : { ...meter, running: meter.running.with(index, changed) }
}

/**
 * Begins to count a machine, from a time that may be past; a machine that is counted already is left as it is.
 *
 * @category metering
 * @since 0.1.0
 */
export const open = (meter: Meter, { computeId, provider }: Machine, rate: number | null, since: number): Meter =>
  meter.running.some((running) => isOf(running, { computeId, provider }))
    ? meter
    : {
      ...meter,
      running: [...meter.running, { computeId, provider, usd: 0, rate: usdOrNull(rate), since }]
    }

/**
 * Changes the price of a machine from now on. An unusable price changes nothing; the first usable one counts from the
 * beginning.
 *
 * @category metering
 * @since 0.1.0
 */
export const reprice = (meter: Meter, machine: Machine, told: number | null, wall: number): Meter => {
  const rate = usdOrNull(told)
  if (rate === null) return meter
  return change(meter, machine, (old) => {
    if (old.rate === rate) return old
    // it counts from the beginning, and what was billed of that time is not counted twice
    if (old.rate === null) {
      return { ...old, rate, usd: Math.max(0, old.usd - rate * Math.max(0, wall - old.since) / hour) }
    }
    return { ...old, usd: costOf(old, wall), rate, since: Math.max(wall, old.since) }
  })
}

/**
 * A bill above the estimate raises the spend; a lower one changes nothing, because billing lags.
 *
 * @category metering
 * @since 0.1.0
 */
export const raise = (meter: Meter, machine: Machine, told: number, wall: number): Meter =>
  change(
    meter,
    machine,
    (old) => {
      const usd = usdOrNull(told)
      return usd !== null && usd > costOf(old, wall)
        // while the price is unknown, `since` stays: the bill lags, so it may not cover all the time until now
        ? { ...old, usd, since: old.rate === null ? old.since : Math.max(wall, old.since) }
        : old
    }
  )

const settle = (settled: Meter["settled"], provider: ProviderId, usd: number): Meter["settled"] => {
  const index = settled.findIndex((one) => one.provider === provider)
  const old = settled[index]
  return old === undefined ? [...settled, { provider, usd }] : settled.with(index, { provider, usd: old.usd + usd })
}

/**
 * Stops to count a machine that is gone.
 *
 * @category metering
 * @since 0.1.0
 */
export const close = (meter: Meter, machine: Machine, wall: number): Meter => {
  const old = meter.running.find((running) => isOf(running, machine))
  return old === undefined ? meter : {
    settled: settle(meter.settled, old.provider, costOf(old, wall)),
    running: meter.running.filter((running) => running !== old)
  }
}

/**
 * What one machine has cost until now, in US dollars; 0 when it is not counted.
 *
 * @category reading
 * @since 0.1.0
 */
export const spentOn = (meter: Meter, machine: Machine, wall: number): number => {
  const running = meter.running.find((one) => isOf(one, machine))
  return running === undefined ? 0 : costOf(running, wall)
}

/**
 * What all machines have cost until now, in US dollars.
 *
 * @category reading
 * @since 0.1.0
 */
export const spent = (meter: Meter, wall: number): number =>
  meter.running.reduce(
    (sum, running) => sum + costOf(running, wall),
    meter.settled.reduce((sum, { usd }) => sum + usd, 0)
  )

/** Less than this is a rounding error. */
const negligible = 1e-9

/**
 * How many milliseconds are left at the present price until `cap` is spent: 0 when it is, null while nothing has a price.
 *
 * @category reading
 * @since 0.1.0
 */
export const leftUntil = (meter: Meter, cap: number, wall: number): number | null => {
  const left = cap - spent(meter, wall)
  if (left <= negligible) return 0
  const rate = meter.running.reduce((sum, running) => sum + (running.rate ?? 0), 0)
  return rate === 0 ? null : Math.ceil(left / rate * hour)
}
