/**
 * What `Atlas` adds to a call (options, id check, span, metrics, error mapping): its verbs against the bare adapter.
 */
import { Atlas, AtlasError, Provider, Providers } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import { machine } from "../support/acme.ts"
import { compare } from "./measure.ts"

const compute = machine()
const get = (id: string) => id === compute.id ? Effect.succeed(compute) : Effect.fail(new AtlasError.NotFound({}))
const acme = Provider.make({
  id: "acme",
  compute: {
    spawn: () => Effect.succeed(compute),
    get,
    list: () => Effect.succeed([compute]),
    terminate: () => Effect.void
  }
})

const repeat = <E>(effect: Effect.Effect<unknown, E, Providers.Providers>) => (times: number) =>
  Effect.runPromise(
    Effect.orDie(Effect.replicateEffect(effect, times, { discard: true })).pipe(
      Effect.provideService(Providers.Providers, Providers.make([acme], { default: "acme" }))
    )
  )

await compare([
  { name: "adapter.get", run: repeat(Effect.suspend(() => get("acme-1"))) },
  {
    name: "adapter.get in a span of Effect's own",
    run: repeat(Effect.suspend(() => get("acme-1")).pipe(Effect.withSpan("get")))
  },
  { name: "Atlas.getCompute", run: repeat(Atlas.getCompute("acme-1")) },
  {
    name: "Atlas.getCompute, tracing off",
    run: repeat(Atlas.getCompute("acme-1").pipe(Effect.provideService(References.TracerEnabled, false)))
  }
], 50_000)
