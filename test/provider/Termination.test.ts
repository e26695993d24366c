/**
 * Termination: finding what an unanswered create may have made, and ending a compute until its absence is verified.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Compute } from "effect-atlas"
import { AtlasError, Ids } from "effect-atlas"
import * as RateLimits from "effect-atlas/provider/RateLimits"
import * as Termination from "effect-atlas/provider/Termination"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as acme from "../support/acme.ts"

const id = Ids.ComputeId.make("pod-1")
const wanted = "atlas-adhoc-web-abcdefghijkl"

const machine = (fields: Partial<Compute.Compute> = {}) => acme.machine({ id, name: wanted, ...fields })

const notFound = Effect.fail(new AtlasError.NotFound({}))
const broken = Effect.fail(new AtlasError.ProviderFault({ status: 500, message: "oops" }))

/** A provider with scripted answers; it records its calls and their times. */
const scripted = (answers: Partial<Termination.ComputeCalls>) => {
  const calls: Array<readonly [string, number]> = []
  const seen = <A, E>(what: string, answer: Effect.Effect<A, E>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      calls.push([what, now])
      return answer
    })
  const made: Termination.ComputeCalls = {
    named: (name) => seen("named", answers.named?.(name) ?? Effect.succeed([])),
    get: (one) => seen("get", answers.get?.(one) ?? notFound),
    terminate: (one) => seen("terminate", answers.terminate?.(one) ?? Effect.void)
  }
  return { provider: made, calls, times: (what: string) => calls.filter(([one]) => one === what).map(([, at]) => at) }
}

/** Runs with the clock moved far enough for anything here to end; says how long it took. */
const timed = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(
      Effect.result(
        Effect.zip(self, Clock.currentTimeMillis).pipe(
          Effect.mapError((reason) => [reason] as const)
        )
      ),
      { startImmediately: true }
    )
    yield* TestClock.adjust("10 minutes")
    const result = yield* Fiber.join(fiber)
    return { result, start }
  })

const settle = Duration.seconds(5)

