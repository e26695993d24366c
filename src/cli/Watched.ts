/**
 * The providers as a command line uses them: what they make is remembered, and who waits for them is told for how long.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import { Providers } from "../provider/Providers.ts"
import * as Made from "./Made.ts"
import * as Progress from "./Progress.ts"
import { Shell } from "./Shell.ts"

const watched = (provider: Service, made: Made.Made, shell: Shell["Service"]): Service => {
  const { compute, jobs, templates, volumes } = provider
  const place = (options: CallOptions | undefined) =>
    ` --provider ${provider.id}${options?.baseUrl == null ? "" : ` --base-url ${options.baseUrl}`}`
  const adding =
    (type: Made.Thing["type"], undo: string, options: CallOptions | undefined) => ({ id }: { readonly id: string }) =>
      Effect.sync(() => made.add({ type, id, undo: `atlas ${undo} ${id}${place(options)}` }))
  const rented = (options: CallOptions | undefined) => adding("compute", "down", options)
  const ticking = (what: string) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.provideService(Progress.ticking(what)(self), Shell, shell)
  const create = ticking(`waiting for ${provider.id} to answer the create`)
  return {
    ...provider,
    compute: {
      ...compute,
      spawn: (request, options) => Effect.tap(create(compute.spawn(request, options)), rented(options)),
      rent: (spawn, options) => Effect.tap(create(compute.rent(spawn, options)), rented(options)),
      resolve: (spawn, options) => {
        const what = `the create was not answered; looking for ${spawn.name}`
        return Effect.provideService(Progress.progress(what), Shell, shell).pipe(
          Effect.andThen(ticking(what)(compute.resolve(spawn, options))),
          Effect.tap((found) => found === null ? Effect.void : rented(options)(found))
        )
      },
      terminate: (id, options) => Effect.tap(compute.terminate(id, options), () => Effect.sync(() => made.ending(id))),
      end: (id, options) =>
        Effect.tap(ticking(`ending ${id}`)(compute.end(id, options)), () => Effect.sync(() => made.ended(id)))
    },
    volumes: {
      ...volumes,
      create: (request, options) =>
        Effect.tap(create(volumes.create(request, options)), adding("network_volume", "volumes rm", options))
    },
    templates: {
      ...templates,
      create: (request, options) =>
        Effect.tap(create(templates.create(request, options)), adding("template", "templates rm", options))
    },
    jobs: {
      ...jobs,
      submit: (request, options) =>
        Effect.tap(jobs.submit(request, options), (job) => adding("job", `job cancel ${job.endpoint}`, options)(job))
    }
  }
}

/** The providers, each of them watched. */
export const layer: Layer.Layer<Providers, never, Providers | Shell> = Layer.effect(
  Providers,
  Effect.gen(function*() {
    const { all, get } = yield* Providers
    const made = yield* Made.Made
    const shell = yield* Shell
    return Providers.of({
      all: all.map((provider) => watched(provider, made, shell)),
      get: (which, operation) => Effect.map(get(which, operation), (provider) => watched(provider, made, shell))
    })
  })
)
