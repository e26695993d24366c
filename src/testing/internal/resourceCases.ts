/** Promises of what outlives a compute: jobs, network volumes, templates, endpoints, and the bill. */
import * as Effect from "effect/Effect"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Capability } from "../../provider/Capability.ts"
import { check, type Definition, eventually, failsAs, type Trial } from "./trial.ts"

interface Named {
  readonly id: string
  readonly name: string | null
}

interface Resource {
  readonly make: (name: string) => Effect.Effect<Named, AtlasError>
  readonly get: (id: string) => Effect.Effect<Named, AtlasError>
  readonly list: Effect.Effect<ReadonlyArray<Named>, AtlasError>
  readonly remove: (id: string) => Effect.Effect<void, AtlasError>
}

/** Made, found by its id and in the list, deleted, and then not found; deleted also when the case fails. */
const managed = (what: string, needs: Capability, resourceOf: (trial: Trial) => Resource): Definition => ({
  name: `a ${what} is found by its id and in the list once it is made, and not once it is deleted`,
  needs,
  run: (trial) =>
    Effect.gen(function*() {
      const resource = resourceOf(trial)
      const name = yield* trial.freshName
      const made = yield* resource.make(name)
      const gone = yield* Effect.cached(resource.remove(made.id))
      yield* Effect.gen(function*() {
        yield* check(made.name === name, `the ${what} is called ${made.name ?? "nothing"} instead of ${name}`)
        yield* eventually(
          `the ${what} is in the list`,
          trial.patience,
          resource.list,
          (all) => all.some(({ id }) => id === made.id)
        )
        yield* check((yield* resource.get(made.id)).id === made.id, `another ${what} was found by its id`)
        yield* gone
        yield* failsAs("NotFound", `a deleted ${what}`, resource.get(made.id))
      }).pipe(Effect.onExit(() => Effect.ignore(gone)))
      yield* failsAs("NotFound", `an unknown ${what}`, resource.get(trial.unknownId))
    })
})

const volumes = managed("network volume", "manage_network_volumes", ({ call, provider, request }) => ({
  // where computes are asked for, since some providers need to know
  make: (name) => provider.volumes.create({ name, sizeGb: 10, region: request({}).regionHints?.[0] ?? null }, call),
  get: (id) => provider.volumes.get(id, call),
  list: provider.volumes.list(call),
  remove: (id) => provider.volumes.delete(id, call)
}))

const templates = managed("template", "manage_templates", ({ call, provider }) => ({
  make: (name) => provider.templates.create({ name, image: "alpine" }, call),
  get: (id) => provider.templates.get(id, call),
  list: provider.templates.list(call),
  remove: (id) => provider.templates.delete(id, call)
}))

const endpoints: Definition = {
  name: "an unknown endpoint is not found",
  needs: "manage_endpoints",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      yield* provider.endpoints.list(call)
      yield* failsAs("NotFound", "the endpoint", provider.endpoints.get(unknownId, call))
    })
}

const bill: Definition = {
  name: "the bill of a compute is its own",
  needs: "billing",
  run: (trial) =>
    trial.rented({}, ({ id }) =>
      Effect.gen(function*() {
        const { call, provider } = trial
        const spend = yield* provider.billing.spend(id, {}, call)
        yield* check(
          spend.computeId === id && spend.provider === provider.id,
          "the bill names another compute or provider"
        )
      }))
}

const jobs = (endpoint: string): Definition => ({
  name: "a job is known by its id from the moment it was submitted, and an unknown one is not found",
  needs: "serverless",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      const made = yield* provider.jobs.submit({ endpoint, input: { conformance: true } }, call)
      const ref = { endpoint, id: made.id }
      const seen = yield* provider.jobs.get(ref, call)
      yield* check(seen.id === made.id && seen.endpoint === endpoint, "another job was found by its id")
      yield* failsAs("NotFound", "an unknown job", provider.jobs.get({ endpoint, id: unknownId }, call))
      yield* failsAs("NotFound", "its output", provider.jobs.chunk({ endpoint, id: unknownId }, call))
      if (!seen.isFinal) yield* provider.jobs.cancel(ref, call)
    })
})

/** With an endpoint to send a job to, jobs are tried too. */
export const resourceCases = (endpoint: string | undefined): ReadonlyArray<Definition> => [
  volumes,
  templates,
  endpoints,
  bill,
  ...(endpoint === undefined ? [] : [jobs(endpoint)])
]
