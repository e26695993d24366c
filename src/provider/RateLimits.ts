/**
 * Keeping under a cloud's request limits before it has to refuse: one pace per account, shared by all fibers.
 *
 * A pace learns from `RateLimit`, `RateLimit-Policy`, `X-RateLimit-*` and `Retry-After` headers. Callers wait in order,
 * those that end a machine before all others.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Headers from "effect/http/Headers"
import * as Latch from "effect/Latch"
import * as Redacted from "effect/Redacted"
import { RateLimited } from "../domain/AtlasError.ts"
import * as Hash from "../domain/Hash.ts"
import { policiesOf, rateLimitOf, retryAfterOf } from "./internal/httpHeaders.ts"

/** Whatever a header asks for, look again after this long: a wrong clock there must not stop us for days. */
const longestPause = Duration.toMillis("1 hour")
/** A window is used up and nobody said for how long. */
const unknownReset = Duration.toMillis("1 second")
/** Clouds count in whole seconds, so the same moment can look this much later a moment later. */
const resetGrain = Duration.toMillis("1500 millis")
/** One request in this many is kept back for ending machines, so that a busy poller cannot keep them alive. */
const keptBack = 20
/** More windows than any cloud has: an answer that makes up new names cannot fill the memory. */
const mostWindows = 64
/** More accounts than one process has customers; beyond it the oldest are forgotten and learned again. */
const mostAccounts = 10_000

/**
 * A limit known beforehand, for a cloud that sends no headers: so many requests in such a time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limit {
  readonly requests: number
  readonly per: Duration.Input
}

/**
 * Who goes first: ending a machine before everything else.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "terminate" | "normal"

/**
 * What the pace learns from an answer; headers are null when there was none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly status: number | null
  readonly headers: Headers.Headers | null
}

/**
 * The pace of one account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pace {
  /**
   * Runs one request when its turn has come, and learns from its answer.
   *
   * Fails as `RateLimited`, with nothing sent, as soon as it is known that the turn comes later than `patience`.
   */
  readonly run: <A extends Outcome, E, R>(
    options: { readonly priority: Priority; readonly patience: Duration.Duration },
    request: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | RateLimited, R>
}

/**
 * The paces of all accounts in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimits {
  /** The pace of this account, made when first asked for. */
  readonly account: (account: Account) => Pace
}

/**
 * Whose limits count together: a provider, where it is reached, and the key used there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  readonly provider: string
  readonly baseUrl: string
  readonly apiKey: Redacted.Redacted | null
}

interface Window {
  quota: number | null
  windowMillis: number | null
  remaining: number
  resetAt: number
  /** Requests up to this number belong to an earlier window: their answers say nothing of this one. */
  since: number
}

/** One request's place in the order of all; null until it is its turn. */
interface Ticket {
  number: number | null
}

const floorOf = (window: Window, priority: Priority): number =>
  priority === "terminate" || window.quota === null ? 0 : Math.floor(window.quota / keptBack)

