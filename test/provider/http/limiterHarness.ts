/** A limiter with a scripted server behind it, for the tests of what is held back and for how long. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import * as RateLimits from "../../../src/provider/RateLimits.ts"

export const account = { provider: "acme", baseUrl: "https://api.acme.example", apiKey: Redacted.make("one") }

export type Said = Readonly<Record<string, string>>

/** A limiter with a server behind it that answers these headers (`status` among them, else 429 with `retry-after`); it records what was let through, in order, and when. */
export const limited = (said: (request: number) => Said = () => ({}), limits: ReadonlyArray<RateLimits.Limit> = []) =>
  Effect.map(RateLimits.make(limits), (all) => {
    const sent: Array<readonly [string, number]> = []
    const limiter = all.account(account)
    const send = (
      name: string,
      options: {
        priority?: RateLimits.Priority
        patience?: Duration.Input
        lasts?: Duration.Input
        limits?: RateLimits.RouteLimits
      } = {}
    ) =>
      limiter.run(
        {
          priority: options.priority ?? "normal",
          patience: Duration.fromInputUnsafe(options.patience ?? "10 minutes"),
          limits: options.limits
        },
        Effect.gen(function*() {
          sent.push([name, yield* Clock.currentTimeMillis])
          const headers = Headers.fromInput(said(sent.length))
          yield* Effect.sleep(options.lasts ?? 0)
          const refusal = headers["status"] ?? (headers["retry-after"] === undefined ? "200" : "429")
          return { status: Number(refusal), headers }
        })
      )
    return { sent, send }
  })

export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

export const window = (r: number, t: number, q = 10): Said => ({
  "ratelimit": `"minute";r=${r};t=${t}`,
  "ratelimit-policy": `"minute";q=${q};w=60`
})
