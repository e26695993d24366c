/**
 * Streams that a server sends for as long as a client listens, and which end before the server closes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * Ends the open streams of a server when that begins to close; see {@link endFirst}.
 *
 * @category services
 * @since 0.1.0
 */
export class OpenStreams extends Context.Service<OpenStreams, {
  /** The stream, which ends by itself when the server begins to close. */
  readonly until: <A, E, R>(stream: Stream.Stream<A, E, R>) => Stream.Stream<A, E, R>
}>()("effect-atlas/events/OpenStreams") {}

class Closing extends Context.Service<Closing, Latch.Latch>()("effect-atlas/events/OpenStreams/Closing") {}

const untilOpen = (latch: Latch.Latch): OpenStreams["Service"] => ({
  // one that is begun while the server closes ends at once
  until: (stream) =>
    Stream.suspend(() => Latch.isOpen(latch) ? Stream.empty : Stream.interruptWhen(stream, latch.await))
})

/**
 * A server whose open streams end before it closes: those that went through `OpenStreams.until`.
 *
 * **When to use**
 *
 * A server that stops waits for the answers that it has begun. An event stream never ends by itself, so each one that is open
 * holds the stop for the whole of the server's grace, 20 seconds by default, and is then cut off. Put the server together with
 * its routes into this, and everything that the routes use below it: layers close in the opposite order, so that the streams end,
 * then the server answers what was asked and closes, and then an orchestrator ends its sessions.
 *
 * **Example** (Events of a session over HTTP)
 *
 * ```ts
 * import * as OpenStreams from "effect-atlas/events/OpenStreams"
 * import { Orchestrator } from "effect-atlas/orchestrator"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const events = (id: string) =>
 *   Effect.map(OpenStreams.OpenStreams, ({ until }) => until(Orchestrator.events(id).pipe(Stream.map((one) => one._tag))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const endFirst = <A, E, R>(
  server: Layer.Layer<A, E, R>
): Layer.Layer<A, E, Exclude<R, OpenStreams>> => {
  // made here and not once for all, so that two servers of one program close by themselves
  const closing = Layer.effect(Closing, Latch.make())
  const streams = Layer.effect(OpenStreams, Effect.map(Closing, untilOpen))
  // built after the server, so closed before it
  const ended = Layer.effectDiscard(Effect.acquireRelease(Closing, (latch) => latch.open))
  // kept from what is built upon this: another server there has streams of its own to end
  return ended.pipe(Layer.provideMerge(server), Layer.provide(streams), Layer.provide(closing))
}
