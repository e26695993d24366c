/**
 * The tokens of all apps in memory: the one in use, and the one search for another that all its callers share.
 *
 * An app for which no token was found, and one whose token is not used any more, leaves nothing behind.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { AppName } from "../AppName.ts"
import type { FlyError } from "../FlyError.ts"
import type { RefusedTokens } from "./refusedTokens.ts"
import type { FlyToken, Found } from "./tokenChain.ts"
import { identityOf } from "./tokenForm.ts"

/** How long a token from the fly command's file is handed out before the file is checked for changes. */
const fileCheckInterval = Duration.seconds(1)

/** Room is made among this many of the oldest apps; where each of them is being searched for, none is removed. */
const mostChecked = 100

/** A token in use. */
export interface Held {
  /** As it is handed out from here. */
  readonly token: FlyToken
  /** The same as the answer to a caller; made once, since this is the fast path. */
  readonly answer: Effect.Effect<FlyToken>
  /** When it ends, in milliseconds. */
  readonly until: number
  readonly stamp: string | null
  /** Until when it is handed out without another check. */
  goodUntil: number
  /** Whether a caller has asked for it since it was acquired. */
  wasUsed: boolean
}

/** One search for a token, shared by all callers who wait for it. */
interface Search {
  readonly kind: SearchKind
  readonly done: Deferred.Deferred<Found, FlyError>
  waiters: number
  fiber: Fiber.Fiber<Found, FlyError> | null
  /** Whether what it finds may be what was forgotten while it was running. */
  isStale: boolean
}

/** What a search found; a stale one may have found what was forgotten in the meantime. */
export interface Result {
  readonly found: Found
  readonly isStale: boolean
}

/** `find` may use what is stored; `renew` and `replace` look past it and past the token in use. */
export type SearchKind = "find" | "renew" | "replace"

interface Entry {
  held: Held | null
  inFlight: Search | null
}

export interface Options {
  readonly capacity: number
  readonly softExpiryLead: Duration.Duration
  readonly refused: RefusedTokens
  /** Searches for a token; `held` is the one in use, or the one that is to be replaced. */
  readonly search: (app: AppName, kind: SearchKind, held: Held | null) => Effect.Effect<Found, FlyError>
  /** Called with every token that is now in use and should be stored. */
  readonly persist: (app: AppName, found: Found) => Effect.Effect<void>
}

