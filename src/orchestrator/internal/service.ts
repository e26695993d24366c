/** The service `Orchestrator`: the check of its settings, its verbs over an engine, its feeds and its reaper. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AtlasError, Timeout, Uncertain } from "../../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../../domain/Decode.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import * as Ready from "../../domain/Ready.ts"
import { Owner } from "../../provider/NameStamp.ts"
import * as Observed from "../../provider/Observed.ts"
import type { Service } from "../../provider/Provider.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as Readiness from "../../provider/Readiness.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as HostTracer from "../../telemetry/HostTracer.ts"
import * as Traced from "../../telemetry/Traced.ts"
import * as Clocks from "../engine/Clocks.ts"
import { type Seen, SessionEngine } from "../engine/EngineContract.ts"
import { notTracked } from "../engine/Waiters.ts"
import * as ProviderFeed from "../ProviderFeed.ts"
import * as Reaper from "../Reaper.ts"
import { makeSessionId, SessionId } from "../session/Ids.ts"
import type { Mode } from "../session/State.ts"
import * as SessionInfo from "../SessionInfo.ts"
import type * as SpawnOptions from "../SpawnOptions.ts"
import * as Spending from "../Spending.ts"
import * as forgetting from "../store/forgetting.ts"
import { SessionStore } from "../store/StoreContract.ts"
import { locate } from "./defects.ts"
import * as exitReader from "./exitReader.ts"
import { sessionOf } from "./lookup.ts"
import * as observed from "./observed.ts"
import type { Options, Orchestrator, SessionElement, WatchOptions } from "./OrchestratorContract.ts"
import { atMost } from "./patience.ts"
import * as spawning from "./spawning.ts"

const decodeOwner = decoder(Owner, "owner")
const decodeNames = decoder(Schema.Array(Schema.NonEmptyString), "withhold")
const decodeConcurrency = decoder(
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(1, { expected: "a whole number of 1 or more" })),
  "concurrency"
)

const checkDurations = <Field extends string>(
  given: Readonly<Partial<Record<Field, unknown>>>,
  fields: ReadonlyArray<Field>
) =>
  Effect.forEach(
    fields,
    (field) =>
      given[field] === undefined
        ? Effect.void
        : Effect.asVoid(decoder(PositiveDuration, field)(given[field], "orchestrator")),
    { discard: true }
  )

/** Checks the settings of the feeds and the reaper. */
export const checkWatch = (options: WatchOptions): Effect.Effect<void, AtlasError> =>
  Effect.andThen(
    checkDurations(options, ["pollInterval", "reapGrace"]),
    Effect.asVoid(decodeNames(options.withhold ?? [], "orchestrator"))
  )

/** Checks the settings of the engine, and answers the owner. */
export const checkEngine = (options: Options): Effect.Effect<Owner, AtlasError> =>
  Effect.gen(function*() {
    yield* checkDurations(options, ["retention", "closeWithin", "longestWait"])
    if (options.concurrency !== undefined) yield* decodeConcurrency(options.concurrency, "orchestrator")
    return yield* decodeOwner(options.owner, "orchestrator")
  })

type Verbs = Orchestrator["Service"]

/** How the verbs find and show sessions. */
interface SessionAccess {
  readonly engine: SessionEngine["Service"]
  readonly providers: Providers["Service"]
  readonly find: (id: string, operation: string) => Effect.Effect<Seen, AtlasError>
  readonly infoOf: (seen: Seen) => Effect.Effect<SessionInfo.SessionInfo>
  readonly list: Effect.Effect<ReadonlyArray<SessionInfo.SessionInfo>>
}

const decodeTimeout = decoder(
  PositiveDuration.check(Schema.makeFilter(Duration.isFinite, { expected: "a time that ends" })),
  "timeout"
)

const fail = (operation: string, reason: AtlasError["reason"]) =>
  Effect.fail(new AtlasError({ provider: null, operation, reason }))

/** A session that was forgotten is over: its row was deleted because it had ended. */
const isForgotten = (engine: SessionEngine["Service"], { reason }: AtlasError): boolean =>
  reason._tag === "NotTracked" && engine.stopped("stopTracked") === null

