/**
 * One labelled series of a metric, as a metric of its own.
 *
 * `Metric.withAttributes` lends all series one metric, which works out its place in the registry anew whenever another series was
 * updated in between: with two operations in turn, every time.
 */
import type * as Duration from "effect/Duration"
import * as Metric from "effect/Metric"

type Labels = Readonly<Record<string, string>>

/** A series of a counter that only grows. */
export const counted = ({ description, id }: Metric.Counter<number>, attributes: Labels): Metric.Counter<number> =>
  Metric.counter(id, { description, attributes, incremental: true })

/** A series of a timer with Effect's own boundaries. */
export const timed = (
  { description, id }: Metric.Histogram<Duration.Duration>,
  attributes: Labels
): Metric.Histogram<Duration.Duration> => Metric.timer(id, { description, attributes })
