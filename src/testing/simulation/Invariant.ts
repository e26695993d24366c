/**
 * What must hold in every simulated world, whatever happens in it.
 *
 * @since 0.1.0
 */

/**
 * Each invariant by name, in a sentence.
 *
 * @category models
 * @since 0.1.0
 */
export const invariants = {
  known:
    "every machine that bears an owner's name was written down before it was asked for, and is kept until it is gone",
  one: "one create for an attempt, and no second machine beside one that is not being ended",
  ours: "a delete names only a machine of its owner that is being ended, or that is proven to belong to no session",
  ends: "what is to end ends, and is over only when its machines are gone from the ledger",
  money: "the meter is never below the ledger and never goes back, and a cap is kept",
  ready: "a machine counts as ready only once each port that was asked for has an address",
  early: "no limit ends a session before it is reached, though a wall clock was set ahead",
  order:
    "nothing is told or asked for before the row that says so is committed, and each end is told once and in order",
  secrets: "no secret stands in a row, an event, an error, a span or a line of the log",
  liveness: "no session waits with nothing under way and no time to wake",
  outcome: "an outcome rests on a report of the attempt it is about, and no task completes without one",
  adoption: "a session that persists outlives its process",
  use: "a session in use is not taken for an idle one",
  unwanted: "no create is sent after its session's stop was committed, its caller left or its process began to close",
  proven: "what is told to be ended is gone from the ledger",
  prompt: "a machine that is to end is terminated again and again, whatever else cannot be done",
  apart: "a row that cannot be written holds up no other",
  replaced: "a machine that was lost before it was ready is replaced as often as its session allows",
  steady: "nothing is asked for again and again without a pause"
} as const

/**
 * The name of an invariant.
 *
 * @category models
 * @since 0.1.0
 */
export type Invariant = keyof typeof invariants

/**
 * A broken invariant: which, at what true time, and what was found.
 *
 * @category models
 * @since 0.1.0
 */
export class Violation extends Error {
  override readonly name = "Violation"
  readonly invariant: Invariant
  /** Milliseconds of true time since the world began. */
  readonly at: number
  readonly facts: string
  constructor(invariant: Invariant, at: number, facts: string) {
    super(`${invariant} at ${(at / 1_000).toFixed(3)} s: ${facts}`)
    this.invariant = invariant
    this.at = at
    this.facts = facts
  }
}
