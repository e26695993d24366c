/** Lists that come in pages: newest first, with cursors that hold for one list and nothing else. */
import * as Effect from "effect/Effect"
import { type Input, wholeIn } from "./input.ts"
import { refuse, type Written } from "./reply.ts"

interface Entry {
  readonly serial: number
}

const cursorOf = (list: string, serial: number): string => btoa(`${list}\n${serial}`)

const serialIn = (list: string, cursor: string): number | null => {
  try {
    const [name, serial] = atob(cursor).split("\n")
    return name === list && /^\d+$/.test(serial ?? "") ? Number(serial) : null
  } catch {
    return null
  }
}

export interface PageOptions {
  /** The name of the list, and of its owner where a cursor is bound to one. */
  readonly list: string
  readonly paginates: boolean
  /** The most entries of a page. */
  readonly pageSize: number
}

/** The entries of one page, and the fields beside them in the answer. */
export const page = <A extends Entry>(
  input: Input,
  { list, pageSize, paginates }: PageOptions,
  entries: Iterable<A>
): Effect.Effect<{ readonly entries: ReadonlyArray<A>; readonly beside: object }, Written> =>
  Effect.gen(function*() {
    const sorted = Array.from(entries).toSorted((a, b) => b.serial - a.serial)
    if (!paginates) return { entries: sorted, beside: {} }
    const limit = Math.min((yield* wholeIn(input.query, "limit", 1, 1000)) ?? 1000, pageSize)
    const cursor = input.query.get("cursor")
    const after = cursor === null ? Number.POSITIVE_INFINITY : serialIn(list, cursor)
    if (after === null) return yield* refuse(422, "Request validation failed.", ["$.query.cursor: invalid cursor"])
    const rest = sorted.filter((entry) => entry.serial < after)
    const shown = rest.slice(0, limit)
    const hasNextPage = rest.length > shown.length
    const last = shown.at(-1)
    const nextCursor = hasNextPage && last !== undefined ? cursorOf(list, last.serial) : null
    return { entries: shown, beside: { pagination: { nextCursor, hasNextPage } } }
  })
