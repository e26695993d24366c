/**
 * Where sessions outlive the process: one row for each session, which is written only over the version it was read as.
 *
 * A store that cannot answer fails, so that no caller takes a failure for "there is none". The durable ones have modules of their
 * own, `SessionStoreSqlite` and `SessionStoreSql`, so that no program loads a database that it does not use.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Owner } from "../provider/NameStamp.ts"
import type { SessionState } from "./session/State.ts"
import * as Forgetting from "./store/forgetting.ts"
import { makeMemory } from "./store/memory.ts"
import { eachPage } from "./store/pages.ts"
import { type Loaded, SessionStore, type Unreadable } from "./store/StoreContract.ts"

export {
  type AttemptHolders,
  type Loaded,
  type OwnerLock,
  type Page,
  SessionStore,
  Unreadable,
  type Write
} from "./store/StoreContract.ts"

/**
 * All sessions of an owner, read page by page. A store whose pages do not go on fails, so that no reader goes round for ever.
 *
 * @category reading
 * @since 0.1.0
 */
export const loadAll = (
  store: Pick<SessionStore["Service"], "load">,
  owner: Owner
): Effect.Effect<Loaded, AtlasError> =>
  Effect.gen(function*() {
    const sessions: Array<SessionState> = []
    const unreadable: Array<Unreadable> = []
    yield* eachPage(store, owner, "", (page) => {
      sessions.push(...page.sessions)
      unreadable.push(...page.unreadable)
      return Effect.void
    })
    return { sessions, unreadable }
  })

/**
 * Deletes the row of a session that cannot be read, or that is over. A session that is not over fails as `Validation`, an id
 * that is not on record as `NotTracked`.
 *
 * **When to use**
 *
 * After its machine has been dealt with by hand: machines that such a row may have rented are not ended while it is there.
 *
 * @category changing
 * @since 0.1.0
 */
export const forget = (
  store: Pick<SessionStore["Service"], "read" | "commit">,
  owner: Owner,
  id: string
): Effect.Effect<void, AtlasError> => Forgetting.forget(store, owner, id)

/**
 * Sessions in memory: everything a durable store promises, until the process ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<SessionStore> = Layer.effect(SessionStore, makeMemory)
