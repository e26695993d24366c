/** Mistakes in the engine: the order of its steps, and its timers. */
import { type Patch, worlds } from "./mutant.ts"

const at = "src/orchestrator/engine"

export const engine: ReadonlyArray<Patch> = [
  {
    name: "skip-intent",
    why: "commands are started before their rows are committed",
    file: `${at}/Unsaved.ts`,
    find: "(isLate && item._tag === \"Run\" && item.command._tag !== \"Rent\")",
    replace: "item._tag === \"Run\"",
    noticedBy: [worlds("mixed", ["known", "order"])]
  },
  {
    name: "publish-before-commit",
    why: "events are published before their rows are committed",
    file: `${at}/Unsaved.ts`,
    find: "isAll || item.revision <= unsaved.written ||",
    replace: "item._tag === \"Tell\" || isAll || item.revision <= unsaved.written ||",
    noticedBy: [worlds("mixed", ["order"])]
  },
  {
    name: "lose-timer",
    why: "a session that is ending is not woken any more",
    file: `${at}/Scheduler.ts`,
    find: "if (next === null || (entry.wake",
    replace: "if (entry.state.phase._tag === \"Ending\" || next === null || (entry.wake",
    noticedBy: [worlds("deletes", ["liveness", "ends"])]
  }
]
