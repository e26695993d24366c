/**
 * The mock answers like a cloud.
 */
import { assert, describe, it } from "@effect/vitest"
import { type AtlasError, Entropy, GpuCatalog, Provider, Providers } from "effect-atlas"
import type { ComputeFilter } from "effect-atlas/provider/Adapter"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Mock from "../../support/mock.ts"

const kindOf = <A, R>(self: Effect.Effect<A, AtlasError.AtlasError, R>) =>
  Effect.match(self, { onSuccess: () => "success", onFailure: (error) => error.kind })

const issuesOf = <A, R>(self: Effect.Effect<A, AtlasError.AtlasError, R>) =>
  self.pipe(
    Effect.flip,
    Effect.map(({ reason }) => reason._tag === "Validation" ? reason.issues : [])
  )

describe("a compute of the mock", () => {
  it.effect("runs at once at 203.0.113.1 under an id of mock- and a random part, made now", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      yield* TestClock.setTime(1_000)
      const one = yield* mock.compute.spawn({ gpu: "h100" })
      const two = yield* mock.compute.spawn({ gpu: "h100" })
      assert.strictEqual(one.status, "running")
      assert.strictEqual(one.publicIp, "203.0.113.1")
      assert.match(one.id, /^mock-[a-z2-7]{12}$/)
      assert.notStrictEqual(one.id, two.id)
      assert.deepStrictEqual(one.createdAt, DateTime.makeUnsafe(1_000))
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("has its ports outside under the numbers they have inside, http by name and tcp by address", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const { id, ports } = yield* mock.compute.spawn({ gpu: "h100", ports: ["8000/http", "22/tcp"] })
      assert.deepStrictEqual(ports.map((port) => ({ ...port })), [
        { internal: 8000, external: 8000, protocol: "http", url: `https://${id}-8000.mock.local` },
        { internal: 22, external: 22, protocol: "tcp", url: "tcp://203.0.113.1:22" }
      ])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("stands in the first region hinted at, or nowhere", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      assert.strictEqual((yield* mock.compute.spawn({ regionHints: ["ams", "fra"] })).region, "ams")
      assert.isNull((yield* mock.compute.spawn({})).region)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("costs what providerOpts.costPerHour says: 0 without it, no price for null, refused for anything else", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const priced = (costPerHour: number | null | string) =>
        Effect.map(mock.compute.spawn({ providerOpts: { costPerHour } }), (compute) => compute.costPerHour)
      assert.strictEqual((yield* mock.compute.spawn({})).costPerHour, 0)
      assert.strictEqual(yield* priced(1.99), 1.99)
      assert.isNull(yield* priced(null))
      for (const wrong of ["free", -1]) {
        assert.deepStrictEqual((yield* issuesOf(priced(wrong))).map((issue) => issue.path), [
          "providerOpts.costPerHour"
        ])
      }
      assert.lengthOf((yield* controls.ledger).made, 3)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("takes the provisioning time to run, its address unknown until then", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const { id, ports, publicIp, status } = yield* mock.compute.spawn({ ports: ["80"] })
      assert.deepStrictEqual([status, publicIp, ports[0]?.external, ports[0]?.url], ["provisioning", null, null, null])
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual((yield* mock.compute.get(id)).status, "provisioning")
      yield* TestClock.adjust("1 millis")
      const ready = yield* mock.compute.get(id)
      assert.deepStrictEqual([ready.status, ready.publicIp, ready.ports[0]?.external], ["running", "203.0.113.1", 80])
    }).pipe(Effect.provide(Mock.layer({ provisioning: "10 seconds" }))))

  it.effect("repeats its id, name and price of chance under a seed", () =>
    Effect.gen(function*() {
      const run = Effect.gen(function*() {
        const { provider } = yield* MockProvider.make()
        const { id, name } = yield* provider.compute.spawn({})
        return { id, name }
      }).pipe(Effect.provide(Entropy.layerPredictable))
      const first = yield* Random.withSeed(run, "seed 1")
      assert.deepStrictEqual(yield* Random.withSeed(run, "seed 1"), first)
      assert.notDeepEqual(yield* Random.withSeed(run, "seed 2"), first)
    }))
})

describe("the mock's GPUs", () => {
  it.effect("every GPU of the catalog is accepted, so that it can stand in for any cloud", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      for (const gpu of GpuCatalog.canonicalNames(GpuCatalog.builtIn)) {
        assert.strictEqual((yield* mock.compute.spawn({ gpu })).gpuType, gpu)
      }
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("an unknown one is refused on gpu with the list of known ones, and nothing is rented", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const [issue, ...others] = yield* issuesOf(mock.compute.spawn({ gpu: "abacus" }))
      assert.deepStrictEqual([issue?.path, others], ["gpu", []])
      assert.include(issue?.message, "a100_40g, a100_80g")
      assert.notInclude(issue?.message, "abacus")
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
      assert.deepStrictEqual((yield* controls.ledger).made, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a GPU that a program has put into its catalog is accepted", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const catalog = GpuCatalog.extend(GpuCatalog.empty, "acme", [{ canonical: "abacus", ids: ["acme-abacus"] }])
      const inCatalog = Effect.provideService(GpuCatalog.CurrentGpuCatalog, catalog)
      assert.strictEqual((yield* inCatalog(mock.compute.spawn({ gpu: "abacus" }))).gpuType, "abacus")
      assert.strictEqual(yield* kindOf(inCatalog(mock.compute.spawn({ gpu: "h100" }))), "validation")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("its list is one H100 with 80 GB, free and plenty", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const types = yield* mock.gpus.list()
      assert.deepStrictEqual(
        types.map(({ canonical, id, lowestPricePerHour, memoryGb, stock }) => [
          id,
          canonical,
          memoryGb,
          lowestPricePerHour,
          stock
        ]),
        [["mock-h100", "h100", 80, 0, "high"]]
      )
    }).pipe(Effect.provide(Mock.layer())))
})

describe("looking at and changing computes of the mock", () => {
  it.effect("all four filters work, alone and together", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const a = yield* mock.compute.spawn({ gpu: "h100", name: "web", regionHints: ["ams"] })
      const b = yield* mock.compute.spawn({ gpu: "l4", name: "web", regionHints: ["fra"] })
      const c = yield* mock.compute.spawn({ gpu: "h100", name: "batch", regionHints: ["fra"] })
      yield* mock.power.stop(c.id)
      const ids = (filter: ComputeFilter) =>
        Effect.map(mock.compute.list(filter), (all) => all.map((compute) => compute.id).toSorted())
      const sorted = (...all: ReadonlyArray<{ readonly id: string }>) => all.map(({ id }) => id).toSorted()
      assert.deepStrictEqual(yield* ids({}), sorted(a, b, c))
      assert.deepStrictEqual(yield* ids({ status: "running" }), sorted(a, b))
      assert.deepStrictEqual(yield* ids({ name: "web" }), sorted(a, b))
      assert.deepStrictEqual(yield* ids({ name: a.name ?? "" }), sorted(a))
      assert.deepStrictEqual(yield* ids({ region: "fra" }), sorted(b, c))
      assert.deepStrictEqual(yield* ids({ gpu: "h100" }), sorted(a, c))
      assert.deepStrictEqual(yield* ids({ gpu: "h100", region: "fra", status: "stopped", name: "batch" }), sorted(c))
      assert.deepStrictEqual(yield* ids({ gpu: "h100", name: "web", region: "fra" }), [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("stop and start set stopped and running; one that is over can no longer be changed", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const { id } = yield* mock.compute.spawn({})
      yield* mock.power.stop(id)
      assert.strictEqual((yield* mock.compute.get(id)).status, "stopped")
      yield* mock.power.start(id)
      assert.strictEqual((yield* mock.compute.get(id)).status, "running")
      yield* mock.compute.terminate(id)
      assert.strictEqual(yield* kindOf(mock.power.start(id)), "provider")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("terminate keeps the record as terminated, and asking again is fine", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const { id } = yield* mock.compute.spawn({})
      yield* mock.compute.terminate(id)
      yield* mock.compute.terminate(id)
      assert.strictEqual((yield* mock.compute.get(id)).status, "terminated")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("an unknown id is not found by any verb", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const id = "mock-aaaaaaaaaaaa"
      const kinds = yield* Effect.all([
        kindOf(mock.compute.get(id)),
        kindOf(mock.compute.terminate(id)),
        kindOf(mock.power.stop(id)),
        kindOf(mock.power.start(id)),
        kindOf(Stream.runDrain(mock.logs.stream(id)))
      ])
      assert.deepStrictEqual(kinds, Array.from({ length: 5 }, () => "not_found"))
    }).pipe(Effect.provide(Mock.layer())))

  it("can do power, logs, a GPU list, spot, network volumes, http, tcp and webhooks, and says so", () => {
    const { provider } = Effect.runSync(MockProvider.make())
    assert.includeMembers([...provider.capabilities], [
      "gpu_catalog",
      "http_proxy",
      "logs",
      "network_volumes",
      "power",
      "raw_tcp",
      "spot",
      "webhooks"
    ])
    assert.deepStrictEqual([provider.id, provider.implemented, provider.missing], ["mock", true, []])
  })
})

describe("logs of the mock", () => {
  it.effect("are the lines written so far, with the time each was written", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      yield* controls.writeLog(id, "one")
      yield* TestClock.adjust("1 second")
      yield* controls.writeLog(id, "two")
      const lines = yield* Stream.runCollect(mock.logs.stream(id))
      assert.deepStrictEqual(lines.map(({ at, text }) => [at?.epochMilliseconds, text]), [[0, "one"], [1000, "two"]])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("resume right after a cursor, and refuse a cursor that is not theirs", () =>
    Effect.gen(function*() {
      const mock = yield* MockProvider.MockProvider
      const controls = yield* MockProvider.MockControls
      const { id } = yield* mock.compute.spawn({})
      for (const text of ["one", "two", "three"]) yield* controls.writeLog(id, text)
      const [first] = yield* Stream.runCollect(mock.logs.stream(id))
      const rest = yield* Stream.runCollect(mock.logs.stream(id, { after: first?.cursor ?? null }))
      assert.deepStrictEqual(rest.map((line) => line.text), ["two", "three"])
      for (const after of ["yesterday", "4"]) {
        const issues = yield* issuesOf(Stream.runDrain(mock.logs.stream(id, { after })))
        assert.deepStrictEqual(issues.map((issue) => issue.path), ["after"])
      }
    }).pipe(Effect.provide(Mock.layer())))

  it.effect.each(["terminated", "failed", "forgotten", "reset"] as const)(
    "are followed until the compute is %s",
    (end) =>
      Effect.gen(function*() {
        const mock = yield* MockProvider.MockProvider
        const controls = yield* MockProvider.MockControls
        const { id } = yield* mock.compute.spawn({})
        yield* controls.writeLog(id, "before")
        const following = yield* Effect.forkChild(Stream.runCollect(mock.logs.stream(id, { follow: true })), {
          startImmediately: true
        })
        for (const text of ["while", "last words"]) {
          yield* Effect.yieldNow
          yield* controls.writeLog(id, text)
        }
        assert.isUndefined(following.pollUnsafe())
        if (end === "reset") yield* controls.reset
        else if (end === "forgotten") yield* controls.forget(id)
        else yield* controls.setStatus(id, end)
        const lines = yield* Fiber.join(following)
        assert.deepStrictEqual(lines.map((line) => line.text), ["before", "while", "last words"])
      }).pipe(Effect.provide(Mock.layer()))
  )
})

describe("the mock as a layer", () => {
  it.effect("two layers are two clouds", () =>
    Effect.gen(function*() {
      const one = yield* Effect.provide(MockProvider.MockProvider, MockProvider.layer(), { local: true })
      const other = yield* Effect.provide(MockProvider.MockProvider, MockProvider.layer(), { local: true })
      const { id } = yield* one.compute.spawn({})
      assert.strictEqual(yield* kindOf(other.compute.get(id)), "not_found")
      assert.deepStrictEqual(yield* other.compute.list(), [])
    }))

  it.effect("one layer is one cloud, under its own tag, as the provider and in a registry", () =>
    Effect.gen(function*() {
      const { id } = yield* MockProvider.MockProvider.use((mock) => mock.compute.spawn({}))
      const neutral = yield* Provider.Provider
      const registered = yield* Providers.Providers.use((providers) => providers.get("mock", "test"))
      assert.strictEqual((yield* neutral.compute.get(id)).id, id)
      assert.strictEqual((yield* registered.compute.get(id)).id, id)
      assert.lengthOf((yield* MockProvider.MockControls.use((controls) => controls.ledger)).live, 1)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a member given on its own too is the same member, whichever is built first", () =>
    Effect.gen(function*() {
      const mock = MockProvider.layer()
      for (
        const both of [
          Layer.merge(Providers.layer(mock), mock),
          Layer.merge(mock, Providers.layer(mock)),
          Layer.provideMerge(Providers.layer(mock), mock)
        ]
      ) {
        const made = yield* Effect.gen(function*() {
          const registered = yield* Providers.Providers.use((providers) => providers.get("mock", "test"))
          yield* registered.compute.spawn({})
          return yield* MockProvider.MockControls.use((controls) => controls.ledger)
        }).pipe(Effect.provide(both, { local: true }))
        assert.lengthOf(made.live, 1)
      }
    }))
})
