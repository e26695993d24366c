/** Mistakes around a store that fails: renting waits for the record, ending never does, and one row harms only itself. */
import { type Patch, tests, worlds } from "./mutant.ts"

const at = "src/orchestrator/engine"
const rereading = "src/orchestrator/session/internal/rereading.ts"
const reserve = "src/orchestrator/store/reserve.ts"
const outageTests = tests("test/orchestrator/engine/outage.test.ts")
const badRow = tests("test/orchestrator/engine/badRow.test.ts")
const commits = tests("test/orchestrator/engine/commits.test.ts")
const reread = tests("test/orchestrator/session/rereading.test.ts")
const fullDisk = tests("test/orchestrator/store/reserve.test.ts")

export const outage: ReadonlyArray<Patch> = [
  {
    name: "create-before-its-record",
    why: "a create whose record is late is sent without it",
    file: `${at}/Unsaved.ts`,
    find: "item._tag === \"Run\" && item.command._tag !== \"Rent\")",
    replace: "item._tag === \"Run\")",
    noticedBy: [outageTests]
  },
  {
    name: "terminate-waits-for-its-record",
    why: "while the store cannot be written no machine is ended",
    file: `${at}/Unsaved.ts`,
    find: "(isLate && item._tag === \"Run\" && item.command._tag !== \"Rent\")",
    replace: "(isLate && item._tag === \"Run\" && item.command._tag === \"Resolve\")",
    noticedBy: [outageTests, worlds("outage", ["prompt"], 3)]
  },
  {
    name: "terminate-waits-for-a-commit-that-hangs",
    why: "what ends a machine waits for a commit that is not answered",
    file: `${at}/Writer.ts`,
    find: "return outage !== null || aside.has(idOf(entry)) || now.mono - unsaved.since >= patience",
    replace: "return outage !== null || aside.has(idOf(entry)) || now.mono - unsaved.since >= patience * 1e9",
    noticedBy: [outageTests]
  },
  {
    name: "row-has-what-was-decided-meanwhile",
    why: "a commit counts for what was decided while it was written, so that a create goes before its record",
    file: `${at}/Writer.ts`,
    find: "{ written: revision,",
    replace: "{ written: Math.max(revision, unsaved.revision),",
    noticedBy: [commits]
  },
  {
    name: "stop-before-its-record",
    why: "a stop succeeds before the end of its session is recorded",
    file: `${at}/Table.ts`,
    find: "    : { state: unsaved.recorded, compute, recorded: true }",
    replace: "    : { state, compute, recorded: true }",
    noticedBy: [outageTests]
  },
  {
    name: "bad-row-holds-the-others",
    why: "a row that cannot be written keeps all others from being written",
    file: `${at}/Writer.ts`,
    find: "const probes = isSlow || outage !== null ? 1 : mostProbes",
    replace: "const probes = isSlow || outage !== null ? 0 : 0 * mostProbes",
    noticedBy: [badRow, worlds("rows", ["apart"], 2)]
  },
  {
    name: "bad-row-lives-on",
    why: "a session whose row cannot be written, beside rows that are written, is never ended",
    file: `${at}/SetAside.ts`,
    find: "(isOver || (one.strikes >= mostStrikes && now.mono - one.since >= longestTrial))",
    replace: "(isOver || (one.strikes >= mostStrikes && now.mono < one.since + 0 * longestTrial))",
    noticedBy: [badRow]
  },
  {
    name: "outage-ends-the-only-session",
    why: "a store that cannot be written is taken for a bad row, and its session is ended",
    file: `${at}/SetAside.ts`,
    find: "if (isOver || proof === \"others_work\" || one.hasProof) one.strikes += 1",
    replace: "one.strikes += 1",
    noticedBy: [outageTests]
  },
  {
    name: "lost-compare-and-set-drops-the-session",
    why: "a session whose row was restored is dropped with its machine, although the owner lock is held",
    file: `${at}/Writer.ts`,
    find: "      unread.set(id, entry)\n      dirty.delete(id)\n      if",
    replace:
      "      table.remove(id)\n      behind.delete(id)\n      waiters.gone(id)\n      dirty.delete(id)\n      if",
    noticedBy: [badRow, worlds("rollback", ["proven"], 2)]
  },
  {
    name: "ended-while-the-lock-is-in-doubt",
    why: "a machine is ended while the store cannot tell whether another process has its session",
    file: `${at}/Writer.ts`,
    find: "if (isDoubted) return false",
    replace: "if (isDoubted && entry.state.attempts.length === 0) return false",
    noticedBy: [badRow]
  },
  {
    name: "machine-of-a-restored-row-left",
    why: "a machine that only a restored row names is left alive",
    file: `${at}/Writer.ts`,
    find: "if (found !== undefined) yield* hear({",
    replace: "if (found !== undefined && why !== null) yield* hear({",
    noticedBy: [badRow]
  },
  {
    name: "refused-session-stays-stored",
    why: "a session that was refused, and stored all the same, is rented for by the next process",
    file: `${at}/Writer.ts`,
    find: "    withdrawn.add(id)\n",
    replace: "    if (entry.isStored) withdrawn.add(id)\n",
    noticedBy: [commits]
  },
  {
    name: "restored-row-by-a-bare-id",
    why: "a machine of another provider in a restored row is taken for the session's own, since their ids are equal",
    file: rereading,
    find: "if (phase._tag === \"Live\") return isSame(phase, machine)",
    replace: "if (phase._tag === \"Live\") return phase.computeId === machine.computeId",
    noticedBy: [reread]
  },
  {
    name: "machine-of-a-restored-row-for-free",
    why: "what a machine costs that only a restored row names is not counted",
    file: rereading,
    find: "const meter = counted === undefined ||",
    replace: "const meter = counted === undefined || counted.usd >= 0 ||",
    noticedBy: [reread]
  },
  {
    name: "answer-awaited-and-ended",
    why: "the machine that a create may still be answered with is ended when its row is read again",
    file: rereading,
    find: "return (phase._tag === \"Renting\" || phase._tag === \"Resolving\") && phase.attempt.name === machine.name",
    replace: "return phase._tag === \"Resolving\" && phase.attempt.name === machine.name",
    noticedBy: [reread]
  },
  {
    name: "number-that-spoils-a-row",
    why: "a status that is no whole number enters the state, and its row cannot be written any more",
    file: "src/orchestrator/session/internal/bounds.ts",
    find: "value !== null && Number.isSafeInteger(value) ? value + 0 : null",
    replace: "value !== null ? value + 0 : null",
    noticedBy: [tests("test/orchestrator/session/bounds.test.ts")]
  },
  {
    name: "endless-time-spoils-a-row",
    why: "an endless time enters the state, and its row cannot be written any more",
    file: "src/orchestrator/session/internal/bounds.ts",
    find: "? last : clamp(value, -longestTime, longestTime)",
    replace: "? last : value",
    noticedBy: [tests("test/orchestrator/session/bounds.test.ts")]
  },
  {
    name: "price-below-zero",
    why: "a price below zero lowers the spend",
    file: "src/orchestrator/session/internal/bounds.ts",
    find: "!Number.isFinite(value) || value < 0 ? null",
    replace: "!Number.isFinite(value) ? null",
    noticedBy: [tests("test/orchestrator/session/money.test.ts")]
  },
  {
    name: "reserve-kept-on-a-full-disk",
    why: "the room that is kept for the end of sessions is not given up when it is needed",
    file: reserve,
    find: "        yield* release\n",
    replace: "        if (missingSince !== null) yield* release\n",
    noticedBy: [fullDisk]
  },
  {
    name: "reserve-for-new-sessions",
    why: "new sessions use up the room that is kept for the end of others",
    file: reserve,
    find: "if (begins && (isFull || (isMissing && !isMade))) {",
    replace: "if (begins && isFull && isMissing && !isMade && refillEvery < 0) {",
    noticedBy: [fullDisk]
  }
]
