/**
 * Two accounts of one cloud: what is in one is never looked for, judged or ended in the other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, Provider, Providers } from "effect-atlas"
import { Orchestrator, Recovery, SessionStore } from "effect-atlas/orchestrator"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { passWhile } from "../../src/testing/TestTime.ts"
import { providersOf, run, two } from "./accountsHarness.ts"

const image = "me/server"

const started = Effect.gen(function*() {
  const { eu, store, us } = yield* two
  const [inEu, inUs] = yield* run(
    [eu, us],
    store,
    Effect.gen(function*() {
      const rent = (provider: string) =>
        Orchestrator.spawn({ image, gpu: "h100" }, { provider, persist: true, idleTtl: null })
      const rented = [yield* rent(eu.id), yield* rent(us.id)] as const
      for (const { id } of rented) yield* Orchestrator.awaitReady(id)
      return rented
    })
  )
  return { eu, us, store, inEu, inUs }
})

describe("a session in each of two accounts of one cloud", () => {
  it.effect("is named by its account everywhere: compute, rows, spending", () =>
    Effect.gen(function*() {
      const { eu, inEu, inUs, store, us } = yield* started
      assert.deepStrictEqual([inEu.compute.provider, inUs.compute.provider], ["runpod-eu", "runpod-us"])
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[inEu.compute.id], [inUs.compute.id]])
      yield* run(
        [eu, us],
        store,
        Effect.gen(function*() {
          const rows = yield* Orchestrator.list
          assert.deepStrictEqual(rows.map(({ provider }) => provider).toSorted(), ["runpod-eu", "runpod-us"])
          const { byProvider } = yield* Orchestrator.spending
          assert.deepStrictEqual([...byProvider.keys()].toSorted(), ["runpod-eu", "runpod-us"])
        })
      )
    }).pipe(Effect.scoped))

  it.effect("stays open and is told of plainly while its account is not set up, and is ended once it is again", () =>
    Effect.gen(function*() {
      const { eu, inEu, inUs, store, us } = yield* started
      yield* run(
        [us],
        store,
        Effect.gen(function*() {
          yield* Effect.sleep("30 minutes")
          assert.strictEqual((yield* Orchestrator.info(inUs.id)).state, "live")
          assert.strictEqual((yield* Orchestrator.info(inEu.id)).state, "live")
          const error = yield* Effect.flip(Orchestrator.stopTracked(inEu.id))
          assert.strictEqual(error.kind, "uncertain")
          for (const part of ["runpod-eu: ", "known here: runpod-us"]) assert.include(error.message, part)
        })
      )
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[inEu.compute.id], [inUs.compute.id]])
      assert.notInclude((yield* us.asked).join(), inEu.compute.id)
      yield* run([eu, us], store, Orchestrator.awaitEnd(inEu.id))
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[], [inUs.compute.id]])
    }).pipe(Effect.scoped))

  it.effect("is no orphan to a recovery that knows the other account alone, and names what it cannot reach", () =>
    Effect.gen(function*() {
      const { eu, inEu, inUs, store, us } = yield* started
      const report = yield* passWhile(
        Recovery.run({ owner: "team1", grace: "1 second" }).pipe(
          Effect.provide(providersOf(us)),
          Effect.provideService(SessionStore.SessionStore, store)
        )
      )
      assert.deepStrictEqual([report.ended, report.unlisted], [[], ["runpod-eu"]])
      assert.deepStrictEqual(report.unsettled.map(({ id, provider }) => [id, provider]), [[inEu.id, "runpod-eu"]])
      assert.include(report.unsettled[0]?.message, "runpod-eu is not set up here")
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[inEu.compute.id], [inUs.compute.id]])
    }).pipe(Effect.scoped))
})

it.effect("a session of an account that is set up under another id now is no orphan there", () =>
  Effect.gen(function*() {
    const { eu, inEu, store, us } = yield* started
    const renamed = eu.renamed("runpod-europe")
    yield* run([renamed, us], store, Effect.sleep("10 minutes"))
    const report = yield* passWhile(
      Recovery.run({ owner: "team1", grace: "1 second" }).pipe(
        Effect.provide(providersOf(renamed, us)),
        Effect.provideService(SessionStore.SessionStore, store)
      )
    )
    assert.deepStrictEqual(report.left.map(({ provider, why }) => [String(provider), why]).toSorted(), [
      ["runpod-europe", "known"],
      ["runpod-us", "known"]
    ])
    assert.deepStrictEqual([report.ended, yield* eu.live], [[], [inEu.compute.id]])
  }).pipe(Effect.scoped))

it.effect("a machine that two ids of one account list is its session's, and is ended by no one else", () =>
  Effect.gen(function*() {
    const { eu, inEu, store } = yield* started
    yield* run([eu, eu.renamed("runpod")], store, Effect.sleep("10 minutes"))
    assert.deepStrictEqual(yield* eu.live, [inEu.compute.id])
    yield* run([eu, eu.renamed("runpod")], store, Orchestrator.stopTracked(inEu.id))
    assert.deepStrictEqual(yield* eu.live, [])
  }).pipe(Effect.scoped))

/** A machine of that stamp in each account. */
const namedAlike = Effect.gen(function*() {
  const accounts = yield* two
  const stamp = yield* NameStamp.make(NameStamp.Owner.make("team1"), "twin")
  const rent = (provider: string) =>
    Effect.gen(function*() {
      const { compute } = yield* Providers.Providers.use(({ get }) => get(provider, "test"))
      return yield* compute.rent(yield* compute.prepare({ image, gpu: "h100" }, { stamp }))
    })
  const [inEu, inUs] = yield* passWhile(
    Effect.all([rent("runpod-eu"), rent("runpod-us")]).pipe(Effect.provide(providersOf(accounts.eu, accounts.us)))
  )
  assert.strictEqual(inEu?.name, inUs?.name)
  return { ...accounts, inEu, inUs }
})

