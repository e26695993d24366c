/**
 * Adapters that do not report a lost answer as `Uncertain`: what they may have made is looked for all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Compute, Ids, Provider, Providers } from "effect-atlas"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { passWhile } from "../../src/testing/TestTime.ts"
import { machine } from "../support/acme.ts"

/** Makes the machine, unless told not to, and then fails its create with this reason. */
const careless = (reason: AtlasError.AtlasErrorReason, makes = true) => {
  const made: Array<Compute.Compute> = []
  const nothing = Effect.fail(new AtlasError.NotFound({}))
  const provider = Provider.make({
    id: "acme",
    compute: {
      spawn: (spawn) =>
        Effect.suspend(() => {
          if (makes) made.push(machine({ name: spawn.name }))
          return Effect.fail(reason)
        }),
      get: () => nothing,
      list: () => Effect.sync(() => [...made]),
      terminate: () => nothing
    }
  })
  return { made, provider }
}

it.effect("a machine is at the provider that was asked, whatever its adapter calls that", () =>
  Effect.gen(function*() {
    const made: Array<Compute.Compute> = []
    const provider = Provider.make({
      id: "acme",
      compute: {
        spawn: ({ name }) =>
          Effect.sync(() => {
            const odd = new Compute.Compute({ ...machine({ name }), provider: Ids.ProviderId.make("other") })
            made.push(odd)
            return odd
          }),
        get: () =>
          Effect.suspend(() =>
            made[0] === undefined ? Effect.fail(new AtlasError.NotFound({})) : Effect.succeed(made[0])
          ),
        list: () => Effect.sync(() => [...made]),
        terminate: () => Effect.void
      }
    })
    const rented = yield* provider.compute.spawn({})
    const seen = [rented, yield* provider.compute.get(rented.id), ...yield* provider.compute.list()]
    assert.deepStrictEqual(seen.map(({ provider }) => provider), ["acme", "acme", "acme"])
  }))

describe("a create that was cut off under another name", () => {
  const open: ReadonlyArray<readonly [string, AtlasError.AtlasErrorReason]> = [
    ["a server error", new AtlasError.ProviderFault({ status: 502, message: "bad gateway" })],
    ["a time limit", new AtlasError.Timeout({ message: "too slow" })],
    ["an unexpected answer", new AtlasError.Unknown({ status: 302 })],
    ["a connection that broke", new AtlasError.Transport({ message: "ECONNRESET" })],
    ["a success that could not be read", new AtlasError.ProviderFault({ status: 201, message: "not JSON" })],
    ["a fault without a status", new AtlasError.ProviderFault({ message: "odd" })]
  ]
  it.effect.each(open)(
    "%s does not hide the machine it made, and nothing is sent twice",
    ([, reason]) =>
      Effect.gen(function*() {
        const { made, provider } = careless(reason)
        const found = yield* passWhile(provider.compute.spawn({ auth: "bearer" }))
        assert.strictEqual(found.id, "acme-1")
        assert.isNotNull(found.auth)
        assert.strictEqual(made.length, 1)
      })
  )

  it.effect("a refusal stays what it is, at once", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.ProviderFault({ status: 402, message: "no money" }))
      const error = yield* Effect.flip(provider.compute.spawn({}))
      assert.deepInclude(error.reason, { _tag: "ProviderFault", status: 402 })
    }))

  it.effect("what is nowhere to be found is uncertain, with the name to look for and what was said", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.ProviderFault({ status: 500, message: "oops" }), false)
      const fiber = yield* Effect.forkChild(Effect.flip(provider.compute.spawn({ name: "job" })))
      yield* TestClock.adjust("20 seconds")
      const { reason } = yield* Fiber.join(fiber)
      assert.strictEqual(reason._tag, "Uncertain")
      assert.include(reason.message, "oops")
      assert.match(reason._tag === "Uncertain" ? reason.computeName ?? "" : "", /^atlas-adhoc-job-[a-z2-7]{12}$/)
    }))
})

describe("a caller that leaves early", () => {
  const made: Array<Compute.Compute> = []
  const slow = Provider.make({
    id: "acme",
    settleWindow: "1 second",
    compute: {
      spawn: (spawn) =>
        Effect.suspend(() => {
          const compute = machine({ name: spawn.name })
          made.push(compute)
          return Effect.delay(Effect.succeed(compute), "1 minute")
        }),
      get: () =>
        Effect.suspend(() =>
          made[0] === undefined ? Effect.fail(new AtlasError.NotFound({})) : Effect.succeed(made[0])
        ),
      list: () => Effect.succeed([]),
      terminate: () => Effect.sync(() => void made.splice(0))
    }
  })
  const providers = Effect.provideService(Providers.Providers, Providers.make([slow], { default: "acme" }))

  it.effect("a scope that is closed already rents nothing", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Effect.exit(Scope.provide(Atlas.scoped({}), scope).pipe(providers))
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.deepStrictEqual(made, [])
    }))

  it.effect("a scope closed while a long create is on its way ends what comes of it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(Scope.provide(Atlas.scoped({}), scope).pipe(providers))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 3 })
      assert.lengthOf(made, 1)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 120 })
      yield* Fiber.join(closing)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(made, [])
    }))
})

