/** The subscribers of this process by topic: plain maps, so that a message to a thousand costs a thousand appends. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventMetrics from "../EventMetrics.ts"
import type { Topic } from "../Topic.ts"
import * as Mailbox from "./mailbox.ts"
import { sizeOf } from "./size.ts"

/**
 * What a subscriber gets: a message, word that older messages were dropped, or the end because it was too slow.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery<A> =
  | { readonly _tag: "Message"; readonly message: A }
  | { readonly _tag: "Gap"; readonly lost: number }
  | { readonly _tag: "Evicted"; readonly topic: string }

/**
 * How a subscription is bounded.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** Messages kept for a subscriber that does not read, one at least; default 10,000. */
  readonly capacity?: number | undefined
  /** About how many bytes of messages are kept for it, one message at least; default 64 MiB. */
  readonly bytes?: number | undefined
  /**
   * What happens to a subscriber that is slower: `evict` (default) drops all it has not read and ends it with a final
   * `Evicted`, `gap` drops its oldest messages and puts a `Gap` with their number in their place.
   */
  readonly overflow?: "evict" | "gap" | undefined
}

interface Subscription {
  readonly topic: Topic<unknown>
  readonly limits: Mailbox.Limits
  readonly mailbox: Mailbox.Mailbox<Delivery<unknown>>
  /** Ends with the subscription, with its subscriber's scope and with the hub, whichever comes first. */
  readonly scope: Scope.Closeable
}

/** Publishing and subscribing within this process. */
export interface Hub {
  /** Gives a message to all subscribers of a topic, or only to those with this schema. */
  readonly publish: (topic: string, message: unknown, schema?: Topic<unknown>["schema"]) => Effect.Effect<void>
  /** The schemas that the subscribers of a topic read with; empty without subscribers. */
  readonly schemas: (topic: string) => ReadonlySet<Topic<unknown>["schema"]>
  /** `attach` opens the source that feeds the topic; it stays open as long as the subscription. */
  readonly subscribe: <A>(
    topic: Topic<A>,
    options: SubscribeOptions | undefined,
    attach: Effect.Effect<void, never, Scope.Scope>
  ) => Effect.Effect<Stream.Stream<Delivery<A>>, never, Scope.Scope>
}

export const make: Effect.Effect<Hub, never, Scope.Scope> = Effect.gen(function*() {
  const hubScope = yield* Effect.scope
  // one subscription for each scope; a topic without subscribers has no entry
  const topics = new Map<string, Map<Scope.Scope, Subscription>>()

  let toWake: Array<Mailbox.Mailbox<Delivery<unknown>>> = []
  const wakeAll = (): void => {
    const now = toWake
    toWake = []
    for (const mailbox of now) mailbox.wake()
  }
  /** Readers are woken by a scheduled task: a publisher never runs a reader, and a burst wakes a reader once. */
  const wake = (mailbox: Mailbox.Mailbox<Delivery<unknown>>, fiber: Fiber.Fiber<unknown, unknown>): void => {
    if (!mailbox.needsWake()) return
    if (toWake.push(mailbox) === 1) fiber.currentDispatcher.scheduleTask(wakeAll, 0)
  }

  const remove = (name: string, key: Scope.Scope, one: Subscription): void => {
    const all = topics.get(name)
    // the same scope may have subscribed again after it was evicted
    if (all?.get(key) !== one) return
    all.delete(key)
    if (all.size === 0) topics.delete(name)
  }

  const reportEvicted = (one: Subscription): Effect.Effect<void> =>
    Effect.ignoreCause(Effect.andThen(
      Metric.update(EventMetrics.evicted, 1),
      Effect.logWarning("A subscriber that did not read its messages was evicted").pipe(
        Effect.annotateLogs({ topic: one.topic.name, ...one.limits })
      )
    ))

  const publish: Hub["publish"] = (name, message, schema) =>
    Effect.withFiber((fiber) => {
      const all = topics.get(name)
      if (all === undefined) return Effect.void
      const delivery: Mailbox.Sized<Delivery<unknown>> = {
        element: { _tag: "Message", message },
        size: sizeOf(message)
      }
      let evicted: Array<Subscription> | undefined
      for (const [key, one] of all) {
        if (schema !== undefined && schema !== one.topic.schema) continue
        if (!one.mailbox.offer(delivery)) {
          one.mailbox.drop({ _tag: "Evicted", topic: name })
          remove(name, key, one)
          evicted = [...evicted ?? [], one]
        }
        wake(one.mailbox, fiber)
      }
      return evicted === undefined
        ? Effect.void
        : Effect.forEach(evicted, (one) =>
          Effect.andThen(
            reportEvicted(one),
            // in a fiber of its own: the publisher may be the source that feeds the subscription, and would wait for itself
            Effect.forkIn(Scope.close(one.scope, Exit.void), hubScope)
          ), { discard: true })
    })

  yield* Effect.addFinalizer(() =>
    Effect.withFiber((fiber) => {
      for (const all of topics.values()) {
        for (const { mailbox } of all.values()) {
          mailbox.drop()
          wake(mailbox, fiber)
        }
      }
      topics.clear()
      return Effect.void
    })
  )

  const register = <A>(topic: Topic<A>, options: SubscribeOptions | undefined, key: Scope.Scope) =>
    Effect.uninterruptible(Effect.gen(function*() {
      const limits = {
        capacity: options?.capacity ?? Mailbox.defaultLimits.capacity,
        bytes: options?.bytes ?? Mailbox.defaultLimits.bytes
      }
      const overflow = options?.overflow === "gap" ? "drop-oldest" : "refuse"
      const one: Subscription = {
        topic,
        limits,
        mailbox: Mailbox.make(limits, overflow),
        scope: yield* Scope.fork(key)
      }
      const all = topics.get(topic.name) ?? new Map<Scope.Scope, Subscription>()
      topics.set(topic.name, all.set(key, one))
      yield* Scope.addFinalizer(
        one.scope,
        Effect.withFiber((fiber) => {
          // an evicted subscription was removed before, and its reader must still get `Evicted`
          if (topics.get(topic.name)?.get(key) === one) one.mailbox.drop()
          remove(topic.name, key, one)
          wake(one.mailbox, fiber)
          return Effect.void
        })
      )
      return one
    }))

  return {
    publish,
    schemas: (name) => new Set([...topics.get(name)?.values() ?? []].map((one) => one.topic.schema)),
    subscribe: <A>(
      topic: Topic<A>,
      options: SubscribeOptions | undefined,
      attach: Effect.Effect<void, never, Scope.Scope>
    ) =>
      Effect.gen(function*() {
        const key = yield* Effect.scope
        const one = topics.get(topic.name)?.get(key) ?? (yield* register(topic, options, key))
        yield* Scope.provide(attach, one.scope)
        const stream = Stream.fromPull(Effect.succeed(one.mailbox.pull))
        // publisher and subscriber share only the topic's name: that both give it one type cannot be checked here
        return stream as Stream.Stream<Delivery<A>>
      })
  }
})
