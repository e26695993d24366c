/**
 * An orchestrator in a test: the mock provider, a store with faults, clocks that jump, and scopes that can be closed.
 */
import type { AtlasError } from "effect-atlas/domain/AtlasError"
import * as Domain from "effect-atlas/domain/AtlasError"
import type * as Dispatcher from "effect-atlas/events/Dispatcher"
import {
  Orchestrator,
  type Session,
  SessionEngine,
  SessionSecrets,
  SessionStore,
  TimeAsleep
} from "effect-atlas/orchestrator"
import type { Owner } from "effect-atlas/provider/NameStamp"
import * as Providers from "effect-atlas/provider/Providers"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"

type Store = SessionStore.SessionStore["Service"]

const fault = (operation: string): AtlasError =>
  new Domain.AtlasError({
    provider: null,
    operation,
    reason: new Domain.StorageFault({ message: "disk full" })
  })

/** A store in memory that fails when a test asks for it. */
export interface TestStore {
  readonly service: Store
  /** Everything that was written, in order, one array a transaction. */
  readonly written: Array<ReadonlyArray<SessionStore.Write>>
  /** How many of the next calls fail; `late` ones have done what was asked. */
  readonly faults: {
    commits: number
    lateCommits: number
    brokenCommits: number
    loads: number
    attempts: number
    unreadable: ReadonlyArray<SessionStore.Unreadable>
    /** How many of the next checks of the owner lock fail. */
    lockChecks: number
    /** The process that has taken the owner lock; from then on nothing is written. */
    lostTo: string | null
    /** Rows that make every commit fail that has one of them. */
    badRows: ReadonlyArray<Session.SessionId>
  }
  /** The rows of each commit that was tried, in order. */
  readonly tried: Array<ReadonlyArray<Session.SessionId>>
  /** While it is closed commits wait. */
  readonly gate: Latch.Latch
  readonly rows: (owner: Owner) => Effect.Effect<ReadonlyArray<Session.SessionState>, AtlasError>
  /** Writes a row as another process would. */
  readonly overwrite: (owner: Owner, id: Session.SessionId) => Effect.Effect<void, AtlasError>
  /** Puts these rows in the place of all that there are, as a database does that is restored. */
  readonly restore: (owner: Owner, rows: ReadonlyArray<Session.SessionState>) => Effect.Effect<void, AtlasError>
}

export const makeTestStore: Effect.Effect<TestStore, never, Scope.Scope> = Effect.gen(function*() {
  const inner = Context.get(yield* Layer.build(Layer.fresh(SessionStore.layerMemory)), SessionStore.SessionStore)
  const gate = yield* Latch.make(true)
  const written: TestStore["written"] = []
  const faults: TestStore["faults"] = {
    commits: 0,
    lateCommits: 0,
    brokenCommits: 0,
    loads: 0,
    attempts: 0,
    unreadable: [],
    lockChecks: 0,
    lostTo: null,
    badRows: []
  }
  const tried: TestStore["tried"] = []
  const take = (key: "commits" | "lateCommits" | "brokenCommits" | "loads" | "attempts" | "lockChecks"): boolean => {
    if (faults[key] === 0) return false
    faults[key] -= 1
    return true
  }
  const service: Store = {
    lock: (owner) =>
      Effect.as(inner.lock(owner), {
        lostTo: Effect.suspend(() => take("lockChecks") ? Effect.fail(fault("lock")) : Effect.succeed(faults.lostTo))
      }),
    load: (owner, after) =>
      Effect.suspend(() =>
        take("loads")
          ? Effect.fail(fault("load"))
          : Effect.map(inner.load(owner, after), (all) => ({ ...all, unreadable: faults.unreadable }))
      ),
    read: (owner, ids) =>
      Effect.suspend(() =>
        take("loads")
          ? Effect.fail(fault("read"))
          : Effect.map(inner.read(owner, ids), (all) => ({
            ...all,
            unreadable: [...all.unreadable, ...faults.unreadable.filter(({ id }) => ids.includes(id))]
          }))
      ),
    commit: (owner, writes) =>
      Effect.gen(function*() {
        const ids = writes.map(({ id }) => id)
        tried.push(ids)
        yield* gate.await
        if (ids.some((id) => faults.badRows.includes(id))) return yield* fault("commit")
        if (take("commits")) return yield* fault("commit")
        if (take("brokenCommits")) return yield* Effect.die("the driver failed: password=hunter2")
        if (faults.lostTo !== null) return writes.map(({ id }) => id)
        const lost = yield* inner.commit(owner, writes)
        written.push(writes)
        return take("lateCommits") ? yield* fault("commit") : lost
      }),
    attempts: (owner, attempts) =>
      Effect.suspend(() =>
        take("attempts")
          ? Effect.fail(fault("attempts"))
          : Effect.map(inner.attempts(owner, attempts), (all) => ({ ...all, unknown: faults.unreadable }))
      )
  }
  return {
    service,
    written,
    faults,
    tried,
    gate,
    rows: (owner) => Effect.map(inner.load(owner), ({ sessions }) => sessions),
    restore: (owner, rows) =>
      Effect.gen(function*() {
        const { sessions } = yield* inner.load(owner)
        yield* inner.commit(owner, sessions.map(({ spec, version }) => ({ id: spec.id, version, state: null })))
        yield* inner.commit(owner, rows.map((state) => ({ id: state.spec.id, version: 0, state })))
      }),
    overwrite: (owner, id) =>
      Effect.gen(function*() {
        const { sessions } = yield* inner.load(owner)
        const row = sessions.find(({ spec }) => spec.id === id)
        if (row !== undefined) yield* inner.commit(owner, [{ id, version: row.version, state: row }])
      })
  }
})

