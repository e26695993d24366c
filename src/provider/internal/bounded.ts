/** An adapter whose calls end with their time limit, whether or not it looks at the limit itself. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, Timeout } from "../../domain/AtlasError.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import type { Adapter, ComputeAdapter, ComputeFilter } from "../Adapter.ts"
import type { Call } from "../Call.ts"

/** An adapter that keeps the limit itself can say better how it passed, so it has this much longer to say it. */
const grace = 100

type Answer<A> = Effect.Effect<A, AtlasErrorReason>
type Limit = Duration.Duration | null

const afterGrace = (limit: Duration.Duration): number => Duration.toMillis(limit) + grace

const shorter = (one: Duration.Duration, other: Limit): Duration.Duration =>
  other !== null && Duration.toMillis(other) < Duration.toMillis(one) ? other : one

const passed = (limit: Duration.Duration): Timeout =>
  new Timeout({ message: `no answer within ${Duration.format(limit)}` })

const within = <A>(
  limit: Limit,
  ask: () => Answer<A>,
  reasonOf: (timeout: Timeout) => AtlasErrorReason = (timeout) => timeout
): Answer<A> =>
  limit === null ? ask() : Effect.timeoutOrElse(Effect.suspend(ask), {
    duration: afterGrace(limit),
    orElse: () => Effect.fail(reasonOf(passed(limit)))
  })

const one = <I, A>(ask: (input: I, call: Call) => Answer<A>) => (input: I, call: Call): Answer<A> =>
  within(call.timeout, () => ask(input, call))

const plain = <A>(ask: (call: Call) => Answer<A>) => (call: Call): Answer<A> => within(call.timeout, () => ask(call))

/** The two ways to create stay apart, so that what was prepared keeps its type. */
const boundedCompute = <Prepared>(compute: ComputeAdapter<Prepared>): ComputeAdapter<Prepared> => {
  const look = {
    get: one((id: ComputeId, call) => compute.get(id, call)),
    list: one((filter: ComputeFilter, call) => compute.list(filter, call)),
    terminate: one((id: ComputeId, call) => compute.terminate(id, call))
  }
  const { check, prepare } = compute
  return prepare === undefined
    ? {
      ...look,
      ...(check === undefined ? {} : { check: one((request, call) => check.call(compute, request, call)) }),
      spawn: one((draft, call) => compute.spawn(draft, call))
    }
    : {
      ...look,
      prepare: one((draft, call) => prepare.call(compute, draft, call)),
      send: one((rent, call) => compute.send(rent, call))
    }
}

/** The same adapter, whose calls fail as `Timeout` when their limit has passed. What that says of a create, its caller knows. */
export const bounded = <Prepared>(
  { billing, compute, endpoints, gpus, jobs, logs, power, templates, volumes, ...rest }: Adapter<Prepared>
): Adapter<Prepared> => ({
  ...rest,
  compute: boundedCompute(compute),
  ...(power === undefined ? {} : {
    power: { stop: one((id, call) => power.stop(id, call)), start: one((id, call) => power.start(id, call)) }
  }),
  ...(gpus === undefined ? {} : { gpus: { list: plain((call) => gpus.list(call)) } }),
  ...(logs === undefined ? {} : {
    logs: {
      stream: (id, options, call) => {
        const lines = Stream.suspend(() => logs.stream(id, options, call))
        const { timeout } = call
        return timeout === null
          ? lines
          : Stream.interruptWhen(lines, Effect.delay(Effect.fail(passed(timeout)), afterGrace(timeout)))
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
      get: one((job, call) => jobs.get(job, call)),
      cancel: one((job, call) => jobs.cancel(job, call)),
      chunk: one((job, call) => jobs.chunk(job, call))
    }
  }),
  ...(volumes === undefined ? {} : {
    volumes: {
      list: plain((call) => volumes.list(call)),
      get: one((id, call) => volumes.get(id, call)),
      create: one((request, call) => volumes.create(request, call)),
      delete: one((id, call) => volumes.delete(id, call))
    }
  }),
  ...(templates === undefined ? {} : {
    templates: {
      list: plain((call) => templates.list(call)),
      get: one((id, call) => templates.get(id, call)),
      create: one((request, call) => templates.create(request, call)),
      delete: one((id, call) => templates.delete(id, call))
    }
  }),
  ...(endpoints === undefined ? {} : {
    endpoints: {
      list: plain((call) => endpoints.list(call)),
      get: one((id, call) => endpoints.get(id, call)),
      delete: one((id, call) => endpoints.delete(id, call))
    }
  }),
  ...(billing === undefined ? {} : {
    billing: {
      spend: (id, window, call) => within(call.timeout, () => billing.spend(id, window, call))
    }
  })
})
