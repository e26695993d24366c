/**
 * One name, one machine: a second machine that the cloud made under the name is ended with the first, however late it appears.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Ids, Provider, type Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { passWhile } from "../src/testing/TestTime.ts"
import { run } from "./cli/harness.ts"
import { machine } from "./support/acme.ts"
import * as Mock from "./support/mock.ts"

const controls = MockProvider.MockControls

/** What still costs money when everything has arrived that was on its way. */
const left = Effect.gen(function*() {
  yield* passWhile(Effect.sleep("20 seconds"))
  return (yield* (yield* controls).ledger).live.map(({ id }) => id)
})

const interrupted = Effect.gen(function*() {
  const renting = yield* Effect.forkChild(Atlas.spawnCompute({ image: "me/server" }), { startImmediately: true })
  yield* TestClock.adjust("1 second")
  yield* Fiber.interrupt(renting)
})

type Use = Effect.Effect<unknown, AtlasError.AtlasError, Providers.Providers | MockProvider.MockControls>

const ways: ReadonlyArray<readonly [string, Use]> = [
  ["scoped, at once", Effect.scoped(Atlas.scoped({}))],
  ["scoped, for a minute", Effect.scoped(Effect.andThen(Atlas.scoped({}), Effect.sleep("1 minute")))],
  ["withCompute, at once", Atlas.withCompute({}, () => Effect.void)],
  ["withCompute, whose use fails", Effect.exit(Atlas.withCompute({}, () => Effect.fail("no")))],
  ["spawnCompute and end", Effect.flatMap(Atlas.spawnCompute({}), ({ id }) => Atlas.end(id))],
  [
    "spawnCompute and a later end",
    Effect.flatMap(Atlas.spawnCompute({}), ({ id }) => Effect.delay(Atlas.end(id), "1 minute"))
  ],
  [
    "spawnCompute and an end by name",
    Effect.flatMap(Atlas.spawnCompute({}), ({ id, name }) => Effect.delay(Atlas.end(id, { name }), "1 minute"))
  ]
]

/** How much later a second machine is made, and how long any is missing from the listing. */
const lags = [["0 seconds", "0 seconds"], ["4 seconds", "0 seconds"], ["4 seconds", "4500 millis"]] as const

describe.each(lags)("a second machine that is made %s later and listed after %s", (apart, lag) => {
  it.effect.each(ways)("is ended where the create was answered: %s", ([, use]) =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.twinNext({ apart })
      yield* mock.setListingLag(lag)
      yield* passWhile(use)
      assert.lengthOf((yield* mock.ledger).made, 2)
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect.each(ways)("is ended where the answer was lost: %s", ([, use]) =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      yield* mock.twinNext({ apart })
      yield* mock.setListingLag(lag)
      yield* passWhile(use)
      assert.lengthOf((yield* mock.ledger).made, 2)
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("is ended where the spawn was interrupted", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.twinNext({ apart })
      yield* mock.setListingLag(lag)
      yield* mock.delay("spawnCompute", { answer: "1 minute" })
      yield* passWhile(interrupted)
      assert.lengthOf((yield* mock.ledger).made, 2)
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("does not run beside the machine that a lost answer gave: spawnCompute answers when it is ended", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      yield* mock.twinNext({ apart })
      yield* mock.setListingLag(lag)
      const { id } = yield* passWhile(Atlas.spawnCompute({}))
      assert.deepStrictEqual((yield* mock.ledger).live.map((one) => one.id), [id])
      assert.deepStrictEqual(yield* left, [id])
    }).pipe(Effect.provide(Mock.layer())))
})

describe("a machine that a lost answer gave", () => {
  it.effect("is uncertain, with its id and its name, where no listing shows that it is the only one", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      const spawning = yield* Effect.forkChild(Effect.flip(Atlas.spawnCompute({})), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* mock.failNext("listCompute", new AtlasError.ProviderFault({ status: 500, message: "oops" }), 1_000)
      const { reason } = yield* passWhile(Fiber.join(spawning))
      const [made] = (yield* mock.ledger).made
      assert.deepStrictEqual(
        reason._tag === "Uncertain" ? [reason.computeId, reason.computeName] : [],
        [made?.id, made?.name]
      )
    }).pipe(Effect.provide(Mock.layer())))
})

