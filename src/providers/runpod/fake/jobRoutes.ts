/** The serverless runtime over HTTP: submit, look, drain, cancel, retry. Its refusals are `{"error": "..."}`. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { RunRequest } from "../schema/runtime.ts"
import { live, summaryOf } from "./endpointRoutes.ts"
import * as Endpoints from "./endpointState.ts"
import { type Input, plain, reader, uuid, wholeIn } from "./input.ts"
import { type Held, json, refusal, type Written } from "./reply.ts"
import type { State } from "./state.ts"

const minute = 60_000

const readRun = reader(RunRequest)

/** Refusals of shared checks, in this API's form. */
const asError = (reply: Written): Written => {
  const body: unknown = JSON.parse(reply.body ?? "{}")
  const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : "bad request"
  return refusal(reply.status === 422 ? 400 : reply.status, String(detail))
}

const known = (state: State, input: Input, isJobs = true): Effect.Effect<Endpoints.Endpoint, Written> => {
  const endpoint = live(state, input.params["endpointId"] ?? "", input.now)
  if (endpoint === undefined) return Effect.fail(refusal(404, "endpoint not found"))
  return isJobs && endpoint.spec.type === "LOAD_BALANCER"
    ? Effect.fail(refusal(400, "not allowed for LB API"))
    : Effect.succeed(endpoint)
}

const knownJob = (state: State, input: Input) =>
  Effect.flatMap(known(state, input), (endpoint) => {
    const job = endpoint.jobs.get(input.params["jobId"] ?? "")
    return job === undefined ? Effect.fail(refusal(404, "job not found")) : Effect.succeed({ endpoint, job })
  })

const submit = (state: State, input: Input, kind: { readonly prefix: string; readonly retention: number }) =>
  Effect.gen(function*() {
    const endpoint = yield* known(state, input)
    const body = yield* Effect.mapError(readRun(input), asError)
    const job: Endpoints.Job = {
      id: `${kind.prefix}${uuid(input.dice)}-u1`,
      input: body.input,
      webhook: body.webhook === undefined ? null : plain(body.webhook),
      timeout: body.policy?.executionTimeout ?? 10 * minute,
      retention: kind.retention,
      createdAt: input.now,
      diesAt: input.now + (body.policy?.ttl ?? 24 * 60 * minute),
      plan: state.plan(body.input),
      status: "IN_QUEUE",
      queuedAt: input.now,
      startedAt: null,
      endedAt: null,
      workerId: null,
      retries: 0,
      drained: 0
    }
    endpoint.jobs.set(job.id, job)
    return { endpoint, job }
  })

/** Waits until `isDone`, `deadline`, or until the job is gone; wakes up for every change in between. */
const until = (
  state: State,
  endpoint: Endpoints.Endpoint,
  deadline: number,
  isDone: (now: number) => boolean,
  wakeAt: () => number
): Effect.Effect<number> =>
  Effect.gen(function*() {
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      Endpoints.advance(state, endpoint, now)
      if (isDone(now) || now >= deadline) return now
      const next = Math.min(deadline, wakeAt(), Endpoints.nextAt(state, endpoint))
      yield* Effect.race(Effect.sleep(Math.max(1, next - now)), endpoint.changed.await)
    }
  })

/** The job as it is now, after everything that is due. */
const shown = (state: State, endpoint: Endpoints.Endpoint, job: Endpoints.Job, now: number): Written => {
  Endpoints.advance(state, endpoint, now)
  return json(200, Endpoints.view(job, now))
}

export const run = (state: State, input: Input) =>
  Effect.map(submit(state, input, { prefix: "", retention: 30 * minute }), ({ endpoint, job }) => {
    Endpoints.advance(state, endpoint, input.now)
    return json(200, { id: job.id, status: "IN_QUEUE" })
  })

