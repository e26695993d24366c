/** An adapter whose calls end in time. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout } from "../../domain/AtlasError.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import { failWhen } from "../../http/StreamLimits.ts"
import type { Adapter, ComputeAdapter, ComputeFilter, LogsAdapter, RequestOpts } from "../Adapter.ts"
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

const limitedCall = <A>(ask: (call: Call) => Answer<A>) => (call: Call): Answer<A> =>
  within(call.timeout, () => ask(call))

/** The two ways to create are wrapped apart, so that what was prepared keeps its type. */
const boundedCompute = <Prepared>(compute: ComputeAdapter<Prepared>): ComputeAdapter<Prepared> => {
  const look = {
    get: limited((id: ComputeId, call) => compute.get(id, call)),
    list: limited((filter: ComputeFilter, call) => compute.list(filter, call)),
    terminate: limited((id: ComputeId, call) => compute.terminate(id, call))
  }
  const { check, prepare } = compute
  return prepare === undefined
    ? {
      ...look,
      ...(check === undefined ? {} : { check: limited((request, call) => check.call(compute, request, call)) }),
      spawn: limited((draft, call) => compute.spawn(draft, call))
    }
    : {
      ...look,
      prepare: limited((draft, call) => prepare.call(compute, draft, call)),
      send: limited((spawn, call) => compute.send(spawn, call))
    }
}

const boundedOpts = ({ logLimit, minCuda, registryAuth }: RequestOpts): RequestOpts => ({
  // it asks no account
  ...(logLimit === undefined ? {} : { logLimit }),
  ...(minCuda === undefined ? {} : { minCuda: limited(minCuda) }),
  ...(registryAuth === undefined ? {} : { registryAuth: limited(registryAuth) })
})

const boundedExit = (exit: NonNullable<LogsAdapter["exit"]>): typeof exit => (id, options, call) =>
  within(call.timeout, () => exit(id, options, call))

/** The same adapter, whose calls fail as `Timeout` when their limit has passed. For a create that becomes `Uncertain` later. */
export const bounded = <Prepared>(
  { billing, compute, endpoints, gpus, jobs, logs, power, requestOpts, templates, volumes, ...rest }: Adapter<Prepared>
): Adapter<Prepared> => ({
  ...rest,
  compute: boundedCompute(compute),
  ...(power === undefined ? {} : {
    power: { stop: limited((id, call) => power.stop(id, call)), start: limited((id, call) => power.start(id, call)) }
  }),
  ...(requestOpts === undefined ? {} : { requestOpts: boundedOpts(requestOpts) }),
  ...(gpus === undefined ? {} : { gpus: { list: limitedCall((call) => gpus.list(call)) } }),
  ...(logs === undefined ? {} : {
    logs: {
      ...logs,
      ...(logs.exit === undefined ? {} : { exit: boundedExit(logs.exit) }),
      stream: (id, options, call) => {
        const lines = Stream.suspend(() => LastLines.read((wanted) => logs.stream(id, wanted, call), options))
        const { timeout } = call
        return timeout === null
          ? lines
          : failWhen(lines, Effect.delay(Effect.fail(timedOut(timeout)), afterGrace(timeout)))
      }
    }
  }),
  ...(jobs === undefined ? {} : {
    jobs: {
      submit: (request, call) =>
        request.mode === "sync"
          // its own limit holds too, and past it the job goes on
          ? within(shorter(request.timeout, call.timeout), () => jobs.submit(request, call))
          : within(call.timeout, () => jobs.submit(request, call), asUnrepeatable),
      get: limited((job, call) => jobs.get(job, call)),
      cancel: limited((job, call) => jobs.cancel(job, call)),
      chunk: limited((job, call) => jobs.chunk(job, call))
    }
  }),
  ...(volumes === undefined ? {} : {
    volumes: {
      list: limitedCall((call) => volumes.list(call)),
      get: limited((id, call) => volumes.get(id, call)),
      create: limited((request, call) => volumes.create(request, call)),
      delete: limited((id, call) => volumes.delete(id, call))
    }
  }),
  ...(templates === undefined ? {} : {
    templates: {
      list: limitedCall((call) => templates.list(call)),
      get: limited((id, call) => templates.get(id, call)),
      create: limited((request, call) => templates.create(request, call)),
      delete: limited((id, call) => templates.delete(id, call))
    }
  }),
  ...(endpoints === undefined ? {} : {
    endpoints: {
      list: limitedCall((call) => endpoints.list(call)),
      get: limited((id, call) => endpoints.get(id, call)),
      delete: limited((id, call) => endpoints.delete(id, call))
    }
  }),
  ...(billing === undefined ? {} : {
    billing: {
      spend: (id, window, call) => within(call.timeout, () => billing.spend(id, window, call))
    }
  })
})