describe("looking by name", () => {
  it.effect("a machine that the listing shows twice is one, and no duplicate of itself", () =>
    Effect.gen(function*() {
      const { provider } = scripted({ named: () => Effect.succeed([machine(), machine()]) })
      assert.lengthOf(yield* Termination.find(provider, wanted, settle), 1)
    }))

  it.effect("only the very name counts, not one that looks like it", () =>
    Effect.gen(function*() {
      const like = [
        machine({ name: "web" }),
        machine({ name: "atlas-other-web-abcdefghijkl" }),
        machine({ name: null })
      ]
      const { provider } = scripted({ named: () => Effect.succeed(like) })
      const { result } = yield* timed(Termination.find(provider, "web-", settle))
      assert.deepStrictEqual(result._tag === "Success" ? result.success[0] : null, [])
    }))

  it.effect("of duplicates a live one is kept before an older one that failed", () =>
    Effect.gen(function*() {
      const { provider } = scripted({
        named: () =>
          Effect.succeed([
            machine({ id: Ids.ComputeId.make("dead"), status: "failed", createdAt: DateTime.makeUnsafe(1) }),
            machine({ id: Ids.ComputeId.make("alive"), createdAt: DateTime.makeUnsafe(2) })
          ])
      })
      assert.strictEqual((yield* Termination.find(provider, wanted, settle))[0]?.id, "alive")
    }))

  it.effect("answers as soon as something is found, the oldest first, without what is terminated", () =>
    Effect.gen(function*() {
      const at = (millis: number) => DateTime.makeUnsafe(millis)
      const { calls, provider } = scripted({
        named: () =>
          Effect.succeed([
            machine({ id: Ids.ComputeId.make("no-date") }),
            machine({ id: Ids.ComputeId.make("young"), createdAt: at(2) }),
            machine({ id: Ids.ComputeId.make("gone"), createdAt: at(0), status: "terminated" }),
            machine({ id: Ids.ComputeId.make("old"), createdAt: at(1) })
          ])
      })
      const found = yield* Termination.find(provider, wanted, settle)
      assert.deepStrictEqual(found.map((one) => one.id), ["old", "young", "no-date"])
      assert.lengthOf(calls, 1)
    }))

  it.effect("says that there is nothing only after a listing begun when the settle window had passed twice", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({})
      const { result } = yield* timed(Termination.find(provider, wanted, settle))
      assert.deepStrictEqual(result._tag === "Success" ? result.success : null, [[], 10_000])
      assert.strictEqual(times("named").at(-1), 10_000)
    }))

  it.effect("a listing that was asked for within the windows proves nothing, however late it is answered", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({ named: () => Effect.delay(Effect.succeed([]), "3 seconds") })
      const { result, start } = yield* timed(Termination.find(provider, wanted, settle))
      assert.strictEqual(result._tag, "Success")
      assert.isAtLeast(times("named").at(-1) ?? 0, start + 10_000)
    }))

  it.effect("finds what appears within both windows", () =>
    Effect.gen(function*() {
      const { provider } = scripted({
        named: () => Effect.map(Clock.currentTimeMillis, (now) => now < 9_000 ? [] : [machine()])
      })
      const { result } = yield* timed(Termination.find(provider, wanted, settle))
      assert.deepStrictEqual(result._tag === "Success" ? result.success[0].map((one) => one.id) : null, [id])
    }))

  it.effect("a failed listing proves nothing: it looks again, and fails when the last listing failed", () =>
    Effect.gen(function*() {
      const once = scripted({
        named: () =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => now < 3_000 ? broken : Effect.succeed([machine()]))
      })
      const found = yield* timed(Termination.find(once.provider, "web", settle))
      assert.strictEqual(found.result._tag, "Success")
      const always = yield* timed(Termination.find(scripted({ named: () => broken }).provider, "web", settle))
      assert.strictEqual(always.result._tag === "Failure" ? always.result.failure[0]._tag : null, "ProviderFault")
    }))

  it.effect("a listing that never answers fails as uncertain with the name, and does not wait for ever", () =>
    Effect.gen(function*() {
      const { provider } = scripted({ named: () => Effect.never })
      const { result } = yield* timed(Termination.find(provider, "atlas-adhoc-web-abcdefghijkl", settle))
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.deepStrictEqual(
        reason?._tag === "Uncertain" ? reason.computeName : reason,
        "atlas-adhoc-web-abcdefghijkl"
      )
    }))
})

describe("a create whose machine was renamed before its lost answer was resolved", () => {
  const at = (millis: number) => DateTime.makeUnsafe(millis)
  const other = (one: string, createdAt: number, fields: Partial<Compute.Compute> = {}) =>
    machine({ id: Ids.ComputeId.make(one), name: `of ${one}`, rentedAs: wanted, createdAt: at(createdAt), ...fields })

  it.effect("is found by what its container gets, when both windows have not shown the name: the oldest alone", () =>
    Effect.gen(function*() {
      const listed = [
        other("copy", 2),
        other("renamed", 1),
        other("gone", 0, { status: "terminated" }),
        other("of-another", 0, { name: "atlas-adhoc-web-bcdefghijklm" })
      ]
      const { provider } = scripted({ named: () => Effect.succeed(listed) })
      const { result } = yield* timed(Termination.find(provider, wanted, settle))
      const [found, after] = result._tag === "Success" ? result.success : []
      assert.deepStrictEqual([found?.map((one) => one.id), after], [["renamed"], 10_000])
    }))

  it.effect("is ended where nobody has the machine, and copies of it are not", () =>
    Effect.gen(function*() {
      const gone = new Set<string>()
      const { provider } = scripted({
        named: () => Effect.sync(() => [other("copy", 2), other("renamed", 1)].filter((one) => !gone.has(one.id))),
        terminate: (one) => Effect.sync(() => gone.add(one))
      })
      const { result } = yield* timed(Termination.endNamed(provider, wanted, { settledAt: 1n, isLost: true }))
      assert.strictEqual(result._tag, "Success")
      assert.deepStrictEqual([...gone], ["renamed"])
    }))

  it.effect("nothing of another name is ended where one of the name was seen, or where the machine is known", () =>
    Effect.gen(function*() {
      const gone = new Set<string>()
      const { provider } = scripted({
        named: () => Effect.sync(() => [machine(), other("copy", 2)].filter((one) => !gone.has(one.id))),
        terminate: (one) => Effect.sync(() => gone.add(one))
      })
      const settledAt = (yield* Clock.monotonicTimeNanos) + 10_000_000_000n
      const { result } = yield* timed(Termination.endNamed(provider, wanted, { settledAt, isLost: true }))
      assert.strictEqual(result._tag, "Success")
      yield* Termination.endNamed(provider, wanted)
      assert.deepStrictEqual([...gone], [id])
    }))
})

