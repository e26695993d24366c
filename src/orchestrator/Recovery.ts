/**
 * Cleans up after a process that is gone, within one run: takes over its sessions and ends those that should not go on, and ends
 * machines that carry the owner's name and belong to no session.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { AtlasError } from "../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../domain/Decode.ts"
import type { ComputeId, ProviderId } from "../domain/Ids.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import { Owner } from "../provider/NameStamp.ts"
import type { Service } from "../provider/Provider.ts"
import { isUsable, Providers, type Which } from "../provider/Providers.ts"
import * as Spans from "../telemetry/Spans.ts"
import * as Clocks from "./engine/Clocks.ts"
import * as ProviderFeed from "./ProviderFeed.ts"
import * as Reaper from "./Reaper.ts"
import { AttemptId, type SessionId } from "./session/Ids.ts"
import { nextWake } from "./session/Limits.ts"
import { placesOf, type SessionState } from "./session/State.ts"
import * as SessionEngine from "./SessionEngine.ts"
import * as SessionInfo from "./SessionInfo.ts"
import { loadAll, SessionStore, type Unreadable } from "./SessionStore.ts"

/**
 * What a recovery does next, for a caller that shows its progress.
 *
 * **Details**
 *
 * `Settling`: waits until these stored sessions are settled. `Listing`: lists these accounts. `Proving`: these machines belong
 * to no session, and are listed again after the grace.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | { readonly _tag: "Settling"; readonly sessions: ReadonlyArray<SessionId> }
  | { readonly _tag: "Listing"; readonly providers: ReadonlyArray<ProviderId> }
  | { readonly _tag: "Proving"; readonly computeIds: ReadonlyArray<ComputeId>; readonly grace: Duration.Duration }

/**
 * Settings of a recovery.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The owner of the process that is gone: 1 to 16 of `a-z 0-9`. */
  readonly owner: string
  /** Recovers sessions and machines of this provider only; default all that are set up. */
  readonly provider?: Which | undefined
  /** A machine younger than this is left alone; default 1 minute. */
  readonly grace?: Duration.Input | undefined
  /**
   * Also ends what another store of this owner has rented; default false. For a store that was lost: while a process works with the
   * other store, this ends its machines.
   */
  readonly otherStores?: boolean | undefined
  /** Changes nothing and answers which machines would be ended; takes no owner lock. Default false. */
  readonly dryRun?: boolean | undefined
  /** Is called before each step; the recovery waits for it. */
  readonly onStep?: ((step: Step) => Effect.Effect<void>) | undefined
}

/**
 * A session that was open and is over now, and its last machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settled {
  readonly id: SessionId
  readonly computeId: ComputeId | null
}

/**
 * A session that is neither over nor known to be running as it should, and why, as far as it is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsettled extends Pick<SessionInfo.SessionInfo, "id" | "provider" | "computeId" | "state"> {
  readonly message: string
}

/**
 * What a recovery did.
 *
 * **Details**
 *
 * `ended` and `left` are machines that no session has, as the reaper judged them. `unlisted` are accounts that could not be
 * listed, and those that an open session may have a machine in and that cannot be asked from here. `unreadable` are stored
 * sessions whose record cannot be read, so that no process watches their machines; `*` stands for all of a store that cannot be
 * read. In a dry run `sessions` and `unsettled` are empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report extends Reaper.Reaped {
  readonly sessions: ReadonlyArray<Settled>
  readonly unsettled: ReadonlyArray<Unsettled>
  readonly unreadable: ReadonlyArray<Pick<Unreadable, "id" | "message">>
}

const operation = "recover"

/** The second listing begins this long after the grace, to be surely past it. */
const graceMargin = Duration.millis(100)
/** How long sessions may take to settle: as long as closing an orchestrator would wait. */
const settleLimit = "30 seconds"
/** A missing machine counts only once the provider's settle window is over, so one listing may not be enough. */
const listEvery = "2 seconds"
/** How often it is checked whether the sessions are settled: a new listing may settle one without any event. */
const checkEvery = "100 millis"
/** Sessions have had `settleLimit` to end, so closing the engine need not wait long. */
const closeWithin = "1 second"

const decodeOwner = decoder(Owner, "owner")
const decodeGrace = decoder(PositiveDuration, "grace")

const hasEnded = ({ phase }: SessionState): boolean => phase._tag === "Ended"

