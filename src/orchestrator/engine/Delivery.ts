/**
 * Carries out what sessions have decided, once their rows say it: publishes events, starts commands, answers callers.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Semaphore from "effect/Semaphore"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import { guarded } from "../internal/defects.ts"
import type { SessionEvent } from "../session/Event.ts"
import * as Fault from "../session/Fault.ts"
import { providerOf, type SessionState } from "../session/State.ts"
import * as CommandRunner from "./CommandRunner.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Publisher } from "./Publisher.ts"
import * as Table from "./Table.ts"
import * as Unsaved from "./Unsaved.ts"
import type { Waiters } from "./Waiters.ts"

/** Carries out what waits in sessions. */
export interface Delivery {
  /** Carries out what may be; of sessions whose record is late also what ends their machines. */
  readonly flush: (entries: ReadonlyArray<Table.Entry>, isLate: (entry: Table.Entry) => boolean) => Effect.Effect<void>
}

/** Counts an event that is worth a metric. */
const countEvent = (event: SessionEvent, state: SessionState): Effect.Effect<void> => {
  switch (event._tag) {
    case "Respawned":
      return Metric.update(Metric.withAttributes(Metrics.respawns, { provider: providerOf(state) }), 1)
    case "TerminateFailed": {
      const { kind } = Fault.toError(event.fault, "terminate")
      const provider = event.fault.provider ?? providerOf(state)
      return Metric.update(Metric.withAttributes(Metrics.terminateFailures, { provider, kind }), 1)
    }
    default:
      return Effect.void
  }
}

/** A delivery in which nothing waits. */
export const make = ({ mailbox, publisher, runner, table, waiters }: {
  readonly mailbox: Mailbox
  readonly publisher: Publisher
  readonly runner: CommandRunner.CommandRunner
  readonly table: Table.Table
  readonly waiters: Waiters
}): Delivery => {
  // the loop and the writer both flush, and the events of a session keep their order
  const inOrder = Semaphore.makeUnsafe(1)

  const carryOut = (item: Unsaved.Item, entry: Table.Entry): Effect.Effect<void> => {
    const { part, secrets, span, state } = entry
    if (item._tag === "Tell") {
      const { envelope } = item
      return Effect.andThen(
        publisher.publish(envelope),
        guarded("a metric", Effect.suspend(() => countEvent(envelope.event, state)))
      )
    }
    const { command } = item
    const started = guarded(
      "the start of a command",
      runner.start({ id: state.spec.id, after: state, commands: [command], secrets, span, part })
    )
    if (command._tag !== "Rent") return started
    const { provider } = command.candidate
    const counted = Effect.suspend(() => Metric.update(Metric.withAttributes(Metrics.attempts, { provider }), 1))
    return Effect.andThen(started, guarded("a metric", counted))
  }

  const flushOne = Effect.fnUntraced(function*(entry: Table.Entry, isLate: boolean) {
    const { unsaved } = entry
    const { id } = entry.state.spec
    // a create that waits for its turn
    runner.recheck(id)
    if (unsaved !== null) {
      // and one that waits for its record
      for (const rent of Unsaved.callOff(unsaved, entry.state)) mailbox.put({ id, ...CommandRunner.unsent(rent) })
      const items = Unsaved.take(unsaved, isLate)
      for (const item of items) yield* carryOut(item, entry)
      // a change may have come in meanwhile
      if (Unsaved.isRecorded(unsaved) && unsaved.items.length === 0 && entry.unsaved === unsaved) entry.unsaved = null
    }
    if (entry.recorded && entry.isDeleted) {
      table.remove(id)
      waiters.gone(id)
    } else if (!isLate) waiters.changed(id, () => Table.seenOf(entry))
  })

  return {
    flush: (entries, isLate) =>
      entries.length === 0
        ? Effect.void
        : inOrder.withPermit(Effect.forEach(entries, (entry) => flushOne(entry, isLate(entry)), { discard: true }))
  }
}