const makePace = (limits: ReadonlyArray<Limit>): Pace => {
  const windows: Array<Window> = limits.map(({ per, requests }) => ({
    quota: requests,
    windowMillis: Duration.toMillis(per),
    remaining: 0,
    resetAt: 0,
    since: 0
  }))
  // those that headers name
  const named = new Map<string, Window>()
  // both in the order of arrival
  const waiting = { terminate: new Set<Latch.Latch>(), normal: new Set<Latch.Latch>() }
  let pausedUntil = 0
  let admitted = 0
  let underWay = 0
  let lastPolicy: string | undefined

  const first = (): Latch.Latch | undefined => {
    for (const waiter of waiting.terminate) return waiter
    for (const waiter of waiting.normal) return waiter
    return undefined
  }

  const wakeNext = Effect.suspend(() => first()?.open ?? Effect.void)

  /** Milliseconds until a request of this priority may be sent. */
  const delay = (priority: Priority, now: number): number => {
    let until = pausedUntil
    for (const window of windows) {
      if (now >= window.resetAt) {
        window.remaining = window.quota ?? Infinity
        window.resetAt = now + (window.windowMillis ?? unknownReset)
        window.since = admitted
      }
      if (window.remaining <= floorOf(window, priority)) until = Math.max(until, window.resetAt)
    }
    return Math.max(0, until - now)
  }

  const admit = (ticket: Ticket): void => {
    for (const window of windows) window.remaining -= 1
    underWay += 1
    admitted += 1
    ticket.number = admitted
  }

  const windowOf = (name: string): Window => {
    const known = named.get(name)
    if (known !== undefined) return known
    const window: Window = { quota: null, windowMillis: null, remaining: Infinity, resetAt: Infinity, since: 0 }
    if (windows.length < mostWindows) {
      windows.push(window)
      named.set(name, window)
    }
    return window
  }

  const learn = (request: number, { headers, status }: Outcome, now: number, wallClock: number): void => {
    if (headers === null) return
    const { quota, standings } = rateLimitOf(headers, wallClock)
    const policy = headers["ratelimit-policy"]
    if (policy !== lastPolicy) {
      // the same with almost every answer, so it is read only when it changes
      lastPolicy = policy
      for (const { name, quota, windowMillis } of policiesOf(policy)) {
        const window = windowOf(name)
        window.quota = quota
        window.windowMillis = windowMillis ?? window.windowMillis
      }
    }
    if (quota !== null) windowOf("").quota = quota
    for (const standing of standings) {
      const window = windowOf(standing.name)
      if (request <= window.since) continue
      // what is under way may not be in the count: rather too few for a moment than one too many
      const remaining = standing.remaining - underWay
      const resetAt = now + Math.min(standing.resetMillis ?? unknownReset, longestPause)
      const isNew = window.resetAt === Infinity || resetAt > window.resetAt + resetGrain
      // answers overtake each other, so within a window the count only falls
      window.remaining = isNew ? remaining : Math.min(window.remaining, remaining)
      if (isNew) window.since = request
      if (isNew || resetAt < window.resetAt - resetGrain) window.resetAt = resetAt
    }
    const retryAfter = status === 429 ? retryAfterOf(headers, wallClock) : null
    if (retryAfter !== null) {
      pausedUntil = Math.max(pausedUntil, now + Math.min(Duration.toMillis(retryAfter), longestPause))
    }
  }

  /** Waits for a turn; whoever leaves, admitted or not, wakes the next. */
  const queue = (ticket: Ticket, priority: Priority, deadline: number, clock: () => number) =>
    Effect.suspend(() => {
      const mine = Latch.makeUnsafe(false)
      const turn = Effect.gen(function*() {
        while (true) {
          mine.closeUnsafe()
          const now = clock()
          const wait = delay(priority, now)
          const isFirst = first() === mine
          if (isFirst && wait <= 0) return admit(ticket)
          if (now + wait > deadline || now >= deadline) {
            return yield* new RateLimited({
              message: "not sent: the provider's request limit leaves no room within the call's time limit",
              retryAfter: Duration.millis(wait)
            })
          }
          // the first sleeps until there is room; the others until they are first or their time is up
          yield* Effect.timeoutOption(mine.await, Duration.millis(Math.max(1, isFirst ? wait : deadline - now)))
        }
      })
      waiting[priority].add(mine)
      // a newcomer that ends a machine may stand before the one that was first
      return Effect.ensuring(
        turn,
        Effect.suspend(() => {
          waiting[priority].delete(mine)
          return wakeNext
        })
      )
    })

  return {
    run: ({ patience, priority }, request) =>
      Effect.clockWith((clock) => {
        const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
        const ticket: Ticket = { number: null }
        const turn = Effect.suspend(() => {
          const hasRival = waiting.terminate.size > 0 || (priority === "normal" && waiting.normal.size > 0)
          // looking and taking are one step: no other fiber comes between
          return !hasRival && delay(priority, now()) <= 0
            ? Effect.succeed(admit(ticket))
            : queue(ticket, priority, now() + Duration.toMillis(patience), now)
        })
        // around both, so that an interrupt between them gives the place back too
        return Effect.onExit(Effect.andThen(turn, request), (exit) => {
          if (ticket.number === null) return Effect.void
          underWay -= 1
          if (Exit.isSuccess(exit)) learn(ticket.number, exit.value, now(), clock.currentTimeMillisUnsafe())
          return wakeNext
        })
      })
  }
}

/** 53 bits of a text, different in every process: enough to tell accounts apart, useless to find the key. */
const fingerprint = (text: string, salt: number): string => {
  const [high, low] = Hash.mix(text, salt)
  return (4294967296 * (2097151 & low) + high).toString(36)
}

/**
 * Paces for any number of accounts; share one among all clients of a provider.
 *
 * **Details**
 *
 * `limits` hold from the first request on, beside whatever the headers say; default none. An account is remembered by
 * a salted hash of its key, never by the key. Under a known quota of 20 or more, one request in 20 is kept back for
 * ending machines.
 *
 * **Example** (One request a second)
 *
 * ```ts
 * import * as RateLimits from "effect-atlas/provider/RateLimits"
 *
 * const limits = RateLimits.make([{ requests: 1, per: "1 second" }])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: ReadonlyArray<Limit> = []): Effect.Effect<RateLimits> =>
  Effect.sync(() => {
    const [salt = 0] = globalThis.crypto.getRandomValues(new Uint32Array(1))
    const paces = new Map<string, Pace>()
    // a client uses one key object for all its calls, most of them to one address
    const last = new WeakMap<
      Redacted.Redacted,
      { readonly provider: string; readonly baseUrl: string; readonly id: string }
    >()
    const idOf = ({ apiKey, baseUrl, provider }: Account): string => {
      if (apiKey === null) return `${provider} ${baseUrl} `
      const known = last.get(apiKey)
      if (known !== undefined && known.provider === provider && known.baseUrl === baseUrl) return known.id
      const id = `${provider} ${baseUrl} ${fingerprint(Redacted.value(apiKey), salt)}`
      last.set(apiKey, { provider, baseUrl, id })
      return id
    }
    return {
      account: (account) => {
        const id = idOf(account)
        const known = paces.get(id)
        const pace = known ?? makePace(limits)
        if (known === undefined) {
          paces.set(id, pace)
          for (const oldest of paces.size > mostAccounts ? paces.keys() : []) {
            paces.delete(oldest)
            break
          }
        }
        return pace
      }
    }
  })
