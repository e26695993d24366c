/**
 * An engine put together from its parts: its configuration, and the service over all of them.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as ReleaseClock from "../../provider/ReleaseClock.ts"
import * as HostTracer from "../../telemetry/HostTracer.ts"
import { instant } from "../session/Clock.ts"
import * as Config from "../session/Config.ts"
import { SessionSecrets } from "../SessionSecrets.ts"
import { SessionStore } from "../store/StoreContract.ts"
import { adoptStored, unknownRows } from "./Adoption.ts"
import * as BatchLoop from "./BatchLoop.ts"
import * as Clocks from "./Clocks.ts"
import { closeSessions, makeBudget } from "./Closing.ts"
import * as CommandRunner from "./CommandRunner.ts"
import * as Delivery from "./Delivery.ts"
import type { Options, Seen, SessionEngine } from "./EngineContract.ts"
import * as EngineStatus from "./EngineStatus.ts"
import * as Mailbox from "./Mailbox.ts"
import * as PausedPlaces from "./PausedPlaces.ts"
import * as Publisher from "./Publisher.ts"
import * as Scheduler from "./Scheduler.ts"
import * as SessionSpans from "./SessionSpans.ts"
import * as SharedListings from "./SharedListings.ts"
import { sizeError } from "./SizeCheck.ts"
import * as Table from "./Table.ts"
import * as Waiters from "./Waiters.ts"
import * as Writer from "./Writer.ts"

/** No cloud hides a machine for longer; an endless window would be a time that no row can hold. */
const longestSettleWindow = 3_600_000

/** A caller that waits for longer waits for a header that is wrong. */
const mostLongestWait = 3_600_000

const configOf = (
  providers: Providers["Service"],
  { identity }: SessionStore["Service"],
  { longestWait, retention }: Options
): Config.DecideConfig => ({
  ...Config.defaults,
  storeMark: identity === undefined ? null : NameStamp.storeMark(identity),
  longestWait: longestWait === undefined
    ? Config.defaults.longestWait
    : Math.min(mostLongestWait, Duration.toMillis(Duration.fromInputUnsafe(longestWait))),
  retention: retention === undefined
    ? Config.defaults.retention
    : Duration.toMillis(Duration.fromInputUnsafe(retention)),
  providers: Object.fromEntries(
    providers.all.map((
      { id, settleWindow }
    ) => [id, { settleWindow: Math.min(longestSettleWindow, Duration.toMillis(settleWindow)) }])
  )
})

