/**
 * What the tests of Fly logs share: a bus that remembers, tokens from a list, and the fake hosts put together.
 */
import { Dispatcher } from "effect-atlas/events/Dispatcher"
import { FlyLogs, FlyLogSource, FlyLogStream } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/** What was published, in order. */
export class Published extends Context.Service<Published, {
  readonly messages: Array<{ readonly topic: string; readonly message: unknown }>
}>()("test/fly/Published") {}

/** A bus that keeps what is published; it has no subscribers here. */
export const bus = Layer.effectContext(Effect.sync(() => {
  const messages: Array<{ readonly topic: string; readonly message: unknown }> = []
  return Context.make(Published, { messages }).pipe(
    Context.add(Dispatcher, {
      canSubscribe: false,
      publish: (topic, message) => Effect.sync(() => void messages.push({ topic: topic.name, message })),
      subscribe: () => Effect.succeed(Stream.empty)
    })
  )
}))

/** Tokens from a list: each `invalidate` moves to the next, the last one stays. */
export const tokensOf = (...texts: ReadonlyArray<string>) => {
  const calls: Array<string> = []
  let at = 0
  return {
    calls,
    get: (app: string) =>
      Effect.sync(() => {
        calls.push(`get ${app}`)
        return Redacted.make(texts[Math.min(at, texts.length - 1)] ?? "")
      }),
    invalidate: (app: string) =>
      Effect.sync(() => {
        calls.push(`invalidate ${app}`)
        at += 1
      })
  }
}

export const canary = "fm2_canaryABCDEF0123456789"

/** The fake, the platform source over it, log pages with one token, and a stream of them. */
export const stack = (options: FlyLogStream.Options = {}, tokens: FlyLogs.TokenSource = tokensOf(canary)) =>
  FlyLogStream.layer(options).pipe(
    Layer.provideMerge(FlyLogs.layerTokens(tokens)),
    Layer.provideMerge(FlyLogSource.layerPlatform()),
    Layer.provide(FakeFly.layerClient),
    Layer.provideMerge(FakeFly.layer({ apps: ["acme-web", "acme-api"] })),
    Layer.provideMerge(bus)
  )

export const said = (...messages: ReadonlyArray<string>): ReadonlyArray<FakeFly.Line> =>
  messages.map((message) => ({ message }))
