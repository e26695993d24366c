/** What one decision works with: the clocks, the configuration, and the commands and events so far. */
import type { ComputeId, ProviderId } from "../../../domain/Ids.ts"
import type { Now } from "../Clock.ts"
import type { DecideConfig } from "../Config.ts"
import type { Command, SessionEvent } from "../Event.ts"
import { spread } from "../Ids.ts"
import type { SessionState, Timers } from "../State.ts"

/** A function that takes a step adds to both lists and returns the next state; the same state means that nothing changed. */
export interface Step {
  readonly now: Now
  readonly config: DecideConfig
  readonly commands: Array<Command>
  readonly events: Array<SessionEvent>
}

export interface Machine {
  readonly provider: ProviderId
  readonly computeId: ComputeId
}

export { isSame } from "../State.ts"

export const noTimers: Timers = { look: null, check: null, bill: null, beat: null }

const shortestPause = 1_000
const longestPause = 60_000

/** The pause after this many tries: doubling from a second to a minute, and up to a quarter shorter depending on the id. */
export const pauseAfter = (tries: number, id: string): number =>
  Math.ceil(Math.min(longestPause, shortestPause * 2 ** Math.max(0, tries - 1)) * (1 - spread(`${id}/${tries}`) / 4))

export const withTimers = (state: SessionState, timers: Partial<Timers>): SessionState => ({
  ...state,
  timers: { ...state.timers, ...timers }
})
