/**
 * What every provider gets from being made: checks before anything is sent, credentials, filters, honest capabilities.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Compute } from "effect-atlas"
import { AtlasError, type ComputeRequest, GpuCatalog, Ids, Money, Provider } from "effect-atlas"
import type { Adapter, LookAdapter, PlainCreate, SpawnDraft } from "effect-atlas/provider/Adapter"
import type { Call } from "effect-atlas/provider/Call"
import { Flag } from "effect-atlas/provider/Capability"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as acme from "../support/acme.ts"
import { secretOf } from "../support/secrets.ts"

const kindOf = <A>(self: Effect.Effect<A, AtlasError.AtlasError>) =>
  Effect.match(self, { onSuccess: () => "success", onFailure: (error) => error.kind })

const nowhere = Effect.fail(new AtlasError.NotFound({}))

const machine = (fields: Partial<Compute.Compute> = {}) =>
  acme.machine({ id: Ids.ComputeId.make("pod-1"), costPerHour: Money.Usd.make(1), ...fields })

/** A provider that remembers how its adapter was called. */
const recorded = (
  adapter: Omit<Partial<Adapter>, "compute"> & { readonly compute?: Partial<PlainCreate & LookAdapter> } = {}
) => {
  const spawns: Array<SpawnDraft> = []
  const calls: Array<readonly [string, Call]> = []
  const { compute, ...facets } = adapter
  const provider = Provider.neutral(Provider.make({
    id: "acme",
    ...facets,
    compute: {
      spawn: (spawn, call) => {
        spawns.push(spawn)
        calls.push(["spawn", call])
        return Effect.succeed(machine({ name: spawn.name }))
      },
      get: (_, call) => {
        calls.push(["get", call])
        return Effect.succeed(machine())
      },
      list: (_, call) => {
        calls.push(["list", call])
        return Effect.succeed([])
      },
      terminate: (_, call) => {
        calls.push(["terminate", call])
        return Effect.void
      },
      ...compute
    }
  }))
  return { provider, spawns, calls }
}

it.effect("not found right after a create proves nothing: the machine is looked for until the settle window is over", () =>
  Effect.gen(function*() {
    let terminates = 0
    const { provider } = recorded({
      settleWindow: "4 seconds",
      compute: {
        get: () => nowhere,
        terminate: () =>
          Effect.suspend(() => {
            terminates += 1
            return nowhere
          })
      }
    })
    const { id } = yield* provider.compute.rent(yield* provider.compute.prepare({}))
    const ending = yield* Effect.forkChild(provider.compute.end(id), { startImmediately: true })
    yield* TestClock.adjust("3900 millis")
    assert.isUndefined(ending.pollUnsafe())
    yield* TestClock.adjust("5 seconds")
    assert.isDefined(ending.pollUnsafe())
    assert.isAbove(terminates, 1)
  }))

it.effect("an answer without a name is no answer: the machine may be any other one", () =>
  Effect.gen(function*() {
    const { provider } = recorded({ compute: { spawn: () => Effect.succeed(machine({ name: null })) } })
    const { compute } = provider
    const { reason } = yield* Effect.flip(Effect.flatMap(compute.prepare({}), compute.rent))
    assert.strictEqual(reason._tag, "Uncertain")
  }))

it.effect("a submit whose answer was lost is uncertain, and does not look as if it could be repeated", () =>
  Effect.gen(function*() {
    const lost = new AtlasError.Transport({ message: "reset" })
    const gone = Effect.fail(lost)
    const { provider } = recorded({
      jobs: { submit: () => gone, get: () => gone, cancel: () => gone, chunk: () => gone }
    })
    const error = yield* Effect.flip(provider.jobs.submit({ endpoint: "fast", input: {} }))
    assert.deepStrictEqual([error.kind, error.isRetryable], ["uncertain", false])
  }))

