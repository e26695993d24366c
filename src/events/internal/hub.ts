/** Who listens to what in this process: plain tables, so that a message to a thousand costs a thousand appends. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Delivery, SubscribeOptions } from "../Dispatcher.ts"
import * as EventMetrics from "../EventMetrics.ts"
import type { Topic } from "../Topic.ts"
import * as Mailbox from "./mailbox.ts"
import { quietly } from "./quietly.ts"

const defaultCapacity = 10_000

interface Subscription {
  readonly topic: Topic<unknown>
  readonly capacity: number
  readonly mailbox: Mailbox.Mailbox<Delivery<unknown>>
  /** Ends with the subscription, with its subscriber's scope and with the hub, whichever comes first. */
  readonly scope: Scope.Closeable
}

export interface Hub {
  /** Hands a message to all subscribers of a topic, or to those of one schema. */
  readonly publish: (topic: string, message: unknown, schema?: Topic<unknown>["schema"]) => Effect.Effect<void>
  /** The schemas that subscribers of a topic read with; none when nobody listens. */
  readonly schemas: (topic: string) => ReadonlySet<Topic<unknown>["schema"]>
  /** `attach` opens what feeds the topic; it is held as long as the subscription. */
  readonly subscribe: <A>(
    topic: Topic<A>,
    options: SubscribeOptions | undefined,
    attach: Effect.Effect<void, never, Scope.Scope>
  ) => Effect.Effect<Stream.Stream<Delivery<A>>, never, Scope.Scope>
}

export const make: Effect.Effect<Hub, never, Scope.Scope> = Effect.gen(function*() {
  const home = yield* Effect.scope
  // one subscription a scope; a topic without subscribers is not there
  const topics = new Map<string, Map<Scope.Scope, Subscription>>()

  let awake: Array<Mailbox.Mailbox<Delivery<unknown>>> = []
  const wakeAll = (): void => {
    const now = awake
    awake = []
    for (const mailbox of now) mailbox.wake()
  }
  /** In a turn of its own: whoever publishes never runs a reader, and a burst wakes a reader once. */
  const wake = (mailbox: Mailbox.Mailbox<Delivery<unknown>>, fiber: Fiber.Fiber<unknown, unknown>): void => {
    if (!mailbox.isToBeWoken()) return
    if (awake.push(mailbox) === 1) fiber.currentDispatcher.scheduleTask(wakeAll, 0)
  }

  const remove = (name: string, key: Scope.Scope, one: Subscription): void => {
    const all = topics.get(name)
    // the same scope may have subscribed anew after it was evicted
    if (all?.get(key) !== one) return
    all.delete(key)
    if (all.size === 0) topics.delete(name)
  }

  const report = (one: Subscription): Effect.Effect<void> =>
    quietly(Effect.andThen(
      Metric.update(EventMetrics.evicted, 1),
      Effect.logWarning("A subscriber that did not read was evicted").pipe(
        Effect.annotateLogs({ topic: one.topic.name, capacity: one.capacity })
      )
    ))

  const publish: Hub["publish"] = (name, message, schema) =>
    Effect.withFiber((fiber) => {
      const all = topics.get(name)
      if (all === undefined) return Effect.void
      const delivery: Delivery<unknown> = { _tag: "Message", message }
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
            report(one),
            // in a fiber of its own: what feeds the subscription may be who publishes, and would wait for itself
            Effect.forkIn(Scope.close(one.scope, Exit.void), home)
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

  const join = <A>(topic: Topic<A>, options: SubscribeOptions | undefined, key: Scope.Scope) =>
    Effect.uninterruptible(Effect.gen(function*() {
      const capacity = options?.capacity ?? defaultCapacity
      const overflow = options?.overflow === "gap" ? "drop-oldest" : "refuse"
      const one: Subscription = {
        topic,
        capacity,
        mailbox: Mailbox.make(capacity, overflow),
        scope: yield* Scope.fork(key)
      }
      const all = topics.get(topic.name) ?? new Map<Scope.Scope, Subscription>()
      topics.set(topic.name, all.set(key, one))
      yield* Scope.addFinalizer(
        one.scope,
        Effect.withFiber((fiber) => {
          // one that was evicted is no longer there, and keeps its last element
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
        const one = topics.get(topic.name)?.get(key) ?? (yield* join(topic, options, key))
        yield* Scope.provide(attach, one.scope)
        const stream = Stream.fromPull(Effect.succeed(one.mailbox.pull))
        // whoever names a topic gives it one type: the name is all that a message and its reader share
        return stream as Stream.Stream<Delivery<A>>
      })
  }
})
