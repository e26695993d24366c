/**
 * What a run has made outside of this process: as long as it may be there, a run that goes wrong tells its id.
 */
import * as Context from "effect/Context"
import * as ForeignText from "../domain/ForeignText.ts"

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
  ForeignText.line(`${nouns[type]} ${id} may still be there; end it with: ${undo}`)
