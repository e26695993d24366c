import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Ids, Job, Provider } from "effect-atlas"
import type { JobChunk } from "effect-atlas/provider/Adapter"
import * as Providers from "effect-atlas/provider/Providers"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"

const nowhere = Effect.fail(new AtlasError.NotFound({}))
const ref = { endpoint: "ep", id: "job-1" }

const job = (status: Job.JobStatus, facts: Partial<Pick<Job.Job, "output" | "error">> = {}) =>
  new Job.Job({
    ...ref,
    provider: Ids.ProviderId.make("acme"),
    status,
    output: null,
    error: null,
    executionTime: null,
    delayTime: null,
    createdAt: null,
    raw: null,
    ...facts
  })

const chunk = (status: Job.JobStatus, items: JobChunk["items"] = [], error: string | null = null): JobChunk => ({
  status,
  items,
  error
})

/** Forks and starts at once, so that its first sleep is registered before the clock is moved. */
const fork = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.forkChild(self, { startImmediately: true })

/** Moves the clock in steps, so that no sleep is jumped over while it is being registered. */
const pass = (seconds: number) => Effect.repeat(TestClock.adjust("500 millis"), { times: seconds * 2 - 1 })

const isReason = Schema.is(AtlasError.AtlasErrorReason)

/** An endpoint that answers from a script, one entry a call, and remembers when it was asked. */
const endpoint = (script: {
  readonly chunks?: ReadonlyArray<JobChunk | AtlasError.AtlasErrorReason>
  readonly gets?: ReadonlyArray<Job.Job | AtlasError.AtlasErrorReason>
  readonly submit?: Effect.Effect<Job.Job, AtlasError.AtlasErrorReason>
}) => {
  const asked: Array<number> = []
  const submitted: Array<unknown> = []
  const play = <A extends object>(entries: ReadonlyArray<A | AtlasError.AtlasErrorReason>) => {
    let next = 0
    return Effect.gen(function*() {
      asked.push(yield* Clock.currentTimeMillis)
      const entry = entries[Math.min(next++, entries.length - 1)]
      if (entry === undefined) return yield* Effect.die("nothing in the script")
      return isReason(entry) ? yield* entry : entry
    })
  }
  const chunkOf = play(script.chunks ?? [])
  const getOf = play(script.gets ?? [])
  const provider = Provider.make({
    id: "acme",
    compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere },
    jobs: {
      submit: (request) =>
        Effect.suspend(() => {
          submitted.push(request)
          return script.submit ?? Effect.succeed(job("in_queue"))
        }),
      get: () => getOf,
      cancel: () => Effect.void,
      chunk: () => chunkOf
    }
  })
  const layer = Effect.provideService(Providers.Providers, Providers.make([provider], { default: "acme" }))
  return { asked, submitted, layer }
}

const withoutJitter = Effect.provideService(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0 })

