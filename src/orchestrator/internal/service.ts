/** The front desk put together: an engine, its feeds, its reaper, and the verbs over them. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { AtlasError, Timeout, Uncertain } from "../../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../../domain/Decode.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import { Owner } from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as Readiness from "../../provider/Readiness.ts"
import * as Clocks from "../engine/Clocks.ts"
import { type Seen, SessionEngine } from "../engine/EngineContract.ts"
import { notTracked } from "../engine/Waiters.ts"
import * as ProviderFeed from "../ProviderFeed.ts"
import * as Reaper from "../Reaper.ts"
import { SessionId } from "../session/Ids.ts"
import * as SessionInfo from "../SessionInfo.ts"
import * as Spending from "../Spending.ts"
import { SessionStore } from "../store/StoreContract.ts"
import { locate } from "./defects.ts"
import type { Options, Orchestrator, SessionElement, WatchOptions } from "./OrchestratorContract.ts"
import * as spawning from "./spawning.ts"

type Verbs = Orchestrator["Service"]

/** How the desk finds and shows sessions. */
interface VerbContext {
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

/** One that is forgotten meanwhile is over, as long as anybody would know. */
const untilGone = (engine: SessionEngine["Service"], id: SessionId, operation: string) =>
  Effect.catchReason(
    Effect.asVoid(engine.when(id, spawning.isOver, operation)),
    "AtlasError",
    "NotTracked",
    () => engine.stopped(operation) ?? Effect.void
  )

const stopVerb = ({ engine, find }: VerbContext): Verbs["stopTracked"] => (id, options) =>
  Effect.gen(function*() {
    const { state } = yield* find(id, "stopTracked")
    const limit = yield* decodeTimeout(options?.timeout ?? spawning.stopTimeout, "stopTracked")
    yield* engine.tell(state.spec.id, { _tag: "StopRequested", by: "caller" }, "stopTracked")
    yield* Effect.timeoutOrElse(untilGone(engine, state.spec.id, "stopTracked"), {
      duration: limit,
      orElse: () => {
        const computeId = engine.get(state.spec.id)?.state.last ?? null
        const message = "not verified gone yet; the orchestrator goes on ending it"
        return fail("stopTracked", new Uncertain({ computeId, message }))
      }
    })
  })

const isReady = ({ compute, state: { phase } }: Seen): boolean =>
  phase._tag === "Live" && phase.status === "running" && compute !== null

const awaitTracked = (engine: SessionEngine["Service"], { state: { spec } }: Seen, limit: Duration.Duration) =>
  Effect.gen(function*() {
    const settled = engine.when(spec.id, (one) => isReady(one) || spawning.isEnding(one), "awaitReady")
    const seen = yield* Effect.timeoutOrElse(settled, {
      duration: limit,
      orElse: () => {
        const lastSeen = engine.get(spec.id)?.compute ?? null
        return fail("awaitReady", new Timeout({ lastSeen, message: "it was not running in time; nothing was ended" }))
      }
    })
    return seen.compute !== null && isReady(seen) ? seen.compute : yield* spawning.failureOf(seen.state, "awaitReady")
  })

/** A session is waited for without a request of ours; what is no session here is looked at where the caller says it is. */
const awaitReadyVerb = ({ engine, find, providers }: VerbContext): Verbs["awaitReady"] => (id, options) =>
  Effect.gen(function*() {
    const limit = yield* decodeTimeout(options?.timeout ?? Readiness.defaultTimeout, "awaitReady")
    const { interval, provider } = options ?? {}
    const found = yield* Effect.result(find(id, "awaitReady"))
    if (found._tag === "Success") return yield* awaitTracked(engine, found.success, limit)
    if (provider === undefined) return yield* found.failure
    const service = yield* providers.get(provider, "awaitReady")
    return yield* Readiness.awaitRunning(service, id, { timeout: limit, interval }, undefined)
  })

/** Nothing comes after these. */
const isLast = (element: SessionElement): boolean =>
  element._tag === "State"
    ? element.session.state === "ended"
    : element._tag === "Event" && (element.event._tag === "Ended" || element.event._tag === "Released")

const eventsVerb = ({ engine, find, infoOf, list }: VerbContext): Verbs["events"] => (id) =>
  Stream.unwrap(Effect.gen(function*() {
    const known = id === null ? null : (yield* find(id, "events")).state.spec.id
    // heard from before it is looked at: nothing can fall in between
    const news = yield* engine.events(known)
    const now = known === null ? yield* list : [yield* Effect.flatMap(find(known, "events"), infoOf)]
    const states = Stream.fromIterable(now.map((session): SessionElement => ({ _tag: "State", session })))
    const told = Stream.map(news, (delivery): SessionElement =>
      delivery._tag === "Message"
        ? { _tag: "Event", ...delivery.message }
        : { _tag: "Gap", lost: delivery._tag === "Gap" ? delivery.lost : 0 })
    const all = Stream.concat(states, told)
    return known === null ? all : Stream.takeUntil(all, isLast)
  }))

const decodeOwner = decoder(Owner, "owner")
const decodeNames = decoder(Schema.Array(Schema.NonEmptyString), "withhold")

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

export const checkWatch = (options: WatchOptions): Effect.Effect<void, AtlasError> =>
  Effect.andThen(
    checkDurations(options, ["pollInterval", "reapGrace"]),
    Effect.asVoid(decodeNames(options.withhold ?? [], "orchestrator"))
  )

export const checkEngine = (options: Options): Effect.Effect<Owner, AtlasError> =>
  Effect.andThen(checkDurations(options, ["retention", "closeWithin"]), decodeOwner(options.owner, "orchestrator"))

const isSessionId = Schema.is(SessionId)
const isComputeId = Schema.is(ComputeId)

/** Those that can be asked; the others are named once. */
const usableOf = Effect.fnUntraced(function*({ all }: Providers["Service"]) {
  for (const { id, implemented, missing } of all) {
    if (implemented && missing.length > 0) {
      yield* Effect.logWarning(`${id} is neither watched nor cleaned up: ${missing.join(", ")}`)
    }
  }
  return all.filter(isUsable)
})

/** Judges listings beside the feed, one at a time for each account; what comes meanwhile is judged with the next one. */
const judgeAside = (reaper: Reaper.Reaper, reaped: ReadonlyArray<Service>, scope: Scope.Scope) => {
  const busy = new Set<ProviderId>()
  const ids = new Set(reaped.map(({ id }) => id))
  return (listing: ProviderFeed.Listing): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { id } = listing.provider
      if (!ids.has(id) || busy.has(id)) return Effect.void
      busy.add(id)
      return reaper.judge(listing).pipe(
        Effect.catchDefect((defect) => Effect.logError(`${id}: the reaper broke: ${locate(defect)}`)),
        Effect.ensuring(Effect.sync(() => busy.delete(id))),
        Effect.forkIn(scope),
        Effect.asVoid
      )
    })
}

