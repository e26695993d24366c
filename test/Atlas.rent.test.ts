/**
 * Exactly one compute: what a lost answer has made is found, duplicates are ended, and what could not be verified is reported.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { passWhile } from "../src/testing/TestTime.ts"
import * as Mock from "./support/mock.ts"
import { secretOf } from "./support/secrets.ts"

const controls = MockProvider.MockControls

const live = Effect.flatMap(controls, (mock) => Effect.map(mock.ledger, (ledger) => ledger.live))

const serverError = new AtlasError.ProviderFault({ status: 500, message: "internal server error" })

/** Runs with an hour of clock to spare. */
const inAnHour = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(self, { startImmediately: true })
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.await(fiber)
  })

const errorOf = (exit: Exit.Exit<unknown, AtlasError.AtlasError>): AtlasError.AtlasError | null => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : null
  return error instanceof AtlasError.AtlasError ? error : null
}

describe("a create whose answer is lost", () => {
  it.effect("is sent once; what it made is found and used, with its credential", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      const compute = yield* passWhile(Atlas.spawnCompute({ name: "web", auth: "bearer" }))
      assert.deepStrictEqual((yield* live).map((entry) => [entry.id, entry.name]), [[compute.id, compute.name]])
      assert.strictEqual((yield* mock.counts).spawnCompute, 1)
      assert.strictEqual(secretOf(compute.auth).length, 43)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("is found although the listing lags behind", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.setListingLag("9 seconds")
      yield* mock.loseNextAnswer({ created: true })
      const exit = yield* inAnHour(Atlas.spawnCompute({}))
      assert.isTrue(Exit.isSuccess(exit))
      assert.lengthOf(yield* live, 1)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("and made nothing fails as uncertain with the name, after looking, and is not sent again", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: false })
      const error = errorOf(yield* inAnHour(Atlas.spawnCompute({ name: "web" })))
      assert.deepStrictEqual([error?.kind, error?.operation], ["uncertain", "spawnCompute"])
      const reason = error?.reason
      assert.match(reason?._tag === "Uncertain" ? reason.computeName ?? "" : "", /^atlas-adhoc-web-[a-z2-7]{12}$/)
      assert.isFalse(error?.isRetryable)
      assert.strictEqual((yield* mock.counts).spawnCompute, 1)
      assert.isAbove((yield* mock.counts).listCompute, 1)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("and cannot be looked for fails as uncertain, and says why", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      yield* mock.failNext("listCompute", serverError, 1_000)
      const error = errorOf(yield* inAnHour(Atlas.spawnCompute({})))
      assert.strictEqual(error?.kind, "uncertain")
      assert.include(error?.message, "internal server error")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("and made two machines keeps the oldest and ends the others", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      yield* mock.twinNext({ apart: "10 millis" })
      yield* mock.delay("spawnCompute", { answer: "1 second" })
      const exit = yield* inAnHour(Atlas.spawnCompute({}))
      const { made } = yield* mock.ledger
      const [oldest] = made.toSorted((a, b) => a.createdAt.epochMilliseconds - b.createdAt.epochMilliseconds)
      assert.lengthOf(made, 2)
      assert.deepStrictEqual((yield* live).map((entry) => entry.id), [oldest?.id])
      assert.strictEqual(Exit.isSuccess(exit) ? exit.value.id : null, oldest?.id)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("belongs to the scope all the same", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.loseNextAnswer({ created: true })
      yield* yield* inAnHour(
        Effect.scoped(Effect.andThen(Atlas.scoped({}), Effect.map(live, (all) => assert.lengthOf(all, 1))))
      )
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))
})

describe("a compute that belongs to a scope", () => {
  it.effect("lives as long as the scope and is gone after it, verified", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const id = yield* yield* inAnHour(Effect.scoped(Effect.gen(function*() {
        const { id } = yield* Atlas.scoped({ gpu: "h100" })
        assert.lengthOf(yield* live, 1)
        return id
      })))
      assert.deepStrictEqual(yield* live, [])
      assert.strictEqual((yield* Atlas.getCompute(id)).status, "terminated")
      assert.strictEqual((yield* mock.counts).getCompute, 2)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect.each(["a failure", "a defect", "an interruption"] as const)(
    "is gone after %s",
    (how) =>
      Effect.gen(function*() {
        const over = {
          "a failure": Effect.fail("no"),
          "a defect": Effect.die("no"),
          "an interruption": Effect.interrupt
        }
        yield* inAnHour(Effect.scoped(Effect.andThen(Atlas.scoped({}), over[how])))
        const { made } = yield* (yield* controls).ledger
        assert.lengthOf(made, 1)
        assert.deepStrictEqual(yield* live, [])
      }).pipe(Effect.provide(Mock.layer()))
  )

  it.effect("that was refused leaves nothing to end", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.failNext("spawnCompute", new AtlasError.NoCapacity({}))
      const error = errorOf(yield* inAnHour(Effect.scoped(Atlas.scoped({}))))
      assert.strictEqual(error?.kind, "no_capacity")
      const { listCompute, terminate } = yield* mock.counts
      assert.deepStrictEqual([terminate, listCompute], [0, 0])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("whose create failed in a way that says nothing is looked for when the scope closes", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.failNext("spawnCompute", new AtlasError.Timeout({}))
      yield* inAnHour(Effect.scoped(Atlas.scoped({})))
      assert.isAbove((yield* mock.counts).listCompute, 0)
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("that cannot be ended surfaces as a defect that holds the error, and is logged", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatStructured, (entry) => void lines.push(inspect(entry, { depth: null })))
      yield* mock.ignoreDeletes(1_000)
      const exit = yield* inAnHour(
        Effect.scoped(Atlas.scoped({})).pipe(Effect.provide(Logger.layer([logger]), { local: true }))
      )
      const defects = Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isDieReason) : []
      const [entry] = yield* live
      const error = defects[0]?.defect
      assert.isTrue(error instanceof AtlasError.AtlasError && error.reason._tag === "Uncertain")
      assert.include(error instanceof AtlasError.AtlasError ? error.message : "", entry?.id ?? "no entry")
      assert.include(lines.join("\n"), entry?.id ?? "no entry")
      assert.include(lines.join("\n"), "ERROR")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("is not touched when another caller has ended it before", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* Effect.scoped(
        Effect.flatMap(Atlas.scoped({}), ({ id }) => Effect.andThen(TestClock.adjust("10 seconds"), mock.forget(id)))
      )
      assert.strictEqual((yield* mock.counts).terminate, 1)
    }).pipe(Effect.provide(Mock.layer())))
})

describe("a compute that is used and ended", () => {
  it.effect("answers what its use answered, and is gone", () =>
    Effect.gen(function*() {
      const status = yield* yield* inAnHour(
        Atlas.withCompute({}, ({ id }) => Effect.map(Atlas.getCompute(id), (compute) => compute.status))
      )
      assert.strictEqual(status, "running")
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("is gone after its use has failed, and the failure stays what it was", () =>
    Effect.gen(function*() {
      const used = yield* inAnHour(Atlas.withCompute({}, () => Effect.fail("mine" as const)))
      assert.strictEqual(Option.getOrNull(Exit.findErrorOption(used)), "mine")
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("that could not be verified as gone fails as uncertain with its id", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.ignoreDeletes(1_000)
      const error = errorOf(yield* inAnHour(Atlas.withCompute({}, () => Effect.void)))
      const [entry] = yield* live
      assert.strictEqual(error?.operation, "endCompute")
      assert.strictEqual(error?.reason._tag === "Uncertain" ? error.reason.computeId : null, entry?.id ?? "no entry")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("that could not be verified says so also when its use has failed", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.ignoreDeletes(1_000)
      const exit = yield* inAnHour(Atlas.withCompute({}, () => Effect.fail("mine" as const)))
      const errors = Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isFailReason).map((one) => one.error) : []
      assert.include(errors, "mine")
      assert.isTrue(errors.some((one) => one instanceof AtlasError.AtlasError && one.reason._tag === "Uncertain"))
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("does not wait for ever for a provider that does not answer", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.delay("terminate", { answer: Duration.infinity })
      yield* mock.ignoreDeletes(1_000)
      const error = errorOf(yield* inAnHour(Atlas.withCompute({}, () => Effect.void)))
      assert.strictEqual(error?.kind, "uncertain")
    }).pipe(Effect.provide(Mock.layer())))
})

describe("an interrupted spawn", () => {
  it.effect("that could not be verified as ended is logged as an error, with its name", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatStructured, (entry) => void lines.push(inspect(entry, { depth: null })))
      yield* mock.delay("spawnCompute", { answer: "1 minute" })
      yield* mock.ignoreDeletes(1_000)
      const renting = yield* Effect.forkChild(
        Atlas.spawnCompute({ name: "web" }).pipe(Effect.provide(Logger.layer([logger]), { local: true })),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      const leaving = yield* Effect.forkChild(Fiber.interrupt(renting), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(leaving)
      const [entry] = yield* live
      assert.match(lines.join("\n"), /ERROR/)
      assert.include(lines.join("\n"), entry?.name ?? "no entry")
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("waits until what it rented is gone before it is over", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.delay("spawnCompute", { answer: "1 minute" })
      yield* mock.delay("terminate", { request: "3 seconds" })
      const renting = yield* Effect.forkChild(Atlas.spawnCompute({}), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Effect.forkChild(Fiber.interrupt(renting), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(renting.pollUnsafe())
      yield* TestClock.adjust("10 seconds")
      assert.isDefined(renting.pollUnsafe())
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))

  it.effect("whose listing never answers is given up after a while, and said", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.delay("spawnCompute", { answer: Duration.infinity })
      yield* mock.delay("listCompute", { answer: Duration.infinity })
      const renting = yield* Effect.forkChild(Atlas.spawnCompute({}), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Effect.forkChild(Fiber.interrupt(renting), { startImmediately: true })
      yield* TestClock.adjust("5 minutes")
      assert.isDefined(renting.pollUnsafe())
    }).pipe(Effect.provide(Layer.merge(Mock.layer(), Logger.layer([])))))

  it.effect("in a scope that is closed while the create is on its way is found and ended", () =>
    Effect.gen(function*() {
      const mock = yield* controls
      yield* mock.delay("spawnCompute", { request: "4 seconds", answer: "1 minute" })
      const scope = yield* Scope.make()
      const renting = yield* Effect.forkChild(Scope.provide(Atlas.scoped({}), scope), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(renting)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isDefined(closing.pollUnsafe())
      assert.lengthOf((yield* mock.ledger).made, 1)
      assert.deepStrictEqual(yield* live, [])
    }).pipe(Effect.provide(Mock.layer())))
})
