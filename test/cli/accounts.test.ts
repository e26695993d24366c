/**
 * Several accounts of one cloud on the command line.
 */
import { assert, describe, it } from "@effect/vitest"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import { passWhile } from "../../src/testing/TestTime.ts"
import { run } from "./harness.ts"

const shipped = (env: Readonly<Record<string, string>>) =>
  ({ providers: "as shipped", env: { HOME: "/nowhere", ...env } }) as const

const two = Effect.gen(function*() {
  const options = { pollInterval: "100 millis", settleWindow: "100 millis" } as const
  const eu = yield* MockProvider.make({ ...options, id: "eu" })
  const us = yield* MockProvider.make({ ...options, id: "us" })
  return { eu, us, providers: [eu.provider, us.provider] }
})

describe("accounts of ATLAS_ACCOUNTS", () => {
  it.effect("are listed with their cloud, and each with the variable that its own key is missing in", () =>
    Effect.gen(function*() {
      const env = { ATLAS_ACCOUNTS: "runpod-eu=runpod, runpod-us=runpod,", RUNPOD_API_KEY: "k", RUNPOD_EU_API_KEY: "e" }
      const { code, out } = yield* run(["providers", "--json"], shipped(env))
      assert.strictEqual(code, 0)
      const all: ReadonlyArray<Record<string, unknown>> = JSON.parse(out)
      assert.deepStrictEqual(
        all.filter(({ cloud }) => cloud === "runpod").map(({ configured, id, missing }) => [id, configured, missing]),
        [["runpod", true, []], ["runpod-eu", true, []], ["runpod-us", false, ["RUNPOD_US_API_KEY"]]]
      )
      const table = (yield* run(["providers"], shipped(env))).out.split("\n")
      assert.deepStrictEqual(
        table.flatMap((line) => line.startsWith("runpod-eu") ? [line.split(/ {2,}/).slice(0, 3)] : []),
        [["runpod-eu", "runpod", "ready"]]
      )
    }))

  it.effect("may be the default, and are offered where a provider is typed", () =>
    Effect.gen(function*() {
      const env = { ATLAS_ACCOUNTS: "runpod-eu=runpod", ATLAS_PROVIDER: "runpod-eu" }
      const { code, err } = yield* run(["ps"], shipped(env))
      assert.strictEqual(code, 1)
      assert.include(err, "RUNPOD_EU_API_KEY")
      const { out } = yield* run(["complete", "--", "get", "--provider", "runpod"], shipped(env))
      assert.deepStrictEqual(out.split("\n"), ["runpod", "runpod-eu\trunpod"])
    }))

  it.effect.each<readonly [value: string, told: string]>([
    ["runpod-eu", "ID=CLOUD"],
    ["a=b=c", "ID=CLOUD"],
    ["=runpod", "can be no id"],
    ["Runpod-EU=runpod", "can be no id"],
    [`${"a".repeat(33)}=runpod`, "can be no id"],
    ["any=runpod", "means something else"],
    ["x=vast", "several accounts"],
    ["x=toString", "several accounts"],
    ["runpod=runpod", "another provider"],
    ["vast=runpod", "another provider"],
    ["a-b=runpod,a_b=runpod", "A_B_API_KEY"],
    ["a=runpod,a=runpod", "a is there twice"],
    ["runpod-runtime=runpod", "RUNPOD_RUNTIME_BASE_URL"],
    ["a=runpod,a-runtime=runpod", "A_RUNTIME_BASE_URL"],
    ["lambda-labs=runpod", "LAMBDA_LABS_API_KEY"]
  ])("that cannot be are bad usage that names the variable: %s", ([value, told]) =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(["ps", "--json"], shipped({ ATLAS_ACCOUNTS: value }))
      assert.deepStrictEqual([code, out], [2, ""])
      const { error } = JSON.parse(err)
      assert.strictEqual(error.kind, "validation")
      for (const part of ["ATLAS_ACCOUNTS", told]) assert.include(error.message, part)
    }))

  it.effect("and any other setting that cannot be read are bad usage that names it", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(["ps"], shipped({ ATLAS_LOCAL_PRICE_PER_HOUR: "much" }))
      assert.strictEqual(code, 2)
      assert.include(err, "ATLAS_LOCAL_PRICE_PER_HOUR")
    }))
})

describe("machines of one name in two accounts", () => {
  it.effect("a name means the one in the account of the command", () =>
    Effect.gen(function*() {
      const { eu, providers, us } = yield* two
      for (const { provider } of [eu, us]) yield* provider.compute.spawn({ image: "me/server", name: "web" })
      const { code } = yield* passWhile(run(["down", "web", "--provider", "us"], { providers }))
      const live = ({ controls }: typeof eu) => Effect.map(controls.ledger, (ledger) => ledger.live.length)
      assert.deepStrictEqual([code, yield* live(eu), yield* live(us)], [0, 1, 0])
      const listed = (id: string) =>
        Effect.map(run(["ps", "--json", "--provider", id], { providers }), ({ out }) => JSON.parse(out))
      assert.deepStrictEqual(
        (yield* listed("eu")).map(({ provider }: Record<string, unknown>) => provider),
        ["eu"]
      )
      assert.deepStrictEqual(yield* listed("us"), [])
      const gpus: ReadonlyArray<Record<string, unknown>> = JSON.parse(
        (yield* run(["gpus", "--json", "--provider", "us"], { providers })).out
      )
      assert.deepStrictEqual([...new Set(gpus.map(({ provider }) => provider))], ["us"])
    }))

  it.effect("an id of one is not found in the other, and nothing is ended there", () =>
    Effect.gen(function*() {
      const { eu, providers } = yield* two
      const { id } = yield* eu.provider.compute.spawn({ image: "me/server" })
      const { code, err } = yield* run(["down", id, "--provider", "us", "--json"], { providers })
      assert.deepStrictEqual([code, JSON.parse(err).error.provider], [1, "us"])
      assert.strictEqual((yield* eu.provider.compute.get(id)).isLive, true)
      // what all ids of a cloud begin with names none of them, whatever the account is called
      const typed = yield* run(["get", id.slice(0, 5), "--provider", "eu"], { providers })
      assert.strictEqual(typed.code, 1)
    }))
})
