/**
 * Renting through the orchestrator: when it answers, what is tried in which order, and what is refused before anything is rented.
 */
import { assert, describe, it } from "@effect/vitest"
import type { AtlasErrorReason } from "effect-atlas/domain/AtlasError"
import { NoCapacity, ProviderFault, RateLimited, Unauthorized, Validation } from "effect-atlas/domain/AtlasError"
import { Session, type SessionInfo, type SpawnOptions } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Provider from "effect-atlas/provider/Provider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { machine } from "../support/acme.ts"
import { inTime, live, open, reasonOf } from "./harness.ts"
import { overhear } from "./overheard.ts"
import { makePlainCloud } from "./plainCloud.ts"

describe("spawn answers", () => {
  it.effect("when the machine is rented, with the credential that only this process has, not when it runs", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { auth, compute, id } = yield* orchestrator.spawn({ name: "Alice's", auth: "bearer", ports: ["8000/http"] })
      assert.strictEqual(compute.status, "provisioning")
      assert.deepStrictEqual([auth?._tag, compute.auth], ["Bearer", null])
      const stamp = NameStamp.parse(compute.name ?? "")
      assert.deepStrictEqual([stamp?.owner, stamp?.slug], ["team1", "alice-s"])
      assert.deepStrictEqual(yield* orchestrator.getCompute(id), compute)
      assert.strictEqual(yield* orchestrator.credential(compute.id), auth)
      assert.strictEqual((yield* orchestrator.info(compute.id)).id, id)
    }))

  it.effect("with the machine that a lost answer had made, and no other", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.loseNextAnswer({ created: true })
      const { auth, compute } = yield* inTime(harness.orchestrator.spawn({ auth: "bearer" }))
      assert.deepStrictEqual(yield* live(harness), [compute.id])
      assert.isNotNull(auth)
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, 1)
    }))

  it.effect("with one of two machines under its name, and the duplicate is ended", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.twinNext()
      yield* harness.controls.loseNextAnswer({ created: true })
      const { compute } = yield* inTime(harness.orchestrator.spawn({}))
      yield* inTime(Effect.sleep("20 seconds"))
      assert.deepStrictEqual(yield* live(harness), [compute.id])
    }))

  it.effect("with a machine of a second try when the lost answer had made none", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.loseNextAnswer({ created: false })
      const { compute } = yield* inTime(harness.orchestrator.spawn({}))
      assert.deepStrictEqual(yield* live(harness), [compute.id])
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, 2)
    }))
})

describe("a maxRuntime that is over before the rent is answered", () => {
  it.effect.each(["spawn", "runTask"] as const)(
    "fails %s as a timeout that is not retried, and nothing is left",
    (verb) =>
      Effect.gen(function*() {
        const harness = yield* open()
        yield* harness.controls.delay("spawnCompute", { answer: "10 seconds" })
        const reason = yield* reasonOf(inTime(harness.orchestrator[verb]({}, { maxRuntime: "5 seconds" })))
        assert.deepInclude(reason, { _tag: "Timeout", mayHaveActed: true, isRetryable: false })
        assert.match("message" in reason ? reason.message : "", /its maxRuntime was over .*: it is verified gone/)
        assert.deepStrictEqual(yield* live(harness), [])
      })
  )
})

it.effect("a value that is no request is refused before anything is rented", () =>
  Effect.gen(function*() {
    const { controls, orchestrator } = yield* open()
    // as an untyped caller would
    const odd: ReadonlyArray<SpawnOptions.Input> = JSON.parse("[null, 3, \"h100\", []]")
    for (const input of odd) {
      const reason = yield* reasonOf(orchestrator.spawn(input))
      assert.propertyVal(reason, "_tag", "Validation")
    }
    assert.strictEqual((yield* controls.counts).spawnCompute, 0)
  }))

