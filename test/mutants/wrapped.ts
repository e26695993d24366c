/** Mistakes that need no change of the source: the simulation makes them around the orchestrator. */
import { worlds, type Wrapped } from "./mutant.ts"

export const wrapped: ReadonlyArray<Wrapped> = [
  {
    name: "ignore-cas",
    why: "a process whose row another one has written goes on",
    fault: "ignore-cas",
    noticedBy: [worlds("usurpers", ["one", "order"])]
  },
  {
    name: "trust-incomplete-listing",
    why: "a look by name that failed counts as one that found nothing",
    fault: "trust-incomplete-listing",
    noticedBy: [worlds("rents", ["one"])]
  },
  {
    name: "keep-token",
    why: "the bearer token stands in the row in place of its hash",
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
