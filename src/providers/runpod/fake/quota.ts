/** Rate limits: windows of wall-clock time with a quota each, and the headers that report them. */
import { problem, refusal, type Written } from "./reply.ts"

export interface Quota {
  readonly name: string
  /** Requests in one window. */
  readonly quota: number
  /** Seconds. */
  readonly window: number
}

interface Count {
  readonly begun: number
  used: number
}

/** The management API's windows, for all requests of the account together. */
export const makeQuotas = (quotas: ReadonlyArray<Quota>) => {
  const counts = new Map<string, Count>()

  const countOf = ({ name, window }: Quota, now: number): Count => {
    const begun = now - now % (window * 1000)
    const known = counts.get(name)
    if (known !== undefined && known.begun === begun) return known
    const fresh = { begun, used: 0 }
    counts.set(name, fresh)
    return fresh
  }

  const secondsLeft = ({ window }: Quota, { begun }: Count, now: number): number =>
    Math.max(1, Math.ceil((begun + window * 1000 - now) / 1000))

  const headers = (now: number): Readonly<Record<string, string>> =>
    quotas.length === 0 ? {} : {
      "ratelimit-policy": quotas.map(({ name, quota, window }) => `"${name}";q=${quota};w=${window}`).join(", "),
      ratelimit: quotas.map((one) => {
        const count = countOf(one, now)
        return `"${one.name}";r=${Math.max(0, one.quota - count.used)};t=${secondsLeft(one, count, now)}`
      }).join(", ")
    }

  return {
    /** Counts one request; answers the refusal if it is one too many. */
    take: (now: number): Written | undefined => {
      const exceeded = quotas.filter((one) => countOf(one, now).used >= one.quota)
      for (const one of quotas) countOf(one, now).used += 1
      const longest = exceeded.toSorted((a, b) => b.window - a.window)[0]
      if (longest === undefined) return undefined
      return problem(429, `rate limit exceeded for the ${longest.name} window`, undefined, {
        "retry-after": String(secondsLeft(longest, countOf(longest, now), now))
      })
    },
    headers
  }
}

export type Quotas = ReturnType<typeof makeQuotas>

/** The runtime's base figures: requests of one call to one endpoint in 10 seconds. */
const perTenSeconds: Readonly<Record<string, number>> = {
  run: 1000,
  runSync: 2000,
  getJob: 2000,
  streamJob: 2000,
  cancelJob: 100,
  purgeQueue: 2,
  listJobs: 10
}

export const makeRuntimeQuotas = () => {
  const counts = new Map<string, Count>()
  return (operation: string, endpointId: string, now: number): Written | undefined => {
    const quota = perTenSeconds[operation]
    if (quota === undefined) return undefined
    const key = `${endpointId}/${operation}`
    const begun = now - now % 10_000
    const known = counts.get(key)
    const count = known !== undefined && known.begun === begun ? known : { begun, used: 0 }
    counts.set(key, count)
    count.used += 1
    return count.used > quota ? refusal(429, "rate limit exceeded") : undefined
  }
}