/** The span that a message leads back to. */
const callerSpan = Effect.map(Effect.option(Effect.currentParentSpan), Option.getOrUndefined)
/** Everything of an engine runs on one clock, so that what a hand-back waits for goes on with it. */
const onOwnClock = <A, E, R>(
  use: (clock: ReleaseClock.ReleaseClock) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((base) => {
    const own = ReleaseClock.make(base)
    return Effect.provideService(use(own), Clock.Clock, own.clock)
  })

/** Starts an engine; see `SessionEngine.make`. */
export const make = (
  options: Options
): Effect.Effect<SessionEngine["Service"], AtlasError, SessionStore | Providers | Scope.Scope> =>
  HostTracer.guarded(onOwnClock(Effect.fnUntraced(function*({ during }: ReleaseClock.ReleaseClock) {
    const { closeWithin = "30 seconds", owner } = options
    const providers = yield* Providers
    const store = Writer.defectsAsFailures(yield* SessionStore)
    const ask = yield* SessionSecrets
    const budget = makeBudget(closeWithin)
    const locked = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      during(budget.step("the release of the owner lock", Scope.close(locked, exit)))
    )
    const status = EngineStatus.make(owner, yield* Scope.provide(store.lock(owner), locked))
    // the scope of everything that runs; closed after the sessions have been ended, and what hangs there holds up nothing else
    const inner = yield* Scope.make("parallel")
    yield* Effect.addFinalizer((exit) => during(budget.step("requests under way", Scope.close(inner, exit))))

    const config = configOf(providers, store, options)
    const usable = new Set(providers.all.filter(isUsable).map(({ id }) => id))
    const isSetUp = (id: ProviderId): boolean => usable.has(id)
    const table = Table.make()
    const mailbox = yield* Mailbox.make
    const waiters = Waiters.make()
    const scheduler = yield* Scheduler.make({ config, mailbox, table })
    const publisher = yield* Scope.provide(Publisher.make, inner)
    const listings = yield* Scope.provide(SharedListings.make, inner)
    const runner = yield* Scope.provide(
      CommandRunner.make({
        providers,
        ask,
        mailbox,
        isHeld: (provider, computeId) => table.byCompute(provider, computeId) !== undefined,
        holdsOwnerLock: status.holdsOwnerLock,
        listings,
        pausedPlaces: PausedPlaces.make(config.longestWait),
        stateOf: (id) => table.get(id)?.state,
        mayRent: () => status.refusal("spawn") === null,
        concurrency: options.concurrency
      }),
      inner
    )
    const delivery = Delivery.make({ mailbox, publisher, runner, table, waiters })
    const writer = Writer.make({ owner, store, table, mailbox, waiters, delivery, status })
    const loop = BatchLoop.make({
      owner,
      config,
      table,
      mailbox,
      waiters,
      scheduler,
      publisher,
      delivery,
      writer,
      status
    })
    yield* Effect.forkIn(loop.run, inner)
    yield* Effect.forkIn(scheduler.run, inner)
    yield* Effect.forkIn(status.watch, inner)
    yield* Effect.addFinalizer(() =>
      during(
        Effect.suspend(() => {
          status.beginClosing()
          runner.callOff()
          return Effect.flatMap(budget.left, (within) => closeSessions({ mailbox, table, waiters, within }))
        }).pipe(
          // the batch that has just ended the last session still has callers to answer
          Effect.andThen(Effect.yieldNow),
          Effect.andThen(budget.step("the host's dispatcher", publisher.drain)),
          Effect.ensuring(Effect.suspend(() => {
            status.markClosed()
            waiters.failAll(status.errorOfWaiting)
            return mailbox.close
          })),
          Effect.ensuring(
            Effect.suspend(() =>
              Effect.forEach(table.all(), (entry) => SessionSpans.abandon(entry, "unsettled"), { discard: true })
            )
          )
        )
      )
    )

    // after the loop has begun, and before anything is known of machines that no session has
    const adoption = yield* adoptStored({ owner, store, table, mailbox, isSetUp, scope: inner })

    /** A session without a row is not there yet. */
    const stored = (entry: Table.Entry | undefined): Table.Entry | undefined =>
      entry !== undefined && entry.isStored ? entry : undefined
    const snapshot = (entry: Table.Entry | undefined): Seen | undefined => {
      if (entry === undefined || !entry.isStored) return undefined
      const { compute, recorded, state } = entry
      return { state, compute, recorded }
    }
    const all = function*(): Generator<Seen> {
      for (const entry of table.all()) if (entry.isStored) yield entry
    }

    const ifWorking = <A, E, R>(operation: string, self: Effect.Effect<A, E, R>) =>
      Effect.suspend((): Effect.Effect<A, E | AtlasError, R> => status.stopped(operation) ?? self)

    return {
      owner,
      config,
      unreadable: () => {
        const reason = status.stopped("reap")?.reason
        return reason === undefined ? adoption.unreadable() : [unknownRows(reason.message)]
      },
      reread: adoption.reread,
      begin: (spec, secrets, test, operation) =>
        Effect.gen(function*() {
          const refusal = status.refusal(operation)
          if (refusal !== null) return yield* refusal
          const tooLarge = sizeError(spec, operation)
          if (tooLarge !== null) return yield* tooLarge
          const caller = yield* callerSpan
          const message = { id: spec.id, event: { _tag: "Started", spec }, secrets, caller } as const
          return yield* waiters.startAndWait(spec.id, mailbox.send(message), test, operation)
        }),
      tell: (id, event, operation = event._tag) =>
        ifWorking(
          operation,
          Effect.flatMap(callerSpan, (caller) => mailbox.send({ id, event, caller }))
        ),
      report: (id, event, ...computes) => mailbox.report({ id, event, computes }),
      listings,
      isBehind: mailbox.isBehind,
      announce: (id, event) =>
        Effect.flatMap(Clocks.read, ({ wall }) => {
          const entry = table.get(id)
          // nothing is told of a machine that no row names yet
          return entry === undefined || !entry.recorded
            ? Effect.void
            : publisher.publish({ id, computeId: Table.machineOf(entry.state), at: instant(wall), event })
        }),
      touch: mailbox.touch,
      get: (id) => snapshot(table.get(id)),
      credential: (id) => table.get(id)?.auth ?? null,
      all,
      at: (provider) => table.at(provider),
      byAttempt: (attempt) => table.byAttempt(attempt),
      byCompute: (provider, computeId) => snapshot(table.byCompute(provider, computeId)),
      withComputeId: (computeId) => table.withComputeId(computeId).flatMap((entry) => snapshot(entry) ?? []),
      when: (id, test, operation) =>
        ifWorking(
          operation,
          Effect.suspend(() => {
            const entry = stored(table.get(id))
            return waiters.wait(id, entry === undefined ? undefined : Table.seenOf(entry), test, operation)
          })
        ),
      whyUnrecorded: (id) => {
        const entry = table.get(id)
        if (entry === undefined || entry.recorded) return null
        return entry.unsaved?.fault ?? "the session store has not answered yet"
      },
      waiting: waiters.size,
      whileReleasing: during,
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
      isQuiet: () => !loop.isBusy() && mailbox.isEmpty() && writer.isIdle()
    }
  })))
