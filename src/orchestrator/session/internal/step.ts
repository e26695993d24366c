/** One decision in the making: the clocks, and what is asked for and told so far. */
import type { ComputeId, ProviderId } from "../../../domain/Ids.ts"
import type { Now } from "../Clock.ts"
import type { DecideConfig } from "../Config.ts"
import type { Command, SessionEvent } from "../Event.ts"
import { spread } from "../Ids.ts"
import type { SessionState, Timers } from "../State.ts"

/** A step adds to the two lists and gives back the state it leads to; a state given back as it was is "nothing changed". */
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

export const isSame = (one: Machine, other: Machine): boolean =>
  one.computeId === other.computeId && one.provider === other.provider

export const noTimers: Timers = { look: null, check: null, bill: null, beat: null }

const shortestPause = 1_000
const longestPause = 60_000

/** The pause after so many tries: doubling from a second to a minute, up to a quarter shorter by the id. */
export const pauseAfter = (tries: number, id: string): number =>
  Math.ceil(Math.min(longestPause, shortestPause * 2 ** Math.max(0, tries - 1)) * (1 - spread(`${id}/${tries}`) / 4))

export const withTimers = (state: SessionState, timers: Partial<Timers>): SessionState => ({
  ...state,
  timers: { ...state.timers, ...timers }
})
