/**
 * What the host brings along may throw or hang: its tracer, its metrics, its bus. And what sessions leave in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "effect-atlas/events/Dispatcher"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { inTime, live, open, pass, settle } from "../harness.ts"
import { overhear } from "../overheard.ts"

const twoSessions = Effect.gen(function*() {
  const harness = yield* open()
  const { orchestrator } = harness
  const all = [yield* orchestrator.spawn({}), yield* orchestrator.spawn({})]
  yield* pass(5)
  assert.strictEqual((yield* live(harness)).length, 2)
  const stops = yield* Effect.forEach(all, ({ id }) => Effect.forkChild(orchestrator.stopTracked(id)))
  yield* pass(10)
  yield* Effect.forEach(stops, Fiber.join)
  assert.deepStrictEqual(yield* live(harness), [])
})

/** A tracer that throws for the spans of attempts. */
const brokenTracer = Tracer.make({
  span: (options) => {
    if (options.name === "Session.attempt") throw new Error("canary")
    return new Tracer.NativeSpan(options)
  }
})

/** A registry that throws for the metrics of the orchestrator. */
const brokenRegistry = new Map<string, never>()
brokenRegistry.get = (key) => {
  if (key.includes("atlas_orchestrator")) throw new Error("canary")
  return undefined
}

describe("sessions begin, live and end as ever", () => {
  it.effect("with a tracer that throws", () =>
    overhear((lines) =>
      Effect.gen(function*() {
        yield* Effect.provideService(twoSessions, Tracer.Tracer, brokenTracer)
        assert.notInclude(lines.join(), "canary")
      })
    ))

  it.effect("with a metric that throws", () =>
    Effect.provideService(twoSessions, Metric.MetricRegistry, brokenRegistry))

  for (
    const [how, publish] of [
      ["throws", () => {
        throw new Error("canary")
      }],
      ["dies", () => Effect.die("canary")],
      ["never answers", () => Effect.never]
    ] as const
  ) {
    it.effect(`with a bus that ${how}`, () =>
      Effect.gen(function*() {
        const bus = Layer.succeed(Dispatcher, {
          canSubscribe: false,
          publish,
          subscribe: () => Effect.succeed(Stream.never)
        })
        const harness = yield* open({ bus })
        const { id } = yield* harness.orchestrator.spawn({})
        const events = yield* Effect.forkChild(Stream.runCollect(harness.orchestrator.events(id)))
        yield* settle
        const stop = yield* Effect.forkChild(harness.orchestrator.stopTracked(id))
        yield* pass(5)
        yield* Fiber.join(stop)
        const last = (yield* Fiber.join(events)).at(-1)
        assert.isTrue(last?._tag === "Event" && last.event._tag === "Ended")
        assert.deepStrictEqual(yield* live(harness), [])
      }))
  }
})

it.effect("a decision that throws harms its own message only: the others are decided, and the session goes on", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      const harness = yield* open()
      const { engine, orchestrator } = harness
      const [one, other] = [yield* orchestrator.spawn({}, { idleTtl: "1 minute" }), yield* orchestrator.spawn({})]
      const broken = {
        _tag: "Observed",
        get compute(): never {
          throw new Error("canary")
        }
      } as const
      engine.report(one.id, broken)
      engine.report(other.id, { _tag: "StopRequested", by: "caller" })
      yield* pass(5)
      assert.deepStrictEqual(yield* live(harness), [one.compute.id])
      yield* pass(60)
      assert.deepStrictEqual(yield* live(harness), [])
      assert.strictEqual((yield* orchestrator.info(one.id)).state, "ended")
      assert.isTrue(lines.some((line) => line.includes(`the session ${one.id} could not decide`)))
      assert.notInclude(lines.join(), "canary")
    })
  ))

it.effect("a session whose decisions throw is woken and read again until they do not, and holds up no other meanwhile", () =>
  overhear((lines) =>
    Effect.gen(function*() {
      // no listing wakes the session meanwhile
      const harness = yield* open({ pollInterval: "1 hour" })
      const { engine, orchestrator } = harness
      const { compute, id } = yield* orchestrator.spawn({}, { idleTtl: "1 minute" })
      const phase = engine.get(id)?.state.phase
      if (phase?._tag !== "Live") return assert.fail("it does not live")
      const { attempt } = phase
      let isBroken = true
      // read when the session is to end, or hears of its row
      Object.defineProperty(phase, "attempt", {
        enumerable: true,
        get: () => {
          if (isBroken) throw new Error("canary")
          return attempt
        }
      })
      yield* pass(65)
      const other = yield* inTime(orchestrator.spawn({}))
      assert.includeMembers([...yield* live(harness)], [compute.id, other.compute.id])
      assert.isAtMost(lines.filter((line) => line.includes("could not decide")).length, 20)
      isBroken = false
      yield* pass(5)
      assert.deepStrictEqual(yield* live(harness), [other.compute.id])
    })
  ))

it.effect("a session that is over keeps no secret, no credential, no machine and no span in memory", () =>
  Effect.gen(function*() {
    const { engine, orchestrator } = yield* open()
    const request = {
      auth: "bearer",
      env: { KEY: "canary-env" },
      providerOpts: { api_token: "canary-option" }
    } as const
    const { id } = yield* orchestrator.spawn(request)
    const kept = (): Readonly<Record<string, unknown>> => ({ ...[...engine.all()][0] })
    assert.isNotNull(kept()["secrets"])
    assert.isNotNull(kept()["auth"])
    const stop = yield* Effect.forkChild(orchestrator.stopTracked(id))
    yield* pass(5)
    yield* Fiber.join(stop)
    assert.deepInclude(kept(), { secrets: null, auth: null, compute: null, span: null, unsaved: null })
  }))
