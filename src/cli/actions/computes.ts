/**
 * What `atlas get`, `await`, `stop`, `start` and `down` do.
 */
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Ended, Timeout } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { Providers } from "../../provider/Providers.ts"
import * as Account from "../Account.ts"
import * as ComputeName from "../ComputeName.ts"
import * as ComputeView from "../ComputeView.ts"
import * as Failure from "../Failure.ts"
import { misused } from "../Flags.ts"
import { progress, sayEnding, ticking } from "../Progress.ts"
import { Shell } from "../Shell.ts"

interface One {
  readonly id: string
  readonly call: Atlas.Options
}

/** The computes of a provider that are not terminated; what no command can act on is named on stderr. */
const listed = (call: Atlas.Options) =>
  Effect.gen(function*() {
    const { computes, odd } = yield* Account.list(call)
    yield* Account.warn(odd)
    return computes.filter(({ status }) => status !== "terminated")
  })

/** Prints one compute. */
export const get = ({ call, id: typed }: One) =>
  Effect.gen(function*() {
    const id = yield* ComputeName.resolve(typed, "getCompute", call, { acts: false })
    yield* ComputeView.print(yield* Atlas.getCompute(id, call))
  })

/** Waits until one compute is ready and prints it. */
export const wait = ({ call, id: typed, timeout }: One & { readonly timeout: Option.Option<Duration.Duration> }) =>
  Effect.gen(function*() {
    const id = yield* ComputeName.resolve(typed, "awaitReady", call, { acts: false })
    yield* progress(`waiting for ${id} to be ready`)
    const compute = yield* Atlas.awaitReady(id, { ...call, timeout: Option.getOrUndefined(timeout) }).pipe(
      ticking(`waiting for ${id} to be ready`)
    )
    yield* ComputeView.print(compute)
  })

/** Clouds stop a compute within a minute or so; one that takes longer than this needs a look. */
const stopLimit = Duration.minutes(5)

/** Stops a compute, waits until it has really stopped, and prints it. */
export const stop = ({ call, id: typed }: One) =>
  Effect.gen(function*() {
    const id = yield* ComputeName.resolve(typed, "stop", call, { acts: true })
    const { pollInterval } = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "stop"))
    yield* progress(`stopping ${id}`)
    yield* Atlas.stop(id, call)
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(stopLimit)
    while (true) {
      const compute = yield* Atlas.getCompute(id, call)
      const fail = (reason: Ended | Timeout) =>
        new AtlasError({ provider: compute.provider, operation: "stop", reason })
      if (compute.status === "stopped") return yield* ComputeView.print(compute)
      if (!compute.isLive) {
        const { exitCode, status } = compute
        return yield* fail(new Ended({ status, exitCode, message: `${id} is ${status}, there is nothing to stop` }))
      }
      if ((yield* Clock.currentTimeMillis) >= until) {
        const message = `${id} has not stopped within ${
          TimeSpan.format(stopLimit)
        }; see how it is with: atlas get ${id}`
        return yield* fail(new Timeout({ lastSeen: compute, message }))
      }
      yield* Effect.sleep(pollInterval)
    }
  }).pipe(ticking(`stopping ${typed}`))

/** Starts a stopped compute again and prints it. */
export const start = ({ call, id: typed }: One) =>
  Effect.gen(function*() {
    const id = yield* ComputeName.resolve(typed, "start", call, { acts: true })
    yield* progress(`starting ${id}`)
    yield* Atlas.start(id, call)
    yield* Effect.flatMap(Atlas.getCompute(id, call), ComputeView.print)
  })

/** How many computes are ended at once. */
const endsAtOnce = 8

/** The computes of the account, once the user has agreed. */
const every = (call: Atlas.Options, yes: boolean) =>
  Effect.gen(function*() {
    const { ask, canAsk } = yield* Shell
    if (!yes && !canAsk) {
      return yield* misused("down", "--all needs --yes where no question can be asked (stdin is not a terminal)")
    }
    const [first, ...others] = yield* listed(call)
    if (first === undefined) return []
    const all = [first, ...others]
    return yes || (yield* ask(`End ${others.length === 0 ? first.id : `all ${all.length} computes`}?`)) ? all : []
  })

