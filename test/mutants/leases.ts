/** Mistakes of the verbs that keep no record: what a create has made, and whose it is. */
import { type Patch, tests } from "./mutant.ts"

const provider = "src/provider"
const rent = tests("test/Atlas.rent.test.ts")
const races = tests("test/provider/leaseRaces.test.ts")
const misnamed = tests("test/orchestrator/misnamed.test.ts")
const oneMachine = tests("test/Atlas.oneMachine.test.ts")

export const leases: ReadonlyArray<Patch> = [
  {
    name: "failed-create-made-nothing",
    why: "a create that failed in a way that says nothing is taken for one that made nothing",
    file: `${provider}/Lease.ts`,
    find: "return refused ? { _tag: \"Nothing\" } : { _tag: \"Maybe\" }",
    replace: "return refused || Exit.isFailure(exit) ? { _tag: \"Nothing\" } : { _tag: \"Maybe\" }",
    noticedBy: [rent]
  },
  {
    name: "create-under-way-when-released",
    why: "a create that is answered after its scope has closed leaves its machine",
    file: `${provider}/Lease.ts`,
    find: "return isClosed ? end : Effect.void",
    replace: "return isClosed && known._tag === \"Nothing\" ? end : Effect.void",
    noticedBy: [races]
  },
  {
    name: "released-before-the-answer",
    why: "a scope that closes while its create is under way has nothing to end",
    file: `${provider}/Lease.ts`,
    find: "known = { _tag: \"Maybe\" }\n",
    replace: "known = { _tag: \"Nothing\" }\n",
    noticedBy: [races]
  },
  {
    name: "ended-as-if-made-long-ago",
    why: "a machine that was just made counts as gone when its provider does not know it yet",
    file: `${provider}/Lease.ts`,
    find: "madeAt: known.at, name: spawn.name",
    replace: "madeAt: 0n * known.at, name: spawn.name",
    noticedBy: [races]
  },
  {
    name: "answer-without-a-name",
    why: "a create that is answered with a machine without a name has made that machine",
    file: `${provider}/internal/spawning.ts`,
    find: "made.name === spawn.name && isComputeId(made.id)",
    replace: "(made.name ?? spawn.name) === spawn.name && isComputeId(made.id)",
    noticedBy: [tests("test/provider/Provider.test.ts")]
  },
  {
    name: "session-answer-without-a-name",
    why: "a session takes a machine without a name for its own",
    file: "src/orchestrator/session/internal/renting.ts",
    find: "if (compute.name === phase.attempt.name) return settled",
    replace: "if ((compute.name ?? phase.attempt.name) === phase.attempt.name) return settled",
    noticedBy: [tests("test/orchestrator/session/renting.test.ts")]
  },
  {
    name: "doubtful-machine-ended",
    why: "a machine that this create may not have made is given to the caller to be ended",
    file: `${provider}/internal/spawning.ts`,
    find: "if (bearsAttempt(spawn, made)) return",
    replace: "if (bearsAttempt(spawn, made) || !isForeign(made, sentAt)) return",
    noticedBy: [misnamed]
  },
  {
    name: "server-error-is-a-refusal",
    why: "a create that a failing server answered counts as one that made nothing",
    file: "src/domain/Refusal.ts",
    find: "reason.status >= 400 && reason.status < 500 && reason.status !== 408",
    replace: "reason.status >= 400 && reason.status !== 408",
    noticedBy: [tests("test/cli/candidates.test.ts")]
  },
  {
    name: "lost-connection-is-a-refusal",
    why: "a create whose connection was lost counts as one that made nothing",
    file: "src/domain/Refusal.ts",
    find: "return reason.neverSent",
    replace: "return reason.neverSent || reason.isRetryable",
    noticedBy: [tests("test/cli/candidates.test.ts")]
  },
  {
    name: "next-candidate-beside-a-lost-create",
    why: "after a create whose answer was lost the next candidate is rented",
    file: "src/domain/Refusal.ts",
    find: "isRefusal(reason) && !isSameAnywhere(reason._tag)",
    replace: "!isSameAnywhere(reason._tag)",
    noticedBy: [tests("test/cli/candidates.test.ts")]
  },
  {
    name: "lost-create-repeated",
    why: "a create whose answer was lost is sent again by the HTTP edge",
    file: `${provider}/internal/httpCall.ts`,
    find: "callClass !== \"create\" || !result.wasSent",
    replace: "callClass !== \"create\" || result.wasSent",
    noticedBy: [tests("test/provider/http/retries.test.ts")]
  },
  {
    name: "create-follows-a-redirect",
    why: "a create that is redirected is sent twice",
    file: `${provider}/internal/httpCall.ts`,
    find: "response.status >= 400 || callClass === \"create\" || hops",
    replace: "response.status >= 400 || hops",
    noticedBy: [tests("test/provider/http/retries.test.ts")]
  },
  {
    name: "lost-submit-is-retryable",
    why: "a job whose submit was not answered looks as if it could be submitted again",
    file: `${provider}/internal/service.ts`,
    find: "reason._tag === \"Timeout\" ? asSubmitted(reason) : asUnrepeatable(reason)",
    replace: "reason._tag === \"Timeout\" ? asSubmitted(reason) : reason",
    noticedBy: [tests("test/provider/Provider.test.ts")]
  },
  {
    name: "late-sync-job-is-retryable",
    why: "a sync job that outlasted its limit looks as if it could be submitted again",
    file: "src/jobs/JobRunner.ts",
    find: "mayHaveActed: true",
    replace: "mayHaveActed: false",
    noticedBy: [tests("test/jobs/jobs.test.ts")]
  },
  {
    name: "duplicate-of-a-resolved-create",
    why: "a lost create whose machine was found is not looked for to the end of both windows, and its duplicate lives",
    file: `${provider}/internal/spawning.ts`,
    find: "Termination.endNamed(calls, spawn.name, { settledAt, keep: found.id }),",
    replace: "Termination.endNamed(calls, spawn.name, { settledAt: 0n * settledAt, keep: found.id }),",
    noticedBy: [oneMachine]
  },
  {
    name: "duplicate-after-the-end",
    why: "a machine is handed back and a duplicate that appears within both windows lives",
    file: `${provider}/internal/spawning.ts`,
    find: "const settledAt = seen === null ? after(2n) : yield* settledBy(seen)",
    replace: "const settledAt = seen === null ? after(0n) : yield* settledBy(seen)",
    noticedBy: [oneMachine]
  },
  {
    name: "duplicate-of-an-interrupted-create",
    why: "what an interrupted create made is looked for once, and not to the end of both windows",
    file: `${provider}/internal/spawning.ts`,
    find: "settledAt: now + 2n * settleNanos,",
    replace: "settledAt: now + 0n * settleNanos,",
    noticedBy: [oneMachine]
  },
  {
    name: "handed-back-by-another-process-at-once",
    why: "a young machine that another process rented is handed back and a duplicate of it lives",
    file: `${provider}/internal/spawning.ts`,
    find: "const settledAt = seen === null ? after(2n) : yield* settledBy(seen)",
    replace: "const settledAt = seen === null ? after(2n) : 0n * (yield* settledBy(seen))",
    noticedBy: [oneMachine]
  },
  {
    name: "end-without-its-name",
    why: "a machine is handed back without a look for others of its name",
    file: `${provider}/internal/spawning.ts`,
    find: "if (borne === null) return yield* ended",
    replace: "if (borne !== \"\") return yield* ended",
    noticedBy: [oneMachine]
  },
  {
    name: "create-lost-in-flight-forgotten",
    why: "a scope that closes while a lost create is looked for has nothing to end",
    file: `${provider}/internal/spawning.ts`,
    find: "Effect.onExit((exit) => isAbandoned(exit) ? cleanUp : Effect.void)",
    replace: "Effect.onExit((exit) => isAbandoned(exit) && Exit.isSuccess(exit) ? cleanUp : Effect.void)",
    noticedBy: [oneMachine]
  }
]