describe("a create answered with another compute", () => {
  it.effect("is not believed: the other one is never ended, ours is looked for by its name", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      let ours: Compute.Compute | undefined
      const provider = Provider.make({
        id: "acme",
        settleWindow: "10 millis",
        compute: {
          spawn: (spawn) =>
            Effect.sync(() => {
              ours = machine({ name: spawn.name })
              return new Compute.Compute({ ...ours, id: Ids.ComputeId.make("victim"), name: "production-db" })
            }),
          get: () => Effect.fail(new AtlasError.NotFound({})),
          list: () => Effect.sync(() => ours === undefined ? [] : [ours]),
          terminate: (id) => Effect.sync(() => void ended.push(id))
        }
      })
      const found = yield* passWhile(provider.compute.spawn({}))
      assert.strictEqual(found.id, "acme-1")
      yield* provider.compute.end(found.id).pipe(Effect.forkChild)
      yield* Effect.repeat(TestClock.adjust("100 millis"), { times: 5 })
      assert.deepStrictEqual([...new Set(ended)], ["acme-1"])
    }))
})

describe("a create answered with our compute under another name", () => {
  it.effect("ends it and says so, with its id: a look for its name would not find it", () =>
    Effect.gen(function*() {
      const made: Array<Compute.Compute> = []
      const gone = Effect.fail(new AtlasError.NotFound({}))
      const found = (id: string) => {
        const one = made.find((one) => one.id === id)
        return one === undefined ? gone : Effect.succeed(one)
      }
      const provider = Provider.make({
        id: "acme",
        settleWindow: "10 millis",
        compute: {
          spawn: (spawn) =>
            Effect.sync(() => {
              const compute = machine({ name: spawn.name.toUpperCase() })
              made.push(compute)
              return compute
            }),
          get: (id) => Effect.suspend(() => found(id)),
          list: () => Effect.sync(() => [...made]),
          terminate: (id) => Effect.map(Effect.suspend(() => found(id)), () => void made.pop())
        }
      })
      const asked = yield* Effect.forkChild(Effect.flip(provider.compute.spawn({})))
      yield* Effect.repeat(TestClock.adjust("100 millis"), { times: 10 })
      const { reason } = yield* Fiber.join(asked)
      assert.deepStrictEqual(reason._tag === "Uncertain" ? [reason.computeId, reason.computeName === null] : [], [
        "acme-1",
        false
      ])
      assert.include(reason.message, "what was made instead is ended")
      assert.deepStrictEqual(made, [])
    }))
})

describe("a create answered with an id that no compute has", () => {
  it.effect("does not hide the machine: what has its name is ended when it is released", () =>
    Effect.gen(function*() {
      const made: Array<Compute.Compute> = []
      const gone = Effect.fail(new AtlasError.NotFound({}))
      const find = (id: string) => made.find((one) => one.id === id)
      const provider = Provider.make({
        id: "acme",
        settleWindow: "1 second",
        compute: {
          spawn: (spawn) =>
            Effect.sync(() => {
              const compute = machine({ name: spawn.name })
              made.push(compute)
              return new Compute.Compute({ ...compute, id: Ids.ComputeId.make("nowhere") })
            }),
          get: (id) =>
            Effect.suspend(() => {
              const found = find(id)
              return found === undefined ? gone : Effect.succeed(found)
            }),
          list: () => Effect.sync(() => [...made]),
          terminate: (id) => Effect.suspend(() => find(id) === undefined ? gone : Effect.sync(() => void made.pop()))
        }
      })
      const providers = Effect.provideService(Providers.Providers, Providers.make([provider], { default: "acme" }))
      const using = yield* Effect.forkChild(Effect.scoped(Atlas.scoped({})).pipe(providers))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 10 })
      yield* Fiber.join(using)
      assert.deepStrictEqual(made, [])
    }))
})

describe("a look answered with another compute", () => {
  it.effect("is no look: the end of the other one is not taken for the end of ours", () =>
    Effect.gen(function*() {
      const other = machine({ id: Ids.ComputeId.make("acme-2"), name: "other", status: "terminated" })
      const provider = Provider.make({
        id: "acme",
        compute: {
          spawn: () => Effect.never,
          get: () => Effect.succeed(other),
          list: () => Effect.succeed([]),
          terminate: () => Effect.void
        }
      })
      assert.deepInclude((yield* Effect.flip(provider.compute.get("acme-1"))).reason, { _tag: "ProviderFault" })
      const ending = yield* Effect.forkChild(Effect.flip(provider.compute.end("acme-1")))
      yield* Effect.repeat(TestClock.adjust("5 seconds"), { times: 20 })
      assert.deepInclude((yield* Fiber.join(ending)).reason, {
        _tag: "Uncertain",
        computeId: Ids.ComputeId.make("acme-1")
      })
    }))
})

describe("an id that is none", () => {
  it.effect("never stands in a span: it may be a secret given by mistake", () =>
    Effect.gen(function*() {
      const { provider } = careless(new AtlasError.Timeout({}))
      yield* Effect.flip(provider.compute.get("sk/canary secret"))
      yield* Effect.flip(provider.compute.get("acme-2"))
      const recorder = yield* SpanRecorder.SpanRecorder
      assert.notInclude(recorder.dump(), "canary")
      assert.include(recorder.dump(), "acme-2")
    }).pipe(Effect.provide(SpanRecorder.layer)))
})
