/**
 * The suite can fail: for every promise there is a provider here that breaks it, and is caught by that very case.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Provider } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { ProviderConformance } from "effect-atlas/testing"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stepper from "../support/Stepper.ts"
import { adapterOver, broken, type Mock, type Spoil, whole, withCompute } from "./brokenProviders.ts"

const optionsFor = ({ controls }: Mock): ProviderConformance.Options => ({
  reset: controls.reset,
  patience: "10 seconds",
  timeLimit: "1 minute",
  speak: (id) => Effect.forEach(["one", "two"], (line) => controls.writeLog(id, line), { discard: true }),
  loseNextAnswer: controls.loseNextAnswer({ created: true }),
  failNextCreate: controls.failNext("spawnCompute", new AtlasError.Uncertain({ status: 500 })),
  creates: Effect.map(controls.counts, (counts) => counts.spawnCompute),
  endpoint: "endpoint"
})

const runOver = async (spoil: Spoil, more: ProviderConformance.Options = {}) => {
  const stepper = Stepper.make(2048)
  const mock = Effect.runSync(MockProvider.make())
  const provider = spoil(adapterOver(mock), mock)
  const exit = await stepper.finishAsync(
    stepper.fork(
      ProviderConformance.run({ ...optionsFor(mock), ...more }),
      Context.make(Provider.Provider, provider)
    )
  )
  assert.isDefined(exit, "the suite hangs")
  const report = Option.getOrThrow(Exit.getSuccess(exit))
  return { report, live: Effect.runSync(mock.controls.ledger).live }
}

const failedOf = (report: ProviderConformance.Report) =>
  report.results.filter((result) => result.outcome === "failed").map((result) => result.name)

describe("a provider is caught that", () => {
  it.each(broken)("%s", async (_, spoil, by) => {
    const { report } = await runOver(spoil)
    assert.include(failedOf(report), by)
  })

  it("every case has such a provider", () => {
    const seen = new Set(broken.map(([, , by]) => by))
    assert.deepStrictEqual(
      ProviderConformance.cases(optionsFor(Effect.runSync(MockProvider.make()))).filter((one) => !seen.has(one.name)),
      []
    )
  })
})

describe("the suite", () => {
  it("passes over an adapter that keeps its promises", async () => {
    const { live, report } = await runOver((adapter) => whole(adapter))
    assert.deepStrictEqual(report.results.filter((result) => result.outcome === "failed"), [])
    assert.deepStrictEqual([report.provider, report.passed, report.failed, report.skipped], ["mock", 27, 0, 8])
    assert.deepStrictEqual(live, [])
  })

  it.each(broken.filter(([how]) => !how.startsWith("accepts a delete")))(
    "ends what it rented although the provider %s",
    async (_, spoil) => {
      const { live } = await runOver(spoil)
      assert.deepStrictEqual(live, [])
    }
  )

  it("a delete that is accepted and never done fails with the id of what may still cost money", async () => {
    const { report } = await runOver((adapter) => withCompute(adapter, { terminate: () => Effect.void }))
    const messages = report.results.filter((result) => result.outcome === "failed").map((result) => result.message)
    assert.isTrue(messages.some((message) => /mock-[a-z2-7]{12} could not be ended/.test(message)), messages.join("\n"))
  })

  it("says of every case it skips why", async () => {
    const none = { loseNextAnswer: undefined, failNextCreate: undefined }
    const { report } = await runOver((adapter) => whole({ id: "mock", compute: adapter.compute }), none)
    const skipped = report.results.filter((result) => result.outcome === "skipped")
    assert.deepStrictEqual([...new Set(skipped.map((result) => result.message))], [
      "mock has no power",
      "mock has no gpu_catalog",
      "mock has no logs",
      "mock has no manage_network_volumes",
      "mock has no manage_templates",
      "mock has no manage_endpoints",
      "mock has no billing",
      "mock has no serverless",
      "the options have no loseNextAnswer",
      "the options have no failNextCreate"
    ])
    assert.strictEqual(report.failed, 0)
  })

  it("a case that hangs fails at its time limit", async () => {
    const { live, report } = await runOver((adapter) => withCompute(adapter, { list: () => Effect.never }))
    const failed = report.results.find((result) => result.name.startsWith("its name is stamped"))
    assert.strictEqual(failed?.message, "it took longer than 1m")
    assert.deepStrictEqual(live, [])
  })

  it("a defect of the adapter is reported without its text", async () => {
    const bug = Effect.die(new TypeError("token=canary"))
    const { report } = await runOver((adapter) => withCompute(adapter, { get: () => bug }))
    assert.notInclude(JSON.stringify(report), "canary")
    assert.include(
      report.results.map((result) => result.message),
      "the adapter failed unexpectedly (a defect): TypeError"
    )
  })

  it("rents nothing that could cost more than the limit, nor anything without a price", async () => {
    for (const costPerHour of [3, null]) {
      const request = { providerOpts: { costPerHour } }
      const { live, report } = await runOver((adapter) => whole(adapter), { request, maxCost: 0.01 })
      const trip = report.results.find((result) => result.name.startsWith("a compute can be rented"))
      assert.strictEqual(trip?.outcome, "failed")
      assert.match(trip?.message ?? "", costPerHour === null ? /price is unknown/ : /above the limit of \$0.01/)
      assert.deepStrictEqual(live, [])
    }
  })

  it("takes the call options that the reset hook answers", async () => {
    const keys: Array<string | null> = []
    await runOver((adapter) =>
      withCompute(adapter, {
        list: (_, call) => {
          keys.push(call.apiKey === null ? null : Redacted.value(call.apiKey))
          return adapter.compute.list()
        }
      }), { reset: Effect.succeed({ apiKey: "key-of-the-hook" }) })
    assert.deepStrictEqual([...new Set(keys)], ["key-of-the-hook"])
  })

  it("makes one test of each case in any framework, and skips inside it", async () => {
    const tests: Array<readonly [string, () => Promise<string>]> = []
    ProviderConformance.suite(
      {
        describe: (_, define) => define(),
        it: (name, test) =>
          tests.push([name, async () => {
            let outcome = "passed"
            await test({
              skip: (reason) => {
                outcome = reason
              }
            })
            return outcome
          }])
      },
      "mock",
      MockProvider.layer()
    )
    assert.deepStrictEqual(tests.map(([name]) => name), ProviderConformance.cases().map((one) => one.name))
    const outcomes = new Map(await Promise.all(tests.map(async ([name, test]) => [name, await test()] as const)))
    assert.strictEqual(outcomes.get("a compute can be rented, looked at and ended"), "passed")
    assert.strictEqual(outcomes.get("logs are unsupported where there are none"), "mock has logs")
  })

  it("fails the test of a case whose promise is broken", async () => {
    const tests: Array<readonly [string, () => Promise<void>]> = []
    const broken = Layer.effect(
      Provider.Provider,
      Effect.map(
        MockProvider.make(),
        (mock) =>
          withCompute(adapterOver(mock), { terminate: (id) => Effect.ignore(mock.provider.compute.terminate(id)) })
      )
    )
    ProviderConformance.suite(
      { describe: (_, define) => define(), it: (name, test) => tests.push([name, () => test({})]) },
      "broken",
      broken
    )
    const unknown = tests.find(([name]) => name.startsWith("an unknown id is not found, by get"))
    const outcome = await unknown?.[1]().then(() => "passed", String)
    assert.include(outcome, "should have failed as NotFound")
  })
})
