/**
 * What the engine counts, once it is committed.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import * as Fault from "../session/Fault.ts"
import type { Phase } from "../session/Phase.ts"
import { providerOf } from "../session/State.ts"
import type { Counts } from "./Table.ts"
import type { Draft } from "./Turn.ts"

/** Counts what a turn did for one session. */
export const count = (draft: Draft): Effect.Effect<void> => {
  const updates: Array<Effect.Effect<void>> = []
  for (const command of draft.commands) {
    if (command._tag !== "Rent") continue
    updates.push(Metric.update(Metric.withAttributes(Metrics.attempts, { provider: command.candidate.provider }), 1))
  }
  for (const event of draft.events) {
    if (event._tag === "Respawned") {
      updates.push(Metric.update(Metric.withAttributes(Metrics.respawns, { provider: providerOf(draft.after) }), 1))
    } else if (event._tag === "TerminateFailed") {
      const { kind } = Fault.toError(event.fault, "terminate")
      const provider = event.fault.provider ?? providerOf(draft.after)
      updates.push(Metric.update(Metric.withAttributes(Metrics.terminateFailures, { provider, kind }), 1))
    }
  }
  return updates.length === 0 ? Effect.void : Effect.all(updates, { discard: true })
}

/** Shows how many sessions stand in each phase; asks for nothing when that has not changed. */
export const makeGauge = (owner: Owner, counts: Counts): Effect.Effect<void> => {
  const phases = Object.keys(counts) as ReadonlyArray<Phase["_tag"]> // the keys are the type's own
  const gauges = phases.map((phase) => ({
    phase,
    gauge: Metric.withAttributes(Metrics.sessions, { owner, phase: phase.toLowerCase() }),
    shown: 0
  }))
  return Effect.suspend(() =>
    Effect.forEach(gauges, (one) => {
      const now = counts[one.phase]
      if (now === one.shown) return Effect.void
      one.shown = now
      return Metric.update(one.gauge, now)
    }, { discard: true })
  )
}
