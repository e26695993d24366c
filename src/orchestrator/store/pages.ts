/**
 * Reads the sessions of an owner page by page, and lets everything else run in between.
 */
import * as Effect from "effect/Effect"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { storageFault } from "./faults.ts"
import type { Page, SessionStore } from "./StoreContract.ts"

/** Calls `use` with every page that begins after this id. */
export const eachPage = <R>(
  store: Pick<SessionStore["Service"], "load">,
  owner: Owner,
  after: string,
  use: (page: Page) => Effect.Effect<void, never, R>
): Effect.Effect<void, AtlasError, R> =>
  Effect.gen(function*() {
    let at = after
    while (true) {
      const page = yield* store.load(owner, at)
      yield* use(page)
      if (page.next === null) return
      if (page.next <= at) return yield* storageFault("load", "the session store answered the same page again")
      at = page.next
      // a turn of the event loop: timers and sockets run, not only other fibers
      yield* Effect.yieldNow
    }
  })