/** Starts the watch over an engine; see `Orchestrator.make`. */
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
  yield* ProviderFeed.start({
    engine,
    providers: usable,
    interval: options.pollInterval,
    alwaysListed: reapedIds,
    onListing: judgeAside(reaper, reaped, yield* Effect.scope)
  })
  const spending = Effect.map(Clocks.read, (now) => Spending.of(engine.all(), now))
  yield* Effect.flatMap(spending, Spending.show).pipe(Effect.delay("1 minute"), Effect.forever, Effect.forkScoped)

  const find: VerbContext["find"] = (id, operation) =>
    Effect.suspend(() => {
      const seen = (isSessionId(id) ? engine.get(id) : undefined) ??
        (isComputeId(id) ? engine.byCompute(id) : undefined)
      return seen === undefined ? Effect.fail(engine.stopped(operation) ?? notTracked(operation)) : Effect.succeed(seen)
    })
  const infoOf = ({ state }: Seen) => SessionInfo.now(state)
  const info = (id: string, operation: string) => Effect.flatMap(find(id, operation), infoOf)
  const list = Effect.map(
    Clocks.read,
    (now) => Array.from(engine.all(), ({ state }) => SessionInfo.fromState(state, now))
  )
  const desk: VerbContext = { engine, providers, find, infoOf, list }

  const { newId, rent } = spawning.make({ engine, providers, reaped: reapedIds, withhold: options.withhold ?? [] })
  const stopTracked = stopVerb(desk)

  /** What the closing of a scope can do; the orchestrator goes on ending what was not verified in time. */
  const handBack = (id: SessionId) =>
    Effect.catch(
      stopTracked(id),
      (error) =>
        error.kind === "not_tracked" || engine.stopped("scoped") !== null
          ? Effect.void
          : Effect.logError(`${id}: ${error.message}`)
    )

  return {
    spawn: (input, settings) =>
      Effect.flatMap(newId, (id) => rent("interactive", "spawn", input, settings, id)).pipe(
        Effect.withSpan("Orchestrator.spawn")
      ),
    runTask: (input, settings) =>
      Effect.flatMap(newId, (id) => rent("task", "runTask", input, settings, id)).pipe(
        Effect.withSpan("Orchestrator.runTask")
      ),
    scoped: Effect.fn("Orchestrator.scoped")(function*(input, settings) {
      const id = yield* newId
      // promised before it is asked for, so that no moment is left in which it is nobody's
      yield* Effect.addFinalizer(() => handBack(id))
      return yield* rent("interactive", "scoped", input, settings, id)
    }),
    touch: (id) =>
      Effect.flatMap(find(id, "touch"), (seen) =>
        engine.stopped("touch") ?? (spawning.isEnding(seen)
          ? Effect.fail(notTracked("touch", "the session is over: a touch keeps it no longer"))
          : Effect.sync(() => engine.touch(seen.state.spec.id)))),
    info: (id) => info(id, "info"),
    getCompute: (id) => Effect.map(find(id, "getCompute"), ({ compute }) => compute),
    stopTracked,
    listIds: Effect.sync(() =>
      Array.from(engine.all()).flatMap((seen) => spawning.isOver(seen) ? [] : [seen.state.spec.id])
    ),
    list,
    awaitReady: awaitReadyVerb(desk),
    awaitEnd: (id) =>
      Effect.flatMap(
        find(id, "awaitEnd"),
        ({ state }) => Effect.flatMap(engine.when(state.spec.id, spawning.isOver, "awaitEnd"), infoOf)
      ),
    events: eventsVerb(desk),
    spend: (id) => Effect.map(info(id, "spend"), ({ spentUsd }) => spentUsd),
    spending,
    reapNow: (settings) => reaper.cycle(reaped, settings)
  }
})
