/** The queue of one account's requests: whose turn it is, until when each waits, and what its answer teaches. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import * as Latch from "effect/Latch"
import { RateLimited } from "../../domain/AtlasError.ts"
import * as RetryAfter from "../../http/RetryAfter.ts"
import { rateLimitOf } from "./httpHeaders.ts"
import { type Gate, type Limit, makeGate, type Objection, type Priority } from "./limitGate.ts"

/**
 * Enough for a program's first questions, and no more than a small quota bears: the first answer tells how many may follow.
 */
const atFirst = 4
/** A request that ends a machine is held back no longer than this: a refusal costs nothing, a machine does. */
export const longestWithheld = Duration.toMillis("10 seconds")

export interface RouteLimits {
  /** Routes that say the same name share these limits, as those of one resource may. */
  readonly name: string
  readonly limits: ReadonlyArray<Limit>
}

export interface Outcome {
  readonly status: number | null
  readonly headers: Headers.Headers | null
  /**
   * How long to wait after a refusal for too many requests where the headers do not say it: what the answer's body asks, or the
   * caller's own back-off. Null or left out for any other answer.
   */
  readonly retryAfter?: Duration.Duration | null
}

export interface AccountLimiter {
  /**
   * Runs one request when its turn has come, and learns from its answer.
   *
   * Fails as `RateLimited`, with nothing sent, as soon as it is known that the turn comes later than `patience`. One that ends a
   * machine is sent after 10 seconds, and within half its patience, whatever is known.
   */
  readonly run: <A extends Outcome, E, R>(
    options: {
      readonly priority: Priority
      readonly patience: Duration.Duration
      /** Default: none but the account's. A wait that is asked for is then this route's, else the account's. */
      readonly limits?: RouteLimits | undefined
      /** How long the call has waited before, for an earlier attempt; default not at all. */
      readonly waited?: Duration.Duration | undefined
    },
    request: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | RateLimited, R>
}

/** A request that waits for its turn; `order` is that of arrival. */
interface Waiter {
  readonly latch: Latch.Latch
  readonly order: number
}

/** Routes with the same limits of their own, and the requests that wait for them, in the order of arrival. */
interface Lane {
  readonly gate: Gate
  readonly waiting: Readonly<Record<Priority, Set<Waiter>>>
}

/** One request: its number in the order of all, null until it is its turn, and what stood against sending it. */
interface Ticket {
  readonly priority: Priority
  readonly lane: Lane
  /** When it is sent whatever stands against it. */
  readonly sendBy: number
  /** When its caller does not wait any more. */
  readonly deadline: number
  number: number | null
  readonly objections: Map<Gate, Objection | null>
}

const laneOf = (limits: ReadonlyArray<Limit>): Lane => ({
  gate: makeGate(limits),
  waiting: { terminate: new Set(), normal: new Set() }
})

const firstOf = <A>(all: Iterable<A>): A | undefined => {
  for (const one of all) return one
  return undefined
}

const headOf = ({ waiting }: Lane): Waiter | undefined => firstOf(waiting.terminate) ?? firstOf(waiting.normal)

export const make = (limits: ReadonlyArray<Limit>): AccountLimiter => {
  const account = makeGate(limits, atFirst)
  // routes without limits of their own wait for the account alone
  const common = laneOf([])
  const lanes = new Map<string, Lane>()
  let arrived = 0
  let admitted = 0
  let underWay = 0

  const laneFor = (route: RouteLimits | undefined): Lane => {
    if (route === undefined) return common
    const known = lanes.get(route.name)
    if (known !== undefined) return known
    const lane = laneOf(route.limits)
    lanes.set(route.name, lane)
    return lane
  }

  /** Milliseconds for which a lane keeps back its own requests, whatever the account says. */
  const ownDelay = ({ gate }: Lane, priority: Priority, now: number): number =>
    Math.max(gate.delay(priority, now), gate.trialDelay(priority, now))

  /** The first request of this priority that only the account can hold back. */
  const firstAt = (priority: Priority, now: number): Waiter | undefined => {
    let first: Waiter | undefined
    const look = (lane: Lane): void => {
      const head = firstOf(lane.waiting[priority])
      if (head === undefined || (first !== undefined && first.order < head.order)) return
      if (ownDelay(lane, priority, now) <= 0) first = head
    }
    look(common)
    lanes.forEach(look)
    return first
  }

  const first = (now: number): Waiter | undefined => firstAt("terminate", now) ?? firstAt("normal", now)

  /** Wakes the next request of all, and the next of the lane, which may have to wait for another while. */
  const wakeAfter = (lane: Lane, clock: () => number) =>
    Effect.suspend(() => {
      const next = first(clock())
      const behind = headOf(lane)
      const woken = next?.latch.open ?? Effect.void
      return behind === undefined || behind === next ? woken : Effect.andThen(woken, behind.latch.open)
    })

  const admit = (ticket: Ticket, now: number): void => {
    const { lane, objections, priority } = ticket
    underWay += 1
    admitted += 1
    ticket.number = admitted
    for (const gate of [account, lane.gate]) {
      objections.set(gate, gate.objection(priority, now))
      gate.admit(admitted, priority, now)
    }
  }

  const learn = (
    { lane, objections }: Ticket,
    request: number,
    outcome: Outcome,
    now: number,
    wallClock: number
  ): void => {
    const { retryAfter = null, status } = outcome
    if (status === null) return
    const headers = outcome.headers ?? Headers.empty
    const { balances, quota } = rateLimitOf(headers, wallClock)
    const isRefused = status === 429 || retryAfter !== null
    const refusing = isRefused ? lane === common ? account : lane.gate : null
    for (const gate of [account, lane.gate]) {
      if (gate === refusing) {
        const asked = RetryAfter.longer(RetryAfter.read(headers, wallClock), retryAfter)
        gate.refused(request, asked === null ? 0 : Duration.toMillis(asked), now)
      } else {
        // a server that failed shows no more than that it was reached
        const refuted = status < 500 ? objections.get(gate) ?? null : null
        gate.answered(request, refuted, balances.length > 0)
      }
    }
    account.learn(request, { balances, quota, policy: headers["ratelimit-policy"] }, underWay, now)
  }

  /** Waits for a turn; a request that leaves, admitted or not, wakes the next. */
  const queue = (ticket: Ticket, clock: () => number) =>
    Effect.suspend(() => {
      const { deadline, lane, priority, sendBy } = ticket
      const mine: Waiter = { latch: Latch.makeUnsafe(false), order: ++arrived }
      const turn = Effect.gen(function*() {
        while (true) {
          mine.latch.closeUnsafe()
          const now = clock()
          if (now >= sendBy) return admit(ticket, now)
          const certain = Math.max(lane.gate.delay(priority, now), account.delay(priority, now))
          const own = ownDelay(lane, priority, now)
          const wait = Math.max(certain, own, account.trialDelay(priority, now))
          const isFirst = first(now) === mine
          if (isFirst && wait <= 0) return admit(ticket, now)
          // the wait for a trial can end with any answer
          if (now >= deadline || Math.min(now + certain, sendBy) > deadline) {
            return yield* new RateLimited({
              message: "not sent: the provider's request limit leaves no room within the call's time limit",
              retryAfter: Duration.millis(certain)
            })
          }
          // the first of all and the first of each lane sleep until there is room; the others until they are that, or
          // their time is up
          const longest = Math.min(deadline, sendBy) - now
          const pause = isFirst ? wait : own > 0 && headOf(lane) === mine ? own : longest
          yield* Effect.timeoutOption(mine.latch.await, Duration.millis(Math.max(1, Math.min(pause, longest))))
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

  /** How long a request of this kind is held back at most, in milliseconds. */
  const withheldAtMost = (priority: Priority, patience: number, waited: number): number =>
    priority === "terminate" ? Math.min(Math.max(0, longestWithheld - waited), patience / 2) : Infinity

  return {
    run: ({ limits: route, patience, priority, waited = Duration.zero }, request) =>
      Effect.clockWith((clock) => {
        const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
        const lane = laneFor(route)
        const asked = now()
        const patienceMillis = Duration.toMillis(patience)
        const ticket: Ticket = {
          priority,
          lane,
          sendBy: asked + withheldAtMost(priority, patienceMillis, Duration.toMillis(waited)),
          deadline: asked + patienceMillis,
          number: null,
          objections: new Map()
        }
        const turn = Effect.suspend(() => {
          const at = now()
          const rival = priority === "terminate" ? firstAt("terminate", at) : first(at)
          const isFree = rival === undefined && ownDelay(lane, priority, at) <= 0 && account.delay(priority, at) <= 0
            && account.trialDelay(priority, at) <= 0
          // looking and taking are one step: no other fiber comes between
          return isFree ? Effect.succeed(admit(ticket, at)) : queue(ticket, now)
        })
        // around both, so that an interrupt between them gives the place back too
        return Effect.onExit(Effect.andThen(turn, request), (exit) => {
          const { number } = ticket
          if (number === null) return Effect.void
          underWay -= 1
          account.leave(number, priority)
          lane.gate.leave(number, priority)
          if (Exit.isSuccess(exit)) learn(ticket, number, exit.value, now(), clock.currentTimeMillisUnsafe())
          return wakeAfter(lane, now)
        })
      })
  }
}
