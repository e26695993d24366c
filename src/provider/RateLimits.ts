/**
 * Staying under a cloud's request limits before it has to refuse: one limiter per account, shared by all fibers.
 *
 * A limiter learns from `RateLimit`, `RateLimit-Policy`, `X-RateLimit-*` and `Retry-After` headers, and from what a body says of
 * waiting. Callers wait in order, those that end a machine before all others; a route may have limits of its own under the
 * account's, and a caller that waits for those holds up no other. What an answer says is believed for an hour at most, and a request
 * that ends a machine is sent after 10 seconds whatever the counts say: a refusal costs nothing, a machine does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Hash from "../domain/Hash.ts"
import * as Limiter from "./internal/accountLimiter.ts"
import type * as Gate from "./internal/limitGate.ts"

/** More accounts than one process serves; beyond it the oldest are forgotten and learned again. */
const mostAccounts = 10_000

/**
 * A limit known beforehand, for a cloud that sends no headers: so many requests in such a time.
 *
 * @category models
 * @since 0.1.0
 */
export type Limit = Gate.Limit

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
export type RouteLimits = Limiter.RouteLimits

/**
 * Which requests go first: those that end a machine before all others.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = Gate.Priority

/**
 * What the limiter learns from an answer; headers are null when there was none.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Limiter.Outcome

/**
 * The limiter of one account.
 *
 * @category models
 * @since 0.1.0
 */
export type AccountLimiter = Limiter.AccountLimiter

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
 * Until an account's first answer, 4 requests are under way at once, and where its headers tell of no limit, one more with each
 * answer. A refusal without a wait pauses the account for its caller's back-off. After a pause or a used-up window one request
 * goes first, and its answer decides. A quota of 0 is no quota.
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
        const limiter = known ?? Limiter.make(limits)
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