describe("a spawn", () => {
  it.effect("is checked by the adapter before anything is sent", () =>
    Effect.gen(function*() {
      const invalid = new AtlasError.Validation({ issues: [{ path: "image", message: "is required" }] })
      const { provider, spawns } = recorded({ compute: { check: () => Effect.fail(invalid) } })
      const error = yield* Effect.flip(provider.compute.spawn({ auth: "bearer" }))
      assert.strictEqual(error.message, "[acme] validation: image: is required")
      assert.deepStrictEqual(spawns, [])
    }))

  it.effect("that is malformed, or whose options are, is refused before anything is sent", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      assert.strictEqual(yield* kindOf(provider.compute.spawn({ gpuCount: 0 })), "validation")
      assert.strictEqual(yield* kindOf(provider.compute.spawn({}, { retries: -1 })), "validation")
      assert.deepStrictEqual(calls, [])
    }))

  it.effect.each([["spot", { spot: true }], ["network_volumes", { networkVolumeId: "v-1" }]] as const)(
    "that wants %s is refused where the adapter does not say it has it, and nothing is sent",
    ([capability, wanted]) =>
      Effect.gen(function*() {
        const { calls, provider } = recorded()
        const { message, reason } = yield* Effect.flip(provider.compute.spawn({ auth: "bearer", ...wanted }))
        assert.deepInclude(reason, { _tag: "Unsupported", capability })
        assert.include(message, `spawnCompute: acme has no ${capability}: leave`)
        assert.deepStrictEqual(calls, [])
        yield* recorded({ flags: [capability] }).provider.compute.spawn(wanted)
      })
  )

  it.effect("that is ready to be sent is prepared without sending anything", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      const spawn = yield* provider.compute.prepare({ name: "web", auth: "bearer", env: { A: "1" } })
      assert.deepStrictEqual(Object.keys(spawn.env), ["A", "ATLAS_PRESHARED_KEY"])
      assert.match(spawn.name, /^atlas-adhoc-web-[a-z2-7]{12}$/)
      assert.deepStrictEqual(calls, [])
    }))

  it.effect("that its adapter prepares is built once, with its name and credential, and exactly that is sent", () =>
    Effect.gen(function*() {
      const [built, sent]: [Array<object>, Array<object>] = [[], []]
      const provider = Provider.make({
        id: "acme",
        compute: {
          prepare: ({ env, name, request }) =>
            Effect.sync(() => {
              const body = { label: name, image: request.image, env }
              built.push(body)
              return body
            }),
          send: ({ name, prepared }) =>
            Effect.sync(() => {
              sent.push(prepared)
              assert.strictEqual(prepared.label, name)
              return machine({ name: prepared.label })
            }),
          get: () => nowhere,
          list: () => Effect.succeed([]),
          terminate: () => nowhere
        }
      })
      const { auth } = yield* provider.compute.spawn({ image: "me/server", auth: "bearer" })
      assert.lengthOf(built, 1)
      assert.strictEqual(sent[0], built[0])
      assert.deepInclude(built[0], { image: "me/server", env: { ATLAS_PRESHARED_KEY: Redacted.make(secretOf(auth)) } })
    }))

  it.effect("that is only checked is built like one that is sent, with a credential that is worth nothing", () =>
    Effect.gen(function*() {
      const drafts: Array<SpawnDraft> = []
      const provider = Provider.make({
        id: "acme",
        compute: {
          prepare: (draft) => Effect.sync(() => void drafts.push(draft)),
          send: ({ name }) => Effect.succeed(machine({ name })),
          get: () => nowhere,
          list: () => Effect.succeed([]),
          terminate: () => nowhere
        }
      })
      for (const auth of ["none", "bearer", "signed_url"] as const) {
        yield* provider.compute.check({ auth })
        yield* provider.compute.prepare({ auth })
      }
      const shapes = drafts.map(({ env }) =>
        Object.entries(env).map(([name, value]) => [name, Redacted.value(value).length])
      )
      const [none, noneSent, bearer, bearerSent, signed, signedSent] = shapes
      assert.deepStrictEqual([none, bearer, signed], [noneSent, bearerSent, signedSent])
      assert.deepStrictEqual(drafts.map(({ auth }) => auth?._tag ?? null), [
        null,
        null,
        null,
        "Bearer",
        null,
        "SignedUrl"
      ])
      assert.strictEqual(yield* kindOf(provider.compute.check({ gpuCount: 0 })), "validation")
    }))

  it.effect("does not show what was prepared, and is refused by a provider that did not prepare it", () =>
    Effect.gen(function*() {
      const [one, other] = [recorded(), recorded()]
      const spawn = yield* one.provider.compute.prepare({ name: "web" })
      assert.deepStrictEqual(spawn.prepared, {})
      const error = yield* Effect.flip(other.provider.compute.rent(spawn))
      assert.strictEqual(error.message, "[acme] validation: spawn: Expected a spawn that acme prepared")
      assert.deepStrictEqual(other.calls, [])
      // a copy is as good as the prepared spawn itself
      yield* one.provider.compute.rent({ ...spawn })
      assert.lengthOf(one.calls, 1)
    }))

  it.effect("gets a name of its own each time, and the caller's stamp where one is given", () =>
    Effect.gen(function*() {
      const { provider, spawns } = recorded()
      yield* provider.compute.spawn({ name: "web" })
      yield* provider.compute.spawn({ name: "web" })
      assert.notStrictEqual(spawns[0]?.name, spawns[1]?.name)
      yield* provider.compute.spawn({}, { stamp: { owner: "me", slug: "job", attempt: "abcdefghijkl" } })
      assert.strictEqual(spawns[2]?.name, "atlas-me-job-abcdefghijkl")
    }))

  it.effect("with bearer auth gives the token to the container and to the caller, and to no other", () =>
    Effect.gen(function*() {
      const { provider, spawns } = recorded()
      const { auth } = yield* provider.compute.spawn({ auth: "bearer" })
      const inside = spawns[0]?.env["ATLAS_PRESHARED_KEY"]
      assert.isNotNull(auth)
      assert.strictEqual(
        inside === undefined ? "" : Redacted.value(inside),
        secretOf(auth)
      )
      assert.isNull((yield* provider.compute.get("pod-1")).auth)
    }))

  it.effect("with signed_url auth gives a signing secret, on every provider", () =>
    Effect.gen(function*() {
      const { provider, spawns } = recorded()
      const { auth } = yield* provider.compute.spawn({ auth: "signed_url" })
      const inside = spawns[0]?.env["ATLAS_SIGNING_SECRET"]
      assert.strictEqual(auth?._tag, "SignedUrl")
      assert.strictEqual(
        inside === undefined ? "" : Redacted.value(inside),
        secretOf(auth)
      )
    }))

  it.effect("without auth has no credential", () =>
    Effect.gen(function*() {
      const { provider, spawns } = recorded()
      assert.isNull((yield* provider.compute.spawn({})).auth)
      assert.deepStrictEqual(spawns[0]?.env, {})
    }))

  it.effect("is built from the create's answer alone: nothing is read again", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      yield* provider.compute.spawn({})
      assert.deepStrictEqual(calls.map(([what]) => what), ["spawn"])
    }))

  it.effect("that is refused is not looked for: nothing was made", () =>
    Effect.gen(function*() {
      const refusals: ReadonlyArray<AtlasError.AtlasErrorReason> = [
        new AtlasError.NoCapacity({}),
        new AtlasError.Unauthorized({}),
        new AtlasError.RateLimited({}),
        new AtlasError.ProviderFault({ status: 422 })
      ]
      for (const reason of refusals) {
        const { calls, provider } = recorded({ compute: { spawn: () => Effect.fail(reason) } })
        assert.strictEqual((yield* Effect.flip(provider.compute.spawn({}))).reason, reason)
        assert.deepStrictEqual(calls, [])
      }
    }))
})