describe("streaming a job", () => {
  it.effect("items come in order and once, and the stream ends when the job has completed", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({
        chunks: [
          chunk("in_progress", [1, 2]),
          chunk("in_progress"),
          chunk("in_progress", [3]),
          chunk("completed", [4, 5])
        ]
      })
      const fiber = yield* fork(Stream.runCollect(Atlas.streamJob(ref)).pipe(layer))
      yield* pass(60)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3, 4, 5])
    }))

  it.effect("it also ends when the last answer has no items", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({ chunks: [chunk("completed")] })
      assert.deepStrictEqual(yield* Stream.runCollect(Atlas.streamJob(ref)).pipe(layer), [])
    }))

  it.effect("it asks after half a second, doubling to five while nothing comes, and anew after something came", () =>
    Effect.gen(function*() {
      const { asked, layer } = endpoint({
        chunks: [
          ...Array.from({ length: 6 }, () => chunk("in_progress")),
          chunk("in_progress", ["x"]),
          chunk("in_progress"),
          chunk("completed")
        ]
      })
      const fiber = yield* fork(Stream.runDrain(Atlas.streamJob(ref)).pipe(layer, withoutJitter))
      yield* pass(120)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked.slice(1).map((at, i) => at - (asked[i] ?? 0)), [
        500,
        1000,
        2000,
        4000,
        5000,
        5000,
        500,
        1000
      ])
    }))

  it.effect("jitter adds a quarter at most", () =>
    Effect.gen(function*() {
      const { asked, layer } = endpoint({ chunks: [chunk("in_progress"), chunk("completed")] })
      const fiber = yield* fork(
        Stream.runDrain(Atlas.streamJob(ref)).pipe(
          layer,
          Effect.provideService(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0.999 })
        )
      )
      yield* TestClock.adjust("625 millis")
      yield* Fiber.join(fiber)
      assert.isAbove(asked[1] ?? 0, 600)
    }))

  for (const status of ["failed", "cancelled", "timed_out"] as const) {
    it.effect(`a job that is ${status} gives its last items and then fails with its state and error`, () =>
      Effect.gen(function*() {
        const { layer } = endpoint({ chunks: [chunk(status, ["last"], "out of memory")] })
        const seen: Array<unknown> = []
        const error = yield* Effect.flip(
          Stream.runForEach(Atlas.streamJob(ref), (item) => Effect.sync(() => seen.push(item))).pipe(layer)
        )
        assert.deepStrictEqual(seen, ["last"])
        assert.deepInclude(error.reason, { _tag: "ProviderFault", code: status, message: "out of memory" })
      }))
  }

  it.effect("a failed request fails the stream", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({
        chunks: [chunk("in_progress", [1]), new AtlasError.NotFound({ message: "no job" })]
      })
      const fiber = yield* fork(Effect.flip(Stream.runDrain(Atlas.streamJob(ref))).pipe(layer))
      yield* pass(1)
      assert.strictEqual((yield* Fiber.join(fiber)).kind, "not_found")
    }))

  it.effect("nothing is asked before the first pull, and nothing after the consumer has stopped", () =>
    Effect.gen(function*() {
      const { asked, layer } = endpoint({ chunks: [chunk("in_progress", [1, 2, 3])] })
      const stream = Atlas.streamJob(ref)
      assert.strictEqual(asked.length, 0)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(stream, 2)).pipe(layer), [1, 2])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(asked.length, 1)
    }))

  it.effect("an overall and an idle limit end it as a timeout, each on its own", () =>
    Effect.gen(function*() {
      const messageOf = (
        { layer }: ReturnType<typeof endpoint>,
        limits: { readonly timeout?: "1 minute"; readonly idleTimeout: "10 seconds" }
      ) =>
        Effect.gen(function*() {
          const fiber = yield* fork(Effect.flip(Stream.runDrain(Atlas.streamJob(ref, limits))).pipe(layer))
          yield* pass(70)
          return (yield* Fiber.join(fiber)).message
        })
      const idle = endpoint({ chunks: [chunk("in_progress", [1]), chunk("in_progress")] })
      assert.include(
        yield* messageOf(idle, { idleTimeout: "10 seconds" }),
        "timeout: the job produced no output within 10s"
      )
      const busy = endpoint({ chunks: [chunk("in_progress", [1])] })
      assert.include(
        yield* messageOf(busy, { timeout: "1 minute", idleTimeout: "10 seconds" }),
        "timeout: the job did not end within 1m"
      )
    }))
})

describe("a consumer that takes its time", () => {
  const slowly = (limits: { readonly timeout?: "1 minute"; readonly idleTimeout: "10 seconds" }) =>
    Effect.gen(function*() {
      const { layer } = endpoint({
        chunks: [
          chunk("in_progress", [1]),
          ...Array.from({ length: 3 }, () => chunk("in_progress")),
          chunk("completed")
        ]
      })
      return yield* fork(
        Stream.runForEach(Atlas.streamJob(ref, limits), () => Effect.sleep("5 minutes")).pipe(Effect.exit, layer)
      )
    })

  it.effect("does not count for the idle limit", () =>
    Effect.gen(function*() {
      const fiber = yield* slowly({ idleTimeout: "10 seconds" })
      yield* pass(5 * 60 + 20)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
    }))

  it.effect("counts for the overall limit all the same", () =>
    Effect.gen(function*() {
      const fiber = yield* slowly({ timeout: "1 minute", idleTimeout: "10 seconds" })
      yield* pass(5 * 60 + 20)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
    }))
})

