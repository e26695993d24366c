/**
 * A server for as long as a scope is open: rented, protected by a token, asked, ended and verified gone.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Atlas, Providers } from "effect-atlas"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const program = Effect.scoped(Effect.gen(function*() {
  const compute = yield* Atlas.scoped({
    image: "builtin:inference-server",
    ports: ["8000/http"],
    auth: "bearer"
  })
  const ready = yield* Atlas.awaitReady(compute.id, { timeout: "30 seconds" })
  const url = ready.ports[0]?.url
  if (url === null || url === undefined || compute.auth?._tag !== "Bearer") {
    return yield* Effect.die("no port, or no token")
  }

  const health = `${url}/health`
  const without = yield* HttpClient.get(health)
  const withToken = yield* HttpClient.get(health, { headers: { authorization: Redacted.value(compute.auth.header) } })
  yield* Console.log(`without the token ${without.status}, with it ${withToken.status}`)
}))

const left = Effect.map(Atlas.listCompute(), (all) => all.filter(({ isLive }) => isLive).length)

const providers = Providers.layer(LocalProvider.layer()).pipe(Layer.provide(NodeServices.layer))

Effect.flatMap(Effect.andThen(program, left), (count) => Console.log(`computes left: ${count}`)).pipe(
  Effect.provide([providers, FetchHttpClient.layer]),
  NodeRuntime.runMain
)
