/** Mistakes about looks at one machine: while an account cannot be listed, and before its ports have addresses. */
import { type Patch, tests, worlds } from "./mutant.ts"

const feed = "src/orchestrator/ProviderFeed.ts"

export const looks: ReadonlyArray<Patch> = [
  {
    name: "no-look-without-a-listing",
    why: "while an account cannot be listed no machine of it is looked at, so that none is seen to end",
    file: feed,
    find: ": yield* lookAtSome(engine,",
    replace: ": failures < 999 ? undefined : yield* lookAtSome(engine,",
    noticedBy: [worlds("slow", ["ends"])]
  },
  {
    name: "look-that-finds-nothing-means-gone",
    why:
      "a machine that a look does not find while its account cannot be listed counts as gone, and another one is rented",
    file: feed,
    find: "        Effect.ignoreCause\n      ), { concurrency: looksAtOnce",
    replace: `        Effect.catch(({ reason }) =>
          Effect.sync(() => {
            if (reason._tag !== "NotFound") return
            engine.report(one.id, {
              _tag: "Confirmed",
              provider: provider.id,
              computeId: one.computeId,
              compute: null,
              at: Number.MAX_SAFE_INTEGER
            })
          })
        )
      ), { concurrency: looksAtOnce`,
    noticedBy: [worlds("slow", ["one"])]
  },
  {
    name: "the-same-are-looked-at",
    why: "of an account that cannot be listed the same machines are looked at each time, and the others never",
    file: feed,
    find: "live[(first + index) % live.length]",
    replace: "live[(0 * first + index) % live.length]",
    noticedBy: [tests("test/orchestrator/feed.test.ts")]
  },
  {
    name: "look-without-the-ports-asked-for",
    why: "while an account cannot be listed, a machine that runs counts as ready whatever ports were asked for",
    file: feed,
    find: "Observation.fromCompute(compute, one.ports)",
    replace: "Observation.fromCompute(compute, one.ports.slice(99))",
    noticedBy: [worlds("ready", ["ready"])]
  },
  {
    name: "listed-without-the-ports-asked-for",
    why: "a machine that is listed as running counts as ready where its cloud leaves out ports without an address",
    file: feed,
    find: "Observation.fromCompute(compute, ports)",
    replace: "Observation.fromCompute(compute, ports?.slice(99))",
    noticedBy: [worlds("ready", ["ready"])]
  },
  {
    name: "running-means-ready",
    why: "a machine that runs counts as ready before its ports have addresses",
    file: "src/orchestrator/session/Observation.ts",
    find: "status === \"running\" && unmapped.length > 0 ? \"provisioning\"",
    replace: "status === \"running\" && unmapped.length > 99 ? \"provisioning\"",
    noticedBy: [worlds("ready", ["ready"])]
  }
]