describe("candidates", () => {
  it.effect("are asked in order, each GPU at each provider, until one rents", () =>
    Effect.gen(function*() {
      const plain = yield* makePlainCloud()
      const { controls, orchestrator } = yield* open({ more: [plain.provider] })
      yield* controls.failNext("spawnCompute", new NoCapacity({ message: "no h100" }))
      const options = { provider: ["mock", "plain"] }
      const first = yield* orchestrator.spawn({ gpu: ["h100", "a100_80g"] }, options)
      assert.strictEqual(first.compute.provider, "plain")
      const info = yield* orchestrator.info(first.id)
      assert.deepStrictEqual(
        info.refusals.map(({ candidate, fault }) => [candidate.provider, candidate.gpu, fault.reason]),
        [["mock", "h100", "NoCapacity"]]
      )
      assert.deepStrictEqual([info.provider, info.attempt], ["plain", 2])
    }))

  it.effect("are checked without a credential: one is minted, for the create that is sent", () =>
    Effect.gen(function*() {
      const prepared: Array<string | null> = []
      const acme = Provider.make({
        id: "acme",
        compute: {
          prepare: ({ auth }) => Effect.sync(() => void prepared.push(auth?._tag ?? null)),
          send: ({ name }) => Effect.succeed(machine({ name })),
          get: () => Effect.succeed(machine()),
          list: () => Effect.succeed([machine()]),
          terminate: () => Effect.void
        }
      })
      const { orchestrator } = yield* open({ more: [acme] })
      const options = { provider: ["acme"] }
      const { auth } = yield* orchestrator.spawn({ gpu: ["h100", "l4"], auth: "bearer" }, options)
      assert.strictEqual(auth?._tag, "Bearer")
      assert.deepStrictEqual(prepared, [null, null, "Bearer"])
    }))

  it.effect("that cannot be asked are named with those that refused, each with its reason", () =>
    Effect.gen(function*() {
      const plain = yield* makePlainCloud()
      const { controls, orchestrator } = yield* open({ more: [plain.provider] })
      const { id } = yield* orchestrator.spawn({ gpu: ["h100", "nothing"] })
      const seen = (info: SessionInfo.SessionInfo) =>
        info.refusals.map(({ candidate, fault }) => [candidate.provider, candidate.gpu, fault.reason])
      assert.deepStrictEqual(seen(yield* orchestrator.info(id)), [["mock", "nothing", "Validation"]])
      yield* controls.failNext("spawnCompute", new NoCapacity({ message: "no h100" }))
      const reason = yield* reasonOf(orchestrator.spawn({ gpu: ["h100", "nothing"] }))
      assert.propertyVal(reason, "_tag", "NoCapacity")
      assert.match("message" in reason ? reason.message : "", /^no h100 \(before: mock nothing: .*gpu/)
      const failed = (yield* orchestrator.list).find(({ state }) => state === "ended")
      assert.deepStrictEqual(failed === undefined ? [] : seen(failed), [
        ["mock", "nothing", "Validation"],
        ["mock", "h100", "NoCapacity"]
      ])
    }))

  it.effect("of which none can be asked are refused with the reason of each", () =>
    Effect.gen(function*() {
      const { orchestrator, store } = yield* open()
      const reason = yield* reasonOf(orchestrator.spawn({ gpu: ["nothing", "nowhere"] }))
      assert.propertyVal(reason, "_tag", "Validation")
      const message = "message" in reason ? reason.message : ""
      assert.match(message, /gpu.*\(before: mock nothing: .*gpu/)
      assert.strictEqual(store.written.length, 0)
    }))

  it.effect("that all refuse are named with the reason of each", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      yield* controls.failNext("spawnCompute", new NoCapacity({ message: "no h100" }))
      yield* controls.failNext("spawnCompute", new ProviderFault({ status: 409, message: "no a100" }))
      const reason = yield* reasonOf(orchestrator.spawn({ gpu: ["h100", "a100_80g"] }))
      assert.propertyVal(reason, "_tag", "ProviderFault")
      assert.include("message" in reason ? reason.message : "", "no a100 (before: mock h100: no h100)")
    }))

  it.effect("after a refusal that concerns all of them are not asked", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open()
      yield* controls.failNext("spawnCompute", new Unauthorized({ message: "the key is not valid" }))
      assert.propertyVal(yield* reasonOf(orchestrator.spawn({ gpu: ["h100", "a100_80g"] })), "_tag", "Unauthorized")
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
    }))

  it.effect("that ask to wait are waited for", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.failNext("spawnCompute", new RateLimited({ retryAfter: Duration.seconds(3) }))
      yield* inTime(harness.orchestrator.spawn({}))
      assert.strictEqual((yield* harness.controls.counts).spawnCompute, 2)
    }))

  it.effect("of which none can be asked at all are refused before anything is sent", () =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      assert.propertyVal(yield* reasonOf(orchestrator.spawn({ gpu: ["nothing"] })), "_tag", "Validation")
      assert.propertyVal(yield* reasonOf(orchestrator.spawn({}, { provider: "acme" })), "_tag", "Validation")
      assert.propertyVal(yield* reasonOf(orchestrator.spawn({}, { provider: [] })), "_tag", "Validation")
      assert.deepStrictEqual([(yield* controls.counts).spawnCompute, store.written.length], [0, 0])
    }))
})

