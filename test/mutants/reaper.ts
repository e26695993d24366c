/** Mistakes in the reaper, which then terminates machines that it must leave alone. */
import { type Patch, worlds } from "./mutant.ts"

const file = "src/orchestrator/Reaper.ts"

export const reaper: ReadonlyArray<Patch> = [
  {
    name: "reap-without-store-answer",
    why: "a machine is terminated although the store knows its session",
    file,
    find: "if (holders.sessions.has(attempt)) return",
    replace: "if (dryRun && holders.sessions.has(attempt)) return",
    noticedBy: [worlds("usurpers", ["ours"])]
  },
  {
    name: "reap-young",
    why: "a machine is terminated however young it is",
    file,
    find: "if (isYoung(compute, seen, listing)) return",
    replace: "if (others.size > 99 && isYoung(compute, seen, listing)) return",
    noticedBy: [worlds("owners", ["ours"])]
  },
  {
    name: "reap-any-owner",
    why: "machines of another owner are terminated",
    file,
    find: "if (stamp.owner !== engine.owner) {",
    replace: "if (others.size > 99) {",
    noticedBy: [worlds("owners", ["ours"])]
  },
  {
    name: "reap-any-store",
    why: "machines that another store of the same owner has rented are terminated",
    file,
    find: "    if (isOtherStores(stamp)) {",
    replace: "    if (stamp.store === \"none\" && isOtherStores(stamp)) {",
    noticedBy: [worlds("owners", ["ours"])]
  }
]
