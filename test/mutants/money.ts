/** Mistakes in what a session costs: the meter, its cap, the bill, and the limits that end it. */
import { type Patch, tests, worlds } from "./mutant.ts"

const at = "src/orchestrator/session"
const money = tests("test/orchestrator/session/money.test.ts")
const limits = tests("test/orchestrator/session/limits.test.ts")
const replacing = tests("test/orchestrator/session/replacing.test.ts")
const restart = tests("test/orchestrator/session/restart.test.ts")
const twoMachines = tests("test/orchestrator/session/twoMachines.test.ts")

export const meter: ReadonlyArray<Patch> = [
  {
    name: "spend-of-one-machine",
    why: "of two machines at once only the first is counted",
    file: `${at}/Meter.ts`,
    find: "(sum, running) => sum + costOf(running, wall),",
    replace: "(sum, running, index) => index > 0 ? sum : sum + costOf(running, wall),",
    noticedBy: [twoMachines]
  },
  {
    name: "cap-at-one-price",
    why: "the time until the cap is that of the dearest machine, not of all at once",
    file: `${at}/Meter.ts`,
    find: "(sum, running) => sum + (running.rate ?? 0), 0)",
    replace: "(sum, running) => Math.max(sum, running.rate ?? 0), 0)",
    noticedBy: [twoMachines]
  },
  {
    name: "meter-by-bare-id",
    why: "machines of two providers with the same id are counted as one",
    file: `${at}/Meter.ts`,
    find: "running.computeId === machine.computeId && running.provider === machine.provider",
    replace: "running.computeId === machine.computeId",
    noticedBy: [twoMachines]
  },
  {
    name: "settled-replaced",
    why: "what a gone machine has cost replaces what earlier ones have cost",
    file: `${at}/Meter.ts`,
    find: "usd: old.usd + usd",
    replace: "usd: Math.max(old.usd, usd)",
    noticedBy: [twoMachines]
  },
  {
    name: "new-price-for-the-past",
    why: "a new price counts from the beginning, not from now on",
    file: `${at}/Meter.ts`,
    find: "usd: costOf(old, wall), rate, since: Math.max(wall, old.since)",
    replace: "usd: old.usd, rate, since: Math.min(wall, old.since)",
    noticedBy: [money]
  },
  {
    name: "late-price-from-now",
    why: "a price that becomes known late counts from then on",
    file: `${at}/Meter.ts`,
    find: "return { ...old, rate, usd: Math.max(0, old.usd - rate * Math.max(0, wall - old.since) / hour) }",
    replace: "return { ...old, rate, since: Math.max(wall, old.since) }",
    noticedBy: [money]
  },
  {
    name: "bill-lowers",
    why: "a bill that lags lowers the spend",
    file: `${at}/Meter.ts`,
    find: "usd > costOf(old, wall)",
    replace: "usd !== costOf(old, wall)",
    noticedBy: [money]
  },
  {
    name: "bill-of-an-earlier-machine",
    why: "the bill of the machine before counts for its replacement",
    file: `${at}/internal/living.ts`,
    find: "if (!isLast && (phase._tag !== \"Live\" || !isSame(phase, input))) return state",
    replace: "if (!isLast && phase._tag !== \"Live\") return state",
    noticedBy: [money]
  },
  {
    name: "no-bill-at-the-end",
    why: "a session that ends does not ask for its bill once more",
    file: `${at}/internal/ending.ts`,
    find: "state.timers.bill !== null && state.timers.bill.at !== null",
    replace: "state.timers.bill !== null && state.timers.bill.at === null",
    noticedBy: [money]
  },
  {
    name: "counted-from-the-answer",
    why: "a machine is counted from the answer of its create, not from when it was asked for",
    file: `${at}/internal/renting.ts`,
    find: "Math.min(attempt.sentAt, wall)",
    replace: "Math.max(attempt.sentAt, wall)",
    noticedBy: [money]
  },
  {
    name: "orphan-counted-from-sight",
    why: "a duplicate is counted from when it was seen, not from its create",
    file: `${at}/internal/terminations.ts`,
    find: "? wall : madeAt",
    replace: "? wall : Math.max(wall, madeAt)",
    noticedBy: [twoMachines]
  },
  {
    name: "orphan-for-free",
    why: "a duplicate costs nothing while it is being ended",
    file: `${at}/internal/terminations.ts`,
    find: "Meter.open(state.meter, seen, seen.costPerHour, Math.min(since, wall))",
    replace: "Meter.open(state.meter, seen, 0 * (seen.costPerHour ?? 0), Math.min(since, wall))",
    noticedBy: [twoMachines]
  },
  {
    name: "respawn-past-the-limits",
    why: "a replacement is rented for a session whose time or money is up",
    file: `${at}/internal/replacing.ts`,
    find: "const reason = reachedLimit(state, step.now)",
    replace: "const reason = state.respawns < 0 ? reachedLimit(state, step.now) : null",
    and: [{
      file: `${at}/internal/renting.ts`,
      find: "const reason = reachedLimit(state, step.now)",
      replace: "const reason = state.respawns < 0 ? reachedLimit(state, step.now) : null"
    }],
    noticedBy: [money]
  },
  {
    name: "next-candidate-past-the-limits",
    why: "the next candidate is rented for a session whose time or money is up",
    file: `${at}/internal/renting.ts`,
    find: "const reason = reachedLimit(state, step.now)",
    replace: "const reason = state.respawns < 0 ? reachedLimit(state, step.now) : null",
    noticedBy: [replacing]
  },
  {
    name: "crash-is-a-loss",
    why: "a command that crashed is run again on a new machine, as often as its policy allows",
    file: `${at}/internal/replacing.ts`,
    find: "return phase.ready ? \"ended\" : \"lost\"",
    replace: "return phase.ready ? \"lost\" : \"ended\"",
    noticedBy: [replacing]
  },
  {
    name: "ended-by-itself-is-a-loss",
    why: "a machine that stopped when its own command had ended, as its exit code says, is rented again",
    file: `${at}/internal/replacing.ts`,
    find: "if (seen !== null && seen.exitCode !== null) return",
    replace: "if (seen !== null && seen.exitCode === 99) return",
    noticedBy: [replacing]
  },
  {
    name: "lost-is-never-replaced",
    why: "where there are no spot machines a lost machine is never replaced",
    file: `${at}/internal/replacing.ts`,
    find: "end of its log\n  return \"lost\"",
    replace: "end of its log\n  return \"ended\"",
    noticedBy: [replacing, tests("test/orchestrator/respawn.test.ts")]
  },
  {
    name: "never-ready-left-beside-its-replacement",
    why: "a machine that is never ready is replaced and left alive",
    file: `${at}/internal/living.ts`,
    find: "  return replace(\n    terminations.add(",
    replace: "  return replace(\n    state.respawns >= 0 ? withoutMachine(state, step, phase) : terminations.add(",
    noticedBy: [replacing]
  },
  {
    name: "one-respawn-more",
    why: "a machine is replaced once more than its policy allows",
    file: `${at}/internal/replacing.ts`,
    find: "respawns < onFailure.max",
    replace: "respawns <= onFailure.max",
    noticedBy: [replacing]
  },
  {
    name: "runtime-from-the-last-machine",
    why: "each replacement has the whole runtime again",
    file: `${at}/Limits.ts`,
    find: "left: state.createdAt + policy.maxRuntime - wall",
    replace: "left: (phase._tag === \"Live\" ? phase.rentedAt : state.createdAt) + policy.maxRuntime - wall",
    noticedBy: [replacing]
  },
  {
    name: "idle-anew-with-a-replacement",
    why: "each replacement has the whole idle time again",
    file: `${at}/internal/renting.ts`,
    find: "touched: isFirst ? activityOf(step.now) : state.touched,",
    replace: "touched: activityOf(step.now),",
    noticedBy: [limits]
  },
  {
    name: "idle-anew-after-a-restart",
    why: "each restart gives the whole idle time again, so that a session of a restarting host never ends",
    file: `${at}/Decide.ts`,
    find: "Math.max(state.touchedAt + idleTtl - step.now.wall, Math.min(idleTtl, shortestIdle))",
    replace: "Math.max(state.touchedAt + idleTtl - step.now.wall, Math.max(idleTtl, shortestIdle))",
    noticedBy: [restart]
  },
  {
    name: "restart-with-a-clock-set-back",
    why: "after a restart with a clock that was set back deadlines are later and the spend is lower",
    file: `${at}/Clock.ts`,
    find: "wall: Math.max(last.wall, Math.floor(bounded(read, last).wall)),",
    replace: "wall: Math.floor(bounded(read, last).wall),",
    noticedBy: [restart]
  },
  {
    name: "step-taken-for-a-suspend",
    why: "a wall clock that is set ahead ends sessions although suspended time is known",
    file: `${at}/Clock.ts`,
    find: "suspended === null ? Math.max(Math.floor(read.wall), awake) : awake + suspended",
    replace: "Math.max(Math.floor(read.wall), awake + (suspended ?? 0))",
    noticedBy: [tests("test/orchestrator/engine/scheduler.test.ts"), worlds("stalls", ["early"])]
  },
  {
    name: "suspend-not-counted",
    why: "what a machine costs while this computer is suspended is not counted",
    file: `${at}/Clock.ts`,
    find: "suspended === null ? Math.max(Math.floor(read.wall), awake) : awake + suspended",
    replace: "suspended === null ? Math.max(Math.floor(read.wall), awake) : awake",
    noticedBy: [tests("test/orchestrator/engine/scheduler.test.ts")]
  },
  {
    name: "no-deadline-before-ready",
    why: "a machine that never becomes ready has no limit",
    file: `${at}/Limits.ts`,
    find: "phase.readyArmed && !phase.ready",
    replace: "phase.readyArmed && phase.ready",
    noticedBy: [limits, worlds("ready", ["ends", "prompt"])]
  }
]
