/** Lists that come in pages: all of them or a failure, since a partial list shows live things as missing. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type AtlasErrorReason, ProviderFault, Timeout } from "../../../domain/AtlasError.ts"
import { Call } from "../../../provider/Call.ts"

/** More pages than the largest account has at 1000 entries each: whoever gets here is being led in circles. */
const mostPages = 100

/** One page, and where it says that the list goes on. */
export interface Page<A> {
  readonly value: A
  readonly pagination:
    | {
      readonly nextCursor?: string | null | undefined
      readonly hasNextPage?: boolean | undefined
    }
    | null
    | undefined
}

const fault = (message: string) => new ProviderFault({ message: `the list is not complete: ${message}` })

/** Where to go on; null at the end. */
const cursorOf = <A>({ pagination }: Page<A>): Effect.Effect<string | null, ProviderFault> => {
  const cursor = pagination?.nextCursor || null
  if (pagination?.hasNextPage === false) return Effect.succeed(null)
  if (cursor === null && pagination?.hasNextPage === true) {
    return Effect.fail(fault("there is a next page, and no cursor to it"))
  }
  return Effect.succeed(cursor)
}

/** Reads page after page; `call`'s time limit holds for all of them together. */
export const all = <A>(
  read: (cursor: string | null, call: Call) => Effect.Effect<Page<A>, AtlasErrorReason>,
  call: Call
): Effect.Effect<ReadonlyArray<A>, AtlasErrorReason> => {
  const { timeout } = call
  const own = timeout === null ? call : new Call({ ...call, timeout: null })
  const pages = Effect.gen(function*() {
    const values: Array<A> = []
    const seen = new Set<string>()
    let cursor: string | null = null
    do {
      if (values.length === mostPages) return yield* fault(`it has more than ${mostPages} pages`)
      const page: Page<A> = yield* read(cursor, own)
      values.push(page.value)
      cursor = yield* cursorOf(page)
      if (cursor !== null) {
        if (seen.has(cursor)) return yield* fault("its cursor does not advance")
        seen.add(cursor)
      }
    } while (cursor !== null)
    return values
  })
  if (timeout === null) return pages
  return Effect.timeoutOrElse(pages, {
    duration: timeout,
    orElse: () => Effect.fail(new Timeout({ message: `the list was not read within ${Duration.format(timeout)}` }))
  })
}