describe("a cap on a machine without a price", () => {
  const request = { providerOpts: { costPerHour: null } }

  it.effect("ends it at once, and the failure says that it is gone", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      const reason = yield* inTime(reasonOf(harness.orchestrator.spawn(request, { maxCost: 5 })))
      assert.propertyVal(reason, "_tag", "Unsupported")
      assert.include("message" in reason ? reason.message : "", "it is verified gone")
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("says in the failure when it is not gone yet, and goes on ending it", () =>
    Effect.gen(function*() {
      const harness = yield* open()
      yield* harness.controls.ignoreDeletes(1_000)
      const reason = yield* inTime(reasonOf(harness.orchestrator.spawn(request, { maxCost: 5 })))
      assert.include("message" in reason ? reason.message : "", "it is not verified gone yet and is being ended")
      yield* harness.controls.ignoreDeletes(0)
      yield* inTime(Effect.sleep("100 seconds"))
      assert.deepStrictEqual(yield* live(harness), [])
    }))
})

/** Options that are refused, and the field that is named. */
const wrong: ReadonlyArray<readonly [string, string, Record<string, unknown>]> = [
  ["a negative duration", "idleTtl", { idleTtl: "-1 seconds" }],
  ["a duration of nothing", "heartbeat", { heartbeat: 0 }],
  ["a duration that is none", "maxRuntime", { maxRuntime: "soon" }],
  ["a negative grace", "finishGrace", { finishGrace: -5 }],
  ["a cap of nothing", "maxCost", { maxCost: 0 }],
  ["a negative cap", "maxCost", { maxCost: -1 }],
  ["a cap that is no number", "maxCost", { maxCost: Number.NaN }],
  ["a cap without end", "maxCost", { maxCost: Number.POSITIVE_INFINITY }],
  ["an unknown policy", "onFailure", { onFailure: "pray" }],
  ["a negative number of respawns", "onFailure.respawn", { onFailure: { respawn: -1 } }],
  ["half a respawn", "onFailure.respawn", { onFailure: { respawn: 1.5 } }],
  ["an unknown option", "idleTTL", { idleTTL: "1 minute" }],
  ["a user that is no text", "userId", { userId: 7 }],
  ["persist that is no yes or no", "persist", { persist: "yes" }]
]

const paths = (reason: AtlasErrorReason | object): string =>
  reason instanceof Validation
    ? reason.issues.map(({ path }) => path).join(" ")
    : `no Validation: ${JSON.stringify(reason)}`

describe("refused before anything is rented, with its field, is", () => {
  it.effect.each(wrong)("%s", ([, field, options]) =>
    Effect.gen(function*() {
      const { controls, orchestrator, store } = yield* open()
      // what comes from outside has no type
      const given: SpawnOptions.SpawnOptions = JSON.parse("{}")
      const reason = yield* reasonOf(orchestrator.spawn({}, Object.assign(given, options)))
      assert.include(paths(reason), field)
      assert.deepStrictEqual([(yield* controls.counts).spawnCompute, store.written.length], [0, 0])
    }))

  const text = "x".repeat(1_048_576)
  const large: ReadonlyArray<readonly [string, SpawnOptions.Input]> = [
    ["command", { command: Array.from({ length: 512 }, () => text.slice(0, 4_096)) }],
    ["providerOpts.cloudInit", { providerOpts: { small: "x", cloudInit: text } }],
    ["env", { env: { [text]: "1" } }],
    ["image", { image: text }]
  ]
  it.effect.each(large)(
    "a session too large for a store: a mebibyte of %s",
    ([field, request]) =>
      Effect.gen(function*() {
        const { controls, orchestrator, store } = yield* open()
        const session = yield* Effect.forkChild(reasonOf(orchestrator.spawn(request)))
        const task = yield* Effect.forkChild(reasonOf(orchestrator.runTask(request)))
        const small = yield* Effect.forkChild(orchestrator.spawn({}))
        for (const one of [session, task]) assert.strictEqual(paths(yield* Fiber.join(one)), field)
        // a session that began in the same batch is not held up
        yield* Fiber.join(small)
        assert.deepStrictEqual([(yield* controls.counts).spawnCompute, store.written.length > 0], [1, true])
      })
  )

  it.effect("a limit that a task does not know, or that it must have", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      assert.include(paths(yield* reasonOf(orchestrator.runTask({}, { idleTtl: "1 minute" }))), "idleTtl")
      assert.include(paths(yield* reasonOf(orchestrator.runTask({ idleTtl: "1 minute" }))), "idleTtl")
      assert.include(paths(yield* reasonOf(orchestrator.runTask({}, { heartbeat: "1 minute" }))), "heartbeat")
      assert.include(paths(yield* reasonOf(orchestrator.runTask({}, { maxRuntime: false }))), "maxRuntime")
      assert.include(paths(yield* reasonOf(orchestrator.runTask({}, { maxRuntime: Duration.infinity }))), "maxRuntime")
    }))

  it.effect.each(["", "adhoc", "Team", "a-b", "x".repeat(17)])("an owner like %j", (owner) =>
    Effect.gen(function*() {
      const { reason } = yield* Effect.flip(open({ owner }))
      assert.strictEqual(paths(reason), "owner")
      if (owner !== "") assert.notInclude(reason.message, owner === "adhoc" ? "'adhoc'" : owner)
    }))

  it.effect("a setting of the orchestrator that is no duration, or a provider to clean up that it does not have", () =>
    Effect.gen(function*() {
      assert.strictEqual(paths((yield* Effect.flip(open({ pollInterval: 0 }))).reason), "pollInterval")
      assert.strictEqual(paths((yield* Effect.flip(open({ reapGrace: -1 }))).reason), "reapGrace")
      assert.strictEqual(paths((yield* Effect.flip(open({ retention: 0 }))).reason), "retention")
      assert.strictEqual(paths((yield* Effect.flip(open({ reapProviders: ["acme"] }))).reason), "reapProviders")
    }))
})

