/**
 * Publish and subscribe by topic: in this process, across processes, or through the host's own bus.
 *
 * Publishing never waits for a receiver and never fails its producer.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Topic } from "./Topic.ts"

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
  /** Messages kept for a subscriber that does not read; default 10,000. */
  readonly capacity?: number | undefined
  /**
   * What happens to one that is slower: `evict` (default) ends it with a final `Evicted`, `gap` drops its oldest
   * messages and tells how many in a `Gap`.
   */
  readonly overflow?: "evict" | "gap" | undefined
}

/**
 * The bus in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Dispatcher extends Context.Service<Dispatcher, {
  /** False for a bus that only takes messages; subscribing to it ends at once with a warning. */
  readonly canSubscribe: boolean
  /** Hands a message to everybody subscribed now; succeeds without anybody, and whatever happens to the bus. */
  readonly publish: <A>(topic: Topic<A>, message: A) => Effect.Effect<void>
  /**
   * Registers a subscriber until the scope closes: registered when this returns, so nothing published after is missed.
   * A second subscription of one scope to one topic shares the first.
   */
  readonly subscribe: <A>(
    topic: Topic<A>,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Delivery<A>>, never, Scope.Scope>
}>()("effect-atlas/events/Dispatcher") {}