describe("ending", () => {
  it.effect("asks, looks, and is done when the provider does not know it any more or says terminated", () =>
    Effect.gen(function*() {
      for (const get of [() => notFound, () => Effect.succeed(machine({ status: "terminated" }))]) {
        const { calls, provider } = scripted({ get })
        yield* Termination.end(provider, id)
        assert.deepStrictEqual(calls.map(([what]) => what), ["terminate", "get"])
      }
    }))

  it.effect("a compute that is not there counts as ended", () =>
    Effect.gen(function*() {
      const { calls, provider } = scripted({ terminate: () => notFound })
      yield* Termination.end(provider, id)
      assert.deepStrictEqual(calls.map(([what]) => what), ["terminate", "get"])
    }))

  it.effect("a delete that finds nothing is not believed while a look still finds it", () =>
    Effect.gen(function*() {
      const { provider } = scripted({ terminate: () => notFound, get: () => Effect.succeed(machine()) })
      const { result } = yield* timed(Termination.end(provider, id))
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.strictEqual(reason?._tag === "Uncertain" ? reason.computeId : null, id)
    }))

  it.effect("a failure that no other try can cure is the failure, at once", () =>
    Effect.gen(function*() {
      const refused = Effect.fail(new AtlasError.Unsupported({ capability: "compute" }))
      const { calls, provider } = scripted({ terminate: () => refused, get: () => refused })
      const reason = yield* Effect.flip(Termination.end(provider, id))
      assert.strictEqual(reason._tag, "Unsupported")
      assert.lengthOf(calls, 2)
    }))

  it.effect("a disk of this machine that refuses is the failure, at once and in its own words", () =>
    Effect.gen(function*() {
      const { calls, provider } = scripted({
        terminate: () => Effect.fail(new AtlasError.StorageFault({ message: "the disk is full" })),
        get: () => Effect.succeed(machine())
      })
      const { result } = yield* timed(Termination.end(provider, id))
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.deepStrictEqual([reason?._tag, reason?.message], ["StorageFault", "the disk is full"])
      assert.lengthOf(calls, 2)
    }))

  it.effect("stopped and failed are not gone", () =>
    Effect.gen(function*() {
      for (const status of ["stopped", "failed"] as const) {
        const { provider } = scripted({ get: () => Effect.succeed(machine({ status })) })
        const { result } = yield* timed(Termination.end(provider, id))
        assert.strictEqual(result._tag === "Failure" ? result.failure[0]._tag : null, "Uncertain")
      }
    }))

  it.effect("asks again with growing pauses for 30 seconds, then fails as uncertain with the id and why", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({ terminate: () => broken, get: () => Effect.succeed(machine()) })
      const { result } = yield* timed(Termination.end(provider, id))
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.strictEqual(reason?._tag === "Uncertain" ? reason.computeId : null, id)
      assert.include(reason?.message, "oops")
      const asked = times("terminate")
      assert.isAtLeast(asked.at(-1) ?? 0, 30_000)
      assert.isBelow(asked.at(-1) ?? 0, 36_000)
      const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
      assert.deepStrictEqual(pauses, pauses.toSorted((a, b) => a - b))
      assert.deepStrictEqual([pauses[0], pauses.at(-1)], [100, 5_000])
    }))

  it.effect("a delete that fails while the machine is gone has ended it", () =>
    Effect.gen(function*() {
      const { provider } = scripted({ terminate: () => broken })
      yield* Termination.end(provider, id)
    }))

  it.effect.each(["terminate", "get"] as const)(
    "a %s that never answers fails as uncertain within a minute",
    (call) =>
      Effect.gen(function*() {
        const { provider } = scripted({ [call]: () => Effect.never })
        const ending = yield* Effect.forkChild(Effect.flip(Termination.end(provider, id)), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        const reason = ending.pollUnsafe()
        assert.isDefined(reason)
        const uncertain = yield* Fiber.join(ending)
        assert.strictEqual(uncertain._tag === "Uncertain" ? uncertain.computeId : null, id)
      })
  )

  it.effect("a call that never answers does not hold a caller that cannot be interrupted for ever", () =>
    Effect.gen(function*() {
      const { provider } = scripted({ terminate: () => Effect.never })
      const ending = yield* Effect.forkChild(
        Effect.onExit(Effect.never, () => Effect.ignore(Termination.end(provider, id))),
        { startImmediately: true }
      )
      yield* Effect.forkChild(Fiber.interrupt(ending), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isDefined(ending.pollUnsafe())
    }))

  it.effect("before it has settled, not found proves nothing: it is asked for again until then", () =>
    Effect.gen(function*() {
      for (const answers of [{ terminate: () => notFound }, { get: () => notFound }]) {
        const { provider, times } = scripted(answers)
        const settledAt = (yield* Clock.monotonicTimeNanos) + 4_000_000_000n
        const { result, start } = yield* timed(Termination.end(provider, id, settledAt))
        assert.strictEqual(result._tag, "Success")
        assert.isAtLeast(times("terminate").at(-1) ?? 0, start + 4_000)
        assert.isBelow(times("terminate").at(-1) ?? 0, start + 10_000)
      }
    }))

  it.effect("not found of a look that was sent before it has settled proves nothing, however late it is answered", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({ get: () => Effect.delay(notFound, "3 seconds") })
      const settledAt = (yield* Clock.monotonicTimeNanos) + 4_000_000_000n
      const { result, start } = yield* timed(Termination.end(provider, id, settledAt))
      assert.strictEqual(result._tag, "Success")
      assert.isAtLeast(times("get").at(-1) ?? 0, start + 4_000)
    }))

  it.effect.each([
    new AtlasError.Forbidden({ status: 403 }),
    new AtlasError.Unauthorized({ status: 401 }),
    new AtlasError.ProviderFault({ status: 400 }),
    new AtlasError.Unknown({})
  ])("a look that is refused proves nothing: $_tag", (refusal) =>
    Effect.gen(function*() {
      const { provider } = scripted({ get: () => Effect.fail(refusal) })
      const { result } = yield* timed(Termination.end(provider, id))
      assert.strictEqual(result._tag === "Failure" ? result.failure[0]._tag : "ended", "Uncertain")
    }))

  it.effect("terminated proves it at any age", () =>
    Effect.gen(function*() {
      const { calls, provider } = scripted({ get: () => Effect.succeed(machine({ status: "terminated" })) })
      yield* Termination.end(provider, id, 4_000_000_000n)
      assert.lengthOf(calls, 2)
    }))
})

