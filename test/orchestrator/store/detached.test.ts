/**
 * Statements of a store run outside of the caller: what hangs in a client holds up neither the caller nor the close of the store.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as TestClock from "effect/testing/TestClock"
import * as Detached from "../../../src/orchestrator/store/detached.ts"
import * as Reserve from "../../../src/orchestrator/store/reserve.ts"

it.effect("a statement that hangs and cannot be interrupted fails after half a minute, also when its store has closed", () =>
  Effect.gen(function*() {
    const asked = yield* Effect.scoped(
      Effect.gen(function*() {
        const sqlite = yield* Effect.provideServiceEffect(
          SqliteNode.make({ filename: ":memory:" }),
          Reactivity.Reactivity,
          Reactivity.make
        )
        // only a server's statements are limited: SQLite's are over before anything else can run
        const server = Object.assign(sqlite, {
          onDialectOrElse: <A>({ pg }: { readonly pg?: () => A; readonly orElse: () => A }) => pg?.()
        })
        const run = Detached.make(server, { filename: undefined, reserve: Reserve.none })
        return yield* Effect.forkDetach(Effect.flip(run("commit", Effect.uninterruptible(Effect.never))))
      }).pipe(Effect.provide(NodeServices.layer))
    )
    yield* TestClock.adjust("30 seconds")
    const { reason } = yield* Fiber.join(asked)
    assert.strictEqual(reason.message, "the session database did not answer within 30s")
  }).pipe(Effect.provide(NodeServices.layer)))
