/** Promises of the facets a provider may have: power, a GPU list, logs; and of those it does not have. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as GpuCatalog from "../../domain/GpuCatalog.ts"
import { check, type Definition, eventually, fail, failsAs, type Trial } from "./trial.ts"

const withoutPower: Definition = {
  name: "stop and start are unsupported where there is no power",
  lacks: "power",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      yield* failsAs("Unsupported", "stop", provider.power.stop(unknownId, call))
      yield* failsAs("Unsupported", "start", provider.power.start(unknownId, call))
    })
}

const withoutLogs: Definition = {
  name: "logs are unsupported where there are none",
  lacks: "logs",
  run: ({ call, provider, unknownId }) =>
    Effect.asVoid(failsAs("Unsupported", "logs", Stream.runDrain(provider.logs.stream(unknownId, {}, call))))
}

const withoutGpus: Definition = {
  name: "the GPU list is unsupported where there is none",
  lacks: "gpu_catalog",
  run: ({ call, provider }) => Effect.asVoid(failsAs("Unsupported", "the GPU list", provider.gpus.list(call)))
}

const withoutJobs: Definition = {
  name: "jobs are unsupported where there are none",
  lacks: "serverless",
  run: ({ call, provider }) =>
    Effect.gen(function*() {
      const job = { endpoint: "none", id: "none" }
      yield* failsAs("Unsupported", "a job", provider.jobs.submit({ endpoint: "none", input: null }, call))
      yield* failsAs("Unsupported", "getting a job", provider.jobs.get(job, call))
      yield* failsAs("Unsupported", "cancelling a job", provider.jobs.cancel(job, call))
      yield* failsAs("Unsupported", "the output of a job", provider.jobs.chunk(job, call))
    })
}

const withoutVolumes: Definition = {
  name: "network volumes cannot be managed where there is no way to",
  lacks: "manage_network_volumes",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      const request = { name: "nothing", sizeGb: 10 }
      yield* failsAs("Unsupported", "the volumes", provider.volumes.list(call))
      yield* failsAs("Unsupported", "getting a volume", provider.volumes.get(unknownId, call))
      yield* failsAs("Unsupported", "creating a volume", provider.volumes.create(request, call))
      yield* failsAs("Unsupported", "deleting a volume", provider.volumes.delete(unknownId, call))
    })
}

const withoutTemplates: Definition = {
  name: "templates cannot be managed where there is no way to",
  lacks: "manage_templates",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      const request = { name: "nothing", image: "nothing" }
      yield* failsAs("Unsupported", "the templates", provider.templates.list(call))
      yield* failsAs("Unsupported", "getting a template", provider.templates.get(unknownId, call))
      yield* failsAs("Unsupported", "creating a template", provider.templates.create(request, call))
      yield* failsAs("Unsupported", "deleting a template", provider.templates.delete(unknownId, call))
    })
}

const withoutEndpoints: Definition = {
  name: "endpoints cannot be managed where there is no way to",
  lacks: "manage_endpoints",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      yield* failsAs("Unsupported", "the endpoints", provider.endpoints.list(call))
      yield* failsAs("Unsupported", "getting an endpoint", provider.endpoints.get(unknownId, call))
      yield* failsAs("Unsupported", "deleting an endpoint", provider.endpoints.delete(unknownId, call))
    })
}

const withoutBilling: Definition = {
  name: "the bill is unsupported where there is none",
  lacks: "billing",
  run: ({ call, provider, unknownId }) =>
    Effect.asVoid(failsAs("Unsupported", "the bill", provider.billing.spend(unknownId, {}, call)))
}

const becomes = ({ call, patience, provider }: Trial, id: string, status: "running" | "stopped") =>
  eventually(
    `it is ${status}`,
    patience,
    Effect.option(provider.compute.get(id, call)),
    Option.exists((compute) => compute.status === status)
  )

const power: Definition = {
  name: "stop stops it and start makes it run again, under the same id",
  needs: "power",
  run: (trial) =>
    trial.rented({}, ({ id }) =>
      Effect.gen(function*() {
        yield* becomes(trial, id, "running")
        yield* trial.provider.power.stop(id, trial.call)
        yield* becomes(trial, id, "stopped")
        yield* trial.provider.power.start(id, trial.call)
        yield* becomes(trial, id, "running")
      }))
}

const powerOfUnknown: Definition = {
  name: "an unknown id is not found, by stop and by start",
  needs: "power",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      yield* failsAs("NotFound", `stopping ${unknownId}`, provider.power.stop(unknownId, call))
      yield* failsAs("NotFound", `starting ${unknownId}`, provider.power.start(unknownId, call))
    })
}

const gpus: Definition = {
  name: "the GPU list names its own provider, every id once, and only canonical names of the catalog",
  needs: "gpu_catalog",
  run: ({ call, provider, request }) =>
    Effect.gen(function*() {
      const types = yield* provider.gpus.list(call)
      const names = GpuCatalog.canonicalNames(yield* GpuCatalog.CurrentGpuCatalog)
      yield* check(types.every((type) => type.provider === provider.id), "an entry is of another provider")
      yield* check(new Set(types.map((type) => type.id)).size === types.length, "an id is listed twice")
      const unknown = types.flatMap(({ canonical }) =>
        canonical === null || names.includes(canonical) ? [] : [canonical]
      )
      yield* check(unknown.length === 0, `the catalog does not know ${unknown.join(", ")}`)
      for (const gpu of new Set(types.flatMap(({ canonical, id }) => canonical === null ? [id] : [id, canonical]))) {
        yield* provider.compute.check(request({ gpu }), call).pipe(
          Effect.catch(({ message }) => fail(`${gpu} is listed, and a request for it is refused: ${message}`))
        )
      }
    })
}

const logsEnd: Definition = {
  name: "reading logs without following comes to an end",
  needs: "logs",
  run: (trial) => trial.rented({}, ({ id }) => Stream.runDrain(trial.provider.logs.stream(id, {}, trial.call)))
}

const logsOfUnknown: Definition = {
  name: "the logs of an unknown id are not found",
  needs: "logs",
  run: ({ call, provider, unknownId }) =>
    Effect.asVoid(failsAs("NotFound", "its logs", Stream.runDrain(provider.logs.stream(unknownId, {}, call))))
}

/** `speak` makes a compute write two lines or more. */
const logsResume = <R>(speak: (id: string) => Effect.Effect<void, AtlasError, R>): Definition<R> => ({
  name: "logs come in order, and a cursor resumes right after its line",
  needs: "logs",
  run: (trial) =>
    trial.rented({}, ({ id }) =>
      Effect.gen(function*() {
        const { call, provider } = trial
        yield* speak(id)
        const lines = yield* Stream.runCollect(Stream.take(provider.logs.stream(id, { follow: true }, call), 2))
        const [first, second] = lines
        if (first === undefined || second === undefined) return yield* fail("it wrote fewer than two lines")
        const [next] = yield* Stream.runCollect(
          Stream.take(provider.logs.stream(id, { follow: true, after: first.cursor }, call), 1)
        )
        yield* check(
          next?.cursor === second.cursor && next.text === second.text,
          "the cursor does not resume after its line"
        )
      }))
})

const logsFollow: Definition = {
  name: "following logs ends when the compute has ended",
  needs: "logs",
  run: (trial) =>
    trial.rented({}, ({ id }) =>
      Effect.all([
        Stream.runDrain(trial.provider.logs.stream(id, { follow: true }, trial.call)),
        trial.provider.compute.terminate(id, trial.call)
      ], { concurrency: "unbounded", discard: true }))
}

export const facetCases = <R>(
  speak: ((id: string) => Effect.Effect<void, AtlasError, R>) | undefined
): ReadonlyArray<Definition<R>> => [
  withoutPower,
  withoutLogs,
  withoutGpus,
  withoutJobs,
  withoutVolumes,
  withoutTemplates,
  withoutEndpoints,
  withoutBilling,
  power,
  powerOfUnknown,
  gpus,
  logsEnd,
  logsOfUnknown,
  logsFollow,
  ...(speak === undefined ? [] : [logsResume(speak)])
]
