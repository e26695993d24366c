/**
 * Codecs: what is stored and sent is JSON, comes back the same and holds no secret.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as AtlasError from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import * as ComputeRequest from "effect-atlas/domain/ComputeRequest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, live, minute, requestOf } from "./harness.ts"
import { play } from "./world.ts"

const canary = "sk-canary-7f3a"

describe("JSON", () => {
  const states: Array<Session.SessionState> = []
  const inputs: Array<Session.SessionInput> = []
  const commands: Array<Session.Command> = []
  const events: Array<Session.SessionEvent> = []

  beforeAll(() => {
    let seen = 0
    const witness = (input: Session.SessionInput, decision: Session.Decision): void => {
      // a sample with many of each: consecutive ones are much alike
      if (seen++ % 23 !== 0) return
      states.push(decision.state)
      inputs.push(input)
      commands.push(...decision.commands)
      events.push(...decision.events)
    }
    for (let seed = 1; seed <= 60; seed++) play({ seed, witness })
  })

  it.effect("every state, input, command and event survives it", () =>
    Effect.gen(function*() {
      const survives = Effect.fnUntraced(function*<A>(codec: Schema.Codec<A, Schema.Json>, values: ReadonlyArray<A>) {
        assert.isAbove(values.length, 5)
        for (const value of values) {
          const text = JSON.stringify(yield* Schema.encodeEffect(codec)(value))
          assert.deepStrictEqual(yield* Schema.decodeEffect(codec)(JSON.parse(text)), value)
        }
      })
      yield* survives(Session.SessionJson, states)
      yield* survives(Session.InputJson, inputs)
      yield* survives(Session.CommandJson, commands)
      yield* survives(Session.EventJson, events)
    }))

  it("no input of any session, at any time, makes the decision of another session throw", () => {
    const clocks = [
      { wall: 0, mono: 0 },
      { wall: -1, mono: -1 },
      { wall: Number.NaN, mono: Number.NaN },
      { wall: Number.MAX_VALUE, mono: 1 },
      { wall: 1_700_000_000_000, mono: Number.MAX_SAFE_INTEGER }
    ]
    for (const [index, state] of states.filter((_, index) => index % 3 === 0).entries()) {
      for (const input of inputs) {
        const now = clocks[index % clocks.length] ?? { wall: 0, mono: 0 }
        const decision = Session.decide(state, input, now, Session.defaults)
        Session.nextWake(decision.state, now, Session.defaults)
        assert.isNumber(Session.spentUsd(decision.state, now))
      }
    }
  })

  it.effect("a row of another form is refused", () =>
    Effect.gen(function*() {
      const json = yield* Schema.encodeEffect(Session.SessionJson)(live().state)
      const other = { ...JSON.parse(JSON.stringify(json)), schemaVersion: Session.schemaVersion + 1 }
      const result = yield* Effect.exit(Schema.decodeUnknownEffect(Session.SessionJson)(other))
      assert.strictEqual(result._tag, "Failure")
    }))
})

describe("a stored request", () => {
  it.effect("holds the names of environment variables without their values, and no entry that looks like a credential", () =>
    Effect.gen(function*() {
      const request = yield* ComputeRequest.decode({
        image: "busybox",
        env: { HF_TOKEN: Redacted.make(canary) },
        providerOpts: { tier: "gold", registry: { user: "me", password: canary }, keys: [{ apiKey: canary }] },
        ports: ["8000/http"]
      })
      const stored = Session.RentRequest.fromRequest(request)
      assert.deepStrictEqual(stored.envNames, ["HF_TOKEN"])
      assert.deepStrictEqual(stored.withheld, ["registry.password", "keys[0].apiKey"])
      assert.notInclude(JSON.stringify(stored), canary)
    }))

  it.effect("holds no signed URL and no entry that its host withholds", () =>
    Effect.gen(function*() {
      const request = yield* ComputeRequest.decode({
        providerOpts: {
          accessKeyId: canary,
          Pin: canary,
          site: { pin: canary, url: "https://example.com/data?version=2" },
          data: [
            `https://bucket.s3.amazonaws.com/x?X-Amz-Expires=60&X-Amz-Signature=${canary}`,
            `https://store.blob.core.windows.net/x?sv=1&sig=${canary}`,
            "s3://bucket/x"
          ],
          mirror: `https://me:${canary}@example.com/x`
        }
      })
      const stored = Session.RentRequest.fromRequest(request, ["pin"])
      assert.deepStrictEqual(stored.withheld, ["accessKeyId", "Pin", "site.pin", "data[0]", "data[1]", "mirror"])
      assert.deepStrictEqual(stored.providerOpts, {
        site: { url: "https://example.com/data?version=2" },
        data: ["s3://bucket/x"]
      })
    }))

  it.effect("becomes the same request again with its secrets and the GPU and regions of its candidate", () =>
    Effect.gen(function*() {
      const candidate = { provider: acme, gpu: "h100", regionHints: ["eu"] }
      const env = { HF_TOKEN: Redacted.make(canary) }
      const request = yield* ComputeRequest.decode({
        gpu: "h100",
        regionHints: ["eu"],
        env,
        ports: ["22/tcp"],
        command: ["sleep", "9"],
        providerOpts: { tier: "gold" }
      })
      const again = yield* Session.RentRequest.toRequest(
        Session.RentRequest.fromRequest(request),
        candidate,
        { env, providerOpts: {} }
      )
      assert.deepStrictEqual(again, request)
    }))

  it.effect("is checked again when it becomes a request", () =>
    Effect.gen(function*() {
      const wrong = requestOf({ gpuCount: 0 })
      const error = yield* Effect.flip(
        Session.RentRequest.toRequest(wrong, { provider: acme, gpu: null, regionHints: [] }, {
          env: {},
          providerOpts: {}
        })
      )
      assert.strictEqual(error.kind, "validation")
    }))
})

describe("facts of a failure", () => {
  const reasons: ReadonlyArray<AtlasError.AtlasErrorReason> = [
    new AtlasError.Unauthorized({ message: "no", status: 401, raw: { secret: canary } }),
    new AtlasError.Forbidden({ status: 403 }),
    new AtlasError.NotFound({ status: 404 }),
    new AtlasError.RateLimited({ status: 429, retryAfter: Duration.seconds(3) }),
    new AtlasError.Timeout({}),
    new AtlasError.Unsupported({ capability: "spot" }),
    new AtlasError.Validation({ issues: [{ path: "image", message: "is required" }] }),
    new AtlasError.ProviderFault({ status: 500 }),
    new AtlasError.Transport({}),
    new AtlasError.Unknown({}),
    new AtlasError.NoCapacity({ message: "sold out" }),
    new AtlasError.Uncertain({}),
    new AtlasError.Ended({ status: "terminated" }),
    new AtlasError.BudgetExceeded({}),
    new AtlasError.NotTracked({}),
    new AtlasError.StorageFault({})
  ]

  it.each(reasons.map((reason) => [reason._tag, reason] as const))(
    "of %s keep its reason, message and status, and no body",
    (_, reason) => {
      const error = new AtlasError.AtlasError({ provider: acme, operation: "spawn", reason })
      const facts = Session.Fault.fromError(error)
      assert.notInclude(JSON.stringify(facts), canary)
      const again = Session.Fault.toError(facts, "spawn")
      assert.deepStrictEqual(
        [again.kind, again.status, again.reason.message, again.provider],
        [error.kind, error.status, error.reason.message, error.provider]
      )
      if (reason._tag === "RateLimited") assert.deepStrictEqual(facts.retryAfter, Duration.seconds(3))
    }
  )
})

it("an observation of a compute has its id, name, status and cost, and nothing else", () => {
  const compute = Compute.make({
    id: ComputeId.make("m1"),
    provider: acme,
    status: "running",
    name: "atlas-team1-alice-aaaaaaaaaaaa",
    publicIp: "10.0.0.1",
    ports: [],
    gpuType: null,
    gpuCount: 1,
    costPerHour: null,
    region: null,
    image: null,
    auth: null,
    createdAt: DateTime.makeUnsafe(minute),
    exitCode: 3,
    failure: null,
    raw: { key: canary }
  })
  assert.deepStrictEqual(Session.Observation.fromCompute(compute), {
    computeId: ComputeId.make("m1"),
    provider: acme,
    name: "atlas-team1-alice-aaaaaaaaaaaa",
    status: "running",
    costPerHour: null,
    createdAt: minute,
    exitCode: 3
  })
})
