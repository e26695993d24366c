/**
 * An engine put together from its parts: its configuration, the adoption of stored sessions, the size check of new ones, the
 * graceful end, and the service over all of them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type AtlasError, invalid } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import * as Config from "../session/Config.ts"
import { placesOf, type SessionSpec, type SessionState } from "../session/State.ts"
import { SessionSecrets } from "../SessionSecrets.ts"
import { maxSessionBytes } from "../store/rows.ts"
import { SessionStore, type Unreadable } from "../store/StoreContract.ts"
import * as AttemptSpans from "./AttemptSpans.ts"
import * as BatchLoop from "./BatchLoop.ts"
import * as Clocks from "./Clocks.ts"
import * as CommandRunner from "./CommandRunner.ts"
import type { Options, Seen, SessionEngine } from "./EngineContract.ts"
import * as EngineStatus from "./EngineStatus.ts"
import * as Mailbox from "./Mailbox.ts"
import * as Publisher from "./Publisher.ts"
import * as Scheduler from "./Scheduler.ts"
import * as Table from "./Table.ts"
import * as Waiters from "./Waiters.ts"
import * as Writer from "./Writer.ts"

/** A machine is looked up one poll interval after an accepted terminate, and after this many milliseconds at most. */
const longestTerminateLag = 1_000

const configOf = (providers: Providers["Service"], { retention }: Options): Config.DecideConfig => ({
  ...Config.defaults,
  retention: retention === undefined
    ? Config.defaults.retention
    : Duration.toMillis(Duration.fromInputUnsafe(retention)),
  providers: Object.fromEntries(providers.all.map(({ id, pollInterval, settleWindow }) => [id, {
    settleWindow: Duration.toMillis(settleWindow),
    terminateLag: Math.min(longestTerminateLag, Duration.toMillis(pollInterval))
  }]))
})

/** How often a store that could not be read is read again. */
const retryLoad = Schedule.spaced("10 seconds")

/** Stands for all rows of a store that could not be read at all. */
const allRows = "*"

/**
 * Adopts the stored sessions, now or as soon as the store can be read; answers what could not be read so far.
 */
const adoptStored = ({ isSetUp, mailbox, owner, scope, store, table }: {
  readonly owner: Owner
  /** Whether a provider is set up here. */
  readonly isSetUp: (provider: ProviderId) => boolean
  readonly store: Pick<SessionStore["Service"], "load">
  readonly table: Table.Table
  readonly mailbox: Mailbox.Mailbox
  readonly scope: Scope.Scope
}): Effect.Effect<() => ReadonlyArray<Unreadable>> =>
  Effect.gen(function*() {
    let unreadable: ReadonlyArray<Unreadable> = []

    const adopt = Effect.gen(function*() {
      const loaded = yield* store.load(owner)
      unreadable = loaded.unreadable
      const adopted = loaded.sessions.filter(({ spec }) => table.get(spec.id) === undefined)
      for (const state of adopted) {
        table.put(state, Table.emptyMemory)
        mailbox.put({ id: state.spec.id, event: { _tag: "Adopted" } })
      }
      const unreachable = new Map<ProviderId, number>()
      for (const id of adopted.flatMap(placesOf)) {
        if (!isSetUp(id)) unreachable.set(id, (unreachable.get(id) ?? 0) + 1)
      }
      for (const [id, count] of unreachable) {
        yield* Effect.logError(
          `${count} stored sessions have or may have machines at ${id}, which is not set up here: ` +
            "they stay in the store, and their machines cannot be ended until it is"
        )
      }
      if (adopted.length > 0) yield* Metric.update(Metric.withAttributes(Metrics.adopted, { owner }), adopted.length)
      for (const { id, message } of unreadable) {
        yield* Effect.logError(
          `the stored session ${id} cannot be read (${message}): no unknown machine is deleted meanwhile`
        )
      }
    }).pipe(Effect.withSpan("SessionEngine.adopt", { root: true }))

    const later = ({ reason }: AtlasError) => {
      unreadable = [{ id: allRows, message: reason.message }]
      return Effect.logError(
        `the stored sessions cannot be read and are not adopted yet, and no unknown machine is deleted: ${reason.message}`
      ).pipe(
        Effect.andThen(Effect.delay(Effect.retry(adopt, retryLoad), "10 seconds")),
        Effect.andThen(Effect.logInfo("the stored sessions could be read now and are adopted")),
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.asVoid
      )
    }

    yield* Effect.catch(adopt, later)
    return () => unreadable
  })

