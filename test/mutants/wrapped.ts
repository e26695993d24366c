/** Mistakes that need no change of the source: the simulation makes them in the services it gives to the orchestrator. */
import { worlds, type Wrapped } from "./mutant.ts"

export const wrapped: ReadonlyArray<Wrapped> = [
  {
    name: "ignore-cas",
    why: "a process goes on with a session whose row another process has written",
    fault: "ignore-cas",
    noticedBy: [worlds("usurpers", ["one", "order", "ours"])]
  },
  {
    name: "trust-incomplete-listing",
    why: "a failed listing counts as one that found nothing",
    fault: "trust-incomplete-listing",
    noticedBy: [worlds("rents", ["one", "proven"])]
  },
  {
    name: "keep-token",
    why: "the row holds the bearer token in place of its hash",
    fault: "keep-token",
    noticedBy: [worlds("mixed", ["secrets"])]
  },
  {
    name: "trace-environment",
    why: "the environment of a machine is written onto a span",
    fault: "trace-environment",
    noticedBy: [worlds("rents", ["secrets"])]
  }
]