describe("machines of one stamped name in two accounts", () => {
  it.effect("end apart: what bears the name in the other account is not of this one's", () =>
    Effect.gen(function*() {
      const { eu, inEu, inUs, us } = yield* namedAlike
      yield* passWhile(Atlas.end(inEu.id, { provider: "runpod-eu" }).pipe(Effect.provide(providersOf(eu, us))))
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[], [inUs.id]])
      assert.deepStrictEqual((yield* us.asked).filter((one) => one.startsWith("DELETE")), [])
    }).pipe(Effect.scoped))

  it.effect("are reaped in the accounts that are named to be, and in no other", () =>
    Effect.gen(function*() {
      const { eu, inUs, store, us } = yield* namedAlike
      yield* run([eu, us], store, Effect.sleep("10 minutes"), { reapProviders: ["runpod-eu"] })
      assert.deepStrictEqual([yield* eu.live, yield* us.live], [[], [inUs.id]])
    }).pipe(Effect.scoped))

  it.effect("are looked up in the account of the call, and one account does not know the other's", () =>
    Effect.gen(function*() {
      const { eu, inEu, us } = yield* namedAlike
      const at = (provider: string) => Effect.result(Atlas.getCompute(inEu.id, { provider }))
      const [there, elsewhere] = yield* passWhile(
        Effect.all([at("runpod-eu"), at("runpod-us")]).pipe(Effect.provide(providersOf(eu, us)))
      )
      assert.strictEqual(Result.isSuccess(there) ? String(there.success.provider) : null, "runpod-eu")
      const told = Result.isFailure(elsewhere) ? [elsewhere.failure.kind, String(elsewhere.failure.provider)] : []
      assert.deepStrictEqual(told, ["not_found", "runpod-us"])
    }).pipe(Effect.scoped))
})

it.effect("the kind of cloud is told beside the account", () =>
  Effect.gen(function*() {
    const { eu, us } = yield* two
    yield* Effect.gen(function*() {
      const { cloud, provider } = yield* Atlas.capabilities({ provider: "runpod-us" })
      assert.deepStrictEqual([provider, cloud], ["runpod-us", "runpod"])
    }).pipe(Effect.provide(providersOf(eu, us)))
    const made = Provider.placeholder("acme", [])
    assert.strictEqual(made.cloud, "acme")
  }).pipe(Effect.scoped))
