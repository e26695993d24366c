/**
 * Commits what a turn decided: again and again until the store has answered, because nothing may happen before it has.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionStore, Write } from "../SessionStore.ts"

const firstPause = 100
const longestPause = 10_000

/** How an engine writes. */
export interface Writer {
  /** Answers the sessions whose rows somebody else has written; their writes were left out. */
  readonly commit: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlySet<SessionId>>
}

const nobody: ReadonlySet<SessionId> = new Set()

/** A writer for one owner. */
export const make = ({ ignoresVersions, owner, store }: {
  readonly owner: Owner
  readonly store: SessionStore["Service"]
  /** A planted fault: who lost a compare-and-set goes on as if it had won. */
  readonly ignoresVersions: boolean
}): Writer => {
  const insist = (
    writes: ReadonlyArray<Write>,
    pause: number
  ): Effect.Effect<ReadonlyArray<SessionId>> =>
    Effect.catch(store.commit(owner, writes), (error: AtlasError) =>
      Effect.logError(`sessions could not be stored, nothing is done until they are: ${error.reason.message}`).pipe(
        Effect.andThen(Effect.sleep(Duration.millis(pause))),
        Effect.andThen(Effect.suspend(() => insist(writes, Math.min(pause * 2, longestPause))))
      ))
  return {
    commit: (writes) =>
      writes.length === 0
        ? Effect.succeed(nobody)
        : Effect.map(insist(writes, firstPause), (lost) => ignoresVersions ? nobody : new Set(lost))
  }
}
