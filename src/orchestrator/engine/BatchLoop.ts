/**
 * The engine's turns: decide, commit, then keep, tell and start. The order is the whole safety of the engine.
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

/** Counts what a turn did for one session. */
const countUpdate = (draft: Batch.SessionUpdate): Effect.Effect<void> => {
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
const makePhaseGauge = (owner: Owner, counts: Table.Counts): Effect.Effect<void> => {
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

/** What the turns work with. */
export interface Parts {
  readonly owner: Owner
  readonly config: DecideConfig
  readonly table: Table.Table
  readonly mailbox: Mailbox
  readonly waiters: Waiters
  readonly clockwork: Scheduler
  readonly publisher: Publisher
  readonly runner: CommandRunner
  readonly writer: Writer
  readonly standing: EngineStatus
}

/** Turn after turn, for ever. */
export interface BatchLoop {
  /** Ends when the owner's seat is lost. */
  readonly run: Effect.Effect<void>
  /** Whether a turn is half done. */
  readonly isBusy: () => boolean
}

const snapshot = ({ compute, state }: Table.Entry): Seen => ({ state, compute })

/** The turns of an engine. */
export const make = (parts: Parts): BatchLoop => {
  const { clockwork, config, mailbox, publisher, runner, standing, table, waiters, writer } = parts
  const gauge = makePhaseGauge(parts.owner, table.counts)
  let isBusy = false

  const publish = ({ after, events, id }: Batch.SessionUpdate) =>
    Effect.forEach(
      events,
      (event) => publisher.tell({ id, computeId: Table.machineOf(after), at: after.clock.wall, event }),
      { discard: true }
    )

  const letGo = Effect.fnUntraced(function*(id: SessionId, now: Now) {
    const entry = table.get(id)
    if (entry !== undefined) yield* AttemptSpans.abandon(entry, "released")
    table.remove(id)
    yield* publisher.tell({ id, computeId: null, at: now.wall, event: { _tag: "Released" } })
  })

  const release = Effect.fnUntraced(function*(id: SessionId, now: Now) {
    yield* Effect.logError(`the session ${id} was written by somebody else: this engine has let go of it`)
    yield* letGo(id, now)
    waiters.gone(id)
  })

  /** Somebody else has all sessions now; the error says so and has been logged. */
  const releaseAll = Effect.fnUntraced(function*(error: AtlasError) {
    const now = yield* Clocks.read
    yield* Effect.forEach([...table.all()], ({ state }) => letGo(state.spec.id, now), { discard: true })
    waiters.close((operation) => standing.stopped(operation) ?? error)
    yield* mailbox.close
    yield* gauge
  })

  const decide = (letters: ReadonlyArray<Message>, now: Now) =>
    Effect.clockWith((clock) => {
      const start = clock.monotonicTimeNanosUnsafe()
      const drafts = Batch.draft(letters, table, now, config)
      const took = Duration.nanos(clock.monotonicTimeNanosUnsafe() - start)
      return Effect.as(Metric.update(Metrics.decideDuration, took), drafts)
    })

  /** A session that nobody has begun yet is not begun any more. */
  const welcome = (letters: ReadonlyArray<Message>): ReadonlyArray<Message> => {
    const refusal = standing.refusal("spawn")
    if (refusal === null) return letters
    return letters.filter(({ event, id }) => {
      if (event._tag === "Started") waiters.gone(id, refusal)
      return event._tag !== "Started"
    })
  }

  /** What follows from a committed draft. */
  const carryOut = Effect.fnUntraced(function*(draft: Batch.SessionUpdate, version: number, now: Now) {
    const { after, id } = draft
    yield* AttemptSpans.follow(draft)
    const entry = table.put(version === after.version ? after : { ...after, version }, draft)
    clockwork.arm(entry, now)
    yield* countUpdate(draft)
    yield* publish(draft)
    yield* runner.start(draft)
    if (Batch.isForgotten(draft)) {
      table.remove(id)
      waiters.gone(id)
    } else {
      waiters.changed(id, () => snapshot(entry))
    }
  })

  /** Most of what a feed sees is known; nothing follows from it. */
  const saysNothing = (draft: Batch.SessionUpdate): boolean =>
    draft.after === draft.before && draft.events.length === 0 && draft.commands.length === 0 &&
    draft.compute === table.get(draft.id)?.compute && draft.auth === table.get(draft.id)?.auth

  const turn = Effect.gen(function*() {
    const letters = welcome(yield* mailbox.takeAll)
    isBusy = true
    const now = yield* Clocks.read
    const drafts = yield* decide(letters, now)
    const writes = Batch.writes(drafts)
    const written = new Set(writes.map(({ id }) => id))
    const { lost, refused } = yield* writer.commit(writes)
    // then the others are lost as well, and this turn is over
    if (lost.size > 0 && (yield* standing.isLost)) return yield* Effect.never
    for (const draft of drafts.values()) {
      if (saysNothing(draft)) continue
      const { after: { version }, id } = draft
      const refusal = refused.get(id)
      if (lost.has(id)) yield* release(id, now)
      else if (refusal !== undefined) waiters.gone(id, refusal)
      else yield* carryOut(draft, written.has(id) ? version + 1 : version, now)
    }
    yield* gauge
  }).pipe(
    // one turn that breaks must not end all others
    Effect.catchDefect((defect) => Effect.logError(`a turn of the orchestrator broke: ${locate(defect)}`)),
    Effect.ensuring(Effect.sync(() => {
      isBusy = false
    }))
  )

  return {
    run: Effect.raceFirst(Effect.forever(turn), standing.loss).pipe(Effect.catch(releaseAll)),
    isBusy: () => isBusy
  }
}