describe("the options of a call", () => {
  it.effect("reach the adapter, with whatever only it understands", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      const options = { apiKey: "k", options: { endpoint: "e-1" }, retries: 2 }
      yield* provider.compute.spawn({}, options)
      yield* provider.compute.get("pod-1", options)
      yield* provider.compute.list({}, options)
      yield* provider.compute.terminate("pod-1", options)
      assert.deepStrictEqual(calls.map(([what]) => what), ["spawn", "get", "list", "terminate"])
      for (const [, call] of calls) {
        assert.strictEqual(call.apiKey === null ? null : Redacted.value(call.apiKey), "k")
        assert.deepStrictEqual([call.options, call.retries], [{ endpoint: "e-1" }, 2])
      }
    }))

  it.effect("never hold the environment of a request", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      yield* provider.compute.spawn({ env: { A: "canary" } })
      assert.notInclude(Object.keys(calls[0]?.[1] ?? {}), "env")
    }))
})

describe("what a provider answers", () => {
  it.effect("a failure names the provider, the operation, and the adapter's own reason", () =>
    Effect.gen(function*() {
      const { provider } = recorded({ compute: { get: () => nowhere } })
      const error = yield* Effect.flip(provider.compute.get("pod-1"))
      assert.deepStrictEqual([error.provider, error.operation, error.kind], ["acme", "getCompute", "not_found"])
    }))

  it.effect("a list is filtered whether or not the adapter did it", () =>
    Effect.gen(function*() {
      const all = [
        machine({ id: Ids.ComputeId.make("a"), region: "ams", gpuType: "NVIDIA L4", status: "stopped" }),
        machine({ id: Ids.ComputeId.make("b"), region: "fra", name: "atlas-adhoc-web-abcdefghijkl" })
      ]
      const { provider } = recorded({ id: "runpod", compute: { list: () => Effect.succeed(all) } })
      const ids = (filter: Parameters<typeof provider.compute.list>[0]) =>
        Effect.map(provider.compute.list(filter), (list) => list.map((one) => one.id).join())
      assert.strictEqual(yield* ids({}), "a,b")
      assert.strictEqual(yield* ids({ region: "ams" }), "a")
      assert.strictEqual(yield* ids({ status: "running" }), "b")
      assert.strictEqual(yield* ids({ name: "web" }), "b")
      assert.strictEqual(yield* ids({ gpu: "NVIDIA L4" }), "a")
      assert.strictEqual(yield* ids({ region: "ams", status: "running" }), "")
    }))

  it.effect("a compute that stands on two pages is listed once, as it was read last", () =>
    Effect.gen(function*() {
      const [a, b] = [Ids.ComputeId.make("a"), Ids.ComputeId.make("b")]
      const all = [machine({ id: a, status: "running" }), machine({ id: b }), machine({ id: a, status: "stopped" })]
      const { provider } = recorded({ compute: { list: () => Effect.succeed(all) } })
      const listed = yield* provider.compute.list()
      assert.deepStrictEqual(listed.map(({ id, status }) => [id, status]), [["a", "stopped"], ["b", "running"]])
    }))

  it.effect("the canonical name of a GPU finds what its provider calls otherwise", () =>
    Effect.gen(function*() {
      const all = [machine({ gpuType: "acme-l4" })]
      const gpuNames = [{ canonical: "l4", ids: ["acme-l4"] }] as const
      const { provider } = recorded({ gpuNames, compute: { list: () => Effect.succeed(all) } })
      assert.deepStrictEqual(provider.gpuNames, gpuNames)
      assert.lengthOf(yield* provider.compute.list({ gpu: "l4" }), 1)
      assert.lengthOf(yield* provider.compute.list({ gpu: "acme-l4" }), 1)
      assert.lengthOf(yield* provider.compute.list({ gpu: "l40" }), 0)
      const taught = GpuCatalog.extend(GpuCatalog.builtIn, "acme", [{ canonical: "l40", ids: ["acme-l4"] }])
      const list = Effect.provideService(provider.compute.list({ gpu: "l40" }), GpuCatalog.CurrentGpuCatalog, taught)
      assert.lengthOf(yield* list, 1)
    }))

  it.effect("an unknown filter is refused before anything is sent", () =>
    Effect.gen(function*() {
      const { calls, provider } = recorded()
      assert.strictEqual(yield* kindOf(provider.compute.list(JSON.parse("{\"owner\":\"me\"}"))), "validation")
      assert.deepStrictEqual(calls, [])
    }))

  it.effect.each(["", "a/b", "..", "a..b", "-a", "a b", "a\0", "x".repeat(129)])(
    "the id %j is refused before anything is asked",
    (id) =>
      Effect.gen(function*() {
        const { calls, provider } = recorded()
        const kinds = yield* Effect.all([
          kindOf(provider.compute.get(id)),
          kindOf(provider.compute.terminate(id)),
          kindOf(provider.compute.end(id)),
          kindOf(provider.power.stop(id)),
          kindOf(Stream.runDrain(provider.logs.stream(id)))
        ])
        assert.deepStrictEqual([...new Set(kinds)], ["validation"])
        assert.deepStrictEqual(calls, [])
      })
  )
})