/** The cache; every fiber it starts ends with the scope. */
export const make = Effect.fnUntraced(function*({ capacity, persist, refused, search, softExpiryLead }: Options) {
  const scope = yield* Scope.Scope
  const entries = new Map<string, Entry>()
  const timers = yield* FiberMap.make<string, void, never>()

  const removeIfEmpty = (app: string, entry: Entry): void => {
    if (entry.held === null && entry.inFlight === null && entries.get(app) === entry) entries.delete(app)
  }

  const drop = (app: AppName, held: Held): void => {
    const entry = entries.get(app)
    if (entry === undefined || entry.held !== held) return
    entry.held = null
    removeIfEmpty(app, entry)
  }

  /** When the cache is full, removes the app whose token was acquired first, unless a search for it is running. */
  const makeRoom = Effect.suspend(() => {
    if (entries.size < capacity) return Effect.void
    let checked = 0
    for (const [app, { inFlight }] of entries) {
      if (++checked > mostChecked) break
      if (inFlight !== null) continue
      entries.delete(app)
      return FiberMap.remove(timers, app)
    }
    return Effect.void
  })

  /** Renews a token ahead of its end, if any caller has used it, and forgets it at its end. */
  const watch = Effect.fnUntraced(function*(app: AppName, held: Held, from: number) {
    const sleepUntil = (at: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Duration.millis(Math.max(0, at - now))))
    const renewAt = held.until - Duration.toMillis(softExpiryLead)
    if (Duration.isGreaterThan(softExpiryLead, Duration.zero) && renewAt > from) {
      yield* sleepUntil(renewAt)
      if (!held.wasUsed) return drop(app, held)
      // the new token's watch takes the place of this one; the old token stays in use until then
      yield* Effect.ignore(join(app, "renew"))
    }
    yield* sleepUntil(held.until)
    drop(app, held)
  })

  const hold = Effect.fnUntraced(function*(app: AppName, from: Search, found: Found) {
    const entry = entries.get(app) ?? { held: null, inFlight: null }
    if (!found.keep || from.isStale || refused.has(app, found.token)) return
    // a later search has brought a token already: the result of this older one does not replace it
    if (entry.inFlight !== from && entry.held !== null) return
    const now = yield* Clock.currentTimeMillis
    const until = found.expiresAt === null ? Infinity : found.expiresAt * 1000
    const { expiresAt, stamp, token } = found
    const hit: FlyToken = { token, expiresAt, source: "ets", acquirer: "facade" }
    const held: Held = {
      token: hit,
      answer: Effect.succeed(hit),
      until,
      stamp,
      goodUntil: stamp === null ? until : Math.min(until, now + Duration.toMillis(fileCheckInterval)),
      wasUsed: from.kind !== "renew"
    }
    entry.held = held
    // moved to the end of the map, whose first entries make room
    entries.delete(app)
    entries.set(app, entry)
    if (found.persist) yield* persist(app, found)
    yield* until === Infinity ? FiberMap.remove(timers, app) : FiberMap.run(timers, app, watch(app, held, now))
  })

  const launch = Effect.fnUntraced(function*(app: AppName, kind: SearchKind, replaced: Held | null) {
    if (!entries.has(app)) yield* makeRoom
    const entry = entries.get(app) ?? { held: null, inFlight: null }
    entries.set(app, entry)
    const started: Search = { kind, done: Deferred.makeUnsafe(), waiters: 0, fiber: null, isStale: false }
    entry.inFlight = started
    const { held } = entry
    const fiber = yield* search(app, kind, held ?? replaced).pipe(
      // what is in use already stays as it is
      Effect.tap((found) =>
        entry.held !== null && found.token === entry.held.token.token
          ? Effect.void
          : Effect.uninterruptible(hold(app, started, found))
      ),
      Effect.interruptible,
      Effect.forkIn(scope)
    )
    started.fiber = fiber
    fiber.addObserver((exit) => {
      if (entry.inFlight === started) entry.inFlight = null
      removeIfEmpty(app, entry)
      Deferred.doneUnsafe(started.done, exit)
    })
    return started
  })

  /** One caller stops waiting; the last one ends the search, except a renewal, which runs without any caller. */
  const leave = (app: AppName, left: Search) =>
    Effect.sync(() => {
      left.waiters -= 1
      if (left.waiters > 0 || left.kind === "renew" || Deferred.isDoneUnsafe(left.done)) return
      const entry = entries.get(app)
      if (entry?.inFlight === left) entry.inFlight = null
      left.fiber?.interruptUnsafe()
    })

  /** Waits for the search that is running, or starts one. */
  const join = (app: AppName, kind: SearchKind, replaced: Held | null = null): Effect.Effect<Result, FlyError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const current = entries.get(app)?.inFlight ?? null
        const joined = current !== null && (kind === "find" || current.kind === kind)
          ? current
          : yield* launch(app, kind, replaced)
        joined.waiters += 1
        const found = yield* Effect.ensuring(restore(Deferred.await(joined.done)), leave(app, joined))
        return { found, isStale: joined.isStale }
      })
    )

  /** Takes the token out of use and returns it; a caller who asks from now on starts another search. */
  const forget = (app: string): Held | null => {
    const entry = entries.get(app)
    if (entry === undefined) return null
    const { held, inFlight } = entry
    if (inFlight !== null) inFlight.isStale = true
    entry.held = null
    entry.inFlight = null
    removeIfEmpty(app, entry)
    return held
  }

  return {
    /** The token of an app that is in use; this neither searches for one nor counts as its use. */
    held: (app: string): Held | null | undefined => entries.get(app)?.held,
    /** Whether a search for a replacement is running. */
    isReplacing: (app: string): boolean => entries.get(app)?.inFlight?.kind === "replace",
    join,
    forget,
    /** Puts a token that was forgotten back into use, unless another one is there. */
    restore: (app: AppName, held: Held): void => {
      const entry = entries.get(app) ?? { held: null, inFlight: null }
      entry.held ??= held
      entries.set(app, entry)
    },
    /** Takes the token out of use if it is this one. */
    dropToken: (app: AppName, token: Redacted.Redacted): void => {
      const held = entries.get(app)?.held ?? null
      if (held !== null && identityOf(held.token.token) === identityOf(token)) drop(app, held)
    },
    /** A caller who asks from now on does not share a search that began before. */
    detach: (app: string): void => {
      const entry = entries.get(app)
      if (entry === undefined) return
      entry.inFlight = null
      removeIfEmpty(app, entry)
    },
    /** The file that a token came from has not changed: the token may be handed out again for a while. */
    revalidated: (held: Held, now: number): void => {
      held.goodUntil = Math.min(held.until, now + Duration.toMillis(fileCheckInterval))
    },
    size: (): number => entries.size
  }
})

export type TokenCache = Effect.Success<ReturnType<typeof make>>
