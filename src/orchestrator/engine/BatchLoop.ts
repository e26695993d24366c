/**
 * The engine's loop over batches of messages: decide, commit, and only then update the table, publish events and start
 * commands. The safety of the engine rests on this order.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import { locate } from "../internal/defects.ts"
import type { Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import * as Fault from "../session/Fault.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Phase } from "../session/Phase.ts"
import { providerOf } from "../session/State.ts"
import * as AttemptSpans from "./AttemptSpans.ts"
import * as Batch from "./Batch.ts"
import * as Clocks from "./Clocks.ts"
import type { CommandRunner } from "./CommandRunner.ts"
import type { Seen } from "./EngineContract.ts"
import type { EngineStatus } from "./EngineStatus.ts"
import type { Mailbox, Message } from "./Mailbox.ts"
import type { Publisher } from "./Publisher.ts"
import type { Scheduler } from "./Scheduler.ts"
import * as Table from "./Table.ts"
import type { Waiters } from "./Waiters.ts"
import type { Writer } from "./Writer.ts"

/** Counts what a batch did for one session. */
const countUpdate = (update: Batch.SessionUpdate): Effect.Effect<void> => {
  const counts: Array<Effect.Effect<void>> = []
  for (const command of update.commands) {
    if (command._tag !== "Rent") continue
    counts.push(Metric.update(Metric.withAttributes(Metrics.attempts, { provider: command.candidate.provider }), 1))
  }
  for (const event of update.events) {
    if (event._tag === "Respawned") {
      counts.push(Metric.update(Metric.withAttributes(Metrics.respawns, { provider: providerOf(update.after) }), 1))
    } else if (event._tag === "TerminateFailed") {
      const { kind } = Fault.toError(event.fault, "terminate")
      const provider = event.fault.provider ?? providerOf(update.after)
      counts.push(Metric.update(Metric.withAttributes(Metrics.terminateFailures, { provider, kind }), 1))
    }
  }
  return counts.length === 0 ? Effect.void : Effect.all(counts, { discard: true })
}

/** Updates the gauges of sessions by phase that have changed since the last call. */
const makePhaseGauge = (owner: Owner, counts: Table.Counts): Effect.Effect<void> => {
  const phases = Object.keys(counts) as ReadonlyArray<Phase["_tag"]> // the keys are the type's own
  const gauges = phases.map((phase) => ({
    phase,
    gauge: Metric.withAttributes(Metrics.sessions, { owner, phase: phase.toLowerCase() }),
    shown: 0
  }))
  return Effect.suspend(() =>
    Effect.forEach(gauges, (entry) => {
      const count = counts[entry.phase]
      if (count === entry.shown) return Effect.void
      entry.shown = count
      return Metric.update(entry.gauge, count)
    }, { discard: true })
  )
}

/** The parts of an engine that the loop works with. */
export interface Parts {
  readonly owner: Owner
  readonly config: DecideConfig
  readonly table: Table.Table
  readonly mailbox: Mailbox
  readonly waiters: Waiters
  readonly scheduler: Scheduler
  readonly publisher: Publisher
  readonly runner: CommandRunner
  readonly writer: Writer
  readonly status: EngineStatus
}

/** Handles one batch after the other. */
export interface BatchLoop {
  /** Ends when the owner lock is lost. */
  readonly run: Effect.Effect<void>
  /** Whether a batch is being handled. */
  readonly isBusy: () => boolean
}

const snapshot = ({ compute, state }: Table.Entry): Seen => ({ state, compute })