export const runSync = (state: State, input: Input): Effect.Effect<Held, Written> =>
  Effect.gen(function*() {
    const wait = yield* Effect.mapError(wholeIn(input.query, "wait", 1000, 300_000), asError)
    const { endpoint, job } = yield* submit(state, input, {
      prefix: "sync-",
      retention: wait === null ? minute : 5 * minute
    })
    Endpoints.advance(state, endpoint, input.now)
    const isDone = () => Endpoints.isFinal(job.status)
    const answer = Effect.map(
      until(state, endpoint, input.now + (wait ?? 90_000), isDone, () => Number.POSITIVE_INFINITY),
      (now) => json(200, Endpoints.view(job, now))
    )
    return { _tag: "Held", answer }
  })

export const getJob = (state: State, input: Input) =>
  Effect.gen(function*() {
    const { endpoint, job } = yield* knownJob(state, input)
    const ttl = yield* Effect.mapError(wholeIn(input.query, "ttl", 10_000, 7 * 24 * 60 * minute), asError)
    if (ttl !== null) job.diesAt = input.now + ttl
    return shown(state, endpoint, job, input.now)
  })

export const streamJob = (state: State, input: Input): Effect.Effect<Held, Written> =>
  Effect.gen(function*() {
    const { endpoint, job } = yield* knownJob(state, input)
    const wait = yield* Effect.mapError(wholeIn(input.query, "wait", 0, 300_000), asError)
    const deadline = input.now + (wait ?? state.settings.streamHold)
    const isDone = (now: number) => Endpoints.isFinal(job.status) || Endpoints.chunkAt(job) <= now
    const answer = Effect.map(
      until(state, endpoint, deadline, isDone, () => Endpoints.chunkAt(job)),
      (now) =>
        json(200, {
          status: job.status,
          stream: Endpoints.drain(job, now),
          ...(job.status === "FAILED" ? { error: job.plan.error } : {})
        })
    )
    return { _tag: "Held", answer }
  })

export const cancelJob = (state: State, input: Input) =>
  Effect.map(knownJob(state, input), ({ endpoint, job }) => {
    if (!Endpoints.isFinal(job.status)) Endpoints.cancel(state, endpoint, job, input.now)
    return json(200, { id: job.id, status: job.status })
  })

export const retryJob = (state: State, input: Input) =>
  Effect.gen(function*() {
    const { endpoint, job } = yield* knownJob(state, input)
    if (job.status !== "FAILED" && job.status !== "TIMED_OUT") {
      return yield* Effect.fail(refusal(400, `a job that is ${job.status} cannot be retried`))
    }
    endpoint.counts.retried += 1
    Object.assign(job, {
      status: "IN_QUEUE",
      queuedAt: input.now,
      startedAt: null,
      endedAt: null,
      workerId: null,
      retries: job.retries + 1,
      drained: 0,
      plan: state.plan(job.input)
    })
    Endpoints.advance(state, endpoint, input.now)
    return json(200, { id: job.id, status: "IN_QUEUE" })
  })

export const purgeQueue = (state: State, input: Input) =>
  Effect.map(known(state, input), (endpoint) => {
    const waiting = Array.from(endpoint.jobs.values()).filter(({ status }) => status === "IN_QUEUE")
    for (const job of waiting) endpoint.jobs.delete(job.id)
    Endpoints.announce(endpoint)
    return json(200, { removed: waiting.length, status: "completed" })
  })

export const health = (state: State, input: Input) =>
  Effect.map(known(state, input, false), (endpoint) => {
    const jobs = Array.from(endpoint.jobs.values())
    const { idle, initializing, running, throttled, unhealthy } = summaryOf(endpoint, input.now)
    return json(200, {
      jobs: {
        completed: endpoint.counts.completed,
        failed: endpoint.counts.failed,
        inProgress: jobs.filter(({ status }) => status === "IN_PROGRESS").length,
        inQueue: jobs.filter(({ status }) => status === "IN_QUEUE").length,
        retried: endpoint.counts.retried
      },
      workers: { idle, initializing, ready: idle + running, running, throttled, unhealthy }
    })
  })

/** RunPod names this call and says nothing of its answer; this shape is made up. */
export const listJobs = (state: State, input: Input) =>
  Effect.map(known(state, input), (endpoint) => {
    const requests: ReadonlyArray<Schema.Json> = Array.from(
      endpoint.jobs.values(),
      ({ id, status }) => ({ id, status })
    )
    return json(200, { requests })
  })
