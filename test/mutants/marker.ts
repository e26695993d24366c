/** Mistakes about how a command ended whose cloud tells no exit codes: it stands at the end of a log that is soon gone. */
import { type Patch, worlds } from "./mutant.ts"

const reader = "src/orchestrator/internal/exitReader.ts"
const log = "src/providers/runpod/internal/exitMarkers.ts"

export const marker: ReadonlyArray<Patch> = [
  {
    name: "exit-code-unheeded",
    why: "how a command ended is read and not reported, so that a task that is done counts as lost, and is run again",
    file: reader,
    find: "if (exitCode === null) return",
    replace: "if (exitCode === null || exitCode >= 0) return",
    noticedBy: [worlds("runpod", ["one", "outcome"]), worlds("liar", ["one", "outcome"])]
  },
  {
    name: "exit-code-off-by-one",
    why: "a task is told with another exit code than its command's",
    file: reader,
    find: "attempt: attempt.id, exitCode, isLast",
    replace: "attempt: attempt.id, exitCode: exitCode + 1, isLast",
    noticedBy: [worlds("runpod", ["outcome"])]
  },
  {
    name: "exit-code-of-another-command",
    why: "what a command shows of another log is believed to be its own end",
    file: log,
    find: "marker?.name === name",
    replace: "marker !== null && name !== \"\"",
    noticedBy: [worlds("runpod", ["outcome"])]
  },
  {
    name: "exit-code-read-once-it-is-gone",
    why: "the log is read only when the machine does not run any more, and is gone with it",
    file: reader,
    find: "phase._tag === \"Live\" && phase.provider === id",
    replace: "phase._tag === \"Live\" && phase.status !== \"running\" && phase.provider === id",
    noticedBy: [worlds("runpod", ["one", "outcome"])]
  }
]
