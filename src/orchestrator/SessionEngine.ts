/**
 * The one writer of an owner's sessions: reads letters, decides, commits, and only then tells and acts.
 *
 * One fiber drains the mailbox. Everything slow runs beside it and comes back as a letter, so a provider that hangs keeps
 * nobody waiting. Readers look at what was last committed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { type AtlasError, invalid } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { ComputeId } from "../domain/Ids.ts"
import * as Dispatcher from "../events/Dispatcher.ts"
import type { Owner } from "../provider/NameStamp.ts"
import { Providers } from "../provider/Providers.ts"
import * as Clocks from "./engine/Clocks.ts"
import * as EngineMutation from "./engine/EngineMutation.ts"
import * as Mailbox from "./engine/Mailbox.ts"
import * as News from "./engine/News.ts"
import * as Runner from "./engine/Runner.ts"
import * as Table from "./engine/Table.ts"
import * as Turn from "./engine/Turn.ts"
import * as Waiters from "./engine/Waiters.ts"
import * as WakeHeap from "./engine/WakeHeap.ts"
import * as Writer from "./engine/Writer.ts"
import * as Config from "./session/Config.ts"
import type { SessionEvent } from "./session/Event.ts"
import type { AttemptId, SessionId } from "./session/Ids.ts"
import { nextWake } from "./session/Limits.ts"
import type { Published } from "./session/Published.ts"
import type { SessionSpec, SessionState } from "./session/State.ts"
import type { Secrets } from "./SessionSecrets.ts"
import { SessionSecrets } from "./SessionSecrets.ts"
import { SessionStore, type Unreadable } from "./SessionStore.ts"

export { News } from "./engine/News.ts"

/**
 * Settings of an engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly owner: Owner
  /** How long an ended session is remembered; default a day. */
  readonly retention?: Duration.Input | undefined
  /** How long closing waits for machines to be verified gone; default 30 seconds. */
  readonly closeWithin?: Duration.Input | undefined
  /** A planted fault. For the simulator only. */
  readonly mutation?: EngineMutation.AnyMutation | null | undefined
}

/**
 * A session as it was last committed, and its machine as last seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly state: SessionState
  /** With ports and URLs, and with `auth` while this process has it; null when it was never seen. */
  readonly compute: Compute | null
}

/**
 * The engine in use.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionEngine extends Context.Service<SessionEngine, {
  readonly owner: Owner
  readonly config: Config.DecideConfig
  readonly mutation: EngineMutation.AnyMutation | null
  /** Rows that are there and could not be read; while there are any, nothing unknown may be deleted. */
  readonly unreadable: () => ReadonlyArray<Unreadable>
  /** Begins a session that rents with these secrets; refused while the engine closes. */
  readonly begin: (spec: SessionSpec, secrets: Secrets) => Effect.Effect<void, AtlasError>
  /** Hands in an event of a caller; waits while too many are unread. */
  readonly tell: (id: SessionId, event: SessionEvent) => Effect.Effect<void>
  /** What a feed or a look saw; never waits. */
  readonly report: (id: SessionId, event: SessionEvent, compute?: Compute) => void
  /** Tells something of a session that changes nothing of it. */
  readonly announce: (id: SessionId, event: Published) => Effect.Effect<void>
  /** Counts as use of the session; never waits. */
  readonly touch: (id: SessionId) => void
  readonly get: (id: SessionId) => Seen | undefined
  readonly all: () => Iterable<Seen>
  readonly byAttempt: (attempt: AttemptId) => Seen | undefined
  readonly byCompute: (computeId: ComputeId) => Seen | undefined
  /**
   * Waits until a committed state of the session passes, also of one that is still to begin; fails as `NotTracked` when the
   * engine forgets it or lets go of it.
   */
  readonly when: (id: SessionId, test: (seen: Seen) => boolean, operation: string) => Effect.Effect<Seen, AtlasError>
  /** What one session tells from now on, or all of them (null); a slow reader loses the oldest and is told how many. */
  readonly news: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<News.News>>, never, Scope.Scope>
  /** Whether nothing is unread or half done; commands may still be under way. */
  readonly isQuiet: () => boolean
}>()("effect-atlas/orchestrator/SessionEngine") {}