/** The machine that a session has or had last; the name of its create while the answer is not known. */
const machineOf = (seen: Seen | undefined): Pick<Uncertain, "computeId" | "computeName"> => {
  if (seen === undefined) return { computeId: null, computeName: null }
  const { last, pendingTerminations, phase } = seen.state
  const isInDoubt = phase._tag === "Renting" || phase._tag === "Resolving"
  return {
    computeId: last ?? pendingTerminations[0]?.computeId ?? null,
    computeName: isInDoubt ? phase.attempt.name : null
  }
}

/** What is known of a session whose end is not proven and recorded. */
const whyNotOver = (engine: SessionEngine["Service"], id: SessionId): string => {
  const seen = engine.get(id)
  if (seen === undefined) return "the session was let go to another orchestrator, which has its machine now"
  if (spawning.isOver(seen)) {
    return `verified gone, but its end could not be recorded: ${engine.whyUnrecorded(id) ?? "it has just been"}`
  }
  const faults = seen.state.pendingTerminations.flatMap(({ fault, provider }) =>
    fault === null ? [] : [` (${provider}: ${fault.message})`]
  )
  return `not verified gone yet${faults[0] ?? ""}; the orchestrator goes on ending it`
}

/**
 * Waits until a session is over and that is recorded. Everything else is `Uncertain`, with the machine's id and what is known: at
 * the limit, and when the session is let go to another orchestrator meanwhile.
 */
const untilOver = Effect.fnUntraced(
  function*(engine: SessionEngine["Service"], id: SessionId, limit: Duration.Duration) {
    const before = machineOf(engine.get(id))
    const uncertain = () =>
      Effect.suspend(() => {
        const seen = engine.get(id)
        const machine = seen === undefined ? before : machineOf(seen)
        return fail("stopTracked", new Uncertain({ ...machine, message: whyNotOver(engine, id) }))
      })
    yield* engine.when(id, spawning.isOver, "stopTracked").pipe(
      Effect.asVoid,
      Effect.catchIf((error) => isForgotten(engine, error), () => Effect.void),
      Effect.catchReason(
        "AtlasError",
        "StorageFault",
        (reason, error) =>
          engine.get(id) === undefined && engine.stopped("stopTracked") !== null
            ? fail("stopTracked", new Uncertain({ ...before, message: `${whyNotOver(engine, id)}: ${reason.message}` }))
            : Effect.fail(error)
      ),
      Effect.timeoutOrElse({ duration: limit, orElse: uncertain })
    )
  }
)

/** Hands a machine back, as the close of a scope does: in a test that moves no clock it ends as well. */
const makeStopTracked = ({ engine, find }: SessionAccess): Verbs["stopTracked"] => (id, options) =>
  engine.whileReleasing(Effect.gen(function*() {
    const { state } = yield* find(id, "stopTracked")
    const limit = yield* decodeTimeout(options?.timeout ?? spawning.stopTimeout, "stopTracked")
    yield* engine.tell(state.spec.id, { _tag: "StopRequested", by: "caller" }, "stopTracked")
    yield* untilOver(engine, state.spec.id, limit)
  }))

const isReady = ({ compute, state: { phase } }: Seen): boolean =>
  phase._tag === "Live" && phase.status === "running" && compute !== null

const awaitTracked = (engine: SessionEngine["Service"], { state: { spec } }: Seen, limit: Duration.Duration) =>
  Effect.gen(function*() {
    const settled = engine.when(spec.id, (seen) => isReady(seen) || spawning.isEnding(seen), "awaitReady")
    const seen = yield* Effect.timeoutOrElse(settled, {
      duration: limit,
      orElse: () => {
        const lastSeen = engine.get(spec.id)?.compute ?? null
        const ports = lastSeen?.status === "running" ? Ready.unmapped(lastSeen, spec.request.ports) : []
        const missing = ports.length === 0 ? "it was not running" : `it runs, but ${ports.join(" and ")} had no address`
        return fail("awaitReady", new Timeout({ lastSeen, message: `${missing} in time; nothing was ended` }))
      }
    })
    return seen.compute !== null && isReady(seen) ? seen.compute : yield* spawning.failureOf(seen.state, "awaitReady")
  })

