/** Which capabilities a provider has. */
import type { Adapter } from "../Adapter.ts"
import { Capability } from "../Capability.ts"
import type { Facets } from "../Facets.ts"

/** The capability that a facet gives. */
export const capabilityOf = {
  power: "power",
  gpus: "gpu_catalog",
  logs: "logs",
  jobs: "serverless",
  volumes: "manage_network_volumes",
  templates: "manage_templates",
  endpoints: "manage_endpoints",
  billing: "billing"
} as const satisfies Record<Exclude<keyof Facets, "compute">, Capability>

/** A facet that not every provider has. */
export type Optional = keyof typeof capabilityOf

const optional: ReadonlyArray<Optional> = [
  "power",
  "gpus",
  "logs",
  "jobs",
  "volumes",
  "templates",
  "endpoints",
  "billing"
]

/** What an adapter can do: its flags, and what follows from its facets. */
export const capabilitiesOf = <Prepared>(adapter: Adapter<Prepared>): ReadonlyArray<Capability> => {
  const held = new Set<Capability>([
    ...(adapter.flags ?? []),
    ...optional.filter((facet) => adapter[facet] !== undefined).map((facet) => capabilityOf[facet])
  ])
  return Capability.literals.filter((capability) => held.has(capability))
}
