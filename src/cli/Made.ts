/**
 * What a run has made outside of this process: as long as it may be there, a run that goes wrong tells its id.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"
import { Providers } from "../provider/Providers.ts"

/** One thing, and the command that ends it. */
export interface Thing {
  readonly type: "compute" | "network_volume" | "template" | "job"
  readonly id: string
  readonly undo: string
}

/** The things that one run has made. */
export interface Made {
  readonly add: (thing: Thing) => void
  /** It is not there any more. */
  readonly ended: (id: string) => void
  /** Its provider has taken the request to end it. */
  readonly ending: (id: string) => void
  /** Those that may be there; what is being ended may be there for a while yet. */
  readonly all: (which: "and what is being ended" | "kept") => ReadonlyArray<Thing>
}

/** Nothing yet. */
export const make = (): Made => {
  const things = new Map<string, Thing>()
  const endings = new Set<string>()
  return {
    add: (thing) => void things.set(thing.id, thing),
    ended: (id) => void things.delete(id),
    ending: (id) => void endings.add(id),
    all: (which) => [...things.values()].filter(({ id }) => which !== "kept" || !endings.has(id))
  }
}

/** What this run has made; the process provides it, and without one nothing is remembered. */
export const Made = Context.Reference<Made>("effect-atlas/cli/Made", {
  defaultValue: () => ({ add: () => {}, ended: () => {}, ending: () => {}, all: () => [] })
})

const nouns = { compute: "compute", network_volume: "network volume", template: "template", job: "job" }

/** For people: what is there, and how to end it. */
export const describe = ({ id, type, undo }: Thing): string =>
  `${nouns[type]} ${id} may still be there; end it with: ${undo}`

const remembering = (provider: Service, made: Made): Service => {
  const { compute, jobs, templates, volumes } = provider
  const place = (options: CallOptions | undefined) =>
    ` --provider ${provider.id}${options?.baseUrl == null ? "" : ` --base-url ${options.baseUrl}`}`
  const add =
    (type: Thing["type"], undo: string, options: CallOptions | undefined) => ({ id }: { readonly id: string }) =>
      Effect.sync(() => made.add({ type, id, undo: `atlas ${undo} ${id}${place(options)}` }))
  const rented = add.bind(null, "compute", "down")
  return {
    ...provider,
    compute: {
      ...compute,
      spawn: (request, options) => Effect.tap(compute.spawn(request, options), rented(options)),
      rent: (spawn, options) => Effect.tap(compute.rent(spawn, options), rented(options)),
      resolve: (spawn, options) =>
        Effect.tap(compute.resolve(spawn, options), (found) => found === null ? Effect.void : rented(options)(found)),
      terminate: (id, options) => Effect.tap(compute.terminate(id, options), () => Effect.sync(() => made.ending(id))),
      end: (id, options) => Effect.tap(compute.end(id, options), () => Effect.sync(() => made.ended(id)))
    },
    volumes: {
      ...volumes,
      create: (request, options) =>
        Effect.tap(volumes.create(request, options), add("network_volume", "volumes rm", options))
    },
    templates: {
      ...templates,
      create: (request, options) =>
        Effect.tap(templates.create(request, options), add("template", "templates rm", options))
    },
    jobs: {
      ...jobs,
      submit: (request, options) =>
        Effect.tap(jobs.submit(request, options), (job) => add("job", `job cancel ${job.endpoint}`, options)(job))
    }
  }
}

/** The providers, each with a memory of what it was asked to make. */
export const layer: Layer.Layer<Providers, never, Providers> = Layer.effect(
  Providers,
  Effect.gen(function*() {
    const { all, get } = yield* Providers
    const made = yield* Made
    return Providers.of({
      all: all.map((provider) => remembering(provider, made)),
      get: (which, operation) => Effect.map(get(which, operation), (provider) => remembering(provider, made))
    })
  })
)
