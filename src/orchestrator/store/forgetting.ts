/**
 * Deletes the row of a session by hand, after its machine has been dealt with: one that cannot be read, or that is over.
 */
import * as Effect from "effect/Effect"
import { AtlasError, NotTracked, Validation } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import { storageFault } from "./faults.ts"
import type { SessionStore } from "./StoreContract.ts"

const operation = "forget"

const fail = (reason: AtlasError["reason"]) => new AtlasError({ provider: null, operation, reason })

/** Why a session that can be read is not forgotten; null when it is over. */
export const refusal = ({ pendingTerminations, phase }: SessionState): AtlasError | null =>
  phase._tag === "Ended" && pendingTerminations.length === 0 ? null : fail(
    new Validation({
      issues: [{
        path: "id",
        message: "the session is not over: stop it first; what is over is forgotten after a day by itself"
      }]
    })
  )

/** Deletes the row of a session that cannot be read, or that is over. */
export const forget = Effect.fnUntraced(function*(
  store: Pick<SessionStore["Service"], "read" | "commit">,
  owner: Owner,
  id: string
): Effect.fn.Return<void, AtlasError> {
  const { sessions: [session], unreadable: [row] } = yield* store.read(owner, [id])
  if (session !== undefined) {
    const refused = refusal(session)
    if (refused !== null) return yield* refused
  }
  const version = session?.version ?? row?.version
  if (version === undefined) return yield* fail(new NotTracked({ message: "there is no session of this id on record" }))
  // a row that cannot be read may have any id
  const stored = SessionId.make(id, { disableChecks: true })
  const lost = yield* store.commit(owner, [{ id: stored, version, state: null }])
  if (lost.length > 0) {
    return yield* storageFault(
      operation,
      `the session ${id} was not deleted: its row has changed, or is another owner's`
    )
  }
})
