/**
 * The parts of an engine put together, from the taking of the owner's seat to its graceful end.
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
import { longest } from "../store/rows.ts"
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

/** How often a store that could not be read is asked again. */
const readAgain = Schedule.spaced("10 seconds")

/** Stands for all rows of a store that could not be read at all. */
const allRows = "*"

/**
 * Takes up what is stored, now or as soon as the store can be read; answers a look at what could not be read so far.
 */
const adoptStored = ({ isAtHand, mailbox, owner, scope, store, table }: {
  readonly owner: Owner
  /** Whether a provider can be asked at all. */
  readonly isAtHand: (provider: ProviderId) => boolean
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
      const strangers = new Map<ProviderId, number>()
      for (const id of adopted.flatMap(placesOf)) {
        if (!isAtHand(id)) strangers.set(id, (strangers.get(id) ?? 0) + 1)
      }
      for (const [id, count] of strangers) {
        yield* Effect.logError(
          `${count} stored sessions have or may have machines at ${id}, which is not set up here: ` +
            "they are kept, and cannot be ended until it is"
        )
      }
      if (adopted.length > 0) yield* Metric.update(Metric.withAttributes(Metrics.adopted, { owner }), adopted.length)
      for (const { id, message } of unreadable) {
        yield* Effect.logError(
          `the stored session ${id} cannot be read (${message}): nothing unknown is deleted meanwhile`
        )
      }
    }).pipe(Effect.withSpan("SessionEngine.adopt", { root: true }))

    const later = ({ reason }: AtlasError) => {
      unreadable = [{ id: allRows, message: reason.message }]
      return Effect.logError(
        `the stored sessions cannot be read and are not adopted yet, and nothing unknown is deleted: ${reason.message}`
      ).pipe(
        Effect.andThen(Effect.delay(Effect.retry(adopt, readAgain), "10 seconds")),
        Effect.andThen(Effect.logInfo("the stored sessions could be read at last and are adopted")),
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.asVoid
      )
    }

    yield* Effect.catch(adopt, later)
    return () => unreadable
  })

/** Whether nothing is left to do for it before the process may end. */
const isSettled = ({ phase, report, spec }: SessionState): boolean =>
  phase._tag === "Ended" ||
  (spec.persist && report === null && (phase._tag === "Live" || phase._tag === "Waiting"))

/** Ends what does not persist and waits for it, at most `within`. */
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
      // one that somebody else has taken over is nobody's to wait for
      (entry) => Effect.exit(waiters.wait(entry.state.spec.id, entry, ({ state }) => isSettled(state), "close")),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.timeoutOption(within))
    const left = open.filter(({ state }) => table.get(state.spec.id) !== undefined && !isSettled(state))
    for (const { state } of left) {
      const machines = state.pendingTerminations.map(({ computeId, provider }) => `${provider} ${computeId}`).join(", ")
      yield* Effect.logError(
        `closed before the session ${state.spec.id} was verified to be over; it is on record and ended at the next start`
      ).pipe(Effect.annotateLogs({ machines: machines === "" ? "not known yet" : machines }))
    }
  })

/** What the first row holds besides what was asked for: one attempt, clocks, numbers; a thousand bytes in truth. */
const rowOverhead = 8_192

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The largest part of what was asked for, as its caller calls it. */
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
  // an entry says more than all of them together, unless they are many small ones
  return sizes.reduce((largest, part) => part[1] > largest[1] * 1.01 ? part : largest)
}

/** The refusal of a session that no store would take; null for one that is small enough. */
const refusalOfOversized = (spec: SessionSpec, operation: string): AtlasError | null => {
  const bytes = bytesOf(spec)
  if (bytes <= longest - rowOverhead) return null
  const [path, size] = largestPart(spec)
  const message =
    `a session is stored in ${longest} bytes at most and this one takes ${bytes}: shorten it, it takes ${size}`
  return invalid(operation, [{ path, message }])
}

