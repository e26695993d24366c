/** RunPod's lists, read to their end, each entry on its own. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AtlasErrorReason, ProviderFault } from "../../../domain/AtlasError.ts"
import type { Call } from "../../../provider/Call.ts"
import * as Pages from "../../../provider/Pages.ts"
import { entryOf } from "../../../provider/Raw.ts"
import * as Calls from "../schema/calls.ts"
import { Pagination } from "../schema/wire.ts"

/** One page, and where it says that the list goes on. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly pagination:
    | {
      readonly nextCursor?: string | null | undefined
      readonly hasNextPage?: boolean | undefined
    }
    | null
    | undefined
}

/** Of any shape, to be read one by one: an odd one costs itself and not the list. */
const entries = Schema.Array(Schema.Unknown)

const inPages = { pagination: Pagination }

/** The calls that list, with entries of any shape. */
export const calls = {
  pods: Calls.listPods(Schema.Struct({ pods: entries, ...inPages })),
  gpus: Calls.listGpuTypes(Schema.Struct({ gpus: entries })),
  networkVolumes: Calls.listNetworkVolumes(Schema.Struct({ networkVolumes: entries })),
  templates: Calls.listTemplates(Schema.Struct({ templates: entries, ...inPages })),
  endpoints: Calls.listEndpoints(Schema.Struct({ endpoints: entries, ...inPages }))
}

/** Reads entries with `to`, which answers null for an id that cannot be used; `odd` stands for those and for other shapes. */
export const each = <W extends { readonly id: string }, A, Odd>(
  schema: Schema.Constraint & { readonly Type: W; readonly DecodingServices: never },
  to: (value: W, body: unknown) => A | null,
  odd: (body: unknown, why: string) => Odd
) => {
  const read = entryOf(schema)
  return (bodies: ReadonlyArray<unknown>): ReadonlyArray<A | Odd> =>
    bodies.map((body) => {
      const { value } = read(body)
      if (value === null) return odd(body, "it has another shape than documented")
      return (value.id === "" ? null : to(value, body)) ?? odd(body, "its id cannot be used in a call")
    })
}

/** The same for things that nothing is concluded of when they are missing: odd entries are left out, with a warning in the log. */
export const usable = <W extends { readonly id: string }, A>(
  what: string,
  schema: Schema.Constraint & { readonly Type: W; readonly DecodingServices: never },
  to: (value: W, body: unknown) => A | null
) => {
  const read = each(schema, to, () => null)
  return (bodies: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<A>> =>
    Effect.suspend(() => {
      const found = read(bodies).flatMap((one) => one === null ? [] : [one])
      const odd = bodies.length - found.length
      return odd === 0
        ? Effect.succeed(found)
        : Effect.as(Effect.logWarning(`RunPod lists ${odd} ${what} that cannot be read; they are left out`), found)
    })
}

/** Where to go on; null at the end. */
const nextOf = <A>({ pagination }: Page<A>): Effect.Effect<string | null, ProviderFault> => {
  const cursor = pagination?.nextCursor || null
  if (pagination?.hasNextPage === false) return Effect.succeed(null)
  if (cursor === null && pagination?.hasNextPage === true) {
    return Effect.fail(Pages.incomplete("there is a next page, and no cursor to it"))
  }
  return Effect.succeed(cursor)
}

/** A list that is read to its end. */
export const all = <A>(
  read: (query: { readonly cursor?: string }, call: Call) => Effect.Effect<Page<A>, AtlasErrorReason>
) =>
(call: Call): Effect.Effect<ReadonlyArray<A>, AtlasErrorReason> =>
  Pages.all(
    (cursor, own) =>
      Effect.flatMap(
        read(cursor === null ? {} : { cursor }, own),
        (page) => Effect.map(nextOf(page), (next) => ({ items: page.items, next }))
      ),
    call
  )
