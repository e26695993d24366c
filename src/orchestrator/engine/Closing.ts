/**
 * A graceful end: who does not persist is ended and verified gone, within a time; who is left is named and stays on record.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionState } from "../session/State.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Table } from "./Table.ts"
import type { Waiters } from "./Waiters.ts"

/** Whether nothing is left to do for it before the process may end. */
const isSettled = ({ phase, report, spec }: SessionState): boolean =>
  phase._tag === "Ended" ||
  (spec.persist && report === null && (phase._tag === "Live" || phase._tag === "Waiting"))

/** Ends what does not persist and waits for it, at most `within`. */
export const close = ({ mailbox, table, waiters, within }: {
  readonly mailbox: Mailbox
  readonly table: Table
  readonly waiters: Waiters
  readonly within: Duration.Input
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    const open = [...table.all()].filter(({ state }) => state.phase._tag !== "Ended")
    for (const { state } of open) mailbox.put({ id: state.spec.id, event: { _tag: "Closing" } })
    yield* Effect.forEach(
      open.filter(({ state }) => !isSettled(state)),
      // one that somebody else has taken over is nobody's to wait for
      (entry) => Effect.exit(waiters.wait(entry.state.spec.id, entry, ({ state }) => isSettled(state), "close")),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.timeoutOption(within))
    const left = open.filter(({ state }) => table.get(state.spec.id) !== undefined && !isSettled(state))
    for (const { state } of left) {
      const machines = state.residuals.map(({ computeId, provider }) => `${provider} ${computeId}`).join(", ")
      yield* Effect.logError(
        `closed before the session ${state.spec.id} was verified to be over; it is on record and ended at the next start`
      ).pipe(Effect.annotateLogs({ machines: machines === "" ? "not known yet" : machines }))
    }
  })