/** The loop of an engine. */
export const make = (parts: Parts): BatchLoop => {
  const { config, mailbox, publisher, runner, scheduler, status, table, waiters, writer } = parts
  const gauge = makePhaseGauge(parts.owner, table.counts)
  let isBusy = false

  const publish = ({ after, events, id }: Batch.SessionUpdate) =>
    Effect.forEach(
      events,
      (event) => publisher.publish({ id, computeId: Table.machineOf(after), at: after.clock.wall, event }),
      { discard: true }
    )

  /** Forgets a session that another process manages now, and tells its listeners. */
  const release = Effect.fnUntraced(function*(id: SessionId, now: Now) {
    const entry = table.get(id)
    if (entry !== undefined) yield* AttemptSpans.abandon(entry, "released")
    table.remove(id)
    yield* publisher.publish({ id, computeId: null, at: now.wall, event: { _tag: "Released" } })
  })

  const releaseOne = Effect.fnUntraced(function*(id: SessionId, now: Now) {
    yield* Effect.logError(
      `the session ${id} was changed in the store by another process: this orchestrator no longer manages it`
    )
    yield* release(id, now)
    waiters.gone(id)
  })

  /** Another orchestrator has all sessions now; the error says so and has been logged. */
  const releaseAll = Effect.fnUntraced(function*(error: AtlasError) {
    const now = yield* Clocks.read
    yield* Effect.forEach([...table.all()], ({ state }) => release(state.spec.id, now), { discard: true })
    waiters.failAll((operation) => status.stopped(operation) ?? error)
    yield* mailbox.close
    yield* gauge
  })

  const decide = (messages: ReadonlyArray<Message>, now: Now) =>
    Effect.clockWith((clock) => {
      const start = clock.monotonicTimeNanosUnsafe()
      const updates = Batch.decideAll(messages, table, now, config)
      const took = Duration.nanos(clock.monotonicTimeNanosUnsafe() - start)
      return Effect.as(Metric.update(Metrics.decideDuration, took), updates)
    })

  /** Refuses the sessions that would begin in this batch, once no session may begin any more. */
  const withoutRefused = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
    const refusal = status.refusal("spawn")
    if (refusal === null) return messages
    return messages.filter(({ event, id }) => {
      if (event._tag === "Started") waiters.gone(id, refusal)
      return event._tag !== "Started"
    })
  }

  /** Carries out a committed update. */
  const carryOut = Effect.fnUntraced(function*(update: Batch.SessionUpdate, version: number, now: Now) {
    const { after, id } = update
    yield* AttemptSpans.follow(update)
    const entry = table.put(version === after.version ? after : { ...after, version }, update)
    scheduler.arm(entry, now)
    yield* countUpdate(update)
    yield* publish(update)
    yield* runner.start(update)
    if (Batch.isForgotten(update)) {
      table.remove(id)
      waiters.gone(id)
    } else {
      waiters.changed(id, () => snapshot(entry))
    }
  })

  /** Whether an update changes nothing, as most observations of a feed. */
  const isEmpty = (update: Batch.SessionUpdate): boolean =>
    update.after === update.before && update.events.length === 0 && update.commands.length === 0 &&
    update.compute === table.get(update.id)?.compute && update.auth === table.get(update.id)?.auth

  const handleBatch = Effect.gen(function*() {
    const messages = withoutRefused(yield* mailbox.takeAll)
    isBusy = true
    const now = yield* Clocks.read
    const updates = yield* decide(messages, now)
    const writes = Batch.writes(updates)
    const written = new Set(writes.map(({ id }) => id))
    const { lost, refused } = yield* writer.commit(writes)
    // with the owner lock all other sessions are lost as well: `status.loss` ends the loop
    if (lost.size > 0 && (yield* status.isLost)) return yield* Effect.never
    for (const update of updates.values()) {
      if (isEmpty(update)) continue
      const { after: { version }, id } = update
      const refusal = refused.get(id)
      if (lost.has(id)) yield* releaseOne(id, now)
      else if (refusal !== undefined) waiters.gone(id, refusal)
      else yield* carryOut(update, written.has(id) ? version + 1 : version, now)
    }
    yield* gauge
  }).pipe(
    // a defect in one batch must not end the loop
    Effect.catchDefect((defect) =>
      Effect.logError(`a batch of session changes failed unexpectedly (a defect): ${locate(defect)}`)
    ),
    Effect.ensuring(Effect.sync(() => {
      isBusy = false
    }))
  )

  return {
    run: Effect.raceFirst(Effect.forever(handleBatch), status.loss).pipe(Effect.catch(releaseAll)),
    isBusy: () => isBusy
  }
}
