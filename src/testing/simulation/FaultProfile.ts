/**
 * How likely each fault of clouds, store and process is: shares of 0 to 1.
 *
 * @since 0.1.0
 */

/**
 * The share of calls or machines that meet each fault.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultProfile {
  /** A create is refused: nothing was made. */
  readonly refuse: number
  /** A create is rate limited. */
  readonly limit: number
  /** A create's answer is lost; mostly the machine was made. */
  readonly lose: number
  /** The cloud makes a machine twice. */
  readonly duplicate: number
  /** A create whose answer was lost makes its machine long after its caller has given up. */
  readonly late: number
  readonly listFails: number
  readonly getFails: number
  /** A delete fails, before or after it took effect. */
  readonly deleteFails: number
  /** The first deletes of a machine are accepted and not carried out. */
  readonly deleteIgnored: number
  /** An accepted delete takes long. */
  readonly deleteSlow: number
  /** A deleted machine is still listed as running for a while. */
  readonly flicker: number
  /** Answers do not name a machine's price. */
  readonly noPrice: number
  /** A commit fails, before or after it took effect. */
  readonly commitFails: number
  readonly commitSlow: number
  /** The store cannot be read. */
  readonly loadFails: number
  /** The process is killed at some point of a call. */
  readonly crash: number
  /** A create takes as long as its caller waits, and mostly makes its machine at the end of that. */
  readonly hang: number
  /** A look at one machine says that there is none, though it has long been there. */
  readonly deny: number
  /** A refusal asks to wait for hours. */
  readonly hours: number
  /** An answer holds a number that no row can hold: a price that is none, or a pause without an end. */
  readonly odd: number
  /** The headers of an answer say what is not so about how much may still be asked. */
  readonly quota: number
  /** What the application hands in fails, throws or does not answer: its bus, its tracer, its secrets. */
  readonly host: number
}

/**
 * Nothing goes wrong.
 *
 * @category models
 * @since 0.1.0
 */
export const noFaults: FaultProfile = {
  refuse: 0,
  limit: 0,
  lose: 0,
  duplicate: 0,
  late: 0,
  listFails: 0,
  getFails: 0,
  deleteFails: 0,
  deleteIgnored: 0,
  deleteSlow: 0,
  flicker: 0,
  noPrice: 0,
  commitFails: 0,
  commitSlow: 0,
  loadFails: 0,
  crash: 0,
  hang: 0,
  deny: 0,
  hours: 0,
  odd: 0,
  quota: 0,
  host: 0
}

/**
 * The same faults, so many times as often.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scaled = (rates: FaultProfile, share: number): FaultProfile => {
  const less: Record<keyof FaultProfile, number> = { ...rates }
  for (const name of names) less[name] = rates[name] * share
  return less
}

// the keys are the type's own
const names = Object.keys(noFaults) as ReadonlyArray<keyof FaultProfile>
