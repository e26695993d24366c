/**
 * What the engine has still to read: letters from callers wait when there are too many, results of commands never do.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import type * as Tracer from "effect/Tracer"
import type { AuthHandle, Compute } from "../../domain/Compute.ts"
import type { SessionInput } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Secrets } from "../SessionSecrets.ts"

/** One event for one session, and what stays in memory beside it. */
export interface Message {
  readonly id: SessionId
  readonly event: SessionInput
  /** The whole computes that the event is about, with their URLs. */
  readonly computes?: ReadonlyArray<Compute> | undefined
  /** With the result of a rent: the credential it was sent with. */
  readonly auth?: AuthHandle | null | undefined
  /** With `Started`: what the session rents with. */
  readonly secrets?: Secrets | undefined
  /** With `Started`: the span of whoever asked. */
  readonly caller?: Tracer.AnySpan | undefined
}

/** Letters of callers that may wait to be read; more callers than that wait to hand theirs in. */
const callerCapacity = 10_000

/** A mailbox with one reader. */
export interface Mailbox {
  /** For results and timers: never waits. */
  readonly put: (letter: Message) => void
  /** For callers: waits while there are too many. */
  readonly hand: (letter: Message) => Effect.Effect<void>
  /** For feeds: never waits, and counts as unread until it is read. */
  readonly report: (letter: Message) => void
  /** Whether reports are unread: another listing would only pile up. */
  readonly isBehind: () => boolean
  /** A touch: of several unread ones of a session, one is enough. */
  readonly touch: (id: SessionId) => void
  /** Waits for letters and takes all that are there, in order. */
  readonly takeAll: Effect.Effect<ReadonlyArray<Message>>
  /** Takes out the unread beginnings of sessions, so that their callers can be told at once that nothing will come of them. */
  readonly takeStarts: Effect.Effect<ReadonlyArray<SessionId>>
  readonly isEmpty: () => boolean
  /** Nobody waits for a place any more, because nobody reads. */
  readonly close: Effect.Effect<void>
}

/** An empty mailbox. */
export const make: Effect.Effect<Mailbox> = Effect.gen(function*() {
  const letters = yield* Queue.unbounded<Message>()
  const places = yield* Semaphore.make(callerCapacity)
  const handed = new WeakSet<Message>()
  const touched = new Set<SessionId>()
  let isBehind = false
  const put = (letter: Message): void => {
    Queue.offerUnsafe(letters, letter)
  }
  const release = (taken: ReadonlyArray<Message>) => places.release(taken.filter((letter) => handed.has(letter)).length)
  return {
    put,
    hand: (letter) =>
      // a place that is taken is used, interrupted or not
      Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(places.take(1)), () => {
          handed.add(letter)
          put(letter)
        })
      ),
    report: (letter) => {
      isBehind = true
      put(letter)
    },
    isBehind: () => isBehind,
    touch: (id) => {
      if (touched.has(id)) return
      touched.add(id)
      put({ id, event: { _tag: "Touched" } })
    },
    takeAll: Effect.gen(function*() {
      const taken = yield* Queue.takeAll(letters)
      isBehind = false
      for (const { event, id } of taken) {
        if (event._tag === "Touched") touched.delete(id)
      }
      yield* release(taken)
      return taken
    }),
    takeStarts: Effect.gen(function*() {
      const taken = yield* Queue.clear(letters)
      const starts = taken.filter(({ event }) => event._tag === "Started")
      Queue.offerAllUnsafe(letters, taken.filter(({ event }) => event._tag !== "Started"))
      yield* release(starts)
      return starts.map(({ id }) => id)
    }),
    isEmpty: () => Queue.sizeUnsafe(letters) === 0,
    close: places.resize(Number.MAX_SAFE_INTEGER)
  }
})
