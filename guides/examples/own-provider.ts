/**
 * A provider of one's own, here a shelf of machines in memory, and the public conformance suite run on it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { AtlasError, Compute, Ids, Provider } from "effect-atlas"
import * as Adapter from "effect-atlas/provider/Adapter"
import { ProviderConformance } from "effect-atlas/testing"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const shelf = new Map<string, Compute.Compute>()

const find = (id: string): Effect.Effect<Compute.Compute, AtlasError.NotFound> => {
  const compute = shelf.get(id)
  return compute === undefined
    ? Effect.fail(new AtlasError.NotFound({ message: `the shelf has no ${id}` }))
    : Effect.succeed(compute)
}

const adapter = Adapter.make({
  id: "shelf",
  settleWindow: 0,
  pollInterval: "10 millis",
  compute: {
    check: ({ gpu }) =>
      gpu === null
        ? Effect.void
        : Effect.fail(new AtlasError.Validation({ issues: [{ path: "gpu", message: "the machines here have none" }] })),
    spawn: ({ name }) =>
      Effect.sync(() => {
        const compute = new Compute.Compute({
          id: Ids.ComputeId.make(`shelf-${shelf.size + 1}`),
          provider: Ids.ProviderId.make("shelf"),
          status: "running",
          name
        })
        shelf.set(compute.id, compute)
        return compute
      }),
    get: find,
    list: () => Effect.sync(() => [...shelf.values()]),
    terminate: (id) => Effect.map(find(id), () => void shelf.delete(id))
  }
})

const program = Effect.gen(function*() {
  const { failed, passed } = yield* ProviderConformance.run({ patience: "5 seconds" })
  yield* Console.log(`conformance: ${passed} passed, ${failed} failed; machines left on the shelf: ${shelf.size}`)
})

program.pipe(
  Effect.provideService(Provider.Provider, Provider.neutral(Provider.make(adapter))),
  NodeRuntime.runMain
)
