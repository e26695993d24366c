/**
 * What holds requests back, at an account or at a route with limits of its own: windows, a pause that was asked for, and a trial
 * of how much goes through. Whatever a header says is believed for a bounded time, and an answer can show that it was wrong.
 */
import * as Duration from "effect/Duration"
import { type Balance, policiesOf, type Policy } from "./httpHeaders.ts"

/** Which requests go first: those that end a machine before all others. */
export type Priority = "terminate" | "normal"

/** A limit known beforehand, for a cloud that sends no headers: so many requests in such a time. */
export interface Limit {
  readonly requests: number
  readonly per: Duration.Input
}

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
/** After a refusal without a wait: half of the longest pause of a caller, so that none waits longer than it would alone. */
const firstPause = 250
const longestBackOff = 4000
/** A cloud that refuses says so at once: a request of a trial that is silent for longer makes room for the next. */
const silence = Duration.toMillis("5 seconds")
/** A trial that has let as many through at once shows that nothing is in the way. */
const mostOfTrial = 256

interface Window {
  /** Null for a limit known beforehand, which is certain. */
  readonly name: string | null
  quota: number | null
  windowMillis: number | null
  remaining: number
  resetAt: number
  /** Requests up to this number belong to an earlier window: their answers say nothing of this one. */
  since: number
  /** Whether an answer has named it since it began. */
  isNamed: boolean
}

/** A time in which only so many requests are under way, until their answers show that more go through. */
interface Trial {
  /** Grows with each answer that is no refusal. */
  most: number
  /** Whether a refusal began it: then headers that speak of room are not believed. */
  readonly isDoubtful: boolean
  /** Requests up to this number were sent before it. */
  readonly since: number
  /** When those that are under way were sent, by their number. */
  readonly underWay: Readonly<Record<Priority, Map<number, number>>>
}

/** What stood against a request that was sent nevertheless, since ending a machine is not withheld for long. */
export interface Objection {
  readonly isPause: boolean
  /** When the last of the used-up windows would have been full again. */
  readonly until: number
}

const floorOf = (window: Window, priority: Priority): number =>
  priority === "terminate" || window.quota === null ? 0 : Math.floor(window.quota / reservedShare)

const isEmpty = (window: Window, priority: Priority): boolean => window.remaining <= floorOf(window, priority)

const bounded = (millis: number): number => Math.min(millis, longestPause)

const lengthOf = ({ name, windowMillis }: Window): number => {
  const length = windowMillis ?? unknownReset
  return name === null ? length : bounded(length)
}

