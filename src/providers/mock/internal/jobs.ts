/** Serverless jobs of the mock: each is done at once and echoes its input. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { type AtlasErrorReason, NotFound } from "../../../domain/AtlasError.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import { Job, type JobStatus } from "../../../domain/Job.ts"
import type { JobChunk, JobsAdapter } from "../../../provider/Adapter.ts"
import type { Calls } from "./calls.ts"

interface Entry {
  readonly endpoint: string
  readonly id: string
  readonly createdAt: number
  readonly output: Schema.Json
  readonly status: JobStatus
  /** Whether its output has been given out by the stream. */
  readonly isStreamed: boolean
}

export interface Jobs {
  readonly adapter: JobsAdapter
  readonly reset: () => void
}

export const makeJobs = (provider: ProviderId, calls: Calls, newId: Effect.Effect<string>): Jobs => {
  const entries = new Map<string, Entry>()
  const keyOf = (job: { readonly endpoint: string; readonly id: string }) => JSON.stringify([job.endpoint, job.id])

  const view = ({ createdAt, endpoint, id, output, status }: Entry): Job =>
    new Job({
      id,
      provider,
      endpoint,
      status,
      output: status === "completed" ? output : null,
      error: null,
      executionTime: Duration.zero,
      delayTime: Duration.zero,
      createdAt: DateTime.makeUnsafe(createdAt),
      raw: { id, status }
    })

  const find = (job: { readonly endpoint: string; readonly id: string }): Result.Result<Entry, AtlasErrorReason> => {
    const entry = entries.get(keyOf(job))
    return entry === undefined
      ? Result.fail(new NotFound({ message: `there is no job ${job.id}` }))
      : Result.succeed(entry)
  }

  return {
    adapter: {
      submit: (request) =>
        Effect.flatMap(newId, (id) =>
          calls.make("runJob", {}, (at) => {
            const { endpoint, input } = request
            const entry: Entry = {
              endpoint,
              id,
              createdAt: at,
              output: { echo: input },
              status: "completed",
              isStreamed: false
            }
            entries.set(keyOf(entry), entry)
            return Result.succeed(view(entry))
          })),
      get: (job) => calls.make("getJob", { id: job.id }, () => Result.map(find(job), view)),
      cancel: (job) =>
        calls.make("cancelJob", { id: job.id }, () =>
          Result.map(find(job), (entry) => {
            entries.set(keyOf(job), { ...entry, status: "cancelled" })
          })),
      chunk: (job) =>
        calls.make("streamJob", { id: job.id }, () =>
          Result.map(find(job), (entry): JobChunk => {
            entries.set(keyOf(job), { ...entry, isStreamed: true })
            const isNew = entry.status === "completed" && !entry.isStreamed
            return { items: isNew ? [entry.output] : [], status: entry.status, error: null }
          }))
    },
    reset: () => entries.clear()
  }
}
