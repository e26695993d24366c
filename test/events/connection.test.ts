/**
 * The connection to Redis for messages alone: one at a time, given up where it has failed and at the end.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Connection from "../../src/events/internal/connection.ts"

const shared = Effect.die("the connection that all users share is used")

it.effect("a connection is shared until it is given up, and another one made then", () =>
  Effect.gen(function*() {
    let made = 0
    let open = 0
    const redis = Redis.Redis.of({
      send: () => shared,
      eval: () => () => shared,
      subscribe: () => Queue.unbounded<Redis.RedisMessage, Redis.RedisError>(),
      reserve: Effect.acquireRelease(
        Effect.sync(() => {
          made += 1
          open += 1
          return { send: () => Effect.never, eval: () => () => Effect.never }
        }),
        () =>
          Effect.sync(() => {
            open -= 1
          })
      )
    })
    const connection = Connection.make(redis, { again: Schedule.recurs(0), probe: "self" })
    const first = yield* connection.get
    assert.strictEqual(yield* connection.get, first)
    assert.deepStrictEqual({ made, open }, { made: 1, open: 1 })
    yield* connection.release(first)
    assert.strictEqual(open, 0)
    const second = yield* connection.get
    // what was sent on the first one fails late
    yield* connection.release(first)
    assert.deepStrictEqual({ made, open }, { made: 2, open: 1 })
    assert.strictEqual(yield* connection.get, second)
    yield* connection.release()
    assert.strictEqual(open, 0)
  }))