describe("handing a machine back", () => {
  it.effect("costs one listing when both settle windows have passed, after the machine was asked to end", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* passWhile(Atlas.withCompute({}, () => Effect.sleep("10 seconds")))
      const asked = (yield* mock.requests).map(({ operation }) => operation)
      assert.deepStrictEqual(asked, ["spawnCompute", "terminate", "getCompute", "listCompute"])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("asks the machine to end at once, however long its name is looked for", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.delay("listCompute", { answer: Duration.infinity })
      const using = yield* Effect.forkChild(Atlas.withCompute({}, () => Effect.void), { startImmediately: true })
      assert.deepStrictEqual((yield* mock.ledger).live, [])
      yield* passWhile(Effect.sleep("5 minutes"))
      const exit = using.pollUnsafe()
      const error = exit !== undefined && Exit.isFailure(exit) ? Cause.squash(exit.cause) : null
      const reason = error instanceof AtlasError.AtlasError ? error.reason : null
      const [made] = (yield* mock.ledger).made
      assert.strictEqual(reason?._tag === "Uncertain" ? reason.computeName : null, made?.name ?? "no machine")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("whose look fails for good is uncertain, with the name", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.failNext("listCompute", new AtlasError.ProviderFault({ status: 500, message: "oops" }), 1_000)
      const { operation, reason } = yield* passWhile(Effect.flip(Atlas.withCompute({}, () => Effect.void)))
      const { live, made } = yield* mock.ledger
      assert.deepStrictEqual(
        [operation, reason._tag === "Uncertain" ? reason.computeName : null, live],
        ["endCompute", made[0]?.name ?? "no machine", []]
      )
      assert.include(reason.message, "oops")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("of a machine that cannot be ended still ends the other of its name", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.twinNext()
      const using = yield* Effect.forkChild(
        Effect.exit(Atlas.withCompute({}, () => mock.ignoreDeletes(13))),
        { startImmediately: true }
      )
      yield* passWhile(Effect.sleep("10 minutes"))
      const exit = yield* Fiber.join(using)
      const { live, made } = yield* mock.ledger
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(live.map(({ id }) => id), [made[0]?.id])
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), Logger.layer([])))))

  it.effect("never ends a machine of another name, of another attempt, or of an orchestrator", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const others = yield* Effect.forEach(
        ["web", "web", "other"],
        (name) => Effect.map(Atlas.spawnCompute({ name }), ({ id }) => id)
      )
      yield* passWhile(Atlas.withCompute({ name: "web" }, () => Effect.void))
      yield* passWhile(Effect.flatMap(Atlas.spawnCompute({ name: "web" }), ({ id }) => Atlas.end(id)))
      assert.deepStrictEqual((yield* mock.ledger).live.map(({ id }) => id), others)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("by its id alone, where that is asked for, looks for nothing", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const { id } = yield* Atlas.spawnCompute({})
      yield* Atlas.end(id, { name: null })
      const { listCompute, terminate } = yield* mock.counts
      assert.deepStrictEqual([listCompute, terminate], [0, 1])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("a second machine is ended with an attached `atlas up`, and with `atlas down` of the first", () =>
    Effect.gen(function*() {
      const { controls: mock, provider } = yield* MockProvider.make()
      const surroundings = { providers: [provider] }
      yield* mock.twinNext({ apart: "4 seconds" })
      yield* mock.setListingLag("4500 millis")
      const up = yield* Effect.forkChild(run(["up", "--image", "me/job"], surroundings), { startImmediately: true })
      // the command line loads its actions when they are first asked for
      while ((yield* mock.ledger).live.length < 2) yield* passWhile(Effect.sleep("1 second"))
      for (const { id } of (yield* mock.ledger).live) yield* mock.setStatus(id, "failed", { exitCode: 3 })
      assert.strictEqual((yield* passWhile(Fiber.join(up))).code, 3)
      yield* passWhile(Effect.sleep("20 seconds"))
      assert.deepStrictEqual((yield* mock.ledger).live, [])

      yield* mock.twinNext({ apart: "4 seconds" })
      const spawned = yield* provider.compute.spawn({})
      assert.strictEqual((yield* passWhile(run(["down", spawned.id], surroundings))).code, 0)
      yield* passWhile(Effect.sleep("20 seconds"))
      assert.deepStrictEqual((yield* mock.ledger).live, [])

      yield* mock.twinNext({ apart: "4 seconds" })
      yield* mock.setListingLag("0 seconds")
      yield* provider.compute.spawn({})
      const down = yield* passWhile(run(["down", "--all", "--yes"], surroundings))
      assert.deepStrictEqual([down.code, down.out.split("\n").length], [0, 2])
      yield* passWhile(Effect.sleep("20 seconds"))
      assert.deepStrictEqual((yield* mock.ledger).live, [])
    }))

  it.effect("that another process rented waits out both windows by the time that its provider says", () =>
    Effect.gen(function*() {
      const name = "atlas-adhoc-web-abcdefghijkl"
      const machines = new Map([["acme-1", 0], ["acme-2", 9_000]])
      const start = yield* DateTime.now
      const seen = (id: string) => machine({ id: Ids.ComputeId.make(id), name, createdAt: start })
      const provider = Provider.make({
        id: "acme",
        compute: {
          spawn: () => Effect.never,
          get: (id) => machines.has(id) ? Effect.succeed(seen(id)) : Effect.fail(new AtlasError.NotFound({})),
          list: () =>
            Effect.map(
              DateTime.now,
              (now) =>
                [...machines].flatMap(([id, after]) =>
                  DateTime.toEpochMillis(now) - DateTime.toEpochMillis(start) >= after ? [seen(id)] : []
                )
            ),
          terminate: (id) => Effect.sync(() => void machines.delete(id))
        }
      })
      yield* passWhile(provider.compute.end("acme-1"))
      assert.deepStrictEqual([...machines.keys()], [])
    }))
})