it.effect("a session that may rent again at a provider that is not cleaned is warned of, and no other", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const warned = () => lines.filter((line) => line.includes("not among reapProviders")).length
      const plain = yield* makePlainCloud()
      const { orchestrator } = yield* open({ more: [plain.provider], reapProviders: ["mock"] })
      const again = { onFailure: { respawn: 1 } } as const
      yield* orchestrator.spawn({ spot: true }, again)
      yield* orchestrator.spawn({ spot: true }, { ...again, provider: "plain", onFailure: "stop" })
      assert.strictEqual(warned(), 0)
      yield* orchestrator.spawn({}, { ...again, provider: "plain" })
      yield* orchestrator.spawn({ spot: true }, { ...again, provider: "plain" })
      assert.strictEqual(warned(), 2)
      assert.isTrue(lines.some((line) => line.includes("rent again at plain")))
    })
  ))

it.effect("a session whose ended command may look like a lost machine is warned of, and no other", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const warned = () => lines.filter((line) => line.includes("does not tell how a command ended")).length
      const plain = yield* makePlainCloud()
      const { orchestrator } = yield* open({ more: [plain.provider] })
      const again = { onFailure: { respawn: 1 } } as const
      yield* orchestrator.runTask({ command: ["run"] }, again)
      yield* orchestrator.spawn({}, { ...again, provider: "plain" })
      yield* orchestrator.runTask({ command: ["run"] }, { provider: "plain" })
      assert.strictEqual(warned(), 0)
      yield* orchestrator.runTask({ command: ["run"] }, { ...again, provider: "plain" })
      assert.strictEqual(warned(), 1)
    })
  ))

