/**
 * What `atlas stop` and `start` do.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Ended, Timeout } from "../../domain/AtlasError.ts"
import { Providers } from "../../provider/Providers.ts"
import * as ComputeView from "../ComputeView.ts"
import { progress } from "../Progress.ts"

interface One {
  readonly id: string
  readonly call: Atlas.Options
}

/** Clouds stop within a minute or so; after this long somebody should look. */
const longest = Duration.minutes(5)

/** Stops a compute, waits until it has really stopped, and prints it. */
export const stop = ({ call, id }: One) =>
  Effect.gen(function*() {
    const { pollInterval } = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "stop"))
    yield* progress(`stopping ${id}`)
    yield* Atlas.stop(id, call)
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(longest)
    while (true) {
      const compute = yield* Atlas.getCompute(id, call)
      const fail = (reason: Ended | Timeout) =>
        new AtlasError({ provider: compute.provider, operation: "stop", reason })
      if (compute.status === "stopped") return yield* ComputeView.print(compute)
      if (!compute.isLive) {
        const { exitCode, status } = compute
        return yield* fail(new Ended({ status, exitCode, message: `${id} is ${status}, there is nothing to stop` }))
      }
      if ((yield* Clock.currentTimeMillis) >= until) {
        const message = `${id} has not stopped within ${Duration.format(longest)}`
        return yield* fail(new Timeout({ lastSeen: compute, message }))
      }
      yield* Effect.sleep(pollInterval)
    }
  })

/** Starts a stopped compute again and prints it. */
export const start = ({ call, id }: One) =>
  Effect.gen(function*() {
    yield* progress(`starting ${id}`)
    yield* Atlas.start(id, call)
    yield* Effect.flatMap(Atlas.getCompute(id, call), ComputeView.print)
  })
