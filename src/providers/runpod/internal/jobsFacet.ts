/** Serverless jobs: submitted once, looked at as often as needed. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import { type AtlasErrorReason, Timeout } from "../../../domain/AtlasError.ts"
import { ProviderId } from "../../../domain/Ids.ts"
import { Job, type JobStatus } from "../../../domain/Job.ts"
import type { JobRequest } from "../../../domain/JobRequest.ts"
import * as TimeSpan from "../../../domain/TimeSpan.ts"
import type { JobsAdapter } from "../../../provider/Adapter.ts"
import { Call } from "../../../provider/Call.ts"
import { given, merge } from "../../../provider/ProviderOpts.ts"
import type * as Schemas from "../RunPodSchema.ts"
import * as Calls from "../schema/calls.ts"
import type { Wire } from "./edge.ts"
import { rawOf } from "./raw.ts"

const provider = ProviderId.make("runpod")

/** What the server is asked to wait for at least and at most. */
const leastWait = 1000
const longestWait = 300_000
/** For the way there and back, so that the server's answer comes before our own limit. */
const onTheWay = 1000

const statuses: ReadonlyMap<string, JobStatus> = new Map([
  ["IN_QUEUE", "in_queue"],
  ["IN_PROGRESS", "in_progress"],
  ["RUNNING", "in_progress"],
  ["COMPLETED", "completed"],
  ["FAILED", "failed"],
  ["CANCELLED", "cancelled"],
  ["TIMED_OUT", "timed_out"]
])

const toStatus = (status: string): JobStatus => statuses.get(status) ?? "in_queue"

/** What went wrong, as text; a worker may report it in any shape. */
const toError = (error: Schema.Json | undefined): string | null =>
  error === undefined || error === null ? null : typeof error === "string" ? error : JSON.stringify(error)

/** A length of time, as far as it is one: a worker that set its clock back has waited less than nothing. */
const durationOf = (millis: number | null | undefined): Duration.Duration | null =>
  millis === null || millis === undefined || millis < 0 ? null : Duration.millis(millis)

export const toJob = (endpoint: string, job: Schemas.JobAnswer, body: unknown): Job =>
  new Job({
    id: job.id,
    provider,
    endpoint,
    status: toStatus(job.status),
    output: job.output ?? null,
    error: toError(job.error),
    executionTime: durationOf(job.executionTime),
    delayTime: durationOf(job.delayTime),
    createdAt: null,
    raw: rawOf(body)
  })

/** How long the server is to hold a job that its caller waits this long for. */
export const waitFor = (timeout: Duration.Duration): number =>
  Math.min(longestWait, Math.max(leastWait, Math.floor(Duration.toMillis(timeout)) - onTheWay))

/** The body of a submit; an address to report to can hold a key. */
export const jobBody = ({ input, policy, providerOpts, webhook }: JobRequest): Readonly<Record<string, unknown>> =>
  merge(
    {
      ...given({
        webhook: webhook === null ? null : Redacted.make(webhook),
        policy: Object.keys(policy).length === 0 ? null : policy
      }),
      // null is an input like any other
      input
    },
    providerOpts
  )

export const make = (wire: Wire): JobsAdapter => {
  const run = wire.askWithBody(Calls.run)
  const runSync = wire.askWithBody(Calls.runSync)
  const status = wire.askWithBody(Calls.getJob)
  const cancel = wire.ask(Calls.cancelJob)
  const stream = wire.ask(Calls.streamJob)

  const submit: JobsAdapter["submit"] = (request, call) => {
    const { endpoint: endpointId, mode, timeout } = request
    const body = jobBody(request)
    const job = ({ body, value }: { readonly body: unknown; readonly value: Schemas.JobAnswer }) =>
      toJob(endpointId, value, body)
    if (mode !== "sync") return Effect.map(run({ endpointId, body }, call), job)
    const isCallShorter = call.timeout !== null && Duration.toMillis(call.timeout) < Duration.toMillis(timeout)
    const limit = isCallShorter ? call.timeout : timeout
    const wait = waitFor(limit)
    // this limit alone decides: the edge's own would fail as `Uncertain`, though the job was submitted
    const patient = call.timeout === null ? call : new Call({ ...call, timeout: null })
    return Effect.timeoutOrElse(
      Effect.map(runSync({ endpointId, body, query: { wait } }, patient), job),
      {
        duration: limit,
        orElse: (): Effect.Effect<never, AtlasErrorReason> =>
          Effect.fail(
            new Timeout({
              message: `the job was not done within ${TimeSpan.format(limit)}; it may still be running`
            })
          )
      }
    )
  }

  return {
    submit,
    get: ({ endpoint, id }, call) =>
      Effect.map(status({ endpointId: endpoint, jobId: id }, call), ({ body, value }) => toJob(endpoint, value, body)),
    cancel: ({ endpoint, id }, call) => Effect.asVoid(cancel({ endpointId: endpoint, jobId: id }, call)),
    chunk: ({ endpoint, id }, call) =>
      Effect.map(stream({ endpointId: endpoint, jobId: id }, call), ({ error, status, stream }) => ({
        items: (stream ?? []).flatMap(({ output }) => output === undefined ? [] : [output]),
        status: toStatus(status),
        error: toError(error)
      }))
  }
}