/** Bytes reserved for what the first row holds besides the request: one attempt, clocks, numbers; about a thousand are used. */
const rowOverhead = 8_192

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The largest field of a request, named as the caller does, and its size. */
const largestPart = ({ candidates, request, userId }: SessionSpec): readonly [string, number] => {
  const { envNames, providerOpts, ...fields } = request
  const parts: ReadonlyArray<readonly [string, unknown]> = [
    ["userId", userId],
    ["env", envNames],
    ["gpu", candidates.map(({ gpu, provider }) => [gpu, provider])],
    ["regionHints", candidates.map(({ regionHints }) => regionHints)],
    ...Object.entries(fields),
    ...Object.entries(providerOpts).map(([key, value]) => [`providerOpts.${key}`, value] as const),
    ["providerOpts", providerOpts]
  ]
  const sizes = parts.map(([path, value]) => [path, bytesOf(value)] as const)
  // the name of one entry helps more than `providerOpts`, unless there are many small entries
  return sizes.reduce((largest, part) => part[1] > largest[1] * 1.01 ? part : largest)
}

/** Why a session is too large to be stored; null when it is not. */
const sizeError = (spec: SessionSpec, operation: string): AtlasError | null => {
  const bytes = bytesOf(spec)
  if (bytes <= maxSessionBytes - rowOverhead) return null
  const [path, size] = largestPart(spec)
  const message =
    `a session is stored in ${maxSessionBytes} bytes at most and this one takes ${bytes}: shorten it, it takes ${size}`
  return invalid(operation, [{ path, message }])
}

/** Whether a session needs nothing more from this process: it is over, or persists and is not in doubt. */
const isSettled = ({ phase, report, spec }: SessionState): boolean =>
  phase._tag === "Ended" ||
  (spec.persist && report === null && (phase._tag === "Live" || phase._tag === "Waiting"))

/** Ends the sessions that do not persist and waits until they are over, at most `within`. */
const closeSessions = ({ mailbox, table, waiters, within }: {
  readonly mailbox: Mailbox.Mailbox
  readonly table: Table.Table
  readonly waiters: Waiters.Waiters
  readonly within: Duration.Input
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    const open = [...table.all()].filter(({ state }) => state.phase._tag !== "Ended")
    for (const { state } of open) mailbox.put({ id: state.spec.id, event: { _tag: "Closing" } })
    yield* Effect.forEach(
      open.filter(({ state }) => !isSettled(state)),
      // a session that another process has taken over fails here, and is not waited for
      (entry) => Effect.exit(waiters.wait(entry.state.spec.id, entry, ({ state }) => isSettled(state), "close")),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.timeoutOption(within))
    const left = open.filter(({ state }) => table.get(state.spec.id) !== undefined && !isSettled(state))
    for (const { state } of left) {
      const machines = state.pendingTerminations.map(({ computeId, provider }) => `${provider} ${computeId}`).join(", ")
      yield* Effect.logError(
        `closed before the session ${state.spec.id} was verified to be over: it is in the store and is ended at the next start`
      ).pipe(Effect.annotateLogs({ machines: machines === "" ? "not known yet" : machines }))
    }
  })

