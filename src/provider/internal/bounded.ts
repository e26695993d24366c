/** Calls to an adapter that end in time: each fails as `Timeout` when its limit has passed. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import type { Job } from "../../domain/Job.ts"
import type { JobRequest } from "../../domain/JobRequest.ts"
import type { LogElement } from "../../domain/LogElement.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { failWhen } from "../../http/StreamLimits.ts"
import type { JobsAdapter, LogOptions, LogsAdapter, PreparedCreate } from "../Adapter.ts"
import type { Call } from "../Call.ts"
import * as LastLines from "./lastLines.ts"

type Answer<B> = Effect.Effect<B, AtlasErrorReason>

/** Milliseconds that an adapter gets beyond a limit: where it enforces the limit itself, its failure says more. */
const grace = 100

type Limit = Duration.Duration | null

const afterGrace = (limit: Duration.Duration): number => Duration.toMillis(limit) + grace

const shorter = (one: Duration.Duration, other: Limit): Duration.Duration =>
  other !== null && Duration.toMillis(other) < Duration.toMillis(one) ? other : one

const timedOut = (limit: Duration.Duration): Timeout =>
  new Timeout({ message: `no answer within ${TimeSpan.format(limit)}` })

const within = <A>(
  limit: Limit,
  ask: () => Answer<A>,
  reasonOf: (timeout: Timeout) => AtlasErrorReason = (timeout) => timeout
): Answer<A> =>
  limit === null ? ask() : Effect.timeoutOrElse(Effect.suspend(ask), {
    duration: afterGrace(limit),
    orElse: () => Effect.fail(reasonOf(timedOut(limit)))
  })

export const limited = <I, A>(ask: (input: I, call: Call) => Answer<A>) => (input: I, call: Call): Answer<A> =>
  within(call.timeout, () => ask(input, call))

/** For a create, the failure becomes `Uncertain` later. */
export const limitedCreate = <Prepared>(
  create: PreparedCreate<Prepared>,
  found: (answer: Answer<Compute>) => Answer<Compute>
): PreparedCreate<Prepared> => ({
  prepare: limited((draft, call) => create.prepare(draft, call)),
  send: limited((spawn, call) => found(create.send(spawn, call)))
})

export const limitedSubmit = (jobs: JobsAdapter, request: JobRequest, call: Call): Answer<Job> =>
  request.mode === "sync"
    // its own limit holds too, and past it the job goes on
    ? within(shorter(request.timeout, call.timeout), () => jobs.submit(request, call))
    : within(call.timeout, () => jobs.submit(request, call), asUnrepeatable)

export const limitedLines = (
  logs: LogsAdapter,
  id: ComputeId,
  options: LogOptions,
  call: Call
): Stream.Stream<LogElement, AtlasErrorReason> => {
  const lines = Stream.suspend(() => LastLines.read((wanted) => logs.stream(id, wanted, call), options))
  const { timeout } = call
  return timeout === null ? lines : failWhen(lines, Effect.delay(Effect.fail(timedOut(timeout)), afterGrace(timeout)))
}
