/**
 * The messages the engine has not handled yet. Callers wait when there are too many; results of commands are never held up.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import type * as Tracer from "effect/Tracer"
import type { Compute } from "../../domain/Compute.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { SessionInput } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Secrets } from "../SessionSecrets.ts"

/** One input for one session, and what stays in memory only. */
export interface Message {
  readonly id: SessionId
  readonly event: SessionInput
  /** The whole computes that the event is about, with their URLs. */
  readonly computes?: ReadonlyArray<Compute> | undefined
  /** With the result of a create: the credential that was sent. */
  readonly auth?: Credential | null | undefined
  /** With `Started`: what the session rents with. */
  readonly secrets?: Secrets | undefined
  /** With `Started` and `StopRequested`: the caller's span. */
  readonly caller?: Tracer.AnySpan | undefined
}

/** Unread messages of callers; further callers wait before theirs is taken in. */
const callerCapacity = 10_000

/** A mailbox with one reader. */
export interface Mailbox {
  /** For results and timers: never waits. */
  readonly put: (message: Message) => void
  /** For callers: waits while too many are unread. */
  readonly send: (message: Message) => Effect.Effect<void>
  /** For feeds: never waits; `isBehind` is true until it is read. */
  readonly report: (message: Message) => void
  /** Whether reports of feeds are unread, so that another listing would only pile up. */
  readonly isBehind: () => boolean
  /** Puts a touch in, unless an unread one of the session is there. */
  readonly touch: (id: SessionId) => void
  /** Waits for messages and takes those that are there, in order, at most this many. */
  readonly take: (most: number) => Effect.Effect<ReadonlyArray<Message>>
  readonly isEmpty: () => boolean
  /** Lets all waiting callers through, because the engine reads no more. */
  readonly close: Effect.Effect<void>
}

/** An empty mailbox. */
export const make: Effect.Effect<Mailbox> = Effect.gen(function*() {
  const messages = yield* Queue.unbounded<Message>()
  const places = yield* Semaphore.make(callerCapacity)
  const sent = new WeakSet<Message>()
  const touched = new Set<SessionId>()
  let isBehind = false
  const put = (message: Message): void => {
    Queue.offerUnsafe(messages, message)
  }
  return {
    put,
    send: (message) =>
      // a place that was taken is used, also when the caller is interrupted
      Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(places.take(1)), () => {
          sent.add(message)
          put(message)
        })
      ),
    report: (message) => {
      isBehind = true
      put(message)
    },
    isBehind: () => isBehind,
    touch: (id) => {
      if (touched.has(id)) return
      touched.add(id)
      put({ id, event: { _tag: "Touched" } })
    },
    take: (most) =>
      Effect.gen(function*() {
        const taken = yield* Queue.takeBetween(messages, 1, most)
        if (Queue.sizeUnsafe(messages) === 0) isBehind = false
        for (const { event, id } of taken) {
          if (event._tag === "Touched") touched.delete(id)
        }
        yield* places.release(taken.filter((message) => sent.has(message)).length)
        return taken
      }),
    isEmpty: () => Queue.sizeUnsafe(messages) === 0,
    close: places.resize(Number.MAX_SAFE_INTEGER)
  }
})
