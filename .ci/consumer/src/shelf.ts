/**
 * A provider of one's own: a shelf of machines in memory.
 */
import { AtlasError, Compute, Ids, Provider } from "effect-atlas"
import * as Adapter from "effect-atlas/provider/Adapter"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const make = Effect.sync(() => {
  const machines = new Map<string, Compute.Compute>()
  const find = (id: string) => {
    const compute = machines.get(id)
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
          : Effect.fail(
            new AtlasError.Validation({ issues: [{ path: "gpu", message: "the machines here have none" }] })
          ),
      spawn: ({ name }) =>
        Effect.sync(() => {
          const compute = new Compute.Compute({
            id: Ids.ComputeId.make(`shelf-${machines.size + 1}`),
            provider: Ids.ProviderId.make("shelf"),
            status: "running",
            name
          })
          machines.set(compute.id, compute)
          return compute
        }),
      get: find,
      list: () => Effect.sync(() => [...machines.values()]),
      terminate: (id) => Effect.map(find(id), () => void machines.delete(id))
    }
  })
  return Provider.neutral(Provider.make(adapter))
})

export const layer = Layer.effect(Provider.Provider, make)
