/**
 * What is known of each app's token in this process: the one in use, the one being looked for, and who waits for it.
 *
 * An app that nobody has a token for, and one that nobody asks for any more, leaves nothing behind.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Scope from "effect/Scope"
import type { AppName } from "../AppName.ts"
import type { FlyError } from "../FlyError.ts"
import type { FlyToken } from "../FlyTokens.ts"
import type { RefusedTokens } from "./refusedTokens.ts"
import type { Found } from "./tokenChain.ts"

/** How long a token from the fly command's file is believed before the file is looked at again. */
const fileGlance = Duration.seconds(1)

/** Among this many of the oldest apps one is looked for to make room: with more searches than that going on, none is. */
const mostLooks = 100

/** A token in use. */
export interface Held {
  /** As it is handed out from here. */
  readonly token: FlyToken
  /** The same as the answer to whoever asks; made once, since this is the fast path. */
  readonly answer: Effect.Effect<FlyToken>
  /** When it ends, in milliseconds. */
  readonly until: number
  readonly stamp: string | null
  /** Until when it is handed out without another look. */
  goodUntil: number
  /** Whether somebody asked for it since it was acquired. */
  wasUsed: boolean
}

/** One search for a token, shared by all who wait for it. */
interface Flight {
  readonly kind: FlightKind
  readonly done: Deferred.Deferred<Found, FlyError>
  waiters: number
  fiber: Fiber.Fiber<Found, FlyError> | null
}

/** `find` may use what is stored; `renew` replaces a token that is still good; `replace` one that was refused. */
export type FlightKind = "find" | "renew" | "replace"

interface Cell {
  held: Held | null
  flight: Flight | null
}

export interface Options {
  readonly capacity: number
  readonly softExpiryLead: Duration.Duration
  readonly refused: RefusedTokens
  /** Looks for a token; `held` is the one in use. */
  readonly search: (app: AppName, kind: FlightKind, held: Held | null) => Effect.Effect<Found, FlyError>
  /** Told of every token that is now in use and should be stored. */
  readonly persist: (app: AppName, found: Found) => Effect.Effect<void>
}

/** The cells; every fiber they start ends with the scope. */
export const make = Effect.fnUntraced(function*({ capacity, persist, refused, search, softExpiryLead }: Options) {
  const scope = yield* Scope.Scope
  const cells = new Map<string, Cell>()
  const timers = yield* FiberMap.make<string, void, never>()

  const tidy = (app: string, cell: Cell): void => {
    if (cell.held === null && cell.flight === null && cells.get(app) === cell) cells.delete(app)
  }

  const drop = (app: AppName, held: Held): void => {
    const cell = cells.get(app)
    if (cell === undefined || cell.held !== held) return
    cell.held = null
    tidy(app, cell)
  }

  /** The least recently acquired that nobody waits for makes room. */
  const makeRoom = Effect.suspend(() => {
    if (cells.size < capacity) return Effect.void
    let looked = 0
    for (const [app, { flight }] of cells) {
      if (++looked > mostLooks) break
      if (flight !== null) continue
      cells.delete(app)
      return FiberMap.remove(timers, app)
    }
    return Effect.void
  })

  /** Renews a token ahead of its end, if anybody asked for it, and forgets it at its end. */
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

  const hold = Effect.fnUntraced(function*(app: AppName, flight: Flight, found: Found) {
    const cell = cells.get(app) ?? { held: null, flight: null }
    if (!found.keep || refused.has(app, found.token)) return
    // who was left behind by a later search keeps out of its way
    if (cell.flight !== flight && cell.held !== null) return
    const now = yield* Clock.currentTimeMillis
    const until = found.expiresAt === null ? Infinity : found.expiresAt * 1000
    const { expiresAt, stamp, token } = found
    const hit: FlyToken = { token, expiresAt, source: "ets", acquirer: "facade" }
    const held: Held = {
      token: hit,
      answer: Effect.succeed(hit),
      until,
      stamp,
      goodUntil: stamp === null ? until : Math.min(until, now + Duration.toMillis(fileGlance)),
      wasUsed: flight.kind !== "renew"
    }
    cell.held = held
    // the youngest is the last to make room
    cells.delete(app)
    cells.set(app, cell)
    if (found.persist) yield* persist(app, found)
    yield* until === Infinity ? FiberMap.remove(timers, app) : FiberMap.run(timers, app, watch(app, held, now))
  })

  const launch = Effect.fnUntraced(function*(app: AppName, kind: FlightKind) {
    if (!cells.has(app)) yield* makeRoom
    const cell = cells.get(app) ?? { held: null, flight: null }
    cells.set(app, cell)
    const flight: Flight = { kind, done: Deferred.makeUnsafe(), waiters: 0, fiber: null }
    cell.flight = flight
    const { held } = cell
    const fiber = yield* search(app, kind, held).pipe(
      Effect.tap((found) => found.source === "ets" ? Effect.void : Effect.uninterruptible(hold(app, flight, found))),
      Effect.interruptible,
      Effect.forkIn(scope)
    )
    flight.fiber = fiber
    fiber.addObserver((exit) => {
      if (cell.flight === flight) cell.flight = null
      tidy(app, cell)
      Deferred.doneUnsafe(flight.done, exit)
    })
    return flight
  })

  /** Nobody waits any more: the search ends too, except one that renews, which nobody waited for in the first place. */
  const leave = (app: AppName, flight: Flight) =>
    Effect.sync(() => {
      flight.waiters -= 1
      if (flight.waiters > 0 || flight.kind === "renew" || Deferred.isDoneUnsafe(flight.done)) return
      const cell = cells.get(app)
      if (cell?.flight === flight) cell.flight = null
      flight.fiber?.interruptUnsafe()
    })

  /** Waits for the search that is going on, or starts one. */
  const join = (app: AppName, kind: FlightKind): Effect.Effect<Found, FlyError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const current = cells.get(app)?.flight ?? null
        const flight = current !== null && (kind === "find" || current.kind === kind)
          ? current
          : yield* launch(app, kind)
        flight.waiters += 1
        return yield* Effect.ensuring(restore(Deferred.await(flight.done)), leave(app, flight))
      })
    )

  /** Takes the token out of use for ever; who asks from now on starts another search. */
  const forget = (app: string): void => {
    const cell = cells.get(app)
    if (cell === undefined) return
    if (cell.held !== null) refused.add(app, cell.held.token.token)
    cell.held = null
    cell.flight = null
    tidy(app, cell)
  }

  return {
    /** What is known of the token of an app, to look at and nothing else. */
    held: (app: string): Held | null | undefined => cells.get(app)?.held,
    /** Whether a replacement is being looked for. */
    isReplacing: (app: string): boolean => cells.get(app)?.flight?.kind === "replace",
    join,
    forget,
    /** Takes a token out of use that was found to be refused. */
    dropRefused: (app: AppName): void => {
      const held = cells.get(app)?.held ?? null
      if (held !== null && refused.has(app, held.token.token)) drop(app, held)
    },
    /** Who asks from now on does not share a search that began before. */
    detach: (app: string): void => {
      const cell = cells.get(app)
      if (cell === undefined) return
      cell.flight = null
      tidy(app, cell)
    },
    /** The file a token came from has not changed. */
    glanced: (held: Held, now: number): void => {
      held.goodUntil = Math.min(held.until, now + Duration.toMillis(fileGlance))
    },
    size: (): number => cells.size
  }
})

export type TokenCells = Effect.Success<ReturnType<typeof make>>
