/**
 * Tokens from the shared cache, against a bare map behind the same `Effect`; and ten thousand callers who come at once.
 *
 * Bound: at least a million cache hits a second, counted; and one run of the fly command for all first callers.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FlyTokens, TokenStorage } from "effect-atlas/fly"
import { FakeFlyCli } from "effect-atlas/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { compare } from "./measure.ts"

const bound = 1_000_000
const callers = 10_000

const runtime = ManagedRuntime.make(
  FlyTokens.layer().pipe(
    Layer.provide(TokenStorage.layerMemory),
    Layer.provideMerge(FakeFlyCli.layer({ steps: [{ after: "20 millis", stdout: "FlyV1 fm2_bench\n" }] })),
    Layer.provide(NodeServices.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))
  )
)
const tokens = await runtime.runPromise(FlyTokens.FlyTokens.use(Effect.succeed))

const start = performance.now()
const first = await runtime.runPromise(
  Effect.forEach(Array.from({ length: callers }), () => tokens.get("web"), { concurrency: "unbounded" })
)
const took = performance.now() - start
const runs = (await runtime.runPromise(FakeFlyCli.FakeFlyCli.use(({ calls }) => calls))).length
console.log(`${callers} first callers at once: ${runs} run of the fly command, ${Math.round(took)} ms`)
if (runs !== 1 || first.some(({ token }) => Redacted.value(token) !== "FlyV1 fm2_bench")) {
  throw new Error(`${callers} callers caused ${runs} runs of the fly command`)
}

const bare = new Map<string, FlyTokens.FlyToken>(first.slice(0, 1).map((token) => ["web", token]))
const lookUp = Effect.suspend(() => {
  const token = bare.get("web")
  return token === undefined ? Effect.die("it was put there") : Effect.succeed(token)
})

const repeat = (effect: Effect.Effect<unknown, unknown>, times: number) =>
  runtime.runPromise(Effect.gen(function*() {
    for (let i = 0; i < times; i++) yield* effect
  }))

let best = 0
const hit = tokens.get("web")
await compare([
  { name: "bare map in an Effect", run: (times) => repeat(lookUp, times) },
  {
    name: "FlyTokens.get, a cache hit",
    run: async (times) => {
      const before = process.cpuUsage()
      await repeat(hit, times)
      const { system, user } = process.cpuUsage(before)
      best = Math.max(best, times / ((user + system) / 1_000_000))
    }
  }
], 500_000)
await runtime.dispose()
// by the time of the processor in the best round: what else runs on this machine only takes away
console.log(
  `best round ${Math.round(best).toLocaleString("en")} /s of processor time, bound ${bound.toLocaleString("en")} /s`
)
if (best < bound) throw new Error("a cache hit takes too long")