export interface Options extends Partial<Orchestrator.Options> {
  readonly mock?: MockProvider.Options
  readonly store?: TestStore
  readonly cloud?: Cloud
  readonly secrets?: typeof SessionSecrets.SessionSecrets.Service
  readonly bus?: Layer.Layer<Dispatcher.Dispatcher>
  readonly more?: ReadonlyArray<Providers.Made>
}

export type Cloud = Effect.Success<ReturnType<typeof MockProvider.make>>

export interface Harness {
  readonly orchestrator: Orchestrator.Orchestrator["Service"]
  readonly engine: SessionEngine.SessionEngine["Service"]
  readonly controls: MockProvider.Controls
  readonly store: TestStore
  readonly cloud: Cloud
  /** The graceful end. */
  readonly close: Effect.Effect<void>
}

/** What a caller was answered; that is a failure while it still waits. */
export const answerOf = <A, E>(asked: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    if (asked.pollUnsafe() === undefined) throw new Error("the caller still waits")
    return Fiber.join(asked)
  })

/** Waits for an effect, and moves the test's clock until it ends. */
export const inTime = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self)
    for (let seconds = 0; seconds < 120; seconds++) {
      yield* settle
      if (fiber.pollUnsafe() !== undefined) break
      yield* TestClock.adjust("1 second")
    }
    return yield* answerOf(fiber)
  })

/** Builds an orchestrator; it is closed with the test, unless the test has closed it. */
export const open = (options: Options = {}): Effect.Effect<Harness, AtlasError, Scope.Scope> =>
  Effect.gen(function*() {
    const { bus, mock, more = [], secrets, ...rest } = options
    const cloud = options.cloud ?? (yield* MockProvider.make(mock))
    const store = options.store ?? (yield* makeTestStore)
    const scope = yield* Scope.make()
    const close = Scope.close(scope, Exit.void)
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        Effect.suspend(() => {
          Object.assign(store.faults, { commits: 0, lockChecks: 0, badRows: [] })
          return store.gate.open
        }),
        inTime(close)
      )
    )
    const base = Layer.mergeAll(
      Layer.succeed(SessionStore.SessionStore, store.service),
      Layer.succeed(Providers.Providers, Providers.make([cloud.provider, ...more], { default: "mock" })),
      secrets === undefined ? Layer.empty : Layer.succeed(SessionSecrets.SessionSecrets, secrets),
      bus ?? Layer.empty
    )
    const context = yield* Layer.buildWithScope(
      Layer.fresh(Orchestrator.layer({ owner: "team1", ...rest }).pipe(Layer.provide(base))),
      scope
    )
    return {
      orchestrator: Context.get(context, Orchestrator.Orchestrator),
      engine: Context.get(context, SessionEngine.SessionEngine),
      controls: cloud.controls,
      store,
      cloud,
      close: inTime(close)
    }
  })

/** Lets all fibers run until they wait for time. */
export const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

/** Moves the clock in steps, and lets all fibers run after each. */
export const pass = (seconds: number, step: Duration.Input = "1 second"): Effect.Effect<void> =>
  Effect.andThen(
    settle,
    Effect.forEach(
      Array.from({ length: seconds }),
      () => Effect.andThen(TestClock.adjust(step), settle),
      { discard: true }
    )
  )

/** The machines that live in the mock's cloud. */
export const live = ({ controls }: Pick<Harness, "controls">) =>
  Effect.map(controls.ledger, (ledger) => ledger.live.map(({ id }) => id))

type Move = (millis: number) => Effect.Effect<void>

/** Runs with a wall clock that can jump, and with both clocks able to leap over time in which nothing is woken. */
export const withJumps = <A, E, R>(
  use: (jump: Move, leap: Move) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => {
    let offset = 0
    let leapt = 0
    const monotonic = () => clock.monotonicTimeNanosUnsafe() + BigInt(leapt) * 1_000_000n
    const jumping: Clock.Clock = {
      ...clock,
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offset,
      currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + offset),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n,
      currentTimeNanos: Effect.sync(() => clock.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n)
    }
    const jump = (millis: number) => Effect.sync(() => void (offset += millis))
    const leap = (millis: number) => Effect.andThen(jump(millis), Effect.sync(() => void (leapt += millis)))
    return Effect.provideService(use(jump, leap), Clock.Clock, jumping)
  })

/**
 * Runs an effect on a computer that tells how long it has been suspended, with the means to set its wall clock and to suspend it.
 */
export const withSleeps = <A, E, R>(
  use: (computer: Readonly<Record<"jump" | "sleep", (millis: number) => Effect.Effect<void>>>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  withJumps((jump) => {
    let asleep = 0
    const sleep = (millis: number) =>
      Effect.andThen(
        jump(millis),
        Effect.sync(() => void (asleep += millis))
      )
    return Effect.provideService(use({ jump, sleep }), TimeAsleep.TimeAsleep, () => asleep)
  })

/** The reason of a failure, or the value of a success. */
export const reasonOf = <A>(self: Effect.Effect<A, AtlasError>) =>
  Effect.match(self, { onFailure: ({ reason }) => reason, onSuccess: (value) => value })
