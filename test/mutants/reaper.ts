/** Mistakes in the reaper, which then terminates machines that it must leave alone. */
import { type Patch, worlds } from "./mutant.ts"

const file = "src/orchestrator/Reaper.ts"

export const reaper: ReadonlyArray<Patch> = [
  {
    name: "reap-without-store-answer",
    why: "a machine is terminated although the store knows its session or cannot answer",
    file,
    find: "if (answer !== \"none\") return",
    replace: "if (dryRun && answer !== \"none\") return",
    noticedBy: [worlds("usurpers", ["ours"])]
  },
  {
    name: "reap-young",
    why: "a machine is terminated however young it is",
    file,
    find: "if (isYoung(compute, seen, listing)) return",
    replace: "if (dryRun && isYoung(compute, seen, listing)) return",
    noticedBy: [worlds("owners", ["ours"])]
  },
  {
    name: "reap-any-owner",
    why: "machines of another owner are terminated",
    file,
    find: "if (owner !== engine.owner) {",
    replace: "if (dryRun && owner !== engine.owner) {",
    noticedBy: [worlds("owners", ["ours"])]
  }
]
