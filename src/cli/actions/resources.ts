/**
 * What `atlas volumes`, `templates`, `endpoints` and `spend` do.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atlas from "../../Atlas.ts"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { PortText } from "../../domain/PortText.ts"
import type { Endpoint, NetworkVolume, Spend, Template } from "../../domain/Resources.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as ComputeName from "../ComputeName.ts"
import * as Environment from "../Environment.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** How one kind of thing is shown. */
export interface View<A> {
  /** The noun for a list that is empty. */
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

export const volumeView: View<NetworkVolume> = {
  plural: "network volumes",
  json: ({ id, name, provider, region, sizeGb }) => ({ id, provider, name, sizeGb, region }),
  head: ["ID", "NAME", "GB", "REGION"],
  row: ({ id, name, region, sizeGb }) => [id, name, sizeGb, region]
}

export const templateView: View<Template> = {
  plural: "templates",
  json: ({ id, image, name, provider, serverless }) => ({ id, provider, name, image, serverless }),
  head: ["ID", "NAME", "IMAGE", "FOR"],
  row: ({ id, image, name, serverless }) => [id, name, image, serverless ? "endpoints" : "computes"]
}

export const endpointView: View<Endpoint> = {
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

export const spendView: View<Spend> = {
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

interface Any {
  readonly call: Atlas.Options
}

interface One extends Any {
  readonly id: string
}

const print = <A>(view: View<A>) => (thing: A) =>
  Effect.flatMap(
    Shell,
    ({ invocation, out }) => out(invocation.json ? JSON.stringify(view.json(thing)) : details(view, thing))
  )

const printAll = <A>(view: View<A>) => (things: ReadonlyArray<A>) =>
  Effect.flatMap(Shell, ({ hasColor: color, invocation, out }) =>
    out(
      invocation.json
        ? JSON.stringify(things.map(view.json))
        : things.length === 0
        ? `no ${view.plural}`
        : Table.render(view.head, things.map(view.row), { color })
    ))

type Answer<A> = Effect.Effect<A, AtlasError, Providers>

const listing = <A>(view: View<A>, list: (call: Atlas.Options) => Answer<ReadonlyArray<A>>) => ({ call }: Any) =>
  Effect.flatMap(list(call), printAll(view))

const looking = <A>(view: View<A>, get: (id: string, call: Atlas.Options) => Answer<A>) => ({ call, id }: One) =>
  Effect.flatMap(get(id, call), print(view))

const removing = (remove: (id: string, call: Atlas.Options) => Answer<void>) => ({ call, id }: One) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    yield* progress(`deleting ${id}`)
    yield* remove(id, call)
    yield* out(invocation.json ? JSON.stringify({ id, status: "deleted" }) : `deleted ${id}`)
  })

export const volumes = {
  ls: listing(volumeView, Atlas.listNetworkVolumes),
  get: looking(volumeView, Atlas.getNetworkVolume),
  rm: removing(Atlas.deleteNetworkVolume),
  create: ({ call, name, region, size, tier }: Any & {
    readonly name: string
    readonly size: number
    readonly region: Option.Option<string>
    readonly tier: Option.Option<"standard" | "high_performance">
  }) =>
    Atlas.createNetworkVolume({
      name,
      sizeGb: size,
      region: Option.getOrNull(region),
      tier: Option.getOrNull(tier)
    }, call).pipe(Effect.flatMap(print(volumeView)))
}

export const templates = {
  ls: listing(templateView, Atlas.listTemplates),
  get: looking(templateView, Atlas.getTemplate),
  rm: removing(Atlas.deleteTemplate),
  create: ({ call, command, disk, env, image, name, ports, serverless, volume }: Any & {
    readonly name: string
    readonly image: string
    readonly ports: ReadonlyArray<PortText>
    readonly env: ReadonlyArray<string>
    readonly disk: Option.Option<number>
    readonly volume: Option.Option<number>
    readonly serverless: boolean
    readonly command: ReadonlyArray<string>
  }) =>
    Effect.gen(function*() {
      const made = yield* Atlas.createTemplate({
        name,
        image,
        ports,
        env: yield* Environment.read(env, "createTemplate"),
        containerDiskGb: Option.getOrNull(disk),
        volumeGb: Option.getOrNull(volume),
        command,
        serverless
      }, call)
      yield* print(templateView)(made)
    })
}

export const endpoints = {
  ls: listing(endpointView, Atlas.listEndpoints),
  get: looking(endpointView, Atlas.getEndpoint),
  rm: removing(Atlas.deleteEndpoint)
}

/** Prints what one compute has cost. */
export const spend = ({ call, from, id: typed, to }: One & {
  readonly from: Option.Option<DateTime.Utc>
  readonly to: Option.Option<DateTime.Utc>
}) =>
  Effect.gen(function*() {
    const id = yield* ComputeName.resolve(typed, "computeSpend", call, { acts: false })
    const bill = yield* Atlas.computeSpend(id, { from: Option.getOrNull(from), to: Option.getOrNull(to) }, call)
    yield* print(spendView)(bill)
  })
