/**
 * A pod that a person renamed before its lost create was resolved: it is recognised by what its container was given.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, NameStamp, Provider, Providers } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { client, cloud } from "./clientHarness.ts"
import { layer, passWhile } from "./harness.ts"

const runpod = layer({ provisioning: 0, starting: 0 })
const context = Layer.merge(Providers.layerDefault("runpod", runpod), runpod)

const wanted = { gpu: "h100", image: "me/server" } as const

const live = Effect.flatMap(cloud, ({ ledger }) => Effect.map(ledger, (all) => all.live))

/** Renames the first pod while the listing does not show it yet, with the answer of its create lost. */
const renamed = <A, E, R>(use: Effect.Effect<A, E, R>, name = "mine") =>
  Effect.gen(function*() {
    const { ledger, order, setListingLag } = yield* cloud
    const { updatePod } = yield* client
    yield* order({ _tag: "LoseAnswer", on: "createPod", acted: true })
    yield* setListingLag("4 seconds")
    const using = yield* Effect.forkChild(use)
    while ((yield* ledger).made.length === 0) yield* passWhile(Effect.sleep("100 millis"))
    const [made] = (yield* ledger).made
    const id = made?.id ?? ""
    yield* passWhile(updatePod({ id, body: { name } }))
    return { id, stamped: made?.name ?? "", result: yield* passWhile(Fiber.join(using)) }
  })

/** A pod that a person made of another one, in RunPod's console: its environment is the other one's. */
const plantCopy = (of: string) =>
  Effect.flatMap(cloud, ({ plantPod }) =>
    plantPod({
      name: "a copy",
      image: "me/server",
      disk: 20,
      gpu: { id: "NVIDIA L4", count: 1 },
      env: { ATLAS_COMPUTE_NAME: of }
    }))

describe("a pod that was renamed before its lost create was resolved", () => {
  it.effect("is the one that the create made: it is found by the attempt in its environment, and nothing is left", () =>
    Effect.gen(function*() {
      const { id, result, stamped } = yield* renamed(Atlas.spawnCompute(wanted))
      assert.deepStrictEqual([result.id, result.name, result.rentedAs], [id, "mine", stamped])
      assert.deepStrictEqual((yield* live).map((pod) => pod.id), [id])
      yield* passWhile(Atlas.end(id))
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(context)))

  it.effect("belongs to its scope all the same, and is ended with it", () =>
    Effect.gen(function*() {
      const { id, result } = yield* renamed(Atlas.withCompute(wanted, (compute) => Effect.succeed(compute.id)))
      assert.strictEqual(result, id)
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(context)))

  it.effect("is ended where its caller has left", () =>
    Effect.gen(function*() {
      yield* renamed(Effect.timeoutOption(Atlas.spawnCompute(wanted), "2 seconds"))
      yield* passWhile(Effect.sleep("20 seconds"))
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(context)))

  it.effect("is found under the name it was rented under, and shows nothing else of its environment", () =>
    Effect.gen(function*() {
      const { compute } = yield* Provider.Provider
      const { id, stamped } = yield* renamed(Atlas.spawnCompute({ ...wanted, env: { KEY: "canary" } }))
      yield* TestClock.adjust("5 seconds")
      const all = yield* passWhile(compute.list({ name: stamped }))
      assert.deepStrictEqual(all.map((one) => one.id), [id])
      assert.notInclude(JSON.stringify([all, all[0]?.raw]), "canary")
    }).pipe(Effect.provide(context)))
})

describe("a copy of a pod, which a person made with all of its environment", () => {
  it.effect("is never ended with the pod, neither when it is handed back nor by its id", () =>
    Effect.gen(function*() {
      const copies = yield* passWhile(
        Atlas.withCompute(wanted, ({ name }) => Effect.delay(plantCopy(name ?? ""), "1 second"))
      )
      const { id, name } = yield* passWhile(Atlas.spawnCompute(wanted))
      const second = yield* plantCopy(name ?? "")
      yield* passWhile(Atlas.end(id, { name }))
      assert.deepStrictEqual((yield* live).map((pod) => pod.id).toSorted(), [copies, second].toSorted())
    }).pipe(Effect.provide(context)))

  it.effect("is not taken for what a lost create made: the older one is", () =>
    Effect.gen(function*() {
      const stamped = "atlas-adhoc-web-abcdefghijkl"
      const stamp = NameStamp.parse(stamped) ?? undefined
      const { compute } = yield* Provider.Provider
      const { id, result: [copy, found] } = yield* renamed(
        Effect.all([Effect.delay(plantCopy(stamped), "2 seconds"), compute.spawn(wanted, { stamp })], {
          concurrency: 2
        })
      )
      assert.strictEqual(found.id, id)
      assert.deepStrictEqual((yield* live).map((pod) => pod.id), [id, copy])
    }).pipe(Effect.provide(context)))

  it.effect("whose own name is another stamp is no copy of ours", () =>
    Effect.gen(function*() {
      const other = NameStamp.render(yield* NameStamp.adhoc("other"))
      const { id } = yield* renamed(Effect.flip(Atlas.spawnCompute(wanted)), other)
      assert.deepStrictEqual((yield* live).map((pod) => pod.id), [id])
    }).pipe(Effect.provide(context)))
})