const calls = (
  provider: Provider.Service
): ReadonlyArray<readonly [string, Effect.Effect<unknown, AtlasError.AtlasError>]> => [
  ["spawnCompute", provider.compute.spawn({})],
  ["getCompute", provider.compute.get("pod-1")],
  ["listCompute", provider.compute.list()],
  ["terminate", provider.compute.terminate("pod-1")],
  ["stop", provider.power.stop("pod-1")],
  ["start", provider.power.start("pod-1")],
  ["listGpuTypes", provider.gpus.list()],
  ["streamLogs", Stream.runDrain(provider.logs.stream("pod-1"))]
]

describe("capabilities", () => {
  it("follow from the facets, and only what no facet shows is stated by a flag", () => {
    const { provider } = recorded({
      flags: ["spot"],
      power: { stop: () => Effect.void, start: () => Effect.void },
      logs: { stream: () => Stream.empty }
    })
    assert.deepStrictEqual([...provider.capabilities].toSorted(), ["logs", "power", "spot"])
    assert.deepStrictEqual(recorded().provider.capabilities, [])
    assert.isTrue(provider.implemented)
  })

  it.effect("what a provider lacks is unsupported, with its name, and never a crash", () =>
    Effect.gen(function*() {
      const { provider } = recorded()
      for (const [operation, call] of calls(provider).slice(4)) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error.kind, "unsupported")
        assert.match(error.message, new RegExp(`^\\[acme\\] unsupported: ${operation}: acme has no `))
      }
    }))

  it.effect("a placeholder answers them, says it is not implemented, and refuses every call with its name", () =>
    Effect.gen(function*() {
      const fly = Provider.placeholder("fly", ["http_proxy", "raw_tcp", "global_networking"])
      assert.deepStrictEqual(fly.capabilities, ["http_proxy", "raw_tcp", "global_networking"])
      assert.isFalse(fly.implemented)
      for (const [operation, call] of calls(fly)) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error.kind, "unsupported")
        assert.match(error.message, new RegExp(`^\\[fly\\] unsupported: ${operation}: fly `))
      }
    }))

  it.effect("unsupported logs fail the stream and are no element of it", () =>
    Effect.gen(function*() {
      const { provider } = recorded()
      const [lines, error] = yield* Stream.runCollect(Stream.result(provider.logs.stream("pod-1"))).pipe(
        Effect.map((all) => [all.filter((one) => one._tag === "Success"), all.find((one) => one._tag === "Failure")])
      )
      assert.deepStrictEqual(lines, [])
      assert.isDefined(error)
    }))

  it("every flag is a capability by the same name", () => {
    const { provider } = recorded({ flags: Flag.literals })
    assert.sameMembers([...provider.capabilities], [...Flag.literals])
  })
})

describe("a request", () => {
  it.effect("built once is accepted by every provider", () =>
    Effect.gen(function*() {
      const { provider, spawns } = recorded()
      const input: ComputeRequest.Input = { gpu: "h100", ports: ["8000"] }
      const spawn = yield* provider.compute.prepare(input)
      yield* provider.compute.spawn(spawn.request)
      assert.strictEqual(spawns[0]?.request, spawn.request)
    }))
})
