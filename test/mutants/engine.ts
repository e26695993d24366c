/** Mistakes in the engine: the order of its steps, and its timers. */
import { type Patch, worlds } from "./mutant.ts"

const at = "src/orchestrator/engine"

export const engine: ReadonlyArray<Patch> = [
  {
    name: "skip-intent",
    why: "commands are started before their rows are committed",
    file: `${at}/BatchLoop.ts`,
    find: "const writes = Batch.writes(updates)",
    replace: `yield* Effect.forEach(updates.values(), runner.start, { discard: true })
    const writes = Batch.writes(updates)`,
    and: [{ file: `${at}/BatchLoop.ts`, find: "yield* runner.start(update)", replace: "yield* Effect.void" }],
    noticedBy: [worlds("mixed", ["known", "order"])]
  },
  {
    name: "publish-before-commit",
    why: "events are published before their rows are committed",
    file: `${at}/BatchLoop.ts`,
    find: "const writes = Batch.writes(updates)",
    replace: `yield* Effect.forEach(updates.values(), publish, { discard: true })
    const writes = Batch.writes(updates)`,
    and: [{ file: `${at}/BatchLoop.ts`, find: "yield* publish(update)", replace: "yield* Effect.void" }],
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
