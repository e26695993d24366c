/**
 * The command line against a RunPod account in this process, and what its creates carry.
 */
import type { Provider } from "effect-atlas"
import { RunPod } from "effect-atlas/providers/RunPod"
import * as RunPodClient from "effect-atlas/providers/RunPodClient"
import { FakeRunPod } from "effect-atlas/testing"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { run } from "./harness.ts"

type Body = Readonly<Record<string, unknown>>

/** An account, the bodies of its creates in order, and the command line that uses it. */
export const accountWith = Effect.fnUntraced(function*(settleWindow: Duration.Input) {
  const creates: Array<Body> = []
  const recording = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      HttpClient.mapRequest(client, (request) => {
        const { body, method, url } = request
        if (method === "POST" && url.endsWith("/pods") && body._tag === "Uint8Array") {
          creates.push(JSON.parse(new TextDecoder().decode(body.body)))
        }
        return request
      }))
  ).pipe(Layer.provide(FakeRunPod.layerClient))
  const context = yield* Layer.build(
    RunPodClient.layerWithRunPod({ apiKey: "test", settleWindow, pollInterval: "100 millis" }).pipe(
      Layer.provide(recording),
      Layer.provideMerge(Layer.fresh(FakeRunPod.layer()))
    )
  )
  const { client, controls, provider } = yield* Effect.provideContext(
    Effect.gen(function*() {
      return {
        client: yield* RunPodClient.RunPodClient,
        controls: yield* FakeRunPod.FakeRunPodControls,
        provider: yield* RunPod
      }
    }),
    context
  )
  const providers: ReadonlyArray<Provider.Made> = [provider]
  return {
    controls,
    creates,
    provider,
    /** A registry credential of this name; answers its id. */
    registry: (name: string) =>
      Effect.map(client.createRegistry({ body: { name, username: "me", password: "secret" } }), ({ id }) => id),
    atlas: (args: ReadonlyArray<string>, surroundings: Parameters<typeof run>[1] = {}) =>
      run(args, { ...surroundings, providers })
  }
})

/** The same where a new pod is listed at once. */
export const account = accountWith(0)