/** Waits for a session through the engine, without a request of its own; another id is asked for at the caller's provider. */
const makeAwaitReady = ({ engine, find, providers }: SessionAccess): Verbs["awaitReady"] => (id, options) =>
  Effect.gen(function*() {
    const limit = yield* decodeTimeout(options?.timeout ?? Readiness.defaultTimeout, "awaitReady")
    const { interval, provider } = options ?? {}
    const found = yield* Effect.result(find(id, "awaitReady"))
    if (found._tag === "Success") return yield* awaitTracked(engine, found.success, limit)
    if (provider === undefined) return yield* found.failure
    const service = yield* providers.get(provider, "awaitReady")
    return yield* Observed.call(service, "awaitReady", id)(
      Readiness.awaitReady(service, id, { timeout: limit, interval }, undefined)
    )
  })

/** Deletes a session's record: one that is here is over and forgets itself, the others are in the store only. */
const makeForget = (
  engine: SessionEngine["Service"],
  store: SessionStore["Service"]
): Verbs["forget"] =>
(id) =>
  Effect.gen(function*() {
    const stopped = engine.stopped("forget")
    if (stopped !== null) return yield* stopped
    const seen = isSessionId(id) ? engine.get(id) : undefined
    if (seen === undefined) {
      yield* forgetting.forget(store, engine.owner, id)
      return yield* engine.reread
    }
    const refused = forgetting.refusal(seen.state)
    if (refused !== null) return yield* refused
    const { id: known } = seen.state.spec
    yield* engine.tell(known, { _tag: "ForgetRequested" }, "forget")
    const isHere = () => engine.get(known) !== undefined
    yield* Effect.timeoutOrElse(
      Effect.catchReason(Effect.asVoid(engine.when(known, () => !isHere(), "forget")), "AtlasError", "NotTracked", () =>
        engine.stopped("forget") ?? Effect.void),
      {
        duration: spawning.stopTimeout,
        orElse: () =>
          fail("forget", new Uncertain({ message: "its record is not deleted yet; the orchestrator goes on trying" }))
      }
    )
  })

/** Whether a session's stream ends after this element. */
const isLast = (element: SessionElement): boolean =>
  element._tag === "State"
    ? element.session.state === "ended"
    : element._tag === "Event" && (element.event._tag === "Ended" || element.event._tag === "Released")

const makeEvents = ({ engine, find, infoOf, list }: SessionAccess): Verbs["events"] => (id) =>
  Stream.unwrap(Effect.gen(function*() {
    const known = id === null ? null : (yield* find(id, "events")).state.spec.id
    // subscribed before the states are read, so that no event is missed
    const events = yield* engine.events(known)
    const sessions = known === null ? yield* list : [yield* Effect.flatMap(find(known, "events"), infoOf)]
    const states = Stream.fromIterable(sessions.map((session): SessionElement => ({ _tag: "State", session })))
    const following = Stream.map(events, (delivery): SessionElement =>
      delivery._tag === "Message"
        ? { _tag: "Event", ...delivery.message }
        : { _tag: "Gap", lost: delivery._tag === "Gap" ? delivery.lost : 0 })
    const all = Stream.concat(states, following)
    return known === null ? all : Stream.takeUntil(all, isLast)
  }))

const isSessionId = Schema.is(SessionId)
const isComputeId = Schema.is(ComputeId)

/** The providers that are set up; each of the others is logged. */
const usableOf = Effect.fnUntraced(function*({ all }: Providers["Service"]) {
  for (const { id, implemented, missing } of all) {
    if (implemented && missing.length > 0) {
      yield* Effect.logWarning(
        `${id} needs ${missing.join(" and ")}, which is not set here: its account is neither watched nor cleaned up`
      )
    }
  }
  return all.filter(isUsable)
})

