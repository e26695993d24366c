/** Mistakes about commands that wait: for their turn, for a place that is paused, for the host, or while the orchestrator closes. */
import { type Patch, tests } from "./mutant.ts"

const at = "src/orchestrator/engine"
const runner = `${at}/CommandRunner.ts`
const commandResults = tests("test/orchestrator/engine/commandResults.test.ts")
const closing = tests("test/orchestrator/engine/closing.test.ts")
const queued = tests("test/orchestrator/engine/queued.test.ts")
const hanging = tests("test/orchestrator/engine/hanging.test.ts")
const slowedDown = tests("test/orchestrator/slowedDown.test.ts")
const calledOff = tests("test/provider/http/calledOff.test.ts")

export const queues: ReadonlyArray<Patch> = [
  {
    name: "one-lane-for-all-kinds",
    why: "creates that hang hold up the terminates of their provider",
    file: `${at}/Lanes.ts`,
    find: "const key = `${command._tag} ${provider}`",
    replace: "const key: string = provider",
    noticedBy: [queued]
  },
  {
    name: "one-lane-for-all-providers",
    why: "commands that hang at one provider hold up those of every other",
    file: `${at}/Lanes.ts`,
    find: "const key = `${command._tag} ${provider}`",
    replace: "const key: string = command._tag",
    noticedBy: [queued]
  },
  {
    name: "queued-create-of-a-stopped-session",
    why: "a create that waits is sent although its session was stopped or its caller has left",
    file: "src/orchestrator/session/Wanted.ts",
    find: "phase.attempt.id === command.attempt.id && phase.stopping === null",
    replace: "phase.attempt.id === command.attempt.id",
    noticedBy: [queued]
  },
  {
    name: "queued-create-of-an-earlier-attempt",
    why: "a create that waits is sent although its session has gone on to another attempt",
    file: "src/orchestrator/session/Wanted.ts",
    find: "phase._tag === \"Renting\" && phase.attempt.id === command.attempt.id",
    replace: "phase._tag === \"Renting\"",
    noticedBy: [tests("test/orchestrator/session/wanted.test.ts")]
  },
  {
    name: "queued-create-while-closing",
    why: "a create of a session that persists is sent after the orchestrator has begun to close",
    file: runner,
    find: "(command._tag !== \"Rent\" || mayRent())",
    replace: "(command._tag !== \"Rent\" || mayRent() || state.spec.persist)",
    noticedBy: [queued]
  },
  {
    name: "create-held-up-by-its-adapter",
    why: "a create that waits in its adapter is sent although its session was stopped meanwhile",
    file: runner,
    find: "        StillWanted.StillWanted,\n        isStillWanted\n",
    replace: "        StillWanted.StillWanted,\n        Effect.as(isStillWanted, true)\n",
    noticedBy: [queued]
  },
  {
    name: "create-held-up-by-its-host",
    why: "a create is sent although its session was stopped while the host was asked for secrets or for the lock",
    file: runner,
    find: "Effect.provideService(StillWanted.StillWanted, isStillWanted)\n  )",
    replace: "Effect.provideService(StillWanted.StillWanted, Effect.as(isStillWanted, true))\n  )",
    noticedBy: [queued]
  },
  {
    name: "attempt-under-way-called-off",
    why: "a create that may have been acted on is given up as never sent",
    file: "src/provider/StillWanted.ts",
    find: "if (!(yield* isWanted) && !mayHaveActed()) return",
    replace: "if (!(yield* isWanted) && (!mayHaveActed() || mayHaveActed())) return",
    noticedBy: [calledOff]
  },
  {
    name: "create-after-the-lock-was-lost",
    why: "a create that has waited is sent although another orchestrator has the owner lock",
    file: runner,
    find: "if (!(yield* holdsOwnerLock)) {",
    replace: "if (!(yield* holdsOwnerLock) && attempt.sentAt < 0) {",
    noticedBy: [commandResults]
  },
  {
    name: "defect-after-a-create-means-refused",
    why: "a create counts as refused when the host's code fails after it was sent",
    file: runner,
    find: "return sent === null\n",
    replace: "return sent === null || command.attempt.sentAt >= 0\n",
    noticedBy: [commandResults]
  },
  {
    name: "terminate-that-hangs-is-waited-for",
    why: "a terminate that cannot be interrupted is waited for for ever, and not sent again",
    file: `${at}/BoundedCalls.ts`,
    find: "atMost(call, commandLimit),",
    replace: "Effect.timeoutOption(call, commandLimit),",
    and: [{ file: `${at}/BoundedCalls.ts`, find: "import { atMost } from \"../internal/patience.ts\"\n", replace: "" }],
    noticedBy: [hanging]
  },
  {
    name: "long-pause-waited-for",
    why: "a place that asks for hours keeps its caller waiting, though another one is free",
    file: "src/orchestrator/session/internal/renting.ts",
    find: "if (held + pause > step.config.longestWait) {",
    replace: "if (held > step.config.longestWait) {",
    noticedBy: [slowedDown]
  },
  {
    name: "many-short-pauses-waited-for",
    why: "a place that asks for a short pause again and again keeps its caller waiting, though another one is free",
    file: "src/orchestrator/session/internal/renting.ts",
    find: "if (held + pause > step.config.longestWait) {",
    replace: "if (0 * held + pause > step.config.longestWait) {",
    noticedBy: [tests("test/orchestrator/session/renting.test.ts")]
  },
  {
    name: "pause-of-a-place-for-days",
    why: "a place that asks for days is not asked for days",
    file: `${at}/PausedPlaces.ts`,
    find: "mono + Math.min(retryAfter, longestPause)",
    replace: "mono + Math.max(retryAfter, longestPause)",
    noticedBy: [slowedDown]
  },
  {
    name: "closing-leaves-a-create-in-doubt",
    why: "closing does not wait for a create of a session that persists",
    file: `${at}/Closing.ts`,
    find: "(phase._tag === \"Live\" || phase._tag === \"Waiting\")",
    replace: "phase._tag !== \"Ending\"",
    noticedBy: [closing]
  },
  {
    name: "closing-before-the-record",
    why: "closing does not wait for the record of what was decided last",
    file: `${at}/Closing.ts`,
    find: "!(recorded && isSettled(state))",
    replace: "!((recorded || !recorded) && isSettled(state))",
    noticedBy: [closing]
  },
  {
    name: "wake-consumed-unarmed",
    why: "a wake-up that decides nothing, as after a jump of the wall clock, is the session's last",
    file: `${at}/BatchLoop.ts`,
    find: "if (known.wake === null) scheduler.arm(",
    replace: "if (known.wake !== null) scheduler.arm(",
    noticedBy: [tests("test/orchestrator/engine/scheduler.test.ts")]
  },
  {
    name: "moved-deadline-forgotten",
    why: "a session whose deadline has moved is not woken at the new one",
    file: `${at}/Scheduler.ts`,
    find: "      else arm(entry, now)\n",
    replace: "      else if (next === null) arm(entry, now)\n",
    noticedBy: [tests("test/orchestrator/engine/scheduler.test.ts")]
  },
  {
    name: "defect-drops-what-was-decided",
    why: "after a defect in a session's turn its row is not read again and its timer not set",
    file: `${at}/BatchLoop.ts`,
    find: "for (const { id } of all) reviewLater(id, now)",
    replace: "for (const { id } of all.slice(all.length)) reviewLater(id, now)",
    noticedBy: [tests("test/orchestrator/engine/host.test.ts")]
  },
  {
    name: "answer-that-throws-is-dropped",
    why: "the answer of a create that cannot be decided on is dropped, and its machine never looked for",
    file: `${at}/Batch.ts`,
    find: "event._tag === \"Rented\" || event._tag === \"Refused\"",
    replace: "event._tag === \"Refused\"",
    noticedBy: [tests("test/orchestrator/engine/batch.test.ts")]
  },
  {
    name: "defect-read-again-without-a-pause",
    why: "a session that meets a defect again and again keeps all others from being written",
    file: `${at}/Writer.ts`,
    find: "readAt = Math.max(readAt, now.mono + afterDefect)",
    replace: "readAt = Math.max(readAt, now.mono - afterDefect)",
    noticedBy: [tests("test/orchestrator/engine/host.test.ts")]
  }
]