/** Starts an engine; see `SessionEngine.make`. */
export const make = (
  options: Options
): Effect.Effect<SessionEngine["Service"], AtlasError, SessionStore | Providers | Scope.Scope> =>
  Effect.gen(function*() {
    const { closeWithin = "30 seconds", owner } = options
    const providers = yield* Providers
    const store = Writer.defectsAsFailures(yield* SessionStore)
    const ask = yield* SessionSecrets
    const status = EngineStatus.make(owner, yield* store.lock(owner))
    // the scope of everything that runs; closed last, after the sessions have been ended
    const inner = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(inner, exit))

    const config = configOf(providers, options)
    const usable = new Set(providers.all.filter(isUsable).map(({ id }) => id))
    const isSetUp = (id: ProviderId): boolean => usable.has(id)
    const table = Table.make()
    const mailbox = yield* Mailbox.make
    const waiters = Waiters.make()
    const scheduler = yield* Scheduler.make({ config, mailbox, table })
    const publisher = yield* Scope.provide(Publisher.make, inner)
    const runner = yield* Scope.provide(
      CommandRunner.make({ providers, ask, mailbox, isHeld: table.isHeld, holdsOwnerLock: status.holdsOwnerLock }),
      inner
    )
    const writer = Writer.make({
      owner,
      store,
      whileFailing: (error) =>
        Effect.map(mailbox.takeStarts, (ids) => {
          for (const id of ids) waiters.gone(id, error)
        })
    })
    const loop = BatchLoop.make({
      owner,
      config,
      table,
      mailbox,
      waiters,
      scheduler: scheduler,
      publisher,
      runner,
      writer,
      status: status
    })
    const unreadable = yield* adoptStored({ owner, store, table, mailbox, isSetUp, scope: inner })
    yield* Effect.forkIn(loop.run, inner)
    yield* Effect.forkIn(scheduler.run, inner)
    yield* Effect.forkIn(writer.withdraw, inner)
    yield* Effect.forkIn(status.watch, inner)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        status.beginClosing()
        return closeSessions({ mailbox, table, waiters, within: closeWithin })
      }).pipe(
        // the batch that has just ended the last session still has callers to answer
        Effect.andThen(Effect.yieldNow),
        Effect.ensuring(Effect.suspend(() => {
          status.markClosed()
          waiters.failAll(status.errorOfWaiting)
          return mailbox.close
        })),
        Effect.ensuring(Effect.suspend(() =>
          Effect.forEach(table.all(), (entry) => AttemptSpans.abandon(entry, "unsettled"), { discard: true })
        ))
      )
    )

    const snapshot = (entry: Table.Entry | undefined): Seen | undefined =>
      entry === undefined ? undefined : { state: entry.state, compute: entry.compute }

    const ifWorking = <A, E, R>(operation: string, self: Effect.Effect<A, E, R>) =>
      Effect.suspend((): Effect.Effect<A, E | AtlasError, R> => status.stopped(operation) ?? self)

    return {
      owner,
      config,
      unreadable: () => {
        const reason = status.stopped("reap")?.reason
        return reason === undefined ? unreadable() : [{ id: allRows, message: reason.message }]
      },
      begin: (spec, secrets, test, operation) =>
        Effect.gen(function*() {
          const refusal = status.refusal(operation)
          if (refusal !== null) return yield* refusal
          const tooLarge = sizeError(spec, operation)
          if (tooLarge !== null) return yield* tooLarge
          const caller = Option.getOrUndefined(yield* Effect.option(Effect.currentParentSpan))
          const message = { id: spec.id, event: { _tag: "Started", spec }, secrets, caller } as const
          return yield* waiters.startAndWait(spec.id, mailbox.send(message), test, operation)
        }),
      tell: (id, event, operation = event._tag) => ifWorking(operation, mailbox.send({ id, event })),
      report: (id, event, compute) =>
        mailbox.report({ id, event, computes: compute === undefined ? undefined : [compute] }),
      isBehind: mailbox.isBehind,
      announce: (id, event) =>
        Effect.flatMap(Clocks.read, ({ wall }) => {
          const entry = table.get(id)
          return entry === undefined
            ? Effect.void
            : publisher.publish({ id, computeId: Table.machineOf(entry.state), at: wall, event })
        }),
      touch: mailbox.touch,
      get: (id) => snapshot(table.get(id)),
      all: () => table.all(),
      at: (provider) => table.at(provider),
      byAttempt: (attempt) => table.byAttempt(attempt),
      byCompute: (computeId) => snapshot(table.byCompute(computeId)),
      when: (id, test, operation) =>
        ifWorking(operation, Effect.suspend(() => waiters.wait(id, snapshot(table.get(id)), test, operation))),
      waiting: waiters.size,
      events: (id) =>
        ifWorking(
          "events",
          // the stream of one session ends with its `Released` instead
          Effect.map(
            publisher.subscribe(id),
            (events) => id === null ? Stream.interruptWhen(events, status.loss) : events
          )
        ),
      stopped: status.stopped,
      isQuiet: () => !loop.isBusy() && mailbox.isEmpty()
    }
  })
