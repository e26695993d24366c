/**
 * What loads without Node: the domain, `Atlas` over RunPod by fetch, and an orchestrator with its sessions in memory.
 */
import { Atlas, Money, Providers, SignedUrl } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as RunPod from "effect-atlas/providers/RunPod"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const runpod = Providers.layer(RunPod.layer({ apiKey: Redacted.make("rpa_page") })).pipe(
  Layer.provide(FetchHttpClient.layer)
)

/** The pods of an account, as this page's `fetch` answers. */
export const pods = (fetch: typeof globalThis.fetch) =>
  Effect.runPromise(
    Atlas.listCompute().pipe(
      Effect.map((all) => all.map(({ id, status }) => `${id} ${status}`)),
      Effect.provide(runpod),
      Effect.provideService(FetchHttpClient.Fetch, fetch)
    )
  )

/** Rents in memory and hands back; the session's last word. */
export const session = () =>
  Effect.runPromise(
    Effect.gen(function*() {
      const { id } = yield* Orchestrator.spawn({ gpu: "h100", image: "me/worker" })
      yield* Orchestrator.stopTracked(id)
      return (yield* Orchestrator.awaitEnd(id)).state
    }).pipe(
      Effect.provide(
        Orchestrator.layer({ owner: "page" }).pipe(
          Layer.provide([SessionStore.layerMemory, Providers.layer(MockProvider.layer({ provisioning: 0 }))])
        )
      )
    )
  )

export const names = [typeof Money, typeof SignedUrl]
