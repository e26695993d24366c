/**
 * Two accounts of RunPod: two fakes with a key and an address each, and one program that uses both.
 */
import { assert } from "@effect/vitest"
import { type Provider, Providers } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as RunPod from "effect-atlas/providers/RunPod"
import { FakeRunPod } from "effect-atlas/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { passWhile } from "../../src/testing/TestTime.ts"

export interface Account {
  readonly id: string
  readonly key: string
  readonly host: string
  readonly controls: FakeRunPod.FakeRunPodControls["Service"]
  /** The machines that exist there. */
  readonly live: Effect.Effect<ReadonlyArray<string>>
  /** What was asked for there, as `DELETE /v2/pods/<id>`. */
  readonly asked: Effect.Effect<ReadonlyArray<string>>
  readonly layer: Layer.Layer<RunPod.RunPod | Provider.Provider, unknown>
  /** The same account under another id. */
  readonly renamed: (id: string) => Account
}

const account = Effect.fnUntraced(function*(id: string) {
  const host = `${id}.example`
  const key = `key-of-${id}`
  const context = yield* Layer.build(Layer.fresh(FakeRunPod.layer()))
  const controls = Context.get(context, FakeRunPod.FakeRunPodControls)
  const { client } = Context.get(context, FakeRunPod.FakeRunPod)
  const http = HttpClient.make((request, url) => {
    // each key is for its own host alone
    assert.deepStrictEqual([url.hostname, request.headers["authorization"]], [host, `Bearer ${key}`])
    return client.execute(HttpClientRequest.setUrl(request, `https://api.runpod.io${url.pathname}`))
  })
  const made = (id: string): Account => ({
    id,
    key,
    host,
    controls,
    live: Effect.map(controls.ledger, ({ live }) => live.map((pod) => pod.id)),
    asked: Effect.map(controls.requests, (all) => all.map(({ method, path }) => `${method} ${path}`)),
    layer: RunPod.layer({ id, apiKey: key, baseUrl: `https://${host}/v2` }).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, http))
    ),
    renamed: made
  })
  return made(id)
})

/** Two accounts, and a store that outlives the orchestrators on it. */
export const two = Effect.gen(function*() {
  const store = Context.get(yield* Layer.build(Layer.fresh(SessionStore.layerMemory)), SessionStore.SessionStore)
  return { eu: yield* account("runpod-eu"), us: yield* account("runpod-us"), store }
})

export const providersOf = (...accounts: ReadonlyArray<Account>) =>
  Providers.layer(...accounts.map(({ layer }) => Layer.fresh(layer)))

/** A run of a program with these accounts; the orchestrator is closed at its end. */
export const run = <A, E>(
  accounts: ReadonlyArray<Account>,
  store: SessionStore.SessionStore["Service"],
  use: Effect.Effect<A, E, Orchestrator.Orchestrator | Providers.Providers | SessionStore.SessionStore>,
  options: Partial<Orchestrator.Options> = {}
) =>
  passWhile(
    use.pipe(
      Effect.provide(
        Layer.fresh(Orchestrator.layer({ owner: "team1", ...options })).pipe(
          Layer.provideMerge(Layer.merge(providersOf(...accounts), Layer.succeed(SessionStore.SessionStore, store)))
        )
      )
    )
  )
