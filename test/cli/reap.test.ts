/**
 * `atlas reap`, on a moved clock and a mock.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { AtlasError, Provider } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeMemory } from "../../src/orchestrator/store/memory.ts"
import * as NameStamp from "../../src/provider/NameStamp.ts"
import { begin, idOf, mock, owner, pass, run, settle } from "./harness.ts"

// commands load their work when they are chosen; here it is loaded before the clock stands still
beforeAll(() => Promise.all([import("../../src/cli/actions/runSession.ts"), import("../../src/cli/actions/reap.ts")]))

const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
/** A provider that never has anything. */
const empty = Provider.make({
  id: "other",
  flags: [],
  compute: {
    spawn: () => Effect.fail(new AtlasError.NoCapacity({ message: "sold out" })),
    get: () => nowhere,
    list: () => Effect.succeed([]),
    terminate: () => nowhere
  }
})

describe("reap", () => {
  /** Machines that no session has: one under our name, one under another's, one rented by hand. */
  const machines = Effect.gen(function*() {
    const { controls, provider } = yield* mock
    const spawn = (name: NameStamp.NameStamp) => provider.compute.spawn({ image: "x" }, { stamp: name })
    const ours = yield* spawn(yield* NameStamp.make(owner, "lost"))
    const theirs = yield* spawn(yield* NameStamp.make(NameStamp.Owner.make("other"), "work"))
    const free = yield* provider.compute.spawn({ image: "x" })
    return { controls, provider, ours, theirs, free }
  })

  /** The command's own code is loaded on first use, which takes time that no clock of a test moves. */
  const untilListed = ({ counts }: Effect.Success<typeof machines>["controls"]) =>
    Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(
      Effect.andThen(counts),
      Effect.repeat({ until: ({ listCompute }) => listCompute > 0 })
    )

  it.effect("ends what bears our name and no session uses, after two listings and the grace, and nothing else", () =>
    Effect.gen(function*() {
      const { controls, free, ours, provider, theirs } = yield* machines
      const { ended } = yield* begin(["reap", "--json"], { providers: [provider] })
      yield* untilListed(controls)
      yield* settle
      yield* pass(50)
      assert.strictEqual((yield* controls.ledger).live.length, 3)
      yield* pass(30)
      const { code, out } = yield* ended
      assert.strictEqual(code, 0)
      const reaped = JSON.parse(out)
      assert.deepStrictEqual(
        reaped.ended.map(({ computeId }: { readonly computeId: string }) => computeId),
        [ours.id]
      )
      assert.deepStrictEqual(
        reaped.left.map(({ why }: { readonly why: string }) => why),
        ["other_owner", "other_owner"]
      )
      assert.sameMembers((yield* controls.ledger).live.map(({ id }) => id), [theirs.id, free.id])
    }))

  it.effect("with --dry-run says the same and ends nothing", () =>
    Effect.gen(function*() {
      const { controls, ours, provider } = yield* machines
      const { ended } = yield* begin(["reap", "--dry-run", "--grace", "5s", "--json"], { providers: [provider] })
      yield* untilListed(controls)
      yield* settle
      yield* pass(10)
      const { code, out } = yield* ended
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(out).ended.map(({ computeId }: { readonly computeId: string }) => computeId), [
        ours.id
      ])
      assert.strictEqual((yield* controls.ledger).live.length, 3)
    }))

  it.effect("says of what it leaves alone why and who ends it, and fails where another store may have rented it", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const free = yield* provider.compute.spawn({ image: "x" })
      const runs = () => run(["reap"], { providers: [provider] })
      const clear = yield* runs()
      assert.strictEqual(clear.code, 0)
      assert.include(clear.out, `without a session: \`atlas down ${free.id} --provider mock\``)
      const store = NameStamp.storeMark("the store of another host")
      const theirs = yield* provider.compute.spawn({ image: "x" }, {
        stamp: { ...yield* NameStamp.make(owner, "work"), store }
      })
      const { code, out } = yield* runs()
      assert.strictEqual(code, 1)
      assert.match(out, new RegExp(`another session store.*: \`atlas down ${theirs.id} --provider mock\``))
    }))

  it.effect("is over at once when there is nothing to prove", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const { code, out } = yield* run(["reap"], { providers: [provider] })
      assert.deepStrictEqual({ code, out }, { code: 0, out: "nothing to end" })
    }))

  it.effect.each<readonly [message: string, hint: string]>([
    [
      "an orchestrator of the owner team is running already: process 7",
      "; wait until that process ends, or use another owner"
    ],
    ["the lock file /a.lock cannot be used (its disk is full)", ""]
  ])("speaks of another process only where one holds the owner lock: %s", ([message, hint]) =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const reason = new AtlasError.StorageFault({ message })
      const lock = () => Effect.fail(new AtlasError.AtlasError({ provider: null, operation: "lock", reason }))
      const { code, err } = yield* run(["reap"], { store: { ...store, lock } })
      assert.deepStrictEqual([code, err.split(" for this command")[0]], [1, `error [storage_fault] ${message}${hint}`])
    }))

  it.effect("refuses a provider that it does not know, as any command does", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const { code, err } = yield* run(["reap", "--provider", "nowhere", "--json"], { providers: [provider] })
      assert.strictEqual(code, 1)
      const { error } = JSON.parse(err)
      assert.deepStrictEqual([error.kind, error.operation], ["validation", "reap"])
    }))

  it.effect("says which account could not be listed, and fails", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("listCompute", new AtlasError.Unauthorized({ message: "no" }), 100)
      const { ended } = yield* begin(["reap", "--json"], { providers: [provider] })
      yield* pass(70)
      const { code, out } = yield* ended
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(JSON.parse(out).unlisted, ["mock"])
    }))

  /** What a crashed `up` has left: a session that was to end with it. Its machine cannot be ended with the key there is. */
  const crashed = Effect.gen(function*() {
    const { controls, provider } = yield* mock
    const store = yield* makeMemory
    const { fiber, lines } = yield* begin(["up", "--image", "x", "--persist", "--json"], {
      providers: [provider],
      store
    })
    while (lines().length < 2) yield* settle
    yield* Fiber.interrupt(fiber)
    yield* controls.failNext("terminate", new AtlasError.Forbidden({ message: "the key may not delete" }), 10_000)
    const load: typeof store.load = (owner, after) =>
      Effect.map(store.load(owner, after), (page) => ({
        ...page,
        sessions: page.sessions.map((state) => ({ ...state, spec: { ...state.spec, persist: false } }))
      }))
    const [computeId, session] = lines().map(idOf)
    return { provider, computeId, session, surroundings: { providers: [provider], store: { ...store, load } } }
  })

  it.effect("names a session whose machine could not be ended, and fails", () =>
    Effect.gen(function*() {
      const { computeId, session, surroundings } = yield* crashed
      const { ended } = yield* begin(["reap", "--json"], surroundings)
      yield* pass(100)
      const { code, out } = yield* ended
      assert.strictEqual(code, 1)
      const { sessions, unsettled } = JSON.parse(out)
      assert.deepStrictEqual(sessions, [])
      assert.deepStrictEqual(unsettled, [
        { id: session, provider: "mock", computeId, state: "ending", message: "the key may not delete" }
      ])
    }))

  it.effect("says at once that a provider of an open session has no key here, and fails", () =>
    Effect.gen(function*() {
      const { computeId, provider, session, surroundings } = yield* crashed
      const keyless = { ...surroundings, providers: [{ ...provider, missing: ["MOCK_API_KEY"] }] }
      const { ended } = yield* begin(["reap", "--json"], keyless)
      yield* pass(5)
      const { code, out } = yield* ended
      assert.strictEqual(code, 1)
      const { unlisted, unsettled } = JSON.parse(out)
      assert.deepStrictEqual(unlisted, ["mock"])
      assert.deepStrictEqual(unsettled, [
        {
          id: session,
          provider: "mock",
          computeId,
          state: "ending",
          message: "mock needs MOCK_API_KEY, which is not set here"
        }
      ])
      // a look that would end nothing fails as well
      const looked = yield* run(["reap", "--dry-run", "--json"], keyless)
      assert.strictEqual(looked.code, 1)
      assert.deepStrictEqual(JSON.parse(looked.out).unlisted, ["mock"])
      // with --provider no other account is reported
      const other = yield* begin(["reap", "--provider", "other", "--json"], {
        ...keyless,
        providers: [...keyless.providers, empty]
      })
      yield* pass(5)
      assert.strictEqual((yield* other.ended).code, 0)
    }))

  it.effect("ends a persisted session whose machine was taken down outside of atlas", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const surroundings = { providers: [provider], store: yield* makeMemory }
      const { fiber, lines } = yield* begin(["up", "--image", "x", "--persist", "--json"], surroundings)
      while (lines().length < 2) yield* settle
      yield* Fiber.interrupt(fiber)
      const computeId = idOf(lines()[0])
      yield* controls.setStatus(computeId, "terminated", {})
      const { ended } = yield* begin(["reap", "--json"], surroundings)
      yield* pass(20)
      const { code, out } = yield* ended
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(out).sessions, [{ id: idOf(lines()[1]), computeId }])
    }))

  it.effect("names a persisted task that it ended because its time was up", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const surroundings = { providers: [provider], store: yield* makeMemory }
      const { fiber, lines } = yield* begin(
        ["task", "--image", "x", "--persist", "--max-runtime", "30s", "--json"],
        surroundings
      )
      while (lines().length < 2) yield* settle
      yield* Fiber.interrupt(fiber)
      yield* pass(40)
      const { ended } = yield* begin(["reap", "--json"], surroundings)
      yield* pass(20)
      const { code, out } = yield* ended
      assert.strictEqual(code, 0)
      const { left, sessions } = JSON.parse(out)
      assert.deepStrictEqual(left, [])
      assert.deepStrictEqual(sessions, [{ id: idOf(lines()[1]), computeId: idOf(lines()[0]) }])
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("leaves a persisted session alone whose machine runs, and is soon over", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const surroundings = { providers: [provider], store: yield* makeMemory }
      const { fiber, lines } = yield* begin(["up", "--image", "x", "--persist", "--json"], surroundings)
      while (lines().length < 2) yield* settle
      yield* Fiber.interrupt(fiber)
      const { ended } = yield* begin(["reap", "--json"], surroundings)
      yield* pass(5)
      const { code, out } = yield* ended
      assert.strictEqual(code, 0)
      assert.deepInclude(JSON.parse(out), { sessions: [], unsettled: [] })
      assert.strictEqual((yield* controls.ledger).live.length, 1)
    }))
})
