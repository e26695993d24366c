/**
 * What `atlas volumes`, `templates`, `endpoints` and `spend` do.
 */
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atlas from "../../Atlas.ts"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as Environment from "../Environment.ts"
import { progress } from "../Progress.ts"
import * as ResourceView from "../ResourceView.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

interface Any {
  readonly call: Atlas.Options
}

interface One extends Any {
  readonly id: string
}

const print = <A>(view: ResourceView.View<A>) => (thing: A) =>
  Effect.flatMap(
    Shell,
    ({ invocation, out }) => out(invocation.json ? JSON.stringify(view.json(thing)) : ResourceView.details(view, thing))
  )

const printAll = <A>(view: ResourceView.View<A>) => (things: ReadonlyArray<A>) =>
  Effect.flatMap(Shell, ({ hasColor: color, invocation, out }) =>
    out(
      invocation.json
        ? JSON.stringify(things.map(view.json))
        : things.length === 0
        ? `no ${view.plural}`
        : Table.render(view.head, things.map(view.row), { color })
    ))

type Answer<A> = Effect.Effect<A, AtlasError, Providers>

const listing =
  <A>(view: ResourceView.View<A>, list: (call: Atlas.Options) => Answer<ReadonlyArray<A>>) => ({ call }: Any) =>
    Effect.flatMap(list(call), printAll(view))

const looking =
  <A>(view: ResourceView.View<A>, get: (id: string, call: Atlas.Options) => Answer<A>) => ({ call, id }: One) =>
    Effect.flatMap(get(id, call), print(view))

const removing = (remove: (id: string, call: Atlas.Options) => Answer<void>) => ({ call, id }: One) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    yield* progress(`deleting ${id}`)
    yield* remove(id, call)
    yield* out(invocation.json ? JSON.stringify({ id, status: "deleted" }) : `deleted ${id}`)
  })

export const volumes = {
  ls: listing(ResourceView.volume, Atlas.listNetworkVolumes),
  get: looking(ResourceView.volume, Atlas.getNetworkVolume),
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
    }, call).pipe(Effect.flatMap(print(ResourceView.volume)))
}

export const templates = {
  ls: listing(ResourceView.template, Atlas.listTemplates),
  get: looking(ResourceView.template, Atlas.getTemplate),
  rm: removing(Atlas.deleteTemplate),
  create: ({ call, command, disk, env, image, name, ports, serverless, volume }: Any & {
    readonly name: string
    readonly image: string
    readonly ports: ReadonlyArray<string>
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
      yield* print(ResourceView.template)(made)
    })
}

export const endpoints = {
  ls: listing(ResourceView.endpoint, Atlas.listEndpoints),
  get: looking(ResourceView.endpoint, Atlas.getEndpoint),
  rm: removing(Atlas.deleteEndpoint)
}

/** Prints what one compute has cost. */
export const spend = ({ call, from, id, to }: One & {
  readonly from: Option.Option<DateTime.Utc>
  readonly to: Option.Option<DateTime.Utc>
}) =>
  Effect.flatMap(
    Atlas.computeSpend(id, { from: Option.getOrNull(from), to: Option.getOrNull(to) }, call),
    print(ResourceView.spend)
  )