/** A gate; with `slowStart` only so many requests are under way until something is known of it. All times are monotonic. */
export const makeGate = (limits: ReadonlyArray<Limit>, slowStart: number | null = null) => {
  const windows = new Set<Window>(limits.map(({ per, requests }) => ({
    name: null,
    quota: requests,
    windowMillis: Duration.toMillis(per),
    remaining: 0,
    // the clock may begin anywhere, below zero too
    resetAt: -Infinity,
    since: 0,
    isNamed: true
  })))
  /** Those that headers name. */
  const named = new Map<string, Window>()
  let policies: ReadonlyMap<string, Policy> = new Map()
  let lastPolicy: string | undefined
  let pausedUntil = -Infinity
  /** Requests up to this number were sent before the last refusal was heard of. */
  let pausedSince = 0
  /** Refusals in a row, each of a request that was sent after the one before. */
  let refusals = 0
  /** Until then windows are not learned of: they were shown to be wrong. */
  let doubtedUntil = -Infinity
  let admitted = 0

  const trialOf = (most: number, isDoubtful: boolean): Trial => ({
    most,
    isDoubtful,
    since: admitted,
    underWay: { terminate: new Map(), normal: new Map() }
  })
  let trial: Trial | null = slowStart === null ? null : trialOf(slowStart, false)

  const forget = (window: Window): void => {
    windows.delete(window)
    if (window.name !== null) named.delete(window.name)
  }

  /** Begins the next window where one is over; what was used up is tried with one request. */
  const rollOver = (window: Window, now: number): void => {
    if (now < window.resetAt) return
    if (window.name !== null) {
      if (isEmpty(window, "normal")) trial = trialOf(1, trial?.isDoubtful ?? false)
      // no answer has named it for a whole window, so the cloud does not count like this any more
      if (!window.isNamed) return forget(window)
    }
    // of a window that is longer than we believe in, nothing is known until an answer names it
    const isLong = window.name !== null && window.windowMillis !== null && window.windowMillis > longestPause
    window.remaining = isLong ? Infinity : window.quota ?? Infinity
    window.resetAt = now + lengthOf(window)
    window.since = admitted
    window.isNamed = window.name === null
  }

  /** When a trial has room for one more; those that end machines do not wait for the others. */
  const roomAt = ({ most, underWay: { normal, terminate } }: Trial, priority: Priority, now: number): number => {
    let count = 0
    let oldest = Infinity
    for (const sent of priority === "terminate" ? [terminate] : [terminate, normal]) {
      for (const [request, at] of sent) {
        if (at + silence > now) {
          oldest = Math.min(oldest, at)
          break
        }
        sent.delete(request)
      }
      count += sent.size
    }
    return count < most ? -Infinity : oldest + silence
  }

  const windowFor = (name: string): Window => {
    const known = named.get(name)
    if (known !== undefined) return known
    const window: Window = {
      name,
      quota: null,
      windowMillis: null,
      remaining: Infinity,
      resetAt: Infinity,
      since: 0,
      isNamed: true
    }
    for (const oldest of named.size >= mostWindows ? named.values() : []) {
      forget(oldest)
      break
    }
    windows.add(window)
    named.set(name, window)
    return window
  }

  return {
    /** Milliseconds for which a request of this priority certainly has to wait. */
    delay: (priority: Priority, now: number): number => {
      let until = pausedUntil
      for (const window of windows) {
        rollOver(window, now)
        if (windows.has(window) && isEmpty(window, priority)) until = Math.max(until, window.resetAt)
      }
      return Math.max(0, until - now)
    },

    /** Milliseconds until a trial has room, unless an answer makes some sooner. */
    trialDelay: (priority: Priority, now: number): number =>
      trial === null ? 0 : Math.max(0, roomAt(trial, priority, now) - now),

    /** What stands against a request of this priority now; null when nothing does. */
    objection: (priority: Priority, now: number): Objection | null => {
      const empty = [...named.values()].filter((window) => now < window.resetAt && isEmpty(window, priority))
      const isPause = now < pausedUntil
      return isPause || empty.length > 0
        ? { isPause, until: Math.max(...empty.map(({ resetAt }) => resetAt)) }
        : null
    },

    admit: (request: number, priority: Priority, now: number): void => {
      admitted = request
      for (const window of windows) {
        // a window begins with its first request, which another one may have held back until now
        if (window.remaining === window.quota) window.resetAt = now + lengthOf(window)
        window.remaining -= 1
      }
      trial?.underWay[priority].set(request, now)
    },

    /** A request is over, whether or not it was answered. */
    leave: (request: number, priority: Priority): void => void trial?.underWay[priority].delete(request),

    /** A refusal for too many requests, after which nothing is sent for so long. */
    refused: (request: number, asked: number, now: number): void => {
      let pause = asked
      if (request > pausedSince) {
        pause = Math.max(asked, Math.min(firstPause * 2 ** refusals, longestBackOff))
        refusals += 1
        pausedSince = admitted
        trial = trialOf(1, true)
      }
      pausedUntil = Math.max(pausedUntil, now + bounded(pause))
      doubtedUntil = -Infinity
    },

    /** An answer that is no refusal, the objection against its request that it refutes, and whether it names a window. */
    answered: (request: number, refuted: Objection | null, isCounted: boolean): void => {
      if (request <= pausedSince) return
      refusals = 0
      if (refuted !== null) {
        if (refuted.isPause) pausedUntil = -Infinity
        doubtedUntil = Math.max(doubtedUntil, refuted.until)
        if (refuted.until > -Infinity) named.forEach(forget)
      }
      if (trial === null || request <= trial.since) return
      trial.most += 1
      if (trial.most > mostOfTrial || (isCounted && !trial.isDoubtful)) trial = null
    },

    /** What the headers of an answer say is left, with `underWay` requests that they may not know of yet. */
    learn: (
      request: number,
      { balances, policy, quota }: {
        readonly policy: string | undefined
        readonly quota: number | null
        readonly balances: ReadonlyArray<Balance>
      },
      underWay: number,
      now: number
    ): void => {
      if (policy !== lastPolicy) {
        // the same with almost every answer, so it is read only when it changes
        lastPolicy = policy
        policies = new Map(policiesOf(policy).map((one) => [one.name, one]))
      }
      if (now < doubtedUntil) return
      for (const { name, remaining: left, resetMillis } of balances) {
        const stated = policies.get(name)
        // of a quota that is unknown, nothing left says nothing
        if (stated !== undefined && stated.quota === null) continue
        const window = windowFor(name)
        window.quota = stated?.quota ?? quota ?? window.quota
        window.windowMillis = stated?.windowMillis ?? window.windowMillis
        window.isNamed = true
        if (request <= window.since) continue
        // the server may not have counted the requests under way: rather too few for a moment than one too many
        const remaining = left - underWay
        const resetAt = now + bounded(resetMillis ?? unknownReset)
        const isNew = window.resetAt === Infinity || resetAt > window.resetAt + resetGrain
        // answers overtake each other, so within a window the count only falls
        window.remaining = isNew ? remaining : Math.min(window.remaining, remaining)
        if (isNew) window.since = request
        if (isNew || resetAt < window.resetAt - resetGrain) window.resetAt = resetAt
      }
    }
  }
}

export type Gate = ReturnType<typeof makeGate>
