/**
 * Staying under a cloud's request limits before it has to refuse: one limiter per account, shared by all fibers.
 *
 * A limiter learns from `RateLimit`, `RateLimit-Policy`, `X-RateLimit-*` and `Retry-After` headers, and from what a body says of
 * waiting. Callers wait in order, those that end a machine before all others; a route may have limits of its own under the
 * account's, and a caller that waits for those holds up no other.
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
import * as RetryAfter from "../http/RetryAfter.ts"
import { policiesOf, rateLimitOf } from "./internal/httpHeaders.ts"

/** Whatever a header asks for, look again after this long: a wrong clock there must not stop us for days. */
const longestPause = Duration.toMillis("1 hour")
/** How long a used-up window is taken to last where the cloud does not say. */
const unknownReset = Duration.toMillis("1 second")
/** Clouds count in whole seconds, so the same moment can look this much later a moment later. */
const resetGrain = Duration.toMillis("1500 millis")
/** One request in this many is reserved for ending machines, so that a busy poller cannot keep them alive. */
const reservedShare = 20
/** More windows than any cloud has: an answer that makes up new names cannot fill the memory. */
const mostWindows = 64
/** More accounts than one process serves; beyond it the oldest are forgotten and learned again. */
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
 * Limits that a route has of its own, beside those of its account.
 *
 * **Example** (One launch in 12 seconds)
 *
 * ```ts
 * import type * as RateLimits from "effect-atlas/provider/RateLimits"
 *
 * const launches: RateLimits.RouteLimits = { name: "launch", limits: [{ requests: 1, per: "12 seconds" }] }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface RouteLimits {
  /** Routes that say the same name share these limits, as those of one resource may. */
  readonly name: string
  readonly limits: ReadonlyArray<Limit>
}

/**
 * Which requests go first: those that end a machine before all others.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "terminate" | "normal"

/**
 * What the limiter learns from an answer; headers are null when there was none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly status: number | null
  readonly headers: Headers.Headers | null
  /** How long the answer asks to wait where its headers do not say it; null or left out when it does not. */
  readonly retryAfter?: Duration.Duration | null
}

/**
 * The limiter of one account.
 *
 * @category models
 * @since 0.1.0
 */
export interface AccountLimiter {
  /**
   * Runs one request when its turn has come, and learns from its answer.
   *
   * Fails as `RateLimited`, with nothing sent, as soon as it is known that the turn comes later than `patience`.
   */
  readonly run: <A extends Outcome, E, R>(
    options: {
      readonly priority: Priority
      readonly patience: Duration.Duration
      /** Default: none but the account's. A wait that is asked for is then this route's, else the account's. */
      readonly limits?: RouteLimits | undefined
    },
    request: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | RateLimited, R>
}

/**
 * The limiters of all accounts in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimits {
  /** The limiter of this account, made when first asked for. */
  readonly account: (account: Account) => AccountLimiter
}

/**
 * The requests whose limits count together: those to one provider, at one address, with one key.
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

/** What holds requests back: windows, and a wait that was asked for. */
interface Gate {
  readonly windows: Array<Window>
  pausedUntil: number
}

/** A request that waits for its turn; `order` is that of arrival. */
interface Waiter {
  readonly latch: Latch.Latch
  readonly order: number
}

/** Routes with the same limits of their own, and the requests that wait for them, in the order of arrival. */
interface Lane extends Gate {
  readonly waiting: Readonly<Record<Priority, Set<Waiter>>>
}

/** One request's place in the order of all; null until it is its turn. */
interface Ticket {
  number: number | null
}

const floorOf = (window: Window, priority: Priority): number =>
  priority === "terminate" || window.quota === null ? 0 : Math.floor(window.quota / reservedShare)

const gateOf = (limits: ReadonlyArray<Limit>): Gate => ({
  windows: limits.map(({ per, requests }) => ({
    quota: requests,
    windowMillis: Duration.toMillis(per),
    remaining: 0,
    resetAt: 0,
    since: 0
  })),
  pausedUntil: 0
})

const laneOf = (limits: ReadonlyArray<Limit>): Lane => ({
  ...gateOf(limits),
  waiting: { terminate: new Set(), normal: new Set() }
})

const firstOf = <A>(all: Iterable<A>): A | undefined => {
  for (const one of all) return one
  return undefined
}

const makeLimiter = (limits: ReadonlyArray<Limit>): AccountLimiter => {
  const account = gateOf(limits)
  const { windows } = account
  // those that headers name
  const named = new Map<string, Window>()
  // routes without limits of their own wait for the account alone
  const common = laneOf([])
  const lanes = new Map<string, Lane>()
  let arrived = 0
  let admitted = 0
  let underWay = 0
  let lastPolicy: string | undefined

  const laneFor = (route: RouteLimits | undefined): Lane => {
    if (route === undefined) return common
    const known = lanes.get(route.name)
    if (known !== undefined) return known
    const lane = laneOf(route.limits)
    lanes.set(route.name, lane)
    return lane
  }

  /** Milliseconds until a request of this priority may pass. */
  const delay = (gate: Gate, priority: Priority, now: number): number => {
    let until = gate.pausedUntil
    for (const window of gate.windows) {
      if (now >= window.resetAt) {
        window.remaining = window.quota ?? Infinity
        window.resetAt = now + (window.windowMillis ?? unknownReset)
        window.since = admitted
      }
      if (window.remaining <= floorOf(window, priority)) until = Math.max(until, window.resetAt)
    }
    return Math.max(0, until - now)
  }

  /** The first request of this priority that only the account can hold back. */
  const firstAt = (priority: Priority, now: number): Waiter | undefined => {
    let first: Waiter | undefined
    const look = (lane: Lane): void => {
      const head = firstOf(lane.waiting[priority])
      if (head === undefined || (first !== undefined && first.order < head.order)) return
      if (delay(lane, priority, now) <= 0) first = head
    }
    look(common)
    lanes.forEach(look)
    return first
  }

  const first = (now: number): Waiter | undefined => firstAt("terminate", now) ?? firstAt("normal", now)

  const headOf = ({ waiting }: Lane): Waiter | undefined => firstOf(waiting.terminate) ?? firstOf(waiting.normal)

  /** Wakes the next request of all, and the next of the lane, which may have to wait for another while. */
  const wakeAfter = (lane: Lane, clock: () => number) =>
    Effect.suspend(() => {
      const next = first(clock())
      const behind = headOf(lane)
      const woken = next?.latch.open ?? Effect.void
      return behind === undefined || behind === next ? woken : Effect.andThen(woken, behind.latch.open)
    })

  const admit = (ticket: Ticket, lane: Lane, now: number): void => {
    for (const gate of [account, lane]) {
      for (const window of gate.windows) {
        // a window begins with its first request, which another one may have held back until now
        if (window.remaining === window.quota) window.resetAt = now + (window.windowMillis ?? unknownReset)
        window.remaining -= 1
      }
    }
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

  const learn = (
    request: number,
    lane: Lane,
    { headers, retryAfter = null, status }: Outcome,
    now: number,
    wallClock: number
  ): void => {
    if (headers === null) return
    const header = status === 429 ? RetryAfter.read(headers, wallClock) : null
    const asked = RetryAfter.longer(header, retryAfter)
    if (asked !== null) {
      const gate = lane === common ? account : lane
      gate.pausedUntil = Math.max(gate.pausedUntil, now + Math.min(Duration.toMillis(asked), longestPause))
    }
    const { balances, quota } = rateLimitOf(headers, wallClock)
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
    for (const balance of balances) {
      const window = windowOf(balance.name)
      if (request <= window.since) continue
      // the server may not have counted the requests under way: rather too few for a moment than one too many
      const remaining = balance.remaining - underWay
      const resetAt = now + Math.min(balance.resetMillis ?? unknownReset, longestPause)
      const isNew = window.resetAt === Infinity || resetAt > window.resetAt + resetGrain
      // answers overtake each other, so within a window the count only falls
      window.remaining = isNew ? remaining : Math.min(window.remaining, remaining)
      if (isNew) window.since = request
      if (isNew || resetAt < window.resetAt - resetGrain) window.resetAt = resetAt
    }
  }

  /** Waits for a turn; a request that leaves, admitted or not, wakes the next. */
  const queue = (ticket: Ticket, lane: Lane, priority: Priority, deadline: number, clock: () => number) =>
    Effect.suspend(() => {
      const mine: Waiter = { latch: Latch.makeUnsafe(false), order: ++arrived }
      const turn = Effect.gen(function*() {
        while (true) {
          mine.latch.closeUnsafe()
          const now = clock()
          const own = delay(lane, priority, now)
          const wait = Math.max(own, delay(account, priority, now))
          const isFirst = first(now) === mine
          if (isFirst && wait <= 0) return admit(ticket, lane, now)
          if (now + wait > deadline || now >= deadline) {
            return yield* new RateLimited({
              message: "not sent: the provider's request limit leaves no room within the call's time limit",
              retryAfter: Duration.millis(wait)
            })
          }
          // the first of all and the first of each lane sleep until there is room; the others until they are that, or
          // their time is up
          const pause = isFirst ? wait : own > 0 && headOf(lane) === mine ? own : deadline - now
          yield* Effect.timeoutOption(mine.latch.await, Duration.millis(Math.max(1, pause)))
        }
      })
      lane.waiting[priority].add(mine)
      // a new request that ends a machine may go before the one that was first
      return Effect.ensuring(
        turn,
        Effect.suspend(() => {
          lane.waiting[priority].delete(mine)
          return wakeAfter(lane, clock)
        })
      )
    })

  return {
    run: ({ limits: route, patience, priority }, request) =>
      Effect.clockWith((clock) => {
        const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
        const ticket: Ticket = { number: null }
        const lane = laneFor(route)
        const turn = Effect.suspend(() => {
          const at = now()
          const rival = priority === "terminate" ? firstAt("terminate", at) : first(at)
          // looking and taking are one step: no other fiber comes between
          return rival === undefined && delay(lane, priority, at) <= 0 && delay(account, priority, at) <= 0
            ? Effect.succeed(admit(ticket, lane, at))
            : queue(ticket, lane, priority, at + Duration.toMillis(patience), now)
        })
        // around both, so that an interrupt between them gives the place back too
        return Effect.onExit(Effect.andThen(turn, request), (exit) => {
          if (ticket.number === null) return Effect.void
          underWay -= 1
          if (Exit.isSuccess(exit)) learn(ticket.number, lane, exit.value, now(), clock.currentTimeMillisUnsafe())
          return wakeAfter(lane, now)
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
 * Limiters for any number of accounts; share one `RateLimits` among all clients of a provider.
 *
 * **Details**
 *
 * `limits` hold from the first request on, beside whatever the headers say; default none. An account is remembered by
 * a salted hash of its key, never by the key. Under a known quota of 20 or more, one request in 20 is reserved for
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
    const limiters = new Map<string, AccountLimiter>()
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
        const known = limiters.get(id)
        const limiter = known ?? makeLimiter(limits)
        if (known === undefined) {
          limiters.set(id, limiter)
          for (const oldest of limiters.size > mostAccounts ? limiters.keys() : []) {
            limiters.delete(oldest)
            break
          }
        }
        return limiter
      }
    }
  })
