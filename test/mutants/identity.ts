/** Mistakes about which machine is which: equal ids at two providers, names, owners, and rows that another process has written. */
import { type Patch, tests, worlds } from "./mutant.ts"

const session = "src/orchestrator/session"
const renting = tests("test/orchestrator/session/renting.test.ts")
const twoMachines = tests("test/orchestrator/session/twoMachines.test.ts")
const equalIds = tests("test/orchestrator/equalIds.test.ts")
const sqlite = tests("test/orchestrator/store/sqlite.test.ts")

export const identity: ReadonlyArray<Patch> = [
  {
    name: "same-id-is-the-same-machine",
    why: "a machine of another provider with the same id is taken for the session's own",
    file: `${session}/State.ts`,
    find: "one.computeId === other.computeId && one.provider === other.provider",
    replace: "one.computeId === other.computeId",
    noticedBy: [twoMachines]
  },
  {
    name: "reaper-knows-a-bare-id",
    why: "the reaper spares an orphan because a machine of another provider has its id",
    file: "src/orchestrator/engine/Table.ts",
    find: "find(({ state }) => hasMachine(state, { provider, computeId }))",
    replace:
      "find(({ state }) => hasMachine(state, { provider: state.phase._tag === \"Live\" ? state.phase.provider : provider, computeId }))",
    noticedBy: [equalIds]
  },
  {
    name: "session-hidden-by-an-equal-id",
    why:
      "of two sessions on machines with equal ids only one is found, so the other's renamed machine is taken for an orphan",
    file: "src/orchestrator/engine/Table.ts",
    find: "[...withId(id), entry]",
    replace: "[entry]",
    noticedBy: [equalIds, worlds("namesakes", ["ours"])]
  },
  {
    name: "bare-id-means-any-of-two-sessions",
    why: "a stop by an id that two providers have given out ends one of the two machines",
    file: "src/orchestrator/internal/lookup.ts",
    find: "providers.size === 1",
    replace: "providers.size > 0",
    noticedBy: [equalIds]
  },
  {
    name: "gone-at-another-provider",
    why: "a machine counts as verified gone because one of another provider with its id is",
    file: `${session}/State.ts`,
    find: "one === machine.computeId : isSame(one, machine)",
    replace: "one === machine.computeId : one.computeId === machine.computeId",
    noticedBy: [equalIds]
  },
  {
    name: "machine-of-an-earlier-attempt-ignored",
    why: "a machine that appears under the name of an earlier attempt is left alive",
    file: `${session}/internal/renting.ts`,
    find: "state.attempts.find(({ name }) => name === seen.name)",
    replace: "state.attempts.slice(-1).find(({ name }) => name === seen.name)",
    noticedBy: [twoMachines]
  },
  {
    name: "duplicates-left",
    why: "of several machines that a lost create made, only one is taken and the others are left alive",
    file: `${session}/internal/renting.ts`,
    find: "return duplicates.reduce(",
    replace: "return duplicates.slice(duplicates.length).reduce(",
    noticedBy: [renting]
  },
  {
    name: "name-by-its-beginning",
    why: "a look by a name finds machines whose names begin with it, which are other callers'",
    file: "src/provider/NameStamp.ts",
    find: "parse(name)?.slug === slugify(wanted)",
    replace: "(parse(name)?.slug ?? \"\").startsWith(slugify(wanted))",
    noticedBy: [tests("test/provider/NameStamp.test.ts")]
  },
  {
    name: "owner-adhoc",
    why: "an orchestrator can have the owner of machines that are rented without one, and would reap them",
    file: "src/provider/NameStamp.ts",
    find: "&& owner !== stateless",
    replace: "|| owner === stateless",
    noticedBy: [tests("test/provider/NameStamp.test.ts")]
  },
  {
    name: "older-row-overwrites",
    why: "a write that was made from an older row replaces a newer one",
    file: "src/orchestrator/store/writing.ts",
    find: "else if (version === row.version && (",
    replace: "else if (version >= row.version && (",
    noticedBy: [sqlite]
  },
  {
    name: "older-row-overwrites-at-once",
    why: "the statement that writes a row by itself does not look at the version",
    file: "src/orchestrator/store/writing.ts",
    find: "AND version = ${0} RETURNING",
    replace: "AND version >= ${0} RETURNING",
    noticedBy: [tests("test/orchestrator/store/fences.test.ts")]
  },
  {
    name: "row-of-another-owner-overwritten-at-once",
    why: "the statement that writes a row by itself does not look at the owner",
    file: "src/orchestrator/store/writing.ts",
    find: "AND owner = ${\"\"} AND version",
    replace: "AND '' <> ${\"\"} AND version",
    noticedBy: [tests("test/orchestrator/store/fences.test.ts")]
  },
  {
    name: "row-of-another-owner-overwritten",
    why: "a write replaces the row of another owner",
    file: "src/orchestrator/store/writing.ts",
    find: "else if (known[\"owner\"] !== owner) lost.push(row.id)",
    replace: "else if (known[\"owner\"] !== owner && row.text === null) lost.push(row.id)",
    noticedBy: [tests("test/orchestrator/store/fences.test.ts")]
  },
  {
    name: "repeat-of-another-writer-believed",
    why: "a row that another process has written counts as one's own write whose answer was lost",
    file: "src/orchestrator/store/writing.ts",
    find: "row.text !== null && known[\"writer\"] === writer)",
    replace: "row.text !== null && writer !== \"\")",
    and: [{
      file: "src/orchestrator/store/writing.ts",
      find: "if (repeats.length > 0) lost.push(",
      replace: "if (repeats.length > 99) lost.push("
    }],
    noticedBy: [sqlite]
  },
  {
    name: "writes-without-the-lock",
    why: "a process that has lost the owner lock goes on writing",
    file: "src/orchestrator/store/ownerLocks.ts",
    find: "return row?.[0] === token",
    replace: "return row !== undefined || token !== \"\"",
    noticedBy: [tests("test/orchestrator/store/fences.test.ts")]
  },
  {
    name: "late-load-over-sessions",
    why: "a load that comes late puts stored states over sessions that are here",
    file: "src/orchestrator/engine/Adoption.ts",
    find: "table.get(spec.id) === undefined",
    replace: "(table.get(spec.id) === undefined || spec.id !== \"\")",
    noticedBy: [tests("test/orchestrator/engine/lateLoad.test.ts")]
  },
  {
    name: "closing-ends-a-persistent-rent",
    why: "closing in the middle of a persistent rent ends the session",
    file: `${session}/Decide.ts`,
    find: "state.spec.persist && state.report === null",
    replace: "state.spec.persist && state.report === null && state.phase._tag !== \"Renting\"",
    noticedBy: [tests("test/orchestrator/session/restart.test.ts")]
  }
]