/** Looking right after an accepted terminate is worth it only where looks are cheap. */
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

/** Starts an engine; see `SessionEngine.make`. */
export const make = (
  options: Options
): Effect.Effect<SessionEngine["Service"], AtlasError, SessionStore | Providers | Scope.Scope> =>
  Effect.gen(function*() {
    const { closeWithin = "30 seconds", owner } = options
    const providers = yield* Providers
    const store = Writer.defectsAsFailures(yield* SessionStore)
    const ask = yield* SessionSecrets
    const standing = EngineStatus.make(owner, yield* store.lock(owner))
    // everything that runs lives in here; it is closed last, when the sessions have had their time
    const inner = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(inner, exit))

    const config = configOf(providers, options)
    const usable = new Set(
      providers.all.filter(isUsable).map(({ id }) => id)
    )
    const isAtHand = (id: ProviderId): boolean => usable.has(id)
    const table = Table.make()
    const mailbox = yield* Mailbox.make
    const waiters = Waiters.make()
    const clockwork = yield* Scheduler.make({ config, mailbox, table })
    const publisher = yield* Scope.provide(Publisher.make, inner)
    const runner = yield* Scope.provide(
      CommandRunner.make({ providers, ask, mailbox, isHeld: table.isHeld, isSeatOurs: standing.isOurs }),
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
    const turns = BatchLoop.make({
      owner,
      config,
      table,
      mailbox,
      waiters,
      clockwork,
      publisher,
      runner,
      writer,
      standing
    })
    const unreadable = yield* adoptStored({ owner, store, table, mailbox, isAtHand, scope: inner })
    yield* Effect.forkIn(turns.run, inner)
    yield* Effect.forkIn(clockwork.run, inner)
    yield* Effect.forkIn(writer.withdraw, inner)
    yield* Effect.forkIn(standing.watch, inner)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        standing.close()
        return closeSessions({ mailbox, table, waiters, within: closeWithin })
      }).pipe(
        // a turn that has just ended the last session still has others to answer
        Effect.andThen(Effect.yieldNow),
        Effect.ensuring(Effect.suspend(() => {
          standing.closed()
          waiters.close(standing.unanswered)
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
      Effect.suspend((): Effect.Effect<A, E | AtlasError, R> => standing.stopped(operation) ?? self)

    return {
      owner,
      config,
      unreadable: () => {
        const reason = standing.stopped("reap")?.reason
        return reason === undefined ? unreadable() : [{ id: "*", message: reason.message }]
      },
      begin: (spec, secrets, test, operation) =>
        Effect.gen(function*() {
          const refusal = standing.refusal(operation)
          if (refusal !== null) return yield* refusal
          const tooLarge = refusalOfOversized(spec, operation)
          if (tooLarge !== null) return yield* tooLarge
          const caller = Option.getOrUndefined(yield* Effect.option(Effect.currentParentSpan))
          const letter = { id: spec.id, event: { _tag: "Started", spec }, secrets, caller } as const
          return yield* waiters.begun(spec.id, mailbox.hand(letter), test, operation)
        }),
      tell: (id, event, operation = event._tag) => ifWorking(operation, mailbox.hand({ id, event })),
      report: (id, event, compute) =>
        mailbox.report({ id, event, computes: compute === undefined ? undefined : [compute] }),
      isBehind: mailbox.isBehind,
      announce: (id, event) =>
        Effect.flatMap(Clocks.read, ({ wall }) => {
          const entry = table.get(id)
          return entry === undefined
            ? Effect.void
            : publisher.tell({ id, computeId: Table.machineOf(entry.state), at: wall, event })
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
      news: (id) =>
        ifWorking(
          "events",
          // one session's ends with its Released
          Effect.map(publisher.hear(id), (news) => id === null ? Stream.interruptWhen(news, standing.loss) : news)
        ),
      stopped: standing.stopped,
      isQuiet: () => !turns.isBusy() && mailbox.isEmpty()
    }
  })