const isAdhoc = (name: string | null): name is string => name !== null && NameStamp.isAdhocName(name)

/** What a cloud made beside these computes, under their names; the youngest's may be listed only after both settle windows. */
const lateOnes = (computes: ReadonlyArray<Compute>, settleWindow: Duration.Duration, call: Atlas.Options) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const windows = 2 * Duration.toMillis(settleWindow)
    const rented = computes.filter(({ name }) => isAdhoc(name))
    const ages = rented.flatMap(({ createdAt }) => createdAt === null ? [] : [now - DateTime.toEpochMillis(createdAt)])
    const left = Math.min(windows - Math.min(windows, ...ages), windows)
    if (left === 0) return []
    yield* Effect.sleep(left)
    const names = new Set(rented.map(({ name }) => name))
    return (yield* listed(call)).flatMap(({ id, name }) => names.has(name) ? [id] : [])
  })

const statusOf = (result: Result.Result<void, AtlasError> | undefined): Failure.Result["status"] =>
  result !== undefined && Result.isSuccess(result)
    ? "terminated"
    : result?.failure.reason._tag === "NotFound"
    ? "not_found"
    : "failed"

/** Ends computes and prints which; each is tried, even if others fail. */
export const down = ({ all, call, ids, yes }: {
  readonly ids: ReadonlyArray<string>
  readonly all: boolean
  readonly yes: boolean
  readonly call: Atlas.Options
}) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    const { settleWindow } = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "end"))
    const computes = all ? yield* every(call, yes) : []
    const idOf = yield* ComputeName.resolver("end", call, { acts: true })
    const meant = yield* Effect.forEach([...new Set(ids)], (typed) => Effect.result(idOf(typed)), {
      concurrency: endsAtOnce
    })
    const first = all
      ? computes.map(({ id }) => id)
      : [...new Set(meant.flatMap(Result.match({ onSuccess: (id) => [id], onFailure: () => [] })))]
    yield* sayEnding(first, settleWindow)
    const end = (these: ReadonlyArray<string>, options: Atlas.EndOptions) =>
      Effect.forEach(these, (id) => Effect.result(Atlas.end(id, { ...call, ...options })), { concurrency: endsAtOnce })
    // with `--all`, what shares a name and is listed is among the ids already
    const ended = yield* end(first, { mustExist: true, ...(all ? { name: null } : {}) })
    const looked = yield* Effect.result(lateOnes(computes, settleWindow, call))
    const late = Result.getOrElse(looked, () => [])
    const wanted = [...first, ...late]
    const unlooked = Result.isFailure(looked) ? [Result.fail(looked.failure)] : []
    // what is not known for certain is left alone, and the others are ended all the same
    const unknown = meant.flatMap((one) => Result.isFailure(one) ? [Result.fail(one.failure)] : [])
    const results = [...ended, ...yield* end(late, { name: null }), ...unlooked, ...unknown]
    const gone = wanted.filter((_, index) => Option.exists(Array.get(results, index), Result.isSuccess))
    const failures = results.flatMap((result, index) =>
      Result.isFailure(result) ? [{ id: wanted[index] ?? null, error: result.failure }] : []
    )
    if (!invocation.json) {
      if (results.length === 0) yield* out("nothing to end")
      if (gone.length > 0) yield* out(gone.map((id) => `ended ${id}`).join("\n"))
    }
    if (failures.length > 0) {
      const each = wanted.map((id, index) => ({ id, status: statusOf(results[index]) }))
      return yield* new Failure.Incomplete({ failures, results: each })
    }
    if (invocation.json) yield* out(JSON.stringify(gone.map((id) => ({ id, status: "terminated" }))))
  })