/** The providers that are set up, and the one that the caller named. */
interface Targets {
  readonly usable: ReadonlyArray<Service>
  readonly named: Service | null
}

/** Open sessions to settle, and those of their providers that cannot be reached from here, each with the reason. */
interface Open {
  readonly ids: ReadonlyArray<SessionId>
  readonly unreached: ReadonlyMap<ProviderId, string>
}

/** The open ones of these sessions, at the named provider or at all. */
const findOpen = Effect.fnUntraced(function*(
  all: Iterable<SessionState>,
  providers: Providers["Service"],
  { named, usable }: Targets
): Effect.fn.Return<Open> {
  const states = [...all].filter((state) =>
    !hasEnded(state) && (named === null || placesOf(state).some((place) => place === named.id))
  )
  const reachable = new Set(usable.map(({ id }) => id))
  const unreached = new Map<ProviderId, string>()
  for (const place of new Set(states.flatMap(placesOf))) {
    if (reachable.has(place)) continue
    const found = yield* Effect.result(providers.get(place, operation))
    unreached.set(
      place,
      Result.isFailure(found)
        ? `${place} is not set up here`
        : found.success.missing.length > 0
        ? `${place} needs ${found.success.missing.join(" and ")}, which is not set here`
        : `this version cannot talk to ${place}`
    )
  }
  return { ids: states.map(({ spec }) => spec.id), unreached }
})

/** A machine that is listed, of a session that is on record as over. */
interface Returned {
  readonly session: SessionId
  readonly provider: ProviderId
  readonly computeId: ComputeId
}

/** What the listings show of sessions that are over: their provider said once that the machine was gone. */
const findReturned = (
  engine: SessionEngine.SessionEngine["Service"],
  { left }: Reaper.Reaped
): ReadonlyArray<Returned> =>
  left.flatMap(({ computeId, name, provider, why }) => {
    const stamp = why === "known" ? NameStamp.parse(name ?? "") : null
    const state = stamp === null ? undefined : engine.byAttempt(AttemptId.make(stamp.attempt))?.state
    return state !== undefined && hasEnded(state) ? [{ session: state.spec.id, provider, computeId }] : []
  })

/** Why a session is not settled. */
const messageOf = (state: SessionState, { unreached }: Open): string => {
  const { phase, pendingTerminations } = state
  const unreachable = placesOf(state).flatMap((place) => unreached.get(place) ?? [])
  const faults = pendingTerminations.flatMap(({ fault }) => fault === null ? [] : [fault.message])
  const [first] = [...unreachable, ...faults, ...phase._tag === "Resolving" ? [phase.cause.message] : []]
  if (first !== undefined) return first
  return phase._tag === "Live" ? "its machine could not be looked at in time" : "it is not verified to be over yet"
}

/**
 * Waits until each of these sessions is over or, if it persists, shown to be running by a complete listing; within
 * `settleLimit`, and not for sessions whose providers cannot be reached from here. `report` answers their state when it is run.
 */
