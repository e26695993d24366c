/**
 * The topics of sessions: who subscribes gets typed events, however the dispatcher's layer was put beside the orchestrator's.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { Orchestrator, OrchestratorTopics, SessionStore } from "effect-atlas/orchestrator"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Mock from "../support/mock.ts"
import { inTime, open, pass } from "./harness.ts"

const base = Layer.mergeAll(SessionStore.layerMemory, Mock.layer())

type Built = Layer.Layer<Orchestrator.Orchestrator | Dispatcher.Dispatcher, unknown>

/** The tags of what a subscriber of a session's topic hears until the session is over. */
const heardBy = (layer: Built) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layer), scope)
    yield* Effect.addFinalizer(() => inTime(Scope.close(scope, Exit.void)))
    const orchestrator = Context.get(context, Orchestrator.Orchestrator)
    const { id } = yield* orchestrator.spawn({})
    const heard = yield* Context.get(context, Dispatcher.Dispatcher).subscribe(OrchestratorTopics.session(id))
    const tags = yield* Effect.forkChild(
      heard.pipe(
        Stream.map((delivery) => delivery._tag === "Message" ? delivery.message.event._tag : delivery._tag),
        Stream.takeUntil((tag) => tag === "Ended"),
        Stream.runCollect
      )
    )
    yield* inTime(orchestrator.stopTracked(id))
    yield* pass(1)
    return tags.pollUnsafe()
  }).pipe(Effect.scoped)

const assertHeard = (exit: Effect.Success<ReturnType<typeof heardBy>>): void => {
  assert.isTrue(exit !== undefined && Exit.isSuccess(exit), "the subscriber did not hear the end of the session")
  assert.includeMembers(exit !== undefined && Exit.isSuccess(exit) ? [...exit.value] : [], ["Terminating", "Ended"])
}

describe("the events of a session", () => {
  it.effect("reach a subscriber of a dispatcher that the orchestrator's layer is provided with", () =>
    Effect.gen(function*() {
      const bus = Dispatcher.layerMemory
      assertHeard(
        yield* heardBy(Orchestrator.layer({ owner: "team1" }).pipe(Layer.provideMerge(Layer.merge(base, bus))))
      )
    }))

  it.effect("reach a subscriber of a dispatcher that is merged after the orchestrator's layer", () =>
    Effect.gen(function*() {
      const dispatcher = Dispatcher.layerMemory
      const layer = Orchestrator.layer({ owner: "team1", dispatcher })
      assertHeard(yield* heardBy(Layer.merge(layer, dispatcher).pipe(Layer.provide(base))))
    }))

  it.effect("reach a subscriber of a dispatcher that is merged before the orchestrator's layer", () =>
    Effect.gen(function*() {
      const dispatcher = Dispatcher.layerMemory
      const layer = Orchestrator.layer({ owner: "team1", dispatcher })
      assertHeard(yield* heardBy(Layer.merge(dispatcher, layer).pipe(Layer.provide(base))))
    }))

  it.effect("go to the dispatcher of the options where another one is provided, too", () =>
    Effect.gen(function*() {
      const other = Layer.succeed(Dispatcher.Dispatcher, {
        canSubscribe: false,
        publish: () => Effect.die("published to the other one"),
        subscribe: () => Effect.die("subscribed to the other one")
      })
      const dispatcher = Dispatcher.layerMemory
      const layer = Orchestrator.layer({ owner: "team1", dispatcher }).pipe(
        Layer.provide(Layer.merge(base, other)),
        Layer.merge(dispatcher)
      )
      assertHeard(yield* heardBy(layer))
    }))

  it.effect("are read in another process with the schema of the session's topic", () =>
    Effect.gen(function*() {
      const published: Array<readonly [string, unknown]> = []
      const bus = Dispatcher.layerCustom((topic, json) => Effect.sync(() => void published.push([topic, json])))
      const { orchestrator } = yield* open({ bus })
      const { id } = yield* orchestrator.spawn({})
      yield* inTime(orchestrator.stopTracked(id))
      yield* pass(1)
      const { name, schema } = OrchestratorTopics.session(id)
      assert.deepStrictEqual(new Set(published.map(([topic]) => topic)), new Set([name]))
      const read = yield* Effect.forEach(published, ([, json]) =>
        Schema.decodeUnknownEffect(Schema.toCodecJson(schema))(json))
      assert.deepStrictEqual(
        new Set(read.map((envelope) =>
          envelope.id
        )),
        new Set([id])
      )
      assert.includeMembers(read.map(({ event }) => event._tag), ["Terminating", "Ended"])
    }))
})
