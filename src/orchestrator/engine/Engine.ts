/**
 * The parts of an engine put together, from the taking of the owner's seat to its graceful end.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as Config from "../session/Config.ts"
import type { Options, Seen, SessionEngine } from "../SessionEngine.ts"
import { SessionSecrets } from "../SessionSecrets.ts"
import { SessionStore } from "../SessionStore.ts"
import * as Adoption from "./Adoption.ts"
import * as AttemptSpans from "./AttemptSpans.ts"
import * as Clocks from "./Clocks.ts"
import * as Clockwork from "./Clockwork.ts"
import * as Closing from "./Closing.ts"
import * as FirstRow from "./FirstRow.ts"
import * as Mailbox from "./Mailbox.ts"
import * as Publisher from "./Publisher.ts"
import * as Runner from "./Runner.ts"
import * as Standing from "./Standing.ts"
import * as Steady from "./Steady.ts"
import * as Table from "./Table.ts"
import * as Turns from "./Turns.ts"
import * as Waiters from "./Waiters.ts"
import * as Writer from "./Writer.ts"

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
    const store = Steady.make(yield* SessionStore)
    const ask = yield* SessionSecrets
    const standing = Standing.make(owner, yield* store.lock(owner))
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
    const clockwork = yield* Clockwork.make({ config, mailbox, table })
    const publisher = yield* Scope.provide(Publisher.make, inner)
    const runner = yield* Scope.provide(
      Runner.make({ providers, ask, mailbox, isHeld: table.isHeld, isSeatOurs: standing.isOurs }),
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
    const turns = Turns.make({
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
    const unreadable = yield* Adoption.start({ owner, store, table, mailbox, isAtHand, scope: inner })
    yield* Effect.forkIn(turns.run, inner)
    yield* Effect.forkIn(clockwork.run, inner)
    yield* Effect.forkIn(writer.withdraw, inner)
    yield* Effect.forkIn(standing.watch, inner)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        standing.close()
        return Closing.close({ mailbox, table, waiters, within: closeWithin })
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
          const tooLarge = FirstRow.refusalOf(spec, operation)
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