const settle = Effect.fnUntraced(function*(
  engine: SessionEngine.SessionEngine["Service"],
  open: Open,
  { usable }: Targets,
  returned: ReadonlyArray<Returned> = []
) {
  const { unreached } = open
  const ids = [...open.ids, ...new Set(returned.map(({ session }) => session))]
  const listings = new Map<ProviderId, ProviderFeed.Listing>()
  const stateOf = (id: SessionId): SessionState | null => engine.get(id)?.state ?? null

  /** Whether a session runs as it should: its provider lists its machine, and nothing is in doubt or due. */
  const goesOn = (state: SessionState, due: number | null, mono: number): boolean => {
    const { phase, report, pendingTerminations, spec, timers } = state
    if (!spec.persist || report !== null || pendingTerminations.length > 0 || (due !== null && due <= mono)) {
      return false
    }
    if (phase._tag === "Waiting") return true
    if (phase._tag !== "Live" || timers.check !== null) return false
    return listings.get(phase.provider)?.computes.find(({ id }) => id === phase.computeId)?.isLive ?? false
  }
  /** Whether it is over, and nothing that it has rented is listed or being ended. */
  const isOver = (state: SessionState): boolean => {
    const machines = returned.filter(({ session }) => session === state.spec.id)
    return hasEnded(state) && (machines.length === 0 || state.pendingTerminations.length === 0) &&
      machines.every(({ computeId, provider }) =>
        listings.get(provider)?.computes.every(({ id, isLive }) => id !== computeId || !isLive) ?? false
      )
  }
  const isSettled = (id: SessionId): Effect.Effect<boolean> =>
    Effect.map(Clocks.read, (now) => {
      const state = stateOf(id)
      return state === null || isOver(state) || goesOn(state, nextWake(state, now, engine.config), now.mono)
    })
  const isHopeless = (id: SessionId): boolean => {
    const state = stateOf(id)
    const places = state === null ? [] : placesOf(state)
    return places.length > 0 && places.every((place) => unreached.has(place))
  }

  const awaited = ids.filter((id) => !isHopeless(id))
  if (ids.length > 0) {
    const wait = Effect.gen(function*() {
      yield* ProviderFeed.start({
        engine,
        providers: usable,
        interval: listEvery,
        alwaysListed: new Set(returned.map(({ provider }) => provider)),
        onListing: (listing) => Effect.sync(() => void listings.set(listing.provider.id, listing))
      })
      // checked only when the engine has handled the last listing
      const areSettled = Effect.suspend(() =>
        engine.isQuiet()
          ? Effect.map(Effect.forEach(awaited, isSettled), (all) => all.every((isSettled) => isSettled))
          : Effect.succeed(false)
      )
      while (!(yield* areSettled)) yield* Effect.sleep(checkEvery)
    })
    yield* Effect.timeoutOption(Effect.scoped(wait), settleLimit)
  }

  const report = Effect.gen(function*() {
    const sessions: Array<Settled> = []
    const unsettled: Array<Unsettled> = []
    for (const id of ids) {
      const state = stateOf(id)
      if (state === null) continue
      if (isOver(state)) sessions.push({ id, computeId: state.last })
      else if (!(yield* isSettled(id))) {
        const { computeId, provider, state: current } = yield* SessionInfo.now(state)
        unsettled.push({ id, provider, computeId, state: current, message: messageOf(state, open) })
      }
    }
    return { sessions, unsettled }
  })
  return { report }
})

/** What a reaper needs of an engine, answered from the store: without the owner lock, so also beside a working orchestrator. */
const readOnlyEngine = (owner: Owner, store: SessionStore["Service"]) =>
  Effect.map(loadAll(store, owner), ({ sessions, unreadable }) => {
    const byAttempt = new Map<AttemptId, SessionEngine.Seen>()
    const byCompute = new Map<string, SessionEngine.Seen>()
    const keyOf = (provider: ProviderId, computeId: ComputeId) => `${provider} ${computeId}`
    for (const state of sessions) {
      const seen = { state, compute: null, recorded: true }
      for (const { id } of state.attempts) byAttempt.set(id, seen)
      for (const { computeId, provider } of state.pendingTerminations) byCompute.set(keyOf(provider, computeId), seen)
      if (state.phase._tag === "Live") byCompute.set(keyOf(state.phase.provider, state.phase.computeId), seen)
    }
    const engine: Reaper.Options["engine"] = {
      owner,
      unreadable: () => unreadable,
      byAttempt: (attempt) => byAttempt.get(attempt),
      byCompute: (provider, computeId) => byCompute.get(keyOf(provider, computeId))
    }
    return { engine, sessions }
  })

/** Runs two cycles of a reaper, the grace apart, unless the first leaves nothing to prove. */
const reap = Effect.fnUntraced(function*(
  engine: Reaper.Options["engine"],
  { named, usable }: Targets,
  { announce, dryRun, grace, otherStores, store }: {
    readonly store: SessionStore["Service"]
    readonly grace: Duration.Duration
    readonly otherStores: boolean
    readonly dryRun: boolean
    readonly announce: (step: Step) => Effect.Effect<void>
  }
) {
  const reaper = Reaper.make({ engine, store, grace, otherStores })
  const providers = named === null ? usable : [named]
  yield* announce({ _tag: "Listing", providers: providers.map(({ id }) => id) })
  const first = yield* reaper.cycle(providers, { dryRun })
  const suspects = first.left.filter(({ why }) => why === "young" || why === "seen_once")
  if (suspects.length === 0) return first
  yield* announce({ _tag: "Proving", computeIds: suspects.map(({ computeId }) => computeId), grace })
  yield* Effect.sleep(Duration.sum(grace, graceMargin))
  return yield* reaper.cycle(providers, { dryRun })
})

