/** The front desk put together: an engine, its feeds, its reaper, and the verbs over them. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import type { Service } from "../../provider/Provider.ts"
import { isUsable, Providers } from "../../provider/Providers.ts"
import * as Clocks from "../engine/Clocks.ts"
import { notTracked } from "../engine/Waiters.ts"
import type { Orchestrator, WatchOptions } from "../Orchestrator.ts"
import * as ProviderFeed from "../ProviderFeed.ts"
import * as Reaper from "../Reaper.ts"
import { SessionId } from "../session/Ids.ts"
import { type Seen, SessionEngine } from "../SessionEngine.ts"
import * as SessionInfo from "../SessionInfo.ts"
import { SessionStore } from "../SessionStore.ts"
import * as Spending from "../Spending.ts"
import { locate } from "./defects.ts"
import * as renting from "./renting.ts"
import * as watching from "./watching.ts"

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

  const find: watching.Desk["find"] = (id, operation) =>
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
  const desk: watching.Desk = { engine, providers, find, infoOf, list }

  const { newId, rent } = renting.make({ engine, providers, reaped: reapedIds, withhold: options.withhold ?? [] })
  const stopTracked = watching.stopTracked(desk)

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
        engine.stopped("touch") ?? (renting.isEnding(seen)
          ? Effect.fail(notTracked("touch", "the session is over: a touch keeps it no longer"))
          : Effect.sync(() => engine.touch(seen.state.spec.id)))),
    info: (id) => info(id, "info"),
    getCompute: (id) => Effect.map(find(id, "getCompute"), ({ compute }) => compute),
    stopTracked,
    listIds: Effect.sync(() =>
      Array.from(engine.all()).flatMap((seen) => renting.isOver(seen) ? [] : [seen.state.spec.id])
    ),
    list,
    awaitReady: watching.awaitReady(desk),
    awaitEnd: (id) =>
      Effect.flatMap(
        find(id, "awaitEnd"),
        ({ state }) => Effect.flatMap(engine.when(state.spec.id, renting.isOver, "awaitEnd"), infoOf)
      ),
    events: watching.events(desk),
    spend: (id) => Effect.map(info(id, "spend"), ({ spentUsd }) => spentUsd),
    spending,
    reapNow: (settings) => reaper.cycle(reaped, settings)
  }
})
