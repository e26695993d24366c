/** The setting of a seed: its clocks, its kinds of faults, its session. */
import { ProviderId } from "effect-atlas/domain/Ids"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Session from "../../../../src/orchestrator/Session.ts"
import type { Random } from "./random.ts"

/** How long a machine that was created may be missing from answers. */
export const window = 5_000
export const minute = 60_000

type Clocks = "steady" | "back" | "forward" | "suspend"

/** What a seed has most of: faults of every kind, lost answers, early stops, crashes, or few faults until the limits are reached. */
export type Focus = "all" | "rents" | "stops" | "crashes" | "peace"

export interface Setting {
  readonly clocks: Clocks
  readonly focus: Focus
  readonly config: Session.DecideConfig
  readonly spec: Session.SessionSpec
}

export const makeSetting = (rng: Random, seed: number): Setting => {
  const clocks = rng.pick<Clocks>("steady", "back", "forward", "suspend")
  const focus = rng.pick<Focus>("all", "rents", "stops", "crashes", "peace")
  const provider = ProviderId.make("acme")
  const timings = { settleWindow: window }
  const config: Session.DecideConfig = {
    ...Session.defaults,
    timings,
    providers: seed % 2 === 0 ? { [provider]: timings } : {},
    retention: 120 * minute
  }
  const isTask = rng.chance(0.5)
  const maxCost = rng.chance(0.4) ? rng.pick(0.01, 0.2, 5) : null
  const policy: Session.Policy.Policy = {
    idleTtl: isTask ? null : rng.pick(5 * minute, 40 * minute),
    maxRuntime: isTask || rng.chance(0.3) ? rng.pick(10 * minute, 45 * minute) : null,
    readyTimeout: rng.chance(0.3) ? 3 * minute : null,
    finishGrace: rng.chance(0.8) ? minute : null,
    heartbeat: rng.chance(0.5) ? minute : null,
    reconcileSpend: rng.chance(0.5) ? 5 * minute : null,
    maxCost,
    onFailure: rng.chance(0.6) ? { _tag: "Respawn", max: rng.below(3) } : { _tag: "Stop" }
  }
  const spec: Session.SessionSpec = {
    id: Session.SessionId.make(`s${seed}`),
    owner: Owner.make("team1"),
    mode: isTask ? "task" : "interactive",
    userId: null,
    persist: rng.chance(0.6),
    request: {
      gpuCount: 1,
      image: null,
      cloudType: "any",
      spot: rng.chance(0.7),
      ports: [],
      envNames: ["KEY"],
      volumeGb: null,
      containerDiskGb: null,
      networkVolumeId: null,
      templateId: null,
      name: "job",
      auth: "none",
      providerOpts: {},
      withheld: [],
      command: ["run"],
      selfTerminate: true
    },
    candidates: rng.chance(0.5)
      ? [{ provider, gpu: "h100", regionHints: [] }, { provider, gpu: "a100_80g", regionHints: ["eu"] }]
      : [{ provider, gpu: null, regionHints: [] }],
    policy
  }
  return { clocks, focus, config, spec }
}
