/**
 * Lists that come in pages: the whole list or a failure, since a part of a list shows live computes as missing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AtlasErrorReason, ProviderFault, Timeout } from "../domain/AtlasError.ts"
import * as TimeSpan from "../domain/TimeSpan.ts"
import { Call } from "./Call.ts"

/** More pages than the largest account has at 1000 entries each: a list that is longer leads in circles. */
const mostPages = 100

/**
 * One page, and the cursor that the next one is asked for with; null at the end of the list.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | null
}

/**
 * The failure for a list that cannot be read to its end, such as one whose next page has no cursor.
 *
 * @category constructors
 * @since 0.1.0
 */
export const incomplete = (why: string): ProviderFault =>
  new ProviderFault({ message: `the list is not complete: ${why}` })

/**
 * Reads page after page to the end of the list; the time limit of `call` holds for all of them together.
 *
 * **Details**
 *
 * `read` is asked with null first, then with each page's `next`. Fails as `ProviderFault` when a cursor comes back a second
 * time or the list has more than `mostPages` (default 100), as `Timeout` when the limit has passed, and with the failure
 * of any page.
 *
 * **Example** (A list with cursors)
 *
 * ```ts
 * import type { AtlasError } from "effect-atlas"
 * import type { Call } from "effect-atlas/provider/Call"
 * import * as Pages from "effect-atlas/provider/Pages"
 * import * as Effect from "effect/Effect"
 *
 * declare const listBoxes: (
 *   input: { readonly query: { readonly cursor?: string } },
 *   call: Call
 * ) => Effect.Effect<
 *   { readonly boxes: ReadonlyArray<string>; readonly nextCursor: string | null },
 *   AtlasError.AtlasErrorReason
 * >
 *
 * const allBoxes = (call: Call) =>
 *   Pages.all(
 *     (cursor, call) =>
 *       Effect.map(
 *         listBoxes({ query: cursor === null ? {} : { cursor } }, call),
 *         ({ boxes, nextCursor }) => ({ items: boxes, next: nextCursor })
 *       ),
 *     call
 *   )
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const all = <A>(
  read: (cursor: string | null, call: Call) => Effect.Effect<Page<A>, AtlasErrorReason>,
  call: Call,
  options: { readonly mostPages?: number } = {}
): Effect.Effect<ReadonlyArray<A>, AtlasErrorReason> => {
  const most = options.mostPages ?? mostPages
  const { timeout } = call
  const own = timeout === null ? call : new Call({ ...call, timeout: null })
  const pages = Effect.gen(function*() {
    const items: Array<ReadonlyArray<A>> = []
    const seen = new Set<string>()
    let cursor: string | null = null
    do {
      if (items.length === most) return yield* incomplete(`it has more than ${most} pages`)
      const page: Page<A> = yield* read(cursor, own)
      items.push(page.items)
      cursor = page.next
      if (cursor !== null) {
        if (seen.has(cursor)) return yield* incomplete("its cursor does not advance")
        seen.add(cursor)
      }
    } while (cursor !== null)
    return items.flat()
  })
  if (timeout === null) return pages
  return Effect.timeoutOrElse(pages, {
    duration: timeout,
    orElse: () => Effect.fail(new Timeout({ message: `the list was not read within ${TimeSpan.format(timeout)}` }))
  })
}
