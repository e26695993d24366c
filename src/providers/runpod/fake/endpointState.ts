/** A serverless endpoint and what happens on it by itself: workers come and go, jobs wait, run, end and are forgotten. */
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import type { CreateEndpointRequest } from "../schema/endpointRequests.ts"
import type { JobStatus } from "../schema/runtime.ts"
import { word } from "./input.ts"
import { noRate, setRate } from "./meter.ts"
import { type Endpoint, type Job, makeLog, type State, type Worker, write } from "./state.ts"

export type { Endpoint, Job, Worker } from "./state.ts"

export const isFinal = (status: JobStatus): boolean => status !== "IN_QUEUE" && status !== "IN_PROGRESS"

export const announce = (endpoint: Endpoint): void => {
  const { changed } = endpoint
  endpoint.changed = Latch.makeUnsafe()
  changed.openUnsafe()
}

/** 0, 3 and 10 seconds are RunPod's own. */
export const workersOf = ({ workers = {} }: CreateEndpointRequest) => ({
  min: workers.min ?? 0,
  max: workers.max ?? 3,
  idle: (workers.idleTimeout ?? 10) * 1000
})

export const versionOf = (endpoint: Endpoint): number => endpoint.releases[0]?.version ?? 1

/** Ids of workers follow from the endpoint's, so that nothing has to be drawn while time passes. */
const workerId = (endpoint: Endpoint): string => {
  let state = endpoint.workersMade
  return word((below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345 + endpoint.id.charCodeAt(state % endpoint.id.length)) >>> 0
    return (state >>> 8) % below
  }, 14)
}

const bill = (endpoint: Endpoint, at: number): void => {
  const { cpu, disk, gpu } = endpoint.price
  const count = endpoint.workers.length
  setRate(endpoint.meter, at, count === 0 ? noRate : { gpu: gpu * count, cpu: cpu * count, disk: disk * count })
}

const startWorker = (state: State, endpoint: Endpoint, at: number): void => {
  endpoint.workersMade += 1
  const worker: Worker = {
    id: workerId(endpoint),
    startedAt: at,
    readyAt: at + state.settings.coldStart,
    idleSince: at + state.settings.coldStart,
    version: versionOf(endpoint),
    jobId: null,
    log: makeLog()
  }
  write(worker.log, "system", at, "create container")
  write(worker.log, "container", worker.readyAt, "worker ready")
  endpoint.workers = [...endpoint.workers, worker]
  bill(endpoint, at)
}

const queued = (endpoint: Endpoint): ReadonlyArray<Job> =>
  Array.from(endpoint.jobs.values()).filter(({ status }) => status === "IN_QUEUE").toSorted((a, b) =>
    a.queuedAt - b.queuedAt
  )

const finish = (state: State, endpoint: Endpoint, job: Job, at: number, status: JobStatus): void => {
  job.status = status
  job.endedAt = at
  if (status === "COMPLETED") endpoint.counts.completed += 1
  if (status === "FAILED" || status === "TIMED_OUT") endpoint.counts.failed += 1
  for (const worker of endpoint.workers) {
    if (worker.jobId === job.id) {
      worker.jobId = null
      worker.idleSince = at
    }
  }
  if (job.webhook !== null) state.webhooks.push({ ...view(job, at), input: job.input, webhook: job.webhook })
  announce(endpoint)
}

export const cancel = (state: State, endpoint: Endpoint, job: Job, at: number): void => {
  finish(state, endpoint, job, at, "CANCELLED")
}

/** When the job ends by itself, and how. */
const endOf = (job: Job, startedAt: number) =>
  job.plan.duration > job.timeout
    ? { at: startedAt + job.timeout, status: "TIMED_OUT" as const }
    : { at: startedAt + job.plan.duration, status: job.plan.error === null ? "COMPLETED" as const : "FAILED" as const }

const dispatch = (endpoint: Endpoint, at: number): void => {
  const waiting = [...queued(endpoint)]
  for (const worker of endpoint.workers) {
    if (worker.readyAt > at || worker.jobId !== null) continue
    const job = waiting.shift()
    if (job === undefined) return
    worker.jobId = job.id
    Object.assign(job, { status: "IN_PROGRESS", startedAt: at, workerId: worker.id })
    write(worker.log, "container", at, `started job ${job.id}`)
    announce(endpoint)
  }
}

