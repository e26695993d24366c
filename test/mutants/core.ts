/** Mistakes in the pure core, `decide` and what it is made of. */
import { type Patch, tests, worlds } from "./mutant.ts"

const at = "src/orchestrator/session"
/** Plays single sessions without an engine. */
const lives = tests("test/orchestrator/session/world.test.ts")

export const core: ReadonlyArray<Patch> = [
  {
    name: "retry-create",
    why: "a create whose answer was lost is sent again",
    file: `${at}/internal/renting.ts`,
    find: "const { authHash, fault, misnamed } = input",
    replace: `const place = state.spec.candidates[phase.attempt.candidate]
  if (place !== undefined) {
    step.commands.push({ _tag: "Rent", attempt: phase.attempt, candidate: place })
    return state
  }
  const { authHash, fault, misnamed } = input`,
    noticedBy: [worlds("rents", ["one"]), worlds("runpod", ["one"], 1), lives]
  },
  {
    name: "forget-twin",
    why: "a second machine of the current attempt is ignored",
    file: `${at}/internal/renting.ts`,
    find: "return terminations.addOrphan(state, step, seen",
    replace: "if (isCurrent) return state\n  return terminations.addOrphan(state, step, seen",
    noticedBy: [worlds("deletes", ["one"]), lives]
  },
  {
    name: "drop-stray-after-ended",
    why: "a machine that appears after the end of its session is ignored",
    file: `${at}/internal/renting.ts`,
    find: "return terminations.addOrphan(state, step, seen",
    replace: "if (phase._tag === \"Ended\") return state\n  return terminations.addOrphan(state, step, seen",
    noticedBy: [worlds("rents", ["ends"]), lives]
  },
  {
    name: "terminate-answered-means-gone",
    why: "a delete that was answered counts as done, without a get that confirms it",
    file: `${at}/internal/terminations.ts`,
    find: "return change(state, old, { step: \"confirming\"",
    replace:
      "if (old.tries > 0) return markTerminated(state, step, machine)\n  return change(state, old, { step: \"confirming\"",
    noticedBy: [worlds("deletes", ["ends"]), worlds("runpod", ["ends"], 1), lives]
  },
  {
    name: "one-terminate-try",
    why: "a delete that did not work is never tried again",
    file: `${at}/internal/terminations.ts`,
    find: "const at = step.now.mono + pauseAfter(",
    replace: "const at = Number.MAX_SAFE_INTEGER + 0 * pauseAfter(",
    noticedBy: [worlds("deletes", ["ends", "liveness", "prompt"]), lives]
  },
  {
    name: "missed-means-gone",
    why: "a machine that is missing from one listing counts as gone",
    file: `${at}/internal/living.ts`,
    find: "return phase.settles > step.now.mono ? state : check(state, step, phase)",
    replace: "return dead(state, step, phase, null)",
    noticedBy: [worlds("preemption", ["one"]), lives]
  },
  {
    name: "respawn-before-residual",
    why: "a preempted machine counts as gone, and its successor is rented beside it",
    file: `${at}/internal/living.ts`,
    find: "const left = isGone",
    replace: "const left = isGone || cause === \"preempted\"",
    noticedBy: [worlds("preemption", ["one"]), lives]
  },
  {
    name: "renting-adopted-as-never-sent",
    why: "after a restart a create that was under way counts as never sent",
    file: `${at}/internal/renting.ts`,
    find: "const fault = phase._tag === \"Resolving\"",
    replace: `if (phase._tag === "Renting") {
    return rent(state, step, { ...phase, candidate: phase.attempt.candidate, search: searchOf(state, phase) })
  }
  const fault = phase._tag === "Resolving"`,
    noticedBy: [worlds("crashes", ["one", "ends"]), lives]
  },
  {
    name: "idle-on-wall-clock",
    why: "idle time is measured on the bare wall clock, which may be set back",
    file: `${at}/Limits.ts`,
    find: "({ mono }: Now): number => mono",
    replace: "(_: Now): number => Clock.bare.wall",
    and: [
      {
        file: `${at}/Clock.ts`,
        find: "  const mono = Math.max(last.mono, Math.floor(read.mono))",
        replace: "  bare.wall = Math.floor(read.wall)\n  const mono = Math.max(last.mono, Math.floor(read.mono))"
      },
      {
        file: `${at}/Clock.ts`,
        find: "export const restart = (last: Now, read: Now): Now => ({",
        replace: `export const bare = { wall: 0 }
export const restart = (last: Now, read: Now): Now => (bare.wall = Math.floor(read.wall), {`
      }
    ],
    noticedBy: [worlds("clocks", ["use", "ends"]), lives]
  },
  {
    name: "cap-on-monotonic",
    why: "money is counted on the monotonic clock, which stands still in a suspended machine",
    file: `${at}/Clock.ts`,
    find: "wall: suspended === null ? Math.max(Math.floor(read.wall), awake) : awake + suspended",
    replace: "wall: awake",
    noticedBy: [worlds("clocks", ["money", "prompt"]), lives]
  },
  {
    name: "downtime-free",
    why: "the time between two processes is not counted",
    file: `${at}/Decide.ts`,
    find: "    touched: touchedAgain(state, step),\n",
    replace: `    meter: {
      ...state.meter,
      running: state.meter.running.map((old) => ({ ...old, since: old.since + step.now.wall - state.clock.wall }))
    },
    touched: touchedAgain(state, step),
`,
    noticedBy: [worlds("crashes", ["money"]), worlds("runpod", ["money"], 1), lives]
  },
  {
    name: "unknown-price-is-zero",
    why: "a capped session lives on a machine whose price is unknown, as if it cost nothing",
    file: `${at}/internal/renting.ts`,
    find: "Meter.isPrice(compute.costPerHour) ? compute.costPerHour : null",
    replace: "Meter.isPrice(compute.costPerHour) ? compute.costPerHour : policy.maxCost !== null ? 0 : null",
    noticedBy: [worlds("money", ["money"]), lives]
  },
  {
    name: "meter-stops-at-terminate",
    why: "a machine is not counted any more once its delete was answered",
    file: `${at}/internal/terminations.ts`,
    find: "return change(state, old, { step: \"confirming\", at: null, fault: null })",
    replace: `const meter = Meter.close(state.meter, machine, step.now.wall)
  return change({ ...state, meter }, old, { step: "confirming", at: null, fault: null })`,
    noticedBy: [worlds("money", ["money"]), lives]
  },
  {
    name: "stale-report-accepted",
    why: "a report of an earlier attempt counts for the current one",
    file: `${at}/internal/living.ts`,
    find: "if (current !== null && current.id === input.attempt) {",
    replace: "if (current !== null) {",
    noticedBy: [worlds("preemption", ["outcome"]), lives]
  },
  {
    name: "stop-during-renting-forgotten",
    why: "a stop that comes before the machine is forgotten",
    file: `${at}/internal/ending.ts`,
    find: "if (phase.stopping !== null) return state",
    replace: "if (phase.stopping !== null || reason === \"stopped\") return state",
    noticedBy: [worlds("rents", ["ends"]), lives]
  },
  {
    name: "close-kills-persisted",
    why: "closing ends a session that persists",
    file: `${at}/Decide.ts`,
    find: "state.spec.persist && state.report === null",
    replace: "state.phase._tag === \"Ended\"",
    noticedBy: [worlds("closing", ["adoption"]), lives]
  },
  {
    name: "settle-window-once",
    why: "one settle window without the name proves that nothing was made",
    file: `${at}/internal/renting.ts`,
    find: "2 * settleWindow",
    replace: "settleWindow",
    noticedBy: [worlds("rents", ["one"]), lives]
  }
]