/**
 * Judges listings in fibers of their own, so that the feed goes on; one at a time for each account. A listing that comes
 * meanwhile is skipped, and the next one is judged.
 */
const judgeInBackground = (reaper: Reaper.Reaper, reaped: ReadonlyArray<Service>, scope: Scope.Scope) => {
  const busy = new Set<ProviderId>()
  const ids = new Set(reaped.map(({ id }) => id))
  return (listing: ProviderFeed.Listing): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { id } = listing.provider
      if (busy.has(id)) return Effect.void
      busy.add(id)
      const judged = ids.has(id) ? reaper.judge(listing) : reaper.notice(listing)
      return Effect.asVoid(judged).pipe(
        Effect.catchDefect((defect) =>
          Effect.logError(`${id}: the reaper failed unexpectedly (a defect): ${locate(defect)}`)
        ),
        Effect.ensuring(Effect.sync(() => busy.delete(id))),
        Effect.forkIn(scope),
        Effect.asVoid
      )
    })
}

/** Starts the feeds and the reaper of an engine; see `Orchestrator.make`. */
export const make = Effect.fnUntraced(function*(
  options: WatchOptions
): Effect.fn.Return<Orchestrator["Service"], AtlasError, SessionEngine | SessionStore | Providers | Scope.Scope> {
  const engine = yield* SessionEngine
  const providers = yield* Providers
  const store = yield* SessionStore
  const usable = yield* usableOf(providers)
  for (const id of options.reapProviders ?? []) yield* providers.get(id, "orchestrator")
  const reaped = usable.filter(({ id }) => options.reapProviders?.includes(id) ?? true)
  const reapedIds = new Set(reaped.map(({ id }) => id))
  const reaper = Reaper.make({ engine, store, grace: options.reapGrace })
  // a listing that hangs must not hold up the end of the sessions, which comes after this scope
  const running = yield* Scope.make("parallel")
  yield* Effect.addFinalizer((exit) => engine.whileReleasing(atMost(Scope.close(running, exit), "1 second")))
  const spending = Effect.map(Clocks.read, (now) => Spending.of(engine.all(), now))
  yield* ProviderFeed.start({
    engine,
    providers: usable,
    interval: options.pollInterval,
    alwaysListed: reapedIds,
    onListing: judgeInBackground(reaper, reaped, running)
  }).pipe(HostTracer.guarded, Scope.provide(running))
  yield* exitReader.start(engine, usable).pipe(HostTracer.guarded, Scope.provide(running))
  yield* Effect.flatMap(spending, Spending.show).pipe(Effect.delay("1 minute"), Effect.forever, Effect.forkIn(running))

  const find: SessionAccess["find"] = (id, operation) =>
    Effect.suspend(() => {
      const byId = isSessionId(id) ? engine.get(id) : undefined
      if (byId !== undefined) return Effect.succeed(byId)
      const byMachine = isComputeId(id) ? sessionOf(id, engine.withComputeId(id), operation) : null
      if (byMachine !== null) return Effect.fromResult(byMachine)
      const row = engine.unreadable().find((unreadable) => unreadable.id === id)
      return Effect.fail(
        engine.stopped(operation) ??
          notTracked(operation, row === undefined ? undefined : `its record cannot be read (${row.message})`)
      )
    })
  const infoOf = ({ state }: Seen) => SessionInfo.now(state)
  const info = (id: string, operation: string) => Effect.flatMap(find(id, operation), infoOf)
  const list = Effect.map(
    Clocks.read,
    (now) => Array.from(engine.all(), ({ state }) => SessionInfo.fromState(state, now))
  )
  const access: SessionAccess = {
    engine,
    providers,
    find: (id, operation) => Effect.tap(find(id, operation), ({ state }) => observed.session(state.spec.id)),
    infoOf,
    list
  }

  const spawn = spawning.make({ engine, providers, reaped: reapedIds, withhold: options.withhold ?? [] })
  const stopTracked = makeStopTracked(access)
  const awaitReady = makeAwaitReady(access)
  const forget = makeForget(engine, store)
  const events = makeEvents(access)

  /**
   * Ends the session of a closing scope; the orchestrator goes on ending a machine that is not verified gone in time. Closing a
   * scope has no error channel, so what is not proven is logged, and surfaces as a defect that holds the failure.
   */
  const release = (id: SessionId, hasMachine: () => boolean) =>
    Effect.catch(stopTracked(id), (error) => {
      const seen = engine.get(id)
      // nothing was rented, or the session is over: forgotten since, or ended by the close of the orchestrator
      const isOver = seen === undefined
        ? !hasMachine() || (error.kind === "not_tracked" && engine.stopped("scoped") === null)
        : seen.recorded && spawning.isOver(seen)
      return isOver ? Effect.void : Effect.andThen(
        Effect.logError(`the session ${id} was not proven to be over when its scope closed: ${error.message}`),
        Effect.die(error)
      )
    })

  const scoped: Verbs["scoped"] = (input, spawnOptions) =>
    Effect.gen(function*() {
      const id = yield* makeSessionId
      const attributes = { [Attributes.session]: id }
      const { place, taken } = yield* Traced.pair
      return yield* observed.verb("scoped.acquire", { attributes })(Effect.gen(function*() {
        yield* taken
        // the finalizer comes first, so that there is no moment in which a machine has none
        let hasMachine = false
        yield* Effect.addFinalizer(() =>
          Effect.suspend(() =>
            observed.verb("scoped.release", { attributes, ...place() })(release(id, () => hasMachine))
          )
        )
        const tracked = yield* spawn("interactive", "scoped", input, spawnOptions, id)
        hasMachine = true
        yield* observed.machine(tracked.compute)
        return tracked
      }))
    })

  const begin = (
    mode: Mode,
    operation: "spawn" | "runTask",
    input: SpawnOptions.Input,
    spawnOptions: SpawnOptions.SpawnOptions | undefined
  ) =>
    Effect.flatMap(makeSessionId, (id) =>
      observed.verb(operation, { attributes: { [Attributes.session]: id } })(
        Effect.tap(spawn(mode, operation, input, spawnOptions, id), ({ compute }) => observed.machine(compute))
      ))

  return {
    spawn: (input, spawnOptions) => begin("interactive", "spawn", input, spawnOptions),
    runTask: (input, spawnOptions) => begin("task", "runTask", input, spawnOptions),
    scoped,
    touch: (id) =>
      Effect.flatMap(find(id, "touch"), (seen) =>
        engine.stopped("touch") ?? (spawning.isEnding(seen)
          ? Effect.fail(notTracked("touch", "the session is over or ending: a touch cannot keep it"))
          : Effect.sync(() => engine.touch(seen.state.spec.id)))),
    info: (id) => info(id, "info"),
    getCompute: (id) => Effect.map(find(id, "getCompute"), ({ compute }) => compute),
    credential: (id) => Effect.map(find(id, "credential"), ({ state }) => engine.credential(state.spec.id)),
    stopTracked: (id, stopOptions) => observed.verb("stopTracked")(stopTracked(id, stopOptions)),
    unreadable: Effect.sync(engine.unreadable),
    forget: (id) => observed.verb("forget")(forget(id)),
    listIds: Effect.sync(() =>
      Array.from(engine.all()).flatMap((seen) => spawning.isOver(seen) ? [] : [seen.state.spec.id])
    ),
    list,
    awaitReady: (id, readyOptions) => observed.verb("awaitReady")(awaitReady(id, readyOptions)),
    awaitEnd: (id) =>
      observed.verb("awaitEnd")(
        Effect.flatMap(
          access.find(id, "awaitEnd"),
          ({ state }) => Effect.flatMap(engine.when(state.spec.id, spawning.isOver, "awaitEnd"), infoOf)
        )
      ),
    events: (id) => observed.stream("events")(events(id)),
    spend: (id) => Effect.map(info(id, "spend"), ({ spentUsd }) => spentUsd),
    spending,
    reapNow: (cycle) => observed.verb("reapNow")(reaper.cycle(reaped, cycle))
  }
})
