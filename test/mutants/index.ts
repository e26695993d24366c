/**
 * Every mutant, one file for each area. A new one is data: add it to the file of its area, or a file to this list.
 */
import { absence } from "./absence.ts"
import { core } from "./core.ts"
import { disk } from "./disk.ts"
import { done } from "./done.ts"
import { edges } from "./edges.ts"
import { engine } from "./engine.ts"
import { flyAndBuses } from "./fly.ts"
import { identity } from "./identity.ts"
import { leases } from "./leases.ts"
import { limiter } from "./limiter.ts"
import { looks } from "./looks.ts"
import { marker } from "./marker.ts"
import { meter } from "./money.ts"
import type { Mutant } from "./mutant.ts"
import { outage } from "./outage.ts"
import { queues } from "./queues.ts"
import { reaper } from "./reaper.ts"
import { sinks } from "./sinks.ts"
import { wrapped } from "./wrapped.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...core,
  ...meter,
  ...absence,
  ...identity,
  ...leases,
  ...limiter,
  ...edges,
  ...engine,
  ...queues,
  ...outage,
  ...reaper,
  ...marker,
  ...sinks,
  ...disk,
  ...done,
  ...flyAndBuses,
  ...looks,
  ...wrapped
]

/** Quick ones of each kind, for every run of `.ci/run`; the others run before a release. */
export const handful: ReadonlyArray<string> = [
  "retry-create",
  "terminate-answered-means-gone",
  "skip-intent",
  "reap-any-owner",
  "ignore-cas",
  "cap-at-one-price",
  "same-id-is-the-same-machine",
  "gone-by-the-time-of-the-answer",
  "released-before-the-answer"
]
