/**
 * Network volumes, templates, endpoints and bills as commands print them.
 */
import * as DateTime from "effect/DateTime"
import type { Endpoint, NetworkVolume, Spend, Template } from "../domain/Resources.ts"
import * as Table from "./Table.ts"

/** How one kind of thing is shown. */
export interface View<A> {
  /** What there is none of. */
  readonly plural: string
  readonly json: (thing: A) => Readonly<Record<string, unknown>>
  readonly head: ReadonlyArray<string>
  readonly row: (thing: A) => ReadonlyArray<Table.Cell>
}

const instant = (at: DateTime.Utc | null): string | null => at === null ? null : DateTime.formatIso(at)

/** Everything known of one thing, a line each. */
export const details = <A>({ head, row }: View<A>, thing: A): string => {
  const cells = row(thing)
  return Table.list(head.map((name, index) => [name.toLowerCase(), cells[index] ?? null]))
}

export const volume: View<NetworkVolume> = {
  plural: "network volumes",
  json: ({ id, name, provider, region, sizeGb }) => ({ id, provider, name, sizeGb, region }),
  head: ["ID", "NAME", "GB", "REGION"],
  row: ({ id, name, region, sizeGb }) => [id, name, sizeGb, region]
}

export const template: View<Template> = {
  plural: "templates",
  json: ({ id, image, name, provider, serverless }) => ({ id, provider, name, image, serverless }),
  head: ["ID", "NAME", "IMAGE", "FOR"],
  row: ({ id, image, name, serverless }) => [id, name, image, serverless ? "endpoints" : "computes"]
}

export const endpoint: View<Endpoint> = {
  plural: "endpoints",
  json: (one) => ({
    id: one.id,
    provider: one.provider,
    name: one.name,
    type: one.type,
    workersMin: one.workersMin,
    workersMax: one.workersMax,
    gpuPools: one.gpuPools,
    regionHints: one.regionHints,
    networkVolumeIds: one.networkVolumeIds,
    createdAt: instant(one.createdAt)
  }),
  head: ["ID", "NAME", "TYPE", "MIN", "MAX", "GPUS", "REGIONS", "VOLUMES"],
  row: (one) => [
    one.id,
    one.name,
    one.type,
    one.workersMin,
    one.workersMax,
    one.gpuPools.join(" "),
    one.regionHints.join(" "),
    one.networkVolumeIds.join(" ")
  ]
}

export const spend: View<Spend> = {
  plural: "bills",
  json: ({ computeId, cpuUsd, diskUsd, from, gpuUsd, provider, to, totalUsd }) => ({
    computeId,
    provider,
    totalUsd,
    gpuUsd,
    cpuUsd,
    diskUsd,
    from: instant(from),
    to: instant(to)
  }),
  head: ["ID", "TOTAL", "GPU", "CPU", "DISK", "FROM", "TO"],
  row: ({ computeId, cpuUsd, diskUsd, from, gpuUsd, to, totalUsd }) => [
    computeId,
    Table.dollars(totalUsd),
    Table.dollars(gpuUsd),
    Table.dollars(cpuUsd),
    Table.dollars(diskUsd),
    instant(from),
    instant(to)
  ]
}
