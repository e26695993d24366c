/** Mistakes of the reaper, which deletes what is not its to delete. */
import { type Patch, worlds } from "./mutant.ts"

const file = "src/orchestrator/Reaper.ts"

export const reaper: ReadonlyArray<Patch> = [
  {
    name: "reap-without-store-answer",
    why: "a machine is ended whatever the store says of it, or cannot say",
    file,
    find: "if (answer !== \"none\") return",
    replace: "if (dryRun && answer !== \"none\") return",
    noticedBy: [worlds("usurpers", ["ours"])]
  },
  {
    name: "reap-young",
    why: "a machine is ended however young it is",
    file,
    find: "if (isYoung(compute, seen, listing)) return",
    replace: "if (dryRun && isYoung(compute, seen, listing)) return",
    noticedBy: [worlds("owners", ["ours"])]
  },
  {
    name: "reap-any-owner",
    why: "machines of another owner are ended",
    file,
    find: "if (owner !== engine.owner) {",
    replace: "if (dryRun && owner !== engine.owner) {",
    noticedBy: [worlds("owners", ["ours"])]
  }
]