describe("running a job", () => {
  it.effect("a job without an endpoint is refused before anything is sent", () =>
    Effect.gen(function*() {
      const { layer, submitted } = endpoint({})
      const error = yield* Effect.flip(Atlas.runJob({ endpoint: "", input: 1 }).pipe(layer))
      assert.deepInclude(error.reason, { _tag: "Validation" })
      assert.include(error.message, "endpoint")
      assert.strictEqual(submitted.length, 0)
      for (const call of [Atlas.getJob({ endpoint: "", id: "x" }), Atlas.cancelJob({ endpoint: "", id: "x" })]) {
        assert.strictEqual((yield* Effect.flip(call.pipe(layer))).kind, "validation")
      }
    }))

  it.effect("a sync job has an absolute limit, named in the message, and is not submitted again", () =>
    Effect.gen(function*() {
      const { layer, submitted } = endpoint({ submit: Effect.never })
      const limited = yield* fork(
        Effect.flip(Atlas.runJob({ endpoint: "ep", input: null, mode: "sync", timeout: "12 seconds" }).pipe(layer))
      )
      yield* pass(12)
      const error = yield* Fiber.join(limited)
      assert.strictEqual(error.kind, "timeout")
      assert.include(error.message, "12s")
      assert.strictEqual(submitted.length, 1)
    }))

  it.effect("a sync job that outlasted its limit is not retryable, whether the library or the adapter measured the time", () =>
    Effect.gen(function*() {
      const request = { endpoint: "ep", input: null, mode: "sync", timeout: "12 seconds" } as const
      const ours = endpoint({ submit: Effect.never })
      const limited = yield* fork(Effect.flip(Atlas.runJob(request).pipe(ours.layer)))
      yield* pass(12)
      const theirs = endpoint({ submit: Effect.fail(new AtlasError.Timeout({ message: "not done within 12s" })) })
      for (const error of [yield* Fiber.join(limited), yield* Effect.flip(Atlas.runJob(request).pipe(theirs.layer))]) {
        assert.strictEqual(error.kind, "timeout")
        assert.isFalse(error.isRetryable)
      }
      // a caller that repeats what may be repeated still submits once
      const repeated = Effect.retry(Atlas.runJob(request), { times: 3, while: (error) => error.isRetryable })
      yield* Effect.flip(repeated.pipe(theirs.layer))
      assert.strictEqual(theirs.submitted.length, 2)
    }))

  it.effect("a wait that was too short may be repeated: nothing was submitted by it", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({ gets: [job("in_queue")] })
      const fiber = yield* fork(Effect.flip(Atlas.awaitJob(ref, { timeout: "7 seconds" }).pipe(layer)))
      yield* pass(7)
      assert.isTrue((yield* Fiber.join(fiber)).isRetryable)
    }))

  it.effect("a sync answer that is not final is a success with that status", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({ submit: Effect.succeed(job("in_progress")) })
      const answer = yield* Atlas.runJob({ endpoint: "ep", input: {}, mode: "sync" }).pipe(layer)
      assert.strictEqual(answer.status, "in_progress")
    }))

  it.effect("awaitJob polls until the job has ended, through polls that fail", () =>
    Effect.gen(function*() {
      const { layer } = endpoint({
        gets: [
          job("in_queue"),
          new AtlasError.Transport({}),
          // an answer that made no sense
          new AtlasError.ProviderFault({ status: 200 }),
          new AtlasError.ProviderFault({ status: 502 }),
          job("in_progress"),
          job("completed", { output: 42 })
        ]
      })
      const fiber = yield* fork(Atlas.awaitJob(ref).pipe(layer))
      yield* pass(60)
      assert.strictEqual((yield* Fiber.join(fiber)).output, 42)
    }))

  it.effect("awaitJob ends with a refusal: the next poll would be refused as well", () =>
    Effect.gen(function*() {
      for (const refusal of [new AtlasError.NotFound({}), new AtlasError.ProviderFault({ status: 422 })]) {
        const { asked, layer } = endpoint({ gets: [refusal] })
        assert.strictEqual((yield* Effect.flip(Atlas.awaitJob(ref).pipe(layer))).reason, refusal)
        assert.lengthOf(asked, 1)
      }
    }))

  it.effect("awaitJob of a failed job fails with the worker's message, and never takes longer than its limit", () =>
    Effect.gen(function*() {
      const failed = endpoint({ gets: [job("failed", { error: "boom" })] })
      const error = yield* Effect.flip(Atlas.awaitJob(ref).pipe(failed.layer))
      assert.deepInclude(error.reason, { _tag: "ProviderFault", code: "failed", message: "boom" })
      const stuck = endpoint({ gets: [job("in_queue")] })
      const fiber = yield* fork(
        Effect.flip(Atlas.awaitJob(ref, { timeout: "7 seconds" }).pipe(stuck.layer))
      )
      // a few seconds more than the limit: a sleep that begins during a step of the clock is only seen by the next one
      yield* pass(12)
      assert.strictEqual((yield* Fiber.join(fiber)).kind, "timeout")
    }))

  it.effect("a provider without jobs answers unsupported, as an effect and as a stream", () =>
    Effect.gen(function*() {
      const plain = Provider.make({
        id: "plain",
        compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
      })
      const layer = Effect.provideService(Providers.Providers, Providers.make([plain], { default: "plain" }))
      for (
        const call of [
          Atlas.runJob({ endpoint: "ep", input: 1 }),
          Stream.runDrain(Atlas.streamJob(ref)),
          Atlas.listNetworkVolumes(),
          Atlas.createTemplate({ name: "t", image: "i" }),
          Atlas.getEndpoint("e"),
          Atlas.computeSpend("pod")
        ]
      ) {
        assert.strictEqual((yield* Effect.flip(Effect.asVoid(call).pipe(layer))).kind, "unsupported")
      }
    }))
})
