/**
 * What `atlas up` does: asks for one compute, and leaves it running or stays with it until it is over.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Ended, invalid } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { Input } from "../../domain/ComputeRequest.ts"
import { mayTryNext } from "../../domain/Refusal.ts"
import type { CallOptions } from "../../provider/Call.ts"
import type { Service } from "../../provider/Provider.ts"
import { Providers } from "../../provider/Providers.ts"
import { asTyped } from "../AsTyped.ts"
import * as ComputeView from "../ComputeView.ts"
import * as ExitCode from "../ExitCode.ts"
import * as GpuAdvice from "../GpuAdvice.ts"
import type * as LogTail from "../LogTail.ts"
import * as Output from "../Output.ts"
import { progress, sayEnding } from "../Progress.ts"
import * as Several from "../Several.ts"
import { Shell } from "../Shell.ts"
import * as SpawnRequest from "../SpawnRequest.ts"
import { warn } from "../Warnings.ts"

/** How often the provider is asked whether the compute is over. */
const watchInterval = Duration.seconds(2)

/** Rents with the first candidate that can be had; without candidates the provider chooses. */
const firstOf = <A, R>(
  candidates: ReadonlyArray<string>,
  spawn: (gpu: string | null) => Effect.Effect<A, AtlasError, R>
): Effect.Effect<A, AtlasError, R | Shell> => {
  const [first = null, ...rest] = candidates
  return rest.length === 0 ? spawn(first) : spawn(first).pipe(
    Effect.catchIf(
      ({ reason }) => mayTryNext(reason),
      (error) =>
        Effect.andThen(
          progress(`${first} was refused: ${error.reason.message}; trying ${rest[0]}`),
          firstOf(rest, spawn)
        )
    )
  )
}

/** The candidates that the provider accepts requests for; fails with the last one's refusal where it accepts none. */
const askable = (
  provider: Service,
  request: Input,
  gpus: ReadonlyArray<string>,
  call: SpawnRequest.SpawnFlags["call"]
) =>
  Effect.gen(function*() {
    if (gpus.length < 2) return gpus
    const { baseUrl } = call
    const tried = yield* Effect.forEach(
      gpus,
      (gpu) =>
        Effect.map(
          Effect.result(provider.compute.check({ ...request, gpu }, { baseUrl })),
          (checked) => ({ gpu, checked })
        )
    )
    const refused = tried.flatMap(({ checked, gpu }) =>
      Result.isFailure(checked) ? [{ gpu, error: checked.failure }] : []
    )
    const last = refused.at(-1)
    if (last !== undefined && refused.length === tried.length) return yield* last.error
    for (const { error, gpu } of refused) yield* progress(`${gpu} was refused: ${error.reason.message}`)
    return tried.flatMap(({ checked, gpu }) => Result.isSuccess(checked) ? [gpu] : [])
  })

const over = (compute: Pick<Compute, "provider" | "status" | "exitCode">, message: string) =>
  new AtlasError({
    provider: compute.provider,
    operation: "up",
    reason: new Ended({ status: compute.status, exitCode: compute.exitCode, message })
  })

/** Waits until the compute is over, and answers it as it was last seen. */
const untilOver = (
  compute: Compute,
  provider: Pick<Service, "capabilities" | "logs" | "pollInterval" | "settleWindow">,
  call: Atlas.Options,
  { failed, pausing }: LogTail.LogTail
) => {
  const { pollInterval, settleWindow } = provider
  let isYoung = true
  const ages = Effect.delay(
    Effect.sync(() => {
      isYoung = false
    }),
    settleWindow
  )

  /** The compute if it is over, null if it goes on or its provider cannot tell now. */
  const look = Atlas.getCompute(compute.id, call).pipe(
    Effect.map((seen) => seen.status === "running" || seen.status === "provisioning" ? null : seen),
    Effect.catchIf((error) => error.isRetryable, () => Effect.succeed(null)),
    Effect.catchReason(
      "AtlasError",
      "NotFound",
      () =>
        // a compute younger than the settle window may not be listed yet
        isYoung ? Effect.succeed(null) : Effect.fail(
          over(
            { ...compute, status: "terminated" },
            `${compute.id} was ended outside of this command: by another process, or in the provider's console`
          )
        )
    )
  )

  return Effect.gen(function*() {
    while (true) {
      // a log may stay open after the end, as that of a stopped machine does: the end is looked for as well
      yield* Effect.raceAllFirst([pausing, failed, Effect.sleep(watchInterval)])
      const seen = yield* look
      if (seen !== null) return seen
      yield* Effect.sleep(pollInterval)
    }
  }).pipe(Effect.raceFirst(Effect.andThen(ages, Effect.never)), ExitCode.orTold({ compute, provider, call }))
}