/**
 * Settles the sessions that a process of this owner has left, and ends machines that provably belong to no session; what
 * `atlas reap` does.
 *
 * **When to use**
 *
 * From a timer, beside orchestrators that start seldom or not at all. A running orchestrator does all of this by itself.
 *
 * **Details**
 *
 * It takes the owner lock, so it fails as `StorageFault` while an orchestrator of that owner works; a dry run does not.
 * With the lock it takes the sessions over: those that do not persist are ended, those that persist are ended when their time
 * is up or their machine is gone, and so is a machine that is listed again after its session was over. It waits half a minute for that at most; what is still open then is `unsettled`, stays in
 * the store, and is tried again by the next recovery or orchestrator. Then the accounts are listed. A machine that carries the
 * owner's name and that no session has is ended once two complete listings have shown it, the grace apart. With nothing to
 * prove it answers after the first.
 *
 * A bad owner or grace and an unknown provider fail as `Validation`, a store that cannot be read in a dry run as
 * `StorageFault`. A failure of one account or one session is part of the answer.
 *
 * **Example** (Every hour, from a timer)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Providers } from "effect-atlas"
 * import { Recovery } from "effect-atlas/orchestrator"
 * import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
 * import * as LocalProvider from "effect-atlas/providers/LocalProvider"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const layer = Layer.mergeAll(SessionStoreSqlite.layer(), Providers.layer(LocalProvider.layer())).pipe(
 *   Layer.provide(NodeServices.layer)
 * )
 *
 * const program = Effect.gen(function*() {
 *   const { ended, unlisted, unreadable, unsettled } = yield* Recovery.run({ owner: "shop", grace: "5 minutes" })
 *   yield* Effect.logInfo(`${ended.length} machines that no session had were ended`)
 *   for (const { id, message } of unsettled) yield* Effect.logError(`session ${id} is still open: ${message}`)
 *   for (const { id, message } of unreadable) yield* Effect.logError(`session ${id} cannot be read: ${message}`)
 *   for (const provider of unlisted) yield* Effect.logError(`${provider} could not be listed`)
 * }).pipe(Effect.provide(layer))
 * ```
 *
 * @category recovery
 * @since 0.1.0
 */
export const run = Effect.fn(Spans.recovery)(function*(
  options: Options
): Effect.fn.Return<Report, AtlasError, Providers | SessionStore> {
  const owner = yield* decodeOwner(options.owner, operation)
  const grace = yield* decodeGrace(options.grace ?? Reaper.defaultGrace, operation)
  const { dryRun = false, onStep: announce = () => Effect.void, otherStores = false, provider } = options
  const providers = yield* Providers
  const store = yield* SessionStore
  const targets: Targets = {
    usable: providers.all.filter(isUsable),
    named: provider === undefined ? null : yield* providers.get(provider, operation)
  }
  const judge = (engine: Reaper.Options["engine"]) =>
    reap(engine, targets, { store, grace, otherStores, dryRun, announce })
  const complete = (reaped: Reaper.Reaped, { unreached }: Open, engine: Reaper.Options["engine"]) => ({
    ...reaped,
    unlisted: [...new Set([...reaped.unlisted, ...unreached.keys()])],
    unreadable: engine.unreadable().map(({ id, message }) => ({ id, message }))
  })
  if (dryRun) {
    const { engine, sessions } = yield* readOnlyEngine(owner, store)
    const open = yield* findOpen(sessions, providers, targets)
    return { ...complete(yield* judge(engine), open, engine), sessions: [], unsettled: [] }
  }
  return yield* Effect.scoped(Effect.gen(function*() {
    // the engine takes the owner lock and adopts the stored sessions: those that do not persist are ended
    const engine = yield* SessionEngine.make({ owner, closeWithin })
    const open = yield* findOpen([...engine.all()].map(({ state }) => state), providers, targets)
    if (open.ids.length > 0) yield* announce({ _tag: "Settling", sessions: open.ids })
    const { report } = yield* settle(engine, open, targets)
    const reaped = yield* judge(engine)
    const returned = findReturned(engine, reaped)
    if (returned.length === 0) return { ...complete(reaped, open, engine), ...yield* report }
    // the session ends its machine itself once a listing of the feed has shown it
    yield* announce({ _tag: "Settling", sessions: returned.map(({ session }) => session) })
    const again = yield* settle(engine, open, targets, returned)
    const { ended, left } = yield* judge(engine)
    return {
      ...complete({ ...reaped, ended: [...reaped.ended, ...ended], left }, open, engine),
      ...yield* again.report
    }
  }))
})