it.effect("names that the host keeps back are not stored", () =>
  Effect.gen(function*() {
    const { engine, orchestrator, store } = yield* open({ withhold: ["volume"] })
    const { id } = yield* orchestrator.spawn({ providerOpts: { volume: "canary", costPerHour: 2 } })
    assert.notInclude(JSON.stringify(store.written), "canary")
    assert.deepStrictEqual(engine.get(id)?.state.spec.request.withheld, ["volume"])
    assert.strictEqual(paths((yield* Effect.flip(open({ withhold: [""] }))).reason), "withhold[0]")
  }))

it.effect("options that their provider calls secret are not stored, and are asked for before a create after a restart", () =>
  Effect.gen(function*() {
    const plain = yield* makePlainCloud()
    const more = [{ ...plain.provider, secretOpts: ["args"] }]
    const { engine, orchestrator, store } = yield* open({ more })
    const args = { args: "serve --token canary", box: { args: "canary", size: 2 } }
    const { id } = yield* orchestrator.spawn({ providerOpts: args }, { provider: "plain" })
    assert.notInclude(JSON.stringify(store.written), "canary")
    const request = engine.get(id)?.state.spec.request
    assert.deepStrictEqual(request?.withheld, ["args", "box.args"])
    assert.deepStrictEqual(request?.providerOpts, { box: { size: 2 } })
    // another provider may call something else by that name
    const other = yield* orchestrator.spawn({ providerOpts: args })
    assert.deepStrictEqual(engine.get(other.id)?.state.spec.request.withheld, [])
  }))

it.effect("what is left out of a task has the defaults of a task", () =>
  Effect.gen(function*() {
    const { engine, orchestrator } = yield* open()
    const policyOf = (id: Session.SessionId) => engine.get(id)?.state.spec.policy
    assert.deepStrictEqual(policyOf((yield* orchestrator.runTask({})).id), Session.Policy.task)
    assert.deepStrictEqual(policyOf((yield* orchestrator.spawn({})).id), Session.Policy.interactive)
    const given = yield* orchestrator.runTask({}, {
      readyTimeout: false,
      maxRuntime: "2 hours",
      finishGrace: "5 seconds"
    })
    assert.deepStrictEqual(policyOf(given.id), {
      ...Session.Policy.task,
      readyTimeout: null,
      maxRuntime: 7_200_000,
      finishGrace: 5_000
    })
  }))

it.effect("false, or a time without an end, switches a limit off, and what is left out has its default", () =>
  Effect.gen(function*() {
    const { orchestrator } = yield* open()
    const off = yield* orchestrator.spawn({}, { idleTtl: false, maxRuntime: false, maxCost: false })
    const plain = yield* orchestrator.spawn({})
    const endless = yield* orchestrator.spawn({ idleTtl: Duration.infinity }, { maxRuntime: Duration.infinity })
    const task = yield* orchestrator.runTask({})
    const idle = Effect.fnUntraced(function*(id: string) {
      const info = yield* orchestrator.info(id)
      return [info.idleTtl && Duration.toMillis(info.idleTtl), info.deadlineAt === null]
    })
    assert.deepStrictEqual(yield* idle(off.id), [null, true])
    assert.deepStrictEqual(yield* idle(endless.id), [null, true])
    assert.deepStrictEqual(yield* idle(plain.id), [1_800_000, true])
    assert.deepStrictEqual(yield* idle(task.id), [null, false])
  }))

it.effect("a request that was interrupted while it was refused leaves nothing", () =>
  Effect.gen(function*() {
    const harness = yield* open()
    const caller = yield* Effect.forkChild(harness.orchestrator.spawn({}, { provider: "acme" }))
    yield* Fiber.interrupt(caller)
    assert.deepStrictEqual(yield* harness.orchestrator.list, [])
  }))