/** How the command ended, as an exit code; a compute that ended without one fails. */
const outcome = (seen: Compute) =>
  seen.exitCode === null
    ? Effect.fail(over(seen, seen.failure ?? `${seen.id} is ${seen.status}`))
    : Effect.succeed(seen.exitCode)

const attached = (request: Input, gpus: ReadonlyArray<string>, provider: Service, call: Atlas.Options) =>
  Effect.gen(function*() {
    const { err, exitWith, invocation } = yield* Shell
    const output = yield* Output.make("up")
    const stay = (compute: Compute) =>
      Effect.gen(function*() {
        // stdout is the command's own; in JSON the compute is the first of the objects
        output.printer.record({ type: "compute", ...ComputeView.toJson(compute) })
        const tail = yield* output.follow(compute.id, { ...call, provider: provider.id })
        // what it says while it is ended is read before it is gone
        return yield* Effect.ensuring(
          Effect.gen(function*() {
            if (!invocation.json) yield* err(ComputeView.rented(compute))
            return yield* outcome(yield* untilOver(compute, provider, call, tail))
          }),
          Effect.andThen(sayEnding([compute.id], provider.settleWindow), tail.drain)
        )
      })
    // a failure after the create is kept apart, so that it never counts as a refused candidate
    const ended = yield* firstOf(
      gpus,
      (gpu) => Atlas.withCompute({ ...request, gpu }, (compute) => Effect.result(stay(compute)), call)
    ).pipe(Effect.onError(() => output.flush({ isOver: true })))
    const code = yield* Effect.onInterrupt(
      output.conclude(ended, { isPatient: Result.isSuccess(ended) }),
      () => output.flush({ isOver: true })
    )
    yield* exitWith(code ?? 0)
  }).pipe(Effect.scoped)

const detached = (request: Input, gpus: ReadonlyArray<string>, call: Atlas.Options) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { invocation, out } = yield* Shell
      const { forgets } = yield* Effect.promise(() => import("../providers.ts"))
      const compute = yield* restore(firstOf(gpus, (gpu) => Atlas.spawnCompute({ ...request, gpu }, call)))
      // from here on it goes on even if this process is interrupted, so its id and token are printed all the same
      yield* out(invocation.json ? JSON.stringify(ComputeView.toJson(compute)) : ComputeView.rented(compute))
      if (!invocation.json && forgets(compute.provider)) {
        yield* warn(
          `${compute.provider} rents in the memory of this process: nothing remembers ${compute.id} once this command has ended`
        )
      }
    })
  )

/** Several alike: all of them, or none. */
const many = (count: number, request: Input, gpus: ReadonlyArray<string>, provider: Service, call: CallOptions) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { invocation, out } = yield* Shell
      const computes = yield* Several.rent(count, {
        provider,
        restore,
        each: (index, rent) => {
          const { name } = request
          const own = { ...request, name: typeof name === "string" ? `${name}-${index + 1}` : name }
          return firstOf(gpus, (gpu) => rent({ ...own, gpu }, call))
        }
      })
      yield* out(
        invocation.json
          ? JSON.stringify(computes.map(ComputeView.toJson))
          : computes.map(ComputeView.rented).join("\n\n")
      )
    })
  )

/** Refuses `--count` where the computes would not be left running: one terminal follows one log and ends with one exit code. */
const refuseCount = (message: string) => Effect.fail(invalid("up", [{ path: "--count", message }]))

/** Spawns one compute, or several that are left running; with limits it is watched as a session. */
export const run = (
  flags: SpawnRequest.SpawnFlags & SpawnRequest.Limits & { readonly count: Option.Option<number> }
) =>
  Effect.gen(function*() {
    const { call, gpu } = flags
    if (Option.isSome(flags.count) && !flags.detach) {
      return yield* refuseCount("needs --detach: what is rented is left running, and ended with `atlas down`")
    }
    if (SpawnRequest.isLimited(flags)) {
      if (flags.detach) return yield* SpawnRequest.refuseDetached(flags, "up")
      const { run: runSession } = yield* Effect.promise(() => import("./runSession.ts"))
      return yield* runSession("up")(flags)
    }
    const provider = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "spawnCompute"))
    const { id } = provider
    const request = yield* SpawnRequest.toRequest(flags, provider, "spawnCompute")
    const gpus = yield* asTyped(askable(provider, request, gpu, call))
    yield* progress(`renting from ${id}`)
    const rented = Option.isSome(flags.count)
      ? many(flags.count.value, request, gpus, provider, { baseUrl: call.baseUrl })
      : flags.detach
      ? detached(request, gpus, call)
      : attached(request, gpus, provider, call)
    yield* asTyped(GpuAdvice.orSuggest(provider, { ...flags, gpu: gpus })(rented))
  })
