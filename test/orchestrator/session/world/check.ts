/** The checks that must hold whatever happens to a session, and the error of a play in which one does not. */
export type Check =
  | "nothing throws"
  | "one create for an attempt"
  | "no create beside a machine that is not being terminated"
  | "a machine once known is known until it is gone"
  | "a machine that is seen is known"
  | "at rest every machine is known"
  | "a session past its limits ends, and nothing of it is left"
  | "a stop is kept"
  | "the spend is never below the ledger"
  | "the spend never goes back"
  | "a capped session does not live past its cap"
  | "a capped session has no machine of unknown price"
  | "a deadline never moves later"
  | "a request is under way, or a wake time is set"
  | "a wake leads to a later wake time"
  | "a state survives its JSON"
  | "events tell one end, in order"
  | "only reports of the current attempt count"
  | "closing keeps what persists"
  | "what is asked for is committed first"

export class Violation extends Error {
  readonly check: Check
  constructor(check: Check, facts: string) {
    super(`${check}: ${facts}`)
    this.check = check
  }
}
