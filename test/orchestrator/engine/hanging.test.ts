/**
 * `closeWithin` is a bound whatever hangs, also where it cannot be interrupted: an adapter, the store, the host's bus.
 */
import { assert, describe, it } from "@effect/vitest"
import { NoCapacity, NotFound } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import * as Provider from "effect-atlas/provider/Provider"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { answerOf, type Harness, live, makeTestStore, open, type Options, pass, reasonOf, settle } from "../harness.ts"
import { overhear } from "../overheard.ts"

const hung = Effect.uninterruptible(Effect.never)

/** Milliseconds that closing takes. */
const closeTakes = ({ close }: Harness) =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    yield* close
    return (yield* Clock.currentTimeMillis) - start
  })

type Call = "spawn" | "get" | "list" | "terminate"

/** A cloud of which these calls never answer, and cannot be interrupted. */
const stuck = (...calls: ReadonlyArray<Call>) => {
  const id = ProviderId.make("stuck")
  const unless = <A, E>(call: Call, self: Effect.Effect<A, E>) => calls.includes(call) ? hung : self
  return Provider.make({
    id,
    compute: {
      spawn: () => unless("spawn", Effect.fail(new NoCapacity({ message: "sold out" }))),
      get: () => unless("get", Effect.fail(new NotFound({ message: "gone" }))),
      list: () => unless("list", Effect.succeed([])),
      terminate: () => unless("terminate", Effect.fail(new NotFound({ message: "gone" })))
    }
  })
}

const opened = (options: Options) => open({ closeWithin: "10 seconds", ...options })

describe("a call that hangs and cannot be interrupted is given up after two minutes", () => {
  it.effect("a terminate is sent again until the machine is gone", () =>
    Effect.gen(function*() {
      const id = ProviderId.make("late")
      let machine: Compute | null = null
      let terminates = 0
      const get = () =>
        Effect.suspend(() =>
          machine === null ? Effect.fail(new NotFound({ message: "gone" })) : Effect.succeed(machine)
        )
      const provider = Provider.make({
        id,
        compute: {
          spawn: ({ name }) =>
            Effect.sync(() => {
              machine = new Compute({ id: ComputeId.make("late-1"), provider: id, status: "running", name })
              return machine
            }),
          get,
          list: () => Effect.sync(() => machine === null ? [] : [machine]),
          terminate: () =>
            Effect.suspend(() => {
              terminates += 1
              if (terminates === 1) return hung
              machine = null
              return Effect.void
            })
        }
      })
      const { orchestrator } = yield* open({ more: [provider] })
      const session = yield* orchestrator.spawn({}, { provider: "late" })
      const stopped = yield* Effect.forkChild(orchestrator.stopTracked(session.id, { timeout: "5 minutes" }))
      yield* pass(150)
      yield* answerOf(stopped)
      assert.deepStrictEqual([machine, terminates], [null, 2])
    }))

  it.effect("a create counts as unanswered, and its caller is told", () =>
    Effect.gen(function*() {
      const { controls, orchestrator } = yield* open({ more: [stuck("spawn")], closeWithin: "5 seconds" })
      const caller = yield* Effect.forkChild(orchestrator.spawn({}, { provider: ["stuck", "mock"] }))
      // twice two minutes, and the looks after each
      yield* pass(300)
      const { compute } = yield* answerOf(caller)
      assert.strictEqual(compute.provider, "mock")
      assert.strictEqual((yield* live({ controls })).length, 1)
    }))
})

describe("closing takes no longer than it may", () => {
  it.effect("while a create hangs that cannot be interrupted, and ends the other sessions", () =>
    Effect.gen(function*() {
      const harness = yield* opened({ more: [stuck("spawn")] })
      yield* harness.orchestrator.spawn({})
      yield* Effect.forkChild(reasonOf<unknown>(harness.orchestrator.spawn({}, { provider: "stuck" })))
      yield* settle
      const took = yield* closeTakes(harness)
      assert.isTrue(took >= 10_000 && took <= 13_000, `${took}`)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("and stops everything but what hangs", () =>
    Effect.gen(function*() {
      const store = yield* makeTestStore
      let asked = 0
      const lock: typeof store.service.lock = (owner) =>
        Effect.map(store.service.lock(owner), ({ lostTo }) => ({
          lostTo: Effect.suspend(() => {
            asked += 1
            return lostTo
          })
        }))
      const harness = yield* opened({
        more: [stuck("spawn")],
        store: { ...store, service: { ...store.service, lock } }
      })
      yield* Effect.forkChild(reasonOf<unknown>(harness.orchestrator.spawn({}, { provider: "stuck" })))
      yield* pass(20)
      yield* harness.close
      const before = asked
      assert.isAbove(before, 0)
      yield* pass(60)
      assert.strictEqual(asked, before, "nobody asks any more who holds the owner lock")
    }))

  it.effect("and not even that long while only a listing hangs that cannot be interrupted", () =>
    Effect.gen(function*() {
      const harness = yield* opened({ more: [stuck("list")] })
      yield* harness.orchestrator.spawn({})
      yield* pass(5)
      const took = yield* closeTakes(harness)
      assert.isTrue(took <= 10_000, `${took}`)
      assert.deepStrictEqual(yield* live(harness), [])
    }))

  it.effect("while the store hangs, for rows and for its owner lock", () =>
    Effect.gen(function*() {
      const store = yield* makeTestStore
      let isHung = false
      const harness = yield* opened({
        store: {
          ...store,
          service: {
            ...store.service,
            lock: (owner) =>
              Effect.andThen(
                Effect.addFinalizer(() => isHung ? hung : Effect.void),
                store.service.lock(owner)
              ),
            commit: (owner, writes) => Effect.suspend(() => isHung ? hung : store.service.commit(owner, writes))
          }
        }
      })
      yield* harness.orchestrator.spawn({})
      isHung = true
      yield* Effect.forkChild(reasonOf<unknown>(harness.orchestrator.spawn({})))
      yield* settle
      yield* overhear((lines) =>
        Effect.gen(function*() {
          const took = yield* closeTakes(harness)
          assert.isTrue(took >= 10_000 && took <= 13_000, `${took}`)
          // one has ended its machine, and the other never had one
          assert.strictEqual(lines.filter((line) => line.includes("verified gone, and the next start")).length, 1)
          assert.strictEqual(lines.filter((line) => line.includes("nothing was rented for it")).length, 1)
        })
      )
    }))

  it.effect("while the host's bus hangs", () =>
    Effect.gen(function*() {
      const bus = Layer.succeed(Dispatcher.Dispatcher, {
        canSubscribe: false,
        publish: () => hung,
        subscribe: () => Effect.die("nobody listens")
      })
      const harness = yield* opened({ bus })
      yield* Effect.forkChild(reasonOf<unknown>(harness.orchestrator.spawn({})))
      yield* settle
      const took = yield* closeTakes(harness)
      assert.isTrue(took <= 13_000, `${took}`)
    }))
})