/** The moment one more worker is due; infinite while none is. */
const scaleAt = (endpoint: Endpoint): number => {
  const { max, min } = workersOf(endpoint.spec)
  const count = endpoint.workers.length
  if (endpoint.isHeld || count >= max) return Number.POSITIVE_INFINITY
  if (count < min) return Number.NEGATIVE_INFINITY
  const [oldest] = queued(endpoint)
  if (oldest === undefined) return Number.POSITIVE_INFINITY
  if (count === 0) return oldest.queuedAt
  const { scaling } = endpoint.spec
  if (scaling.type === "REQUEST_COUNT") {
    const open = Array.from(endpoint.jobs.values()).filter(({ status }) => !isFinal(status)).length
    return Math.ceil(open / scaling.requestCount) > count ? oldest.queuedAt : Number.POSITIVE_INFINITY
  }
  const newest = Math.max(...endpoint.workers.map(({ startedAt }) => startedAt))
  return Math.max(oldest.queuedAt, newest) + scaling.queueDelay * 1000
}

interface Happening {
  readonly at: number
  readonly happen: (at: number) => void
}

/** What will happen next on its own. */
const next = (state: State, endpoint: Endpoint): Happening | undefined => {
  const happenings: Array<Happening> = [{ at: scaleAt(endpoint), happen: (at) => startWorker(state, endpoint, at) }]
  for (const job of endpoint.jobs.values()) {
    if (job.status === "IN_PROGRESS" && job.startedAt !== null) {
      const end = endOf(job, job.startedAt)
      happenings.push({ at: end.at, happen: (at) => finish(state, endpoint, job, at, end.status) })
    }
    const forgottenAt = Math.min(job.diesAt, job.endedAt === null ? job.diesAt : job.endedAt + job.retention)
    happenings.push({
      at: forgottenAt,
      happen: () => {
        endpoint.jobs.delete(job.id)
        for (const worker of endpoint.workers) if (worker.jobId === job.id) worker.jobId = null
        announce(endpoint)
      }
    })
  }
  const { idle, min } = workersOf(endpoint.spec)
  for (const worker of endpoint.workers) {
    if (worker.jobId !== null) continue
    if (queued(endpoint).length > 0) happenings.push({ at: worker.readyAt, happen: () => {} })
    else if (endpoint.workers.length > min) {
      happenings.push({
        at: worker.idleSince + idle,
        happen: (at) => {
          endpoint.workers = endpoint.workers.filter((one) => one !== worker)
          bill(endpoint, at)
        }
      })
    }
  }
  return happenings.toSorted((a, b) => a.at - b.at)[0]
}

/** When something will happen next on its own; infinite when nothing will. */
export const nextAt = (state: State, endpoint: Endpoint): number =>
  next(state, endpoint)?.at ?? Number.POSITIVE_INFINITY

/** Lets everything happen that is due, in its order. */
export const advance = (state: State, endpoint: Endpoint, now: number): void => {
  let at = endpoint.settledAt
  for (;;) {
    dispatch(endpoint, at)
    const due = next(state, endpoint)
    if (due === undefined || due.at > now) break
    at = Math.max(at, due.at)
    due.happen(at)
  }
  dispatch(endpoint, now)
  endpoint.settledAt = now
}

/** The job as `/status` reports it. */
export const view = (job: Job, now: number): Record<string, Schema.Json> => ({
  id: job.id,
  status: job.status,
  ...(job.startedAt === null ? {} : {
    delayTime: job.startedAt - job.queuedAt,
    executionTime: (job.endedAt ?? now) - job.startedAt,
    workerId: job.workerId
  }),
  ...(job.retries === 0 ? {} : { retries: job.retries }),
  ...(job.status === "COMPLETED" && job.plan.output !== undefined ? { output: job.plan.output } : {}),
  ...(job.status === "FAILED" ? { error: job.plan.error } : {}),
  ...(job.status === "TIMED_OUT" ? { error: "job timed out" } : {})
})

/** What the job has yielded by now and no poll has read yet; reading it takes it away. */
export const drain = (job: Job, now: number): ReadonlyArray<{ readonly output: Schema.Json }> => {
  const { startedAt } = job
  if (startedAt === null) return []
  const ready = job.plan.chunks.filter(({ at }) => startedAt + at <= Math.min(now, job.endedAt ?? now))
  const fresh = ready.slice(job.drained)
  job.drained += fresh.length
  return fresh.map(({ output }) => ({ output }))
}

/** When the job's next chunk is there. */
export const chunkAt = (job: Job): number => {
  const chunk = job.plan.chunks[job.drained]
  return job.startedAt === null || chunk === undefined ? Number.POSITIVE_INFINITY : job.startedAt + chunk.at
}
