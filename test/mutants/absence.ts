/** Mistakes about absence: a machine is believed gone, or never made, before that is proven; and about when an answer was true. */
import { type Patch, tests } from "./mutant.ts"

const session = "src/orchestrator/session"
const provider = "src/provider"
const ending = tests("test/orchestrator/session/ending.test.ts")
const living = tests("test/orchestrator/session/living.test.ts")
const renting = tests("test/orchestrator/session/renting.test.ts")
const restart = tests("test/orchestrator/session/restart.test.ts")
const stateless = tests("test/provider/Termination.test.ts")
const reaper = tests("test/orchestrator/reaper.test.ts")
const feed = tests("test/orchestrator/feed.test.ts")

export const absence: ReadonlyArray<Patch> = [
  {
    name: "gone-by-the-time-of-the-answer",
    why: "\"not found\" of a machine that is being ended counts by when the answer came, not by when it was asked for",
    file: `${session}/internal/terminations.ts`,
    find: "if (old.settles <= asked) return",
    replace: "if (old.settles <= Math.max(asked, step.now.mono)) return",
    noticedBy: [ending]
  },
  {
    name: "dead-by-the-time-of-the-answer",
    why: "\"not found\" of the current machine counts by when the answer came, not by when it was asked for",
    file: `${session}/internal/living.ts`,
    find: "return phase.settles > asked",
    replace: "return phase.settles > Math.max(asked, step.now.mono)",
    noticedBy: [living]
  },
  {
    name: "nothing-made-by-the-time-of-the-answer",
    why: "a listing without the name counts by when it was answered, not by when it was asked for",
    file: `${session}/internal/renting.ts`,
    find: "complete && at >= proofAt(",
    replace: "complete && Math.max(at, step.now.mono) >= proofAt(",
    noticedBy: [renting]
  },
  {
    name: "part-of-a-listing-proves",
    why: "an incomplete listing without the name proves that nothing was made",
    file: `${session}/internal/renting.ts`,
    find: "complete && at >= proofAt(",
    replace: "(complete || at > 0) && at >= proofAt(",
    noticedBy: [renting]
  },
  {
    name: "stopped-means-gone",
    why: "a machine that is stopped counts as gone, though its disk is billed",
    file: `${session}/internal/terminations.ts`,
    find: "if (seen.status === \"terminated\") return markTerminated",
    replace: "if (seen.status === \"terminated\" || seen.status === \"stopped\") return markTerminated",
    noticedBy: [ending]
  },
  {
    name: "unknown-to-the-delete-means-gone",
    why: "a delete that finds nothing proves that a machine is gone, though it may only not be known yet",
    file: `${session}/internal/terminations.ts`,
    find: "if (input.fault.reason === \"NotFound\") return answered(state, step, input)",
    replace: "if (input.fault.reason === \"NotFound\") return markTerminated(state, step, old)",
    noticedBy: [ending]
  },
  {
    name: "failed-look-means-gone",
    why: "a look that failed counts as one that found nothing",
    file: `${session}/Decide.ts`,
    find: "return input.fault.reason === \"NotFound\"",
    replace: "return input.fault.reason === \"NotFound\" || input.fault.reason === \"ProviderFault\"",
    noticedBy: [ending]
  },
  {
    name: "settled-by-a-restart",
    why: "after a restart a young machine that is not listed yet counts as gone",
    file: `${session}/internal/terminations.ts`,
    find: "step.now.mono + Math.max(0, Math.min(settleWindow(step, machine)",
    replace: "step.now.mono + 0 * Math.max(0, Math.min(settleWindow(step, machine)",
    noticedBy: [restart]
  },
  {
    name: "over-with-a-machine-left",
    why: "a session is over while a machine of it is still to be ended",
    file: `${session}/internal/ending.ts`,
    find: "if (phase._tag !== \"Ending\" || state.pendingTerminations.length > 0) return state",
    replace: "if (phase._tag !== \"Ending\" || state.pendingTerminations.length > 1) return state",
    noticedBy: [ending]
  },
  {
    name: "stopped-while-looked-for",
    why: "a stop while a lost create is looked for ends the session at once",
    file: `${session}/internal/ending.ts`,
    find: "    case \"Renting\":\n    case \"Resolving\":\n      if",
    replace: "    case \"Renting\":\n      if",
    and: [{
      file: `${session}/internal/ending.ts`,
      find: "    case \"Live\":\n    case \"Waiting\":\n      return end(",
      replace: "    case \"Resolving\":\n    case \"Live\":\n    case \"Waiting\":\n      return end("
    }],
    noticedBy: [renting]
  },
  {
    name: "over-without-a-look-for-a-second",
    why: "a session whose create was lost is over without a look for a second machine of it",
    file: `${session}/internal/ending.ts`,
    find: "if (doubt !== undefined) {\n    if (timers",
    replace: "if (doubt !== undefined && doubt.at < 0) {\n    if (timers",
    noticedBy: [ending]
  },
  {
    name: "over-by-any-look-for-a-second",
    why: "a look begun before both windows had passed proves that a lost create made no second machine",
    file: `${session}/internal/renting.ts`,
    find: "looksForMore(known, step, complete && at >= doubt.at)",
    replace: "looksForMore(known, step, complete && at + doubt.at > 0)",
    noticedBy: [ending]
  },
  {
    name: "two-creates-more",
    why: "a create whose answer was lost twice is sent a third time at the same place",
    file: `${session}/internal/renting.ts`,
    find: "return lost === 0\n",
    replace: "return lost <= 1\n",
    noticedBy: [renting]
  },
  {
    name: "create-beside-a-named-machine",
    why: "a create is sent again although the answer to the first one named a machine",
    file: `${session}/internal/renting.ts`,
    find: "if (cause.computeId !== undefined) return refuse",
    replace: "if (cause.computeId !== undefined && lost > 0) return refuse",
    noticedBy: [tests("test/orchestrator/misnamed.test.ts")]
  },
  {
    name: "seen-ever-not-in-a-row",
    why: "a machine that was listed twice ever is ended, not only one that two listings in a row have shown",
    file: "src/orchestrator/Reaper.ts",
    find: "const now = new Map<ComputeId, Seen>()",
    replace: "const now = new Map<ComputeId, Seen>(old)",
    noticedBy: [tests("test/orchestrator/reaperProof.test.ts")]
  },
  {
    name: "seen-once-is-enough",
    why: "one listing is taken as proof that no session has a machine",
    file: "src/orchestrator/Reaper.ts",
    find: "return seen.listings < 2 ?",
    replace: "return seen.listings < 1 ?",
    noticedBy: [tests("test/orchestrator/reaperProof.test.ts")]
  },
  {
    name: "reap-without-a-second-look",
    why: "a machine is ended whose session began while the store was asked",
    file: "src/orchestrator/Reaper.ts",
    find: "if (isKnown(attempt, compute)) return \"known\"\n    if (engine.unreadable()",
    replace: "if (dryRun && isKnown(attempt, compute)) return \"known\"\n    if (engine.unreadable()",
    noticedBy: [reaper]
  },
  {
    name: "reap-beside-unreadable-rows",
    why: "a machine is ended that a row may have which cannot be read",
    file: "src/orchestrator/Reaper.ts",
    find: "if (holders.unknown.some(",
    replace: "if (dryRun && holders.unknown.some(",
    noticedBy: [reaper]
  },
  {
    name: "listing-by-the-time-of-its-answer",
    why: "a listing counts as of when it was answered, so that a machine made meanwhile is missing from it",
    file: "src/orchestrator/engine/SharedListings.ts",
    find: `    const begunAt = yield* Clocks.read
    const answer = yield* atMost(provider.compute.listAll({}, { timeout: listingLimit }), givenUpAfter)`,
    replace: `    const answer = yield* atMost(provider.compute.listAll({}, { timeout: listingLimit }), givenUpAfter)
    const begunAt = yield* Clocks.read`,
    noticedBy: [feed]
  },
  {
    name: "absent-before-both-windows",
    why: "a listing begun before both settle windows have passed proves that a lost create made nothing",
    file: `${provider}/Termination.ts`,
    find: `      const settled = (yield* elapsedSince(start)) >= until
      const looked = yield* Effect.result(look(calls, name))`,
    replace: `      const looked = yield* Effect.result(look(calls, name))
      const settled = (yield* elapsedSince(start)) >= until`,
    noticedBy: [stateless]
  },
  {
    name: "absent-by-the-time-of-the-answer",
    why: "\"not found\" is believed of a look that was sent before the settle window was over",
    file: `${provider}/Termination.ts`,
    find: "absenceCounts && seen.failure._tag === \"NotFound\"",
    replace: "(absenceCounts || (yield* Clock.monotonicTimeNanos) >= settledAt) && seen.failure._tag === \"NotFound\"",
    noticedBy: [stateless]
  },
  {
    name: "not-found-right-after-a-create",
    why: "\"not found\" right after a create proves that the machine is gone",
    file: `${provider}/Termination.ts`,
    find: "const absenceCounts = (yield* Clock.monotonicTimeNanos) >= settledAt",
    replace: "const absenceCounts = (yield* Clock.monotonicTimeNanos) >= 0n * settledAt",
    noticedBy: [stateless]
  },
  {
    name: "any-failure-means-gone",
    why: "a look that was refused proves that a machine is gone",
    file: `${provider}/Termination.ts`,
    find: "absenceCounts && seen.failure._tag === \"NotFound\"",
    replace: "absenceCounts && !seen.failure.isRetryable",
    noticedBy: [stateless]
  },
  {
    name: "failed-means-gone",
    why: "a machine that failed counts as ended without a delete that is confirmed",
    file: `${provider}/Termination.ts`,
    find: "const isGone = (compute: Compute) => compute.status === \"terminated\"",
    replace: "const isGone = (compute: Compute) => !compute.isLive",
    noticedBy: [stateless]
  },
  {
    name: "later-duplicate-left",
    why: "a duplicate that appears after the first was ended is left alive",
    file: `${provider}/Termination.ts`,
    find: "if (isProof) return yield* Effect.fromResult(ended)",
    replace: "if (isProof || found.length > 0) return yield* Effect.fromResult(ended)",
    noticedBy: [stateless]
  },
  {
    name: "create-forgotten",
    why: "the time of a create is forgotten, so that \"not found\" right after it proves that the machine is gone",
    file: `${provider}/internal/spawning.ts`,
    find: "Effect.tap((made) => remember(made.id, spawn.name))",
    replace: "Effect.tap((made) => made.isLive ? Effect.void : remember(made.id, spawn.name))",
    noticedBy: [tests("test/provider/Provider.test.ts")]
  },
  {
    name: "sweep-by-the-time-of-the-answer",
    why: "a listing that was asked for before a name had settled proves that no other machine has it",
    file: `${provider}/Termination.ts`,
    find: `      const begunAt = yield* Clock.monotonicTimeNanos
      const isProof = begunAt >= settledAt
      if (isProof) provingSince ??= begunAt
      const looked = yield* Effect.result(look(calls, name))`,
    replace: `      const looked = yield* Effect.result(look(calls, name))
      const begunAt = yield* Clock.monotonicTimeNanos
      const isProof = begunAt >= settledAt
      if (isProof) provingSince ??= begunAt`,
    noticedBy: [stateless]
  },
  {
    name: "failed-look-proves-a-name",
    why: "after half a minute of failed looks no other machine is said to have the name",
    file: `${provider}/Termination.ts`,
    find: "      ) {\n        return yield* new Uncertain({\n          computeName: name,",
    replace:
      "      ) {\n        if (provingSince !== null) return\n        return yield* new Uncertain({\n          computeName: name,",
    noticedBy: [stateless]
  },
  {
    name: "namesake-that-lives-is-success",
    why: "a name counts as ended although one that bears it could not be ended",
    file: `${provider}/Termination.ts`,
    find: "if (isProof) return yield* Effect.fromResult(ended)",
    replace: "if (isProof) return yield* Effect.ignore(Effect.fromResult(ended))",
    noticedBy: [stateless]
  },
  {
    name: "renamed-machine-left",
    why: "the machine of a lost create that was renamed is left alive",
    file: `${provider}/Termination.ts`,
    find: "[...found, ...lost].filter(",
    replace: "[...found, ...lost.slice(lost.length)].filter(",
    noticedBy: [stateless]
  },
  {
    name: "copy-of-a-machine-ended",
    why: "a person's copy of a machine is ended, since its container says the same",
    file: `${provider}/Termination.ts`,
    find: "isProof && isLost === true && !wasSeen ?",
    replace: "isProof && isLost === true ?",
    noticedBy: [stateless]
  },
  {
    name: "odd-entry-proves-absence",
    why: "an entry without a readable id or name proves that a machine is gone",
    file: `${provider}/Listing.ts`,
    find: "name === null || name === machine.name",
    replace: "name === machine.name",
    noticedBy: [tests("test/provider/Listing.test.ts")]
  },
  {
    name: "odd-entry-proves-that-nothing-was-made",
    why: "a listing proves that a lost create made nothing although an odd entry may be what it made",
    file: "src/orchestrator/engine/CommandRunner.ts",
    find: "complete: Listing.provesAbsence(unaddressable, { name: attempt.name }),",
    replace: "complete: Listing.provesAbsence(unaddressable.slice(unaddressable.length), { name: attempt.name }),",
    noticedBy: [feed]
  },
  {
    name: "odd-entry-in-a-listing-of-the-feed",
    why: "a listing of the feed proves that a lost create made nothing although an odd entry may be what it made",
    file: "src/orchestrator/ProviderFeed.ts",
    find: "complete: provesAbsence(unaddressable, { name: phase.attempt.name }),",
    replace: "complete: provesAbsence(unaddressable.slice(unaddressable.length), { name: phase.attempt.name }),",
    noticedBy: [feed]
  },
  {
    name: "missed-before-it-has-settled",
    why: "a young machine that a listing does not show yet is looked for as if it were lost",
    file: "src/orchestrator/ProviderFeed.ts",
    find: "if (begunAt.mono <= phase.settles) return",
    replace: "if (begunAt.mono < 0 * phase.settles) return",
    and: [{
      file: `${session}/internal/living.ts`,
      find: "return phase.settles > step.now.mono ? state : check(state, step, phase)",
      replace: "return check(state, step, phase)"
    }],
    noticedBy: [feed]
  },
  {
    name: "looked-by-the-time-of-the-answer",
    why: "the feed tells a session that looks for its machine when a listing was answered, not when it was asked for",
    file: "src/orchestrator/ProviderFeed.ts",
    find: "          at: begunAt.mono\n",
    replace: "          at: begunAt.mono + Number.MAX_SAFE_INTEGER\n",
    noticedBy: [tests("test/orchestrator/lostCreates.test.ts")]
  },
  {
    name: "resolved-by-the-time-of-the-answer",
    why: "a session that looks for its machine takes when a listing was answered for when it was asked for",
    file: "src/orchestrator/engine/CommandRunner.ts",
    find: "          at: begunAt.mono\n",
    replace: "          at: begunAt.mono + Number.MAX_SAFE_INTEGER\n",
    noticedBy: [tests("test/orchestrator/engine/commandResults.test.ts")]
  },
  {
    name: "confirmed-by-the-time-of-the-answer",
    why: "the engine tells when a look was answered, not when it was sent, so that a late \"not found\" is believed",
    file: "src/orchestrator/engine/CommandRunner.ts",
    find: "{ _tag: \"Confirmed\", ...machine, compute: null, at }",
    replace: "{ _tag: \"Confirmed\", ...machine, compute: null, at: at + Number.MAX_SAFE_INTEGER }",
    noticedBy: [tests("test/orchestrator/engine/commandResults.test.ts")]
  }
]
