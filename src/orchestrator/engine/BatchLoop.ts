/**
 * The engine's loop over batches of messages: decide, keep the new states, set the timers, and hand over to the writer and the
 * delivery what follows. It never waits for the store.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import { guarded, locate } from "../internal/defects.ts"
import { instant, type Now } from "../session/Clock.ts"
import type { DecideConfig } from "../session/Config.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Phase } from "../session/Phase.ts"
import { needsCommit } from "../session/State.ts"
import * as Batch from "./Batch.ts"
import * as Clocks from "./Clocks.ts"
import type { Delivery } from "./Delivery.ts"
import type { EngineStatus } from "./EngineStatus.ts"
import type { Mailbox, Message } from "./Mailbox.ts"
import type { Publisher } from "./Publisher.ts"
import type { Scheduler } from "./Scheduler.ts"
import * as SessionSpans from "./SessionSpans.ts"
import * as Table from "./Table.ts"
import * as Unsaved from "./Unsaved.ts"
import type { Waiters } from "./Waiters.ts"
import type { Writer } from "./Writer.ts"

/** Messages that are decided at once: a few milliseconds of work, after which timers and sockets have their turn. */
const mostMessages = 1_000

/** A wake-up that decided nothing is repeated after this many milliseconds at the earliest. */
const shortestRepeat = 1_000

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
  readonly delivery: Delivery
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

/** What a batch has changed, kept in the table. */
interface Kept {
  readonly entry: Table.Entry
  readonly before: Batch.SessionUpdate["before"]
  readonly events: Batch.SessionUpdate["events"]
  readonly stoppedBy: Batch.SessionUpdate["stoppedBy"]
}

/** The memory of a session that is over: its spans, until they have ended. */
const keepSpans = ({ part, request, span }: Batch.SessionUpdate): Table.Memory => ({
  ...Table.emptyMemory,
  span,
  request,
  part
})

/** The loop of an engine. */
export const make = (parts: Parts): BatchLoop => {
  const { config, delivery, mailbox, publisher, scheduler, status, table, waiters, writer } = parts
  const gauge = guarded("a metric", makePhaseGauge(parts.owner, table.counts))
  let isBusy = false

  /** Another orchestrator has all sessions now; the error says so and has been logged. */
  const releaseAll = Effect.fnUntraced(function*(error: AtlasError) {
    const { wall } = yield* Clocks.read
    for (const entry of table.all()) {
      const { id } = entry.state.spec
      yield* SessionSpans.abandon(entry, "released")
      table.remove(id)
      yield* publisher.publish({ id, computeId: null, at: instant(wall), event: { _tag: "Released" } })
    }
    waiters.failAll((operation) => status.stopped(operation) ?? error)
    yield* mailbox.close
    yield* gauge
  })

  /** Refuses the sessions that would begin in this batch, once no session may begin any more or the store cannot be written. */
  const withoutRefused = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
    const refusal = status.refusal("spawn") ?? writer.refusal()
    if (refusal === null) return messages
    return messages.filter(({ event, id }) => {
      if (event._tag === "Started") waiters.gone(id, refusal)
      return event._tag !== "Started"
    })
  }

  const isUnchanged = (update: Batch.SessionUpdate, entry: Table.Entry | undefined): boolean =>
    update.after === update.before && update.events.length === 0 && update.commands.length === 0 &&
    update.compute === entry?.compute && update.auth === entry.auth

  /** Keeps what was decided of one session. Null when nothing has changed. */
  const keep = (update: Batch.SessionUpdate, now: Now): Kept | null => {
    const { after, before, commands, events, id } = update
    const known = table.get(id)
    if (known !== undefined && isUnchanged(update, known)) {
      // its wake-up may have been one of the messages, and a deadline must never be without a timer
      if (known.wake === null) scheduler.arm(known, now, now.mono + shortestRepeat)
      return null
    }
    const isOver = after.phase._tag === "Ended"
    const entry = table.put(after, isOver ? keepSpans(update) : update)
    const isNeeded = needsCommit(before, after)
    if (isNeeded || events.length > 0 || commands.length > 0) {
      entry.unsaved ??= Unsaved.make(before, now.mono)
      const computeId = Table.machineOf(after)
      const envelopes = events.map((event) => ({ id, computeId, at: instant(after.clock.wall), event }))
      Unsaved.add(entry.unsaved, { envelopes, commands, isNeeded })
    }
    if (isNeeded) {
      entry.recorded = false
      writer.save(entry, now)
    }
    scheduler.arm(entry, now)
    return { entry, before, events, stoppedBy: update.stoppedBy }
  }

  /** Decides messages and keeps all that follows, at once; what the host's code can spoil comes after that. */
  const handle = Effect.fnUntraced(function*(messages: ReadonlyArray<Message>) {
    const now = yield* Clocks.read
    const { failed, kept, took } = yield* Effect.clockWith((clock) =>
      Effect.sync(() => {
        const start = clock.monotonicTimeNanosUnsafe()
        const { failed, updates } = Batch.decideAll(messages, table, now, config)
        const took = Duration.nanos(clock.monotonicTimeNanosUnsafe() - start)
        const kept: Array<Kept> = []
        const all = [...failed]
        for (const update of updates.values()) {
          const result = Result.try(() => keep(update, now))
          if (Result.isFailure(result)) all.push({ id: update.id, defect: result.failure })
          else if (result.success !== null) kept.push(result.success)
        }
        for (const { id } of all) reviewLater(id, now)
        return { failed: all, kept, took }
      })
    )
    for (const { defect, id } of failed) {
      yield* Effect.logError(`the session ${id} could not decide on a message (a defect): ${locate(defect)}`)
    }
    for (const { entry, ...change } of kept) {
      yield* SessionSpans.follow(entry, change)
      if (entry.state.phase._tag !== "Ended") continue
      entry.span = null
      entry.request = null
    }
    yield* delivery.flush(kept.map(({ entry }) => entry), (entry) => writer.isLate(entry, now))
    yield* guarded("a metric", Metric.update(Metrics.decideDuration, took))
    yield* gauge
  })

  /** After a defect the session's row is read again, and its timer is set, whatever message was lost. */
  const reviewLater = (id: SessionId, now: Now): void => {
    const entry = table.get(id)
    if (entry === undefined) return
    writer.readAgain(entry, now)
    Result.try(() => scheduler.arm(entry, now, now.mono + shortestRepeat))
  }

  const handleNext = Effect.gen(function*() {
    const messages = yield* mailbox.take(mostMessages)
    isBusy = true
    yield* handle(withoutRefused(messages))
    // the next batch may be there already, and would be handled before any timer or socket
    if (messages.length === mostMessages) yield* Effect.yieldNow
  }).pipe(
    // a defect in one batch must not end the loop
    (batch) => guarded("a batch of session changes", batch),
    Effect.ensuring(Effect.sync(() => {
      isBusy = false
    }))
  )

  const work = Effect.all([Effect.forever(handleNext), writer.run((message) => handle([message]))], {
    concurrency: "unbounded",
    discard: true
  })

  return {
    run: Effect.raceFirst(Effect.andThen(work, Effect.never), status.loss).pipe(Effect.catch(releaseAll)),
    isBusy: () => isBusy
  }
}