describe("ending every compute of a name", () => {
  /** From now to the end of both settle windows. */
  const bothWindows = (provider: Termination.ComputeCalls, options: Termination.NameOptions = {}) =>
    Effect.flatMap(
      Clock.monotonicTimeNanos,
      (now) => Termination.endNamed(provider, wanted, { settledAt: now + 10_000_000_000n, ...options })
    )

  it.effect("ends all of them, the others too where one cannot be ended", () =>
    Effect.gen(function*() {
      const stubborn = Ids.ComputeId.make("stubborn")
      const gone = new Set<string>()
      const { provider } = scripted({
        named: () =>
          Effect.succeed([machine({ id: stubborn }), machine(), machine({ id: Ids.ComputeId.make("pod-2") })]),
        terminate: (one) => one === stubborn ? broken : Effect.sync(() => gone.add(one)),
        get: (one) => gone.has(one) ? notFound : Effect.succeed(machine({ id: one }))
      })
      const { result } = yield* timed(bothWindows(provider))
      assert.deepStrictEqual([...gone].toSorted(), ["pod-1", "pod-2"])
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.strictEqual(reason?._tag === "Uncertain" ? reason.computeId : null, stubborn)
    }))

  it.effect("a duplicate that appears later is ended too", () =>
    Effect.gen(function*() {
      const gone = new Set<string>()
      const duplicate = Ids.ComputeId.make("pod-2")
      const { provider } = scripted({
        named: () =>
          Effect.map(Clock.currentTimeMillis, (now) =>
            [machine(), ...(now >= 4_000 ? [machine({ id: duplicate })] : [])].filter((one) => !gone.has(one.id))),
        terminate: (one) =>
          Effect.sync(() => gone.add(one)),
        get: (one) => gone.has(one) ? notFound : Effect.succeed(machine({ id: one }))
      })
      const { result } = yield* timed(bothWindows(provider))
      assert.strictEqual(result._tag, "Success")
      assert.deepStrictEqual([...gone].toSorted(), ["pod-1", "pod-2"])
    }))

  it.effect("a listing that was asked for within the windows proves nothing, however late it is answered", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({ named: () => Effect.delay(Effect.succeed([]), "12 seconds") })
      const { result } = yield* timed(bothWindows(provider))
      assert.deepStrictEqual(result._tag === "Success" ? result.success[1] : null, 24_000)
      assert.deepStrictEqual(times("named"), [0, 12_000])
    }))

  it.effect("nothing of that name is fine, when a listing begun after both windows says so", () =>
    Effect.gen(function*() {
      const { provider, times } = scripted({})
      const { result } = yield* timed(bothWindows(provider))
      assert.deepStrictEqual(result._tag === "Success" ? result.success[1] : null, 10_000)
      assert.deepStrictEqual([times("terminate"), times("named")], [[], [0, 10_000]])
    }))

  it.effect("costs one listing where both windows have passed", () =>
    Effect.gen(function*() {
      const { calls, provider } = scripted({})
      yield* Termination.endNamed(provider, wanted)
      assert.deepStrictEqual(calls.map(([what]) => what), ["named"])
    }))

  it.effect("leaves the one to keep, and every other name", () =>
    Effect.gen(function*() {
      const gone = new Set<string>()
      const all = ["pod-1", "pod-2", "pod-3"].map((one) =>
        machine({ id: Ids.ComputeId.make(one), name: one === "pod-3" ? "atlas-adhoc-web-bcdefghijklm" : wanted })
      )
      const { provider } = scripted({
        named: () => Effect.sync(() => all.filter((one) => !gone.has(one.id))),
        terminate: (one) => Effect.sync(() => gone.add(one))
      })
      yield* Termination.endNamed(provider, wanted, { keep: id })
      assert.deepStrictEqual([...gone], ["pod-2"])
    }))

  it.effect("a listing that fails proves nothing: it is made again, and after 30 seconds it is uncertain with the name", () =>
    Effect.gen(function*() {
      const later = scripted({
        named: () => Effect.flatMap(Clock.currentTimeMillis, (now) => now < 25_000 ? broken : Effect.succeed([]))
      })
      const shown = yield* timed(bothWindows(later.provider))
      assert.strictEqual(shown.result._tag, "Success")
      const { result } = yield* timed(bothWindows(scripted({ named: () => broken }).provider))
      const [reason] = result._tag === "Failure" ? result.failure : []
      assert.strictEqual(reason?._tag === "Uncertain" ? reason.computeName : reason, wanted)
      assert.include(reason?.message, "oops")
    }))
})

describe("what the account's request limit held back", () => {
  it.effect("is never told as a provider that does not answer", () =>
    Effect.gen(function*() {
      const limits = yield* RateLimits.make([{ requests: 1, per: "1 day" }])
      const limiter = limits.account({ provider: "acme", baseUrl: "https://acme.example", apiKey: null })
      const held = limiter.run(
        { priority: "normal", patience: Duration.days(2) },
        Effect.succeed({ status: 200, headers: null })
      )
      yield* held
      const asked = Effect.andThen(held, notFound)
      const calls = { named: () => asked, get: () => asked, terminate: () => Effect.void }
      const messages = yield* Effect.forkChild(
        Effect.all([
          Effect.flip(Termination.find(calls, "web", Duration.seconds(5))),
          Effect.flip(Termination.end(calls, id))
        ]),
        { startImmediately: true }
      )
      yield* TestClock.adjust("10 minutes")
      for (const reason of yield* Fiber.join(messages)) {
        assert.strictEqual(reason._tag, "Uncertain")
        assert.notMatch(reason.message, /answer/)
      }
    }))
})