/** A jump of the wall clock is noticed within this, in milliseconds. */
const longestSleep = 60_000
/** Clocks differ a little; more than this between two looks is a jump. */
const jump = 1_000

/** How often a store that could not be read at the start is asked again. */
const readAgain = Schedule.spaced("10 seconds")

const isSettled = ({ phase, spec }: SessionState): boolean =>
  phase._tag === "Ended" || (spec.persist && phase._tag !== "Renting" && phase._tag !== "Resolving")

/**
 * Starts an engine: takes the owner's seat, adopts what is stored, and runs until the scope closes.
 *
 * **Details**
 *
 * Closing ends the sessions that do not persist and waits, within `closeWithin`, until their machines are verified gone; what
 * is left is logged with its id, stands in the store and is taken up again at the next boot. Fails as `StorageFault` when
 * somebody else sits in the owner's seat.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<SessionEngine["Service"], AtlasError, SessionStore | Providers | Scope.Scope> =>
  Effect.gen(function*() {
    const { owner } = options
    const mutation = options.mutation ?? null
    const providers = yield* Providers
    const store = yield* SessionStore
    const ask = yield* SessionSecrets
    const bus = yield* Effect.serviceOption(Dispatcher.Dispatcher)
    yield* store.lock(owner)
    // everything that runs lives in here; it is closed last, when the sessions have had their time
    const inner = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(inner, exit))
    const hub = Context.get(
      yield* Layer.buildWithScope(Layer.fresh(Dispatcher.layerMemory), inner),
      Dispatcher.Dispatcher
    )

    const config: Config.DecideConfig = {
      ...Config.defaults,
      retention: options.retention === undefined
        ? Config.defaults.retention
        : Duration.toMillis(Duration.fromInputUnsafe(options.retention)),
      providers: Object.fromEntries(providers.all.map((provider) => [provider.id, {
        settleWindow: Duration.toMillis(provider.settleWindow),
        terminateLag: Math.min(1_000, Duration.toMillis(provider.pollInterval))
      }])),
      mutation: EngineMutation.ofCore(mutation)
    }
    const table = Table.make()
    const heap = WakeHeap.make()
    const mailbox = yield* Mailbox.make
    const waiters = Waiters.make()
    const earlier = yield* Latch.make()
    let isBusy = false
    let isClosing = false

    const seen = (entry: Table.Entry | undefined): Seen | undefined => {
      if (entry === undefined) return undefined
      const { auth, compute, state } = entry
      return { state, compute: Runner.withAuth(compute, auth) }
    }

    /** Puts a session into the heap if it wants to be woken earlier than it will be. */
    const arm = (entry: Table.Entry, mono: number, wall: number): void => {
      if (mutation === "lose-timer" && entry.state.phase._tag === "Ending") return
      const next = nextWake(entry.state, { mono, wall }, config)
      if (next === null || (entry.wake !== null && entry.wake <= next)) return
      entry.wake = next
      heap.push(next, entry.state.spec.id)
      earlier.openUnsafe()
    }

    const tellAll = (news: News.News) =>
      Effect.all([
        hub.publish(News.everything, news),
        hub.publish(News.topic(news.id), news),
        Option.match(bus, {
          onNone: () => Effect.void,
          onSome: (dispatcher) => dispatcher.publish(News.topic(news.id), news)
        })
      ], { discard: true })

    const publish = ({ after, events, id }: Turn.Draft) =>
      Effect.forEach(
        events,
        (event) => tellAll({ id, computeId: Table.machineOf(after), at: after.clock.wall, event }),
        { discard: true }
      )

    const runner = yield* Runner.make({
      providers,
      ask,
      mailbox,
      trustsIncompleteListing: mutation === "trust-incomplete-listing"
    }).pipe(Scope.provide(inner))
    const writer = Writer.make({
      owner,
      store,
      ignoresVersions: mutation === "ignore-cas",
      whileFailing: (error) =>
        Effect.map(mailbox.takeStarts, (ids) => {
          for (const id of ids) waiters.gone(id, error)
        })
    })

    const release = (id: SessionId, at: number) => {
      table.remove(id)
      waiters.gone(id)
      return Effect.andThen(
        Effect.logError(`the session ${id} was written by somebody else: this engine has let go of it`),
        tellAll({ id, computeId: null, at, event: { _tag: "Released" } })
      )
    }

    const forget = Effect.fnUntraced(function*(draft: Turn.Draft) {
      const entry = table.get(draft.id)
      if (entry === undefined || !draft.commands.some(({ _tag }) => _tag === "Forget")) return
      yield* writer.commit([{ id: draft.id, version: entry.state.version, state: null }])
      table.remove(draft.id)
      waiters.gone(draft.id)
    })

    /** One turn: decide, commit, then keep, tell and start. The order is the whole safety of the engine. */
    const turn = Effect.gen(function*() {
      const letters = yield* mailbox.takeAll
      isBusy = true
      const now = yield* Clocks.read
      const drafts = Turn.draft(letters, table, now, config)
      const early = mutation === "skip-intent" || mutation === "publish-before-commit" ? [...drafts.values()] : []
      if (mutation === "publish-before-commit") {
        yield* Effect.forEach(early, publish, { discard: true })
      }
      if (mutation === "skip-intent") yield* Effect.forEach(early, (draft) => runner.start(draft), { discard: true })
      const unwritten = Turn.unwritten(drafts)
      const { lost, refused } = yield* writer.commit(unwritten.map(({ after, id }) => ({ id, version: after.version, state: after })))
      const written = new Set(unwritten.map(({ id }) => id))
      for (const draft of drafts.values()) {
        if (lost.has(draft.id)) {
          yield* release(draft.id, now.wall)
          continue
        }
        const refusal = refused.get(draft.id)
        if (refusal !== undefined) {
          waiters.gone(draft.id, refusal)
          continue
        }
        const { after, auth, compute, id, secrets } = draft
        const state = written.has(id) ? { ...after, version: after.version + 1 } : after
        const entry = table.get(id) ?? { state, secrets, auth, compute, wake: null }
        table.put(Object.assign(entry, { state, secrets, auth, compute }))
        arm(entry, now.mono, now.wall)
        if (mutation !== "publish-before-commit") yield* publish(draft)
        if (mutation !== "skip-intent") yield* runner.start(draft)
        yield* forget(draft)
        const current = seen(table.get(id))
        if (current !== undefined) waiters.changed(current)
      }
    }).pipe(Effect.ensuring(Effect.sync(() => {
      isBusy = false
    })))

    /** Wakes who is due and sleeps until the next one, a minute at most. */
    const clockwork = Effect.gen(function*() {
      let last = yield* Clocks.read
      while (true) {
        const now = yield* Clocks.read
        const hasJumped = (now.wall - last.wall) - (now.mono - last.mono) > jump
        last = now
        if (hasJumped) for (const { state } of table.all()) mailbox.put({ id: state.spec.id, event: { _tag: "WokeUp" } })
        for (let wish = heap.popDue(now.mono); wish !== null; wish = heap.popDue(now.mono)) {
          const entry = table.get(wish.id)
          if (entry === undefined || entry.wake !== wish.at) continue
          entry.wake = null
          const next = nextWake(entry.state, now, config)
          if (next !== null && next <= now.mono) mailbox.put({ id: wish.id, event: { _tag: "WokeUp" } })
          else arm(entry, now.mono, now.wall)
        }
        earlier.closeUnsafe()
        const next = heap.next()
        const sleep = Math.min(longestSleep, next === null ? longestSleep : Math.max(1, next - now.mono))
        yield* Effect.raceFirst(Effect.sleep(sleep), earlier.await)
      }
    })

    let unreadable: ReadonlyArray<Unreadable> = []
    const adopt = Effect.gen(function*() {
      const loaded = yield* store.load(owner)
      unreadable = loaded.unreadable
      for (const state of loaded.sessions) {
        const { id } = state.spec
        if (table.get(id) !== undefined) continue
        table.put({ state, secrets: null, auth: null, compute: null, wake: null })
        mailbox.put({ id, event: { _tag: "Adopted" } })
      }
      for (const { id, message } of unreadable) {
        yield* Effect.logError(`the stored session ${id} cannot be read (${message}): nothing unknown is deleted meanwhile`)
      }
    })
    // a store that cannot be read keeps nobody from working; it is asked again, and until then nothing unknown is deleted
    yield* Effect.catch(adopt, (error) => {
      unreadable = [{ id: "*", message: error.reason.message }]
      return Effect.logError(`the stored sessions cannot be read, and are not adopted yet: ${error.reason.message}`).pipe(
        Effect.andThen(Effect.retry(adopt, readAgain)),
        Effect.ignore,
        Effect.forkIn(inner)
      )
    })
    yield* Effect.forkIn(Effect.forever(turn), inner)
    yield* Effect.forkIn(clockwork, inner)

    const when: SessionEngine["Service"]["when"] = (id, test, operation) =>
      waiters.wait(id, () => seen(table.get(id)), test, operation)

    const close = Effect.gen(function*() {
      isClosing = true
      const open = [...table.all()].map(({ state }) => state).filter(({ phase }) => phase._tag !== "Ended")
      for (const { spec } of open) mailbox.put({ id: spec.id, event: { _tag: "Closing" } })
      // one that somebody else has taken over is nobody's to wait for
      yield* Effect.forEach(
        open,
        ({ spec }) => Effect.exit(when(spec.id, ({ state }) => isSettled(state), "close")),
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.timeoutOption(options.closeWithin ?? "30 seconds"))
      const left = [...table.all()].filter(({ state }) => !isSettled(state)).map(({ state }) => state.spec.id)
      if (left.length > 0) {
        yield* Effect.logError(
          `closed with sessions that may still have a machine; they are stored and ended at the next start: ${left.join(", ")}`
        )
      }
    })
    yield* Effect.addFinalizer(() => close)

    return SessionEngine.of({
      owner,
      config,
      mutation,
      unreadable: () => unreadable,
      begin: (spec, secrets) =>
        Effect.suspend(() =>
          isClosing
            ? Effect.fail(invalid("spawn", [{ path: "", message: "the orchestrator is closing: nothing is rented" }]))
            : mailbox.hand({ id: spec.id, event: { _tag: "Started", spec }, secrets })
        ),
      tell: (id, event) => mailbox.hand({ id, event }),
      report: (id, event, compute) => mailbox.put({ id, event, compute }),
      announce: (id, event) =>
        Effect.flatMap(Clocks.read, ({ wall }) => {
          const entry = table.get(id)
          return entry === undefined
            ? Effect.void
            : tellAll({ id, computeId: Table.machineOf(entry.state), at: wall, event })
        }),
      touch: mailbox.touch,
      get: (id) => seen(table.get(id)),
      all: function*() {
        for (const entry of table.all()) {
          const one = seen(entry)
          if (one !== undefined) yield one
        }
      },
      byAttempt: (attempt) => seen(table.byAttempt(attempt)),
      byCompute: (computeId) => seen(table.byCompute(computeId)),
      when,
      news: (id) => hub.subscribe(id === null ? News.everything : News.topic(id), { capacity: 1_024, overflow: "gap" }),
      isQuiet: () => !isBusy && mailbox.isEmpty()
    })
  })

/**
 * An engine as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<SessionEngine, AtlasError, SessionStore | Providers> =>
  Layer.effect(SessionEngine, make(options))
