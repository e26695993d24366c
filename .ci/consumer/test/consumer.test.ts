import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Atlas, Providers } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { ProviderConformance, SessionStoreConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/testing/TestClock"
import * as CountingStore from "../src/countingStore.ts"
import * as Host from "../src/host.ts"
import * as Shelf from "../src/shelf.ts"

const mock = Providers.layer(MockProvider.layer({ provisioning: 0 }))
const orchestrator = Orchestrator.layer({ owner: "shop" }).pipe(
  Layer.provide(mock),
  Layer.provideMerge(CountingStore.layer)
)

it.live("a provider of one's own keeps the promises of every provider", () =>
  Effect.gen(function*() {
    const { failed, passed } = yield* ProviderConformance.run({ patience: "5 seconds" })
    assert.deepStrictEqual({ failed, some: passed > 10 }, { failed: 0, some: true })
  }).pipe(Effect.provide(Shelf.layer)))

it.effect("a wait ends when the test's clock says so", () =>
  Effect.gen(function*() {
    const { id } = yield* Atlas.spawnCompute({ gpu: "h100" })
    const waiting = yield* Effect.forkChild(Effect.flip(Atlas.awaitReady(id, { timeout: "1 minute" })))
    yield* TestClock.adjust("1 minute")
    assert.strictEqual((yield* Fiber.join(waiting)).kind, "timeout")
  }).pipe(Effect.provide(Providers.layer(MockProvider.layer({ provisioning: "1 hour" })))))

it.live("a store of one's own is the orchestrator's", () =>
  Effect.gen(function*() {
    const { id } = yield* Orchestrator.spawn({ gpu: "h100", image: "me/worker" })
    yield* Orchestrator.stopTracked(id)
    yield* Orchestrator.awaitEnd(id)
    assert.isAbove(yield* Ref.get(yield* CountingStore.Commits), 0)
  }).pipe(Effect.provide(orchestrator)))

describe("an HTTP API on the orchestrator", () => {
  const { dispose, handler } = HttpRouter.toWebHandler(
    Host.layer.pipe(Layer.provide(orchestrator), Layer.provide(HttpServer.layerServices))
  )
  const call = (method: string, path: string) => handler(new Request(`http://host${path}`, { method }))

  it("rents, tells by server-sent events, ends, and stops", async () => {
    const rented = await call("POST", "/machines")
    assert.strictEqual(rented.status, 200)
    const { session } = await rented.json()
    const watched = await call("GET", `/machines/${session}`)
    assert.match(watched.headers.get("content-type") ?? "", /^text\/event-stream/)
    assert.match(await watched.text(), /^data: \{"status":"running"\}$/m)
    assert.strictEqual((await call("DELETE", `/machines/${session}`)).status, 204)
    await dispose()
  })
})

SessionStoreConformance.suite(
  { describe, it },
  "of one's own",
  CountingStore.layer
)

it.live("sessions in SQLite, on the SQLite of Node", () =>
  Effect.gen(function*() {
    const store = yield* SessionStore.SessionStore
    assert.isString(store.identity)
  }).pipe(Effect.provide(SessionStoreSqlite.layer({ filename: ":memory:" }).pipe(Layer.provide(NodeServices.layer)))))
