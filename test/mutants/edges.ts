/** Mistakes at the edges: the command line, and this machine as a provider. */
import { type Patch, tests } from "./mutant.ts"

export const edges: ReadonlyArray<Patch> = [
  {
    name: "up-rents-again-after-its-command",
    why: "a failure of what ran in the machine counts as a refusal, and the next GPU is rented for it",
    file: "src/cli/actions/up.ts",
    find: "(compute) => Effect.result(stay(compute)), call)",
    replace: "(compute) => Effect.map(stay(compute), Result.succeed), call)",
    noticedBy: [tests("test/cli/up.test.ts")]
  },
  {
    name: "down-without-a-look",
    why: "`atlas down` says that a machine is ended as soon as the delete was answered",
    file: "src/cli/actions/computes.ts",
    find: "Effect.result(Atlas.end(id, { ...call, ...options }))",
    replace:
      "Effect.result(Effect.when(Atlas.end(id, { ...call, ...options }), Effect.as(Atlas.terminate(id, call), id === \"\")))",
    noticedBy: [tests("test/cli/commands.test.ts")]
  },
  {
    name: "reap-with-open-sessions-succeeds",
    why: "`atlas reap` exits with 0 although a session of it is still open",
    file: "src/cli/actions/reap.ts",
    find: "report.unsettled.length > 0 ||",
    replace: "report.unsettled.length > 99 ||",
    noticedBy: [tests("test/cli/reap.test.ts")]
  },
  {
    name: "reap-in-a-dry-run",
    why: "`atlas reap --dry-run` ends machines",
    file: "src/cli/actions/reap.ts",
    find: "      dryRun,\n      onStep",
    replace: "      dryRun: dryRun && grace === Option.none(),\n      onStep",
    noticedBy: [tests("test/cli/reap.test.ts")]
  },
  {
    name: "local-record-without-processes",
    why: "ending a local compute removes its record and leaves its processes",
    file: "src/providers/local/internal/running.ts",
    find: `      yield* ProcessGroup.end(known(state))
      yield* dir.remove(`,
    replace: "      yield* dir.remove(",
    and: [{
      file: "src/providers/local/internal/running.ts",
      find: "      yield* ProcessGroup.end(known(state))\n    })\n\n  const create",
      replace: "    })\n\n  const create"
    }],
    noticedBy: [tests("test/providers/local/Survivors.process.test.ts")]
  }
]
