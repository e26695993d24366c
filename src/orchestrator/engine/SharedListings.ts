/**
 * Complete listings of accounts, shared by all who need one: a listing that is complete answers every question, so that many lost
 * creates cost no more than one.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { AtlasError, Timeout } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import type { Unaddressable } from "../../provider/Listing.ts"
import type { Service } from "../../provider/Provider.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Spans from "../../telemetry/Spans.ts"
import { atMost } from "../internal/patience.ts"
import type { Now } from "../session/Clock.ts"
import * as Clocks from "./Clocks.ts"

/** One complete listing of an account. */
export interface Listing {
  readonly provider: Service
  /** When the request was sent: a machine that was made later may be missing. */
  readonly begunAt: Now
  readonly computes: ReadonlyArray<Compute>
  /** Entries that may be any machine that is missing. */
  readonly unaddressable: ReadonlyArray<Unaddressable>
}

/** The time limit of a whole listing: at one page a second, more pages than any account has. */
const listingLimit = "10 minutes"

/** One that hangs in an adapter, and cannot be interrupted there, is given up then. */
const givenUpAfter = "11 minutes"

/** A caller joins no listing that has been under way for longer: the provider may never answer it. */
const longestJoined = 30_000

/** Lists all machines of an account; fails when a page is missing. */
export const list = (provider: Service): Effect.Effect<Listing, AtlasError> =>
  Effect.gen(function*() {
    const begunAt = yield* Clocks.read
    const answer = yield* atMost(provider.compute.listAll({}, { timeout: listingLimit }), givenUpAfter)
    if (Option.isNone(answer)) {
      const reason = new Timeout({ message: `no answer within ${givenUpAfter}` })
      return yield* new AtlasError({ provider: provider.id, operation: "listCompute", reason })
    }
    const { computes, unaddressable } = answer.value
    return { provider, begunAt, computes, unaddressable }
  }).pipe(Effect.withSpan(Spans.listing, { root: true, attributes: { [Attributes.provider]: provider.id } }))

/** Is told of each complete listing. */
export type Listener = (listing: Listing) => Effect.Effect<void>

/** The listings of an engine's accounts, of each account one at a time. */
export interface SharedListings {
  /**
   * The listing of an account that is under way, or else a new one, which begins now, or one poll interval after the last one
   * began where the caller is not a feed.
   */
  readonly next: (provider: Service, options?: { readonly isFeed: boolean }) => Effect.Effect<Listing, AtlasError>
  /** Tells of each complete listing, before it is answered, until the scope closes. */
  readonly listen: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
}

interface Account {
  /** Monotonic clock: when the last listing began. */
  begunAt: number | null
  current: { readonly answer: Deferred.Deferred<Listing, AtlasError>; readonly since: number } | null
}

/** No account is listed yet; closing the scope interrupts the listings. */
export const make: Effect.Effect<SharedListings, never, Scope.Scope> = Effect.map(Effect.scope, (scope) => {
  const accounts = new Map<ProviderId, Account>()
  const listeners = new Set<Listener>()
  const accountOf = (id: ProviderId): Account => {
    const account = accounts.get(id) ?? { begunAt: null, current: null }
    accounts.set(id, account)
    return account
  }

  const begin = (provider: Service, account: Account, pause: number) =>
    Effect.gen(function*() {
      if (pause > 0) yield* Effect.sleep(pause)
      account.begunAt = (yield* Clocks.read).mono
      const listing = yield* list(provider)
      yield* Effect.forEach(listeners, (listener) => listener(listing), { discard: true })
      return listing
    })

  return {
    next: (provider, { isFeed } = { isFeed: false }) =>
      Effect.flatMap(Clocks.read, ({ mono }) => {
        const account = accountOf(provider.id)
        if (account.current !== null && mono - account.current.since < longestJoined) {
          return Deferred.await(account.current.answer)
        }
        const since = account.begunAt
        const pause = isFeed || since === null ? 0 : since + Duration.toMillis(provider.pollInterval) - mono
        const current = { answer: Deferred.makeUnsafe<Listing, AtlasError>(), since: mono + Math.max(0, pause) }
        account.current = current
        return begin(provider, account, pause).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              if (account.current === current) account.current = null
              Deferred.doneUnsafe(current.answer, exit)
            })
          ),
          Effect.exit,
          Effect.forkIn(scope),
          Effect.andThen(Deferred.await(current.answer))
        )
      }),
    listen: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      )
  }
})
