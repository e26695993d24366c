/**
 * The graceful end of an engine: the sessions that do not persist are ended first. Whatever hangs, it takes no longer than it may.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { atMost } from "../internal/patience.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import * as Clocks from "./Clocks.ts"
import type * as Mailbox from "./Mailbox.ts"
import * as Table from "./Table.ts"
import type * as Waiters from "./Waiters.ts"

/** Milliseconds that each last step of a close has, even where the sessions have used up the time. */
const leastStep = 1_000

/** The time that all steps of a close have together; it runs from the first step on. */
export interface CloseBudget {
  /** Runs a step within what is left of the time, or within a second. */
  readonly step: (name: string, self: Effect.Effect<void>) => Effect.Effect<void>
  /** Milliseconds that are left. */
  readonly left: Effect.Effect<number>
}

/** A budget that has not begun. */
export const makeBudget = (within: Duration.Input): CloseBudget => {
  let deadline: number | null = null
  const left = Effect.map(Clocks.read, ({ mono }) => {
    deadline ??= mono + Duration.toMillis(Duration.fromInputUnsafe(within))
    return Math.max(0, deadline - mono)
  })
  return {
    left,
    step: (name, self) =>
      Effect.flatMap(left, (millis) =>
        Effect.flatMap(
          atMost(self, Math.max(leastStep, millis)),
          (ended) => Option.isSome(ended) ? Effect.void : Effect.logError(`closed without waiting any longer: ${name}`)
        ))
  }
}

/** Whether a session needs nothing more from this process: it is over, or persists and is not in doubt. */
const isSettled = ({ phase, report, spec }: SessionState): boolean =>
  phase._tag === "Ended" ||
  (spec.persist && report === null && (phase._tag === "Live" || phase._tag === "Waiting"))

/** Where a session that is left may still cost money: its machines by id, and creates in doubt by name. */
const machinesOf = ({ pendingTerminations, phase, spec }: SessionState): string => {
  const known = pendingTerminations.map(({ computeId, provider }) => `${provider} ${computeId}`)
  if (phase._tag === "Live") known.push(`${phase.provider} ${phase.computeId}`)
  if (phase._tag === "Renting" || phase._tag === "Resolving") {
    const { candidate, name } = phase.attempt
    known.push(`${spec.candidates[candidate]?.provider ?? "a provider"}: whatever is called ${name}`)
  }
  return known.join(", ")
}

/** Ends the sessions that do not persist and waits until they are over, at most so many milliseconds. */
export const closeSessions = ({ mailbox, table, waiters, within }: {
  readonly mailbox: Mailbox.Mailbox
  readonly table: Table.Table
  readonly waiters: Waiters.Waiters
  readonly within: number
}): Effect.Effect<void> =>
  Effect.gen(function*() {
    const told = new Set<SessionId>()
    const open = () => [...table.all()].filter(({ recorded, state }) => !(recorded && isSettled(state)))
    // again, because a session that was being written when the close began is seen only now
    const untilSettled: Effect.Effect<void> = Effect.suspend(() => {
      const untold = open().filter(({ state }) => !told.has(state.spec.id))
      for (const { state: { spec } } of untold) {
        told.add(spec.id)
        mailbox.put({ id: spec.id, event: { _tag: "Closing" } })
      }
      return untold.length === 0 ? Effect.void : Effect.andThen(
        Effect.forEach(
          untold,
          // a session that another process has taken over fails here, and is not waited for
          (entry) =>
            Effect.exit(
              waiters.wait(entry.state.spec.id, Table.seenOf(entry), ({ state }) => isSettled(state), "close")
            ),
          { concurrency: "unbounded", discard: true }
        ),
        untilSettled
      )
    })
    yield* Effect.timeoutOption(untilSettled, Duration.millis(within))
    for (const { isStored, state } of open()) {
      if (!isStored) {
        yield* Effect.logError(`closed before the session ${state.spec.id} could be stored: nothing was rented for it`)
        continue
      }
      if (state.phase._tag === "Ended") {
        yield* Effect.logError(
          `closed before the end of the session ${state.spec.id} could be recorded: its machine is verified gone, and the next ` +
            "start finds that out"
        )
        continue
      }
      yield* Effect.logError(
        `closed before the session ${state.spec.id} was verified to be over: it is in the store and is ended at the next start`
      ).pipe(Effect.annotateLogs({ machines: machinesOf(state) }))
    }
  })
