/** RunPod's lists, read to their end. */
import * as Effect from "effect/Effect"
import type { AtlasErrorReason, ProviderFault } from "../../../domain/AtlasError.ts"
import type { Call } from "../../../provider/Call.ts"
import * as Pages from "../../../provider/Pages.ts"

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
