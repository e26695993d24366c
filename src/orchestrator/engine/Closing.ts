/**
 * The graceful end of an engine: the sessions that do not persist are ended first.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionState } from "../session/State.ts"
import type * as Mailbox from "./Mailbox.ts"
import * as Table from "./Table.ts"
import type * as Waiters from "./Waiters.ts"

/** Whether a session needs nothing more from this process: it is over, or persists and is not in doubt. */
const isSettled = ({ phase, report, spec }: SessionState): boolean =>
  phase._tag === "Ended" ||
  (spec.persist && report === null && (phase._tag === "Live" || phase._tag === "Waiting"))

/** Ends the sessions that do not persist and waits until they are over, at most `within`. */
export const closeSessions = ({ mailbox, table, waiters, within }: {
  readonly mailbox: Mailbox.Mailbox
  readonly table: Table.Table
  readonly waiters: Waiters.Waiters
  readonly within: Duration.Input
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    const open = [...table.all()].filter(({ state }) => state.phase._tag !== "Ended")
    for (const { state } of open) mailbox.put({ id: state.spec.id, event: { _tag: "Closing" } })
    yield* Effect.forEach(
      open.filter(({ state }) => !isSettled(state)),
      // a session that another process has taken over fails here, and is not waited for
      (entry) =>
        Effect.exit(
          waiters.wait(entry.state.spec.id, Table.seenOf(entry), ({ state }) => isSettled(state), "close")
        ),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.timeoutOption(within))
    const left = open.filter(({ recorded, state }) =>
      table.get(state.spec.id) !== undefined && !(recorded && isSettled(state))
    )
    for (const { state } of left) {
      if (state.phase._tag === "Ended") {
        yield* Effect.logError(
          `closed before the end of the session ${state.spec.id} could be recorded: its machine is verified gone, and the next ` +
            "start finds that out"
        )
        continue
      }
      const machines = state.pendingTerminations.map(({ computeId, provider }) => `${provider} ${computeId}`).join(", ")
      yield* Effect.logError(
        `closed before the session ${state.spec.id} was verified to be over: it is in the store and is ended at the next start`
      ).pipe(Effect.annotateLogs({ machines: machines === "" ? "not known yet" : machines }))
    }
  })
