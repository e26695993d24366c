/**
 * How `spawn`, `runTask` and `scoped` rent: from a caller's request to a session with a machine, or a failure that says why there
 * is none.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, Ended, invalid, Timeout, Unsupported } from "../../domain/AtlasError.ts"
import type { Service } from "../../provider/Provider.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { Seen, SessionEngine } from "../engine/EngineContract.ts"
import * as Fault from "../session/Fault.ts"
import type { SessionId } from "../session/Ids.ts"
import type { PhaseOf } from "../session/Phase.ts"
import * as RentRequest from "../session/RentRequest.ts"
import { type Mode, providerOf, type SessionState } from "../session/State.ts"
import * as SpawnOptions from "../SpawnOptions.ts"
import type { Tracked } from "./OrchestratorContract.ts"

/** How long a caller waits until a machine is verified gone, before it is told that this is not known yet. */
export const stopTimeout = Duration.seconds(30)

export const isOver = ({ state: { phase } }: Seen): boolean => phase._tag === "Ended"

export const isEnding = (seen: Seen): boolean => seen.state.phase._tag === "Ending" || isOver(seen)

const hasMachine = (seen: Seen): boolean => seen.state.phase._tag === "Live"

/** The refusal of one candidate, as part of a message that names several. */
const describeRefusal = (candidate: RentRequest.Candidate | undefined, { message }: Fault.Fault): string =>
  `${[candidate?.provider, candidate?.gpu].filter((part) => typeof part === "string").join(" ")}: ${message}`

const withOthers = (message: string, others: ReadonlyArray<string>): string =>
  others.length === 0 ? message : `${message} (before: ${others.join("; ")})`

/** Whether the machine of a session that ends may still be there. */
const goneOf = ({ _tag }: PhaseOf<"Ending" | "Ended">): string =>
  _tag === "Ended" ? "it is verified gone" : "it is not verified gone yet and is being ended"

/** The failure of a caller whose session has no machine and will have none. */
export const failureOf = (state: SessionState, operation: string): AtlasError => {
  const { phase, refusals, spec } = state
  const provider = providerOf(state)
  const fail = (reason: AtlasError["reason"]) => new AtlasError({ provider, operation, reason })
  if (phase._tag !== "Ending" && phase._tag !== "Ended") return fail(new Ended({ status: "terminated" }))
  const { outcome, reason } = phase
  const gone = goneOf(phase)
  if (reason === "no_price") {
    return fail(
      new Unsupported({ capability: "price", message: `the machine has no price, so maxCost cannot be kept; ${gone}` })
    )
  }
  if (outcome._tag === "Failed" && outcome.fault !== null) {
    const { message } = outcome.fault
    const unfit = (spec.unfit ?? []).map(({ candidate, fault }) => describeRefusal(candidate, fault))
    const others = refusals.slice(0, -1).map(({ candidate, fault }) =>
      describeRefusal(spec.candidates[candidate], fault)
    )
    return Fault.toError({ ...outcome.fault, message: withOthers(message, [...unfit, ...others]) }, operation)
  }
  return fail(
    new Ended({
      status: "terminated",
      exitCode: outcome._tag === "Failed" || outcome._tag === "Completed" ? outcome.exitCode : null,
      message: `the session is over (${reason}); its machine: ${gone}`
    })
  )
}

/** The same for one that began it: a `maxRuntime` that was over before the rent was answered is a `Timeout`, as it is afterwards. */
const failureOfRent = (state: SessionState, operation: string): AtlasError => {
  const { phase } = state
  const isLate = (phase._tag === "Ending" || phase._tag === "Ended") &&
    (phase.outcome._tag === "TimedOut" || (phase.outcome._tag === "Closed" && phase.reason === "max_runtime"))
  if (!isLate) return failureOf(state, operation)
  return new AtlasError({
    provider: providerOf(state),
    operation,
    reason: new Timeout({
      message: `its maxRuntime was over before it had a machine to give; what was rented: ${goneOf(phase)}; allow more`,
      mayHaveActed: true
    })
  })
}

type Decoded = Effect.Success<ReturnType<typeof SpawnOptions.decodeRequest>>

/** The candidates to rent from: those that can be asked, and why the others cannot. Fails when none can. */
const candidatesFor = Effect.fnUntraced(function*(
  providers: Providers["Service"],
  { gpus, request }: Decoded,
  wanted: ReadonlyArray<string> | undefined,
  operation: string
) {
  const found = yield* Effect.forEach(wanted ?? [undefined], (which) => providers.get(which, operation))
  const pairs = gpus.flatMap((gpu) => found.map((provider) => ({ provider, gpu })))
  const checked = yield* Effect.forEach(pairs, ({ gpu, provider }) => {
    const candidate: RentRequest.Candidate = { provider: provider.id, gpu, regionHints: request.regionHints }
    return Effect.match(provider.compute.check({ ...request, gpu }), {
      onSuccess: () => ({ candidate, error: null }),
      onFailure: (error) => ({ candidate, error })
    })
  })
  const refused = checked.flatMap(({ candidate, error }) => error === null ? [] : [{ candidate, error }])
  const unfit = refused.map(({ candidate, error }) => ({ candidate, fault: Fault.fromError(error) }))
  const [first, ...rest] = checked.flatMap(({ candidate, error }) => error === null ? [candidate] : [])
  if (first !== undefined) {
    return { candidates: [first, ...rest] as const, ...(unfit.length === 0 ? {} : { unfit }) }
  }
  const last = refused.at(-1)
  if (last === undefined) return yield* invalid(operation, [{ path: "provider", message: "give at least one" }])
  // a single refusal keeps its own error, with the issues of its fields
  if (refused.length === 1) return yield* last.error
  const others = unfit.slice(0, -1).map(({ candidate, fault }) => describeRefusal(candidate, fault))
  const fault = Fault.fromError(last.error)
  return yield* Fault.toError({ ...fault, message: withOthers(fault.message, others) }, operation)
})

/** Begins a session under this id, and answers when it is known whether a machine was rented. */
export interface Spawn {
  (
    mode: Mode,
    operation: string,
    input: SpawnOptions.Input,
    options: SpawnOptions.SpawnOptions | undefined,
    id: SessionId
  ): Effect.Effect<Tracked, AtlasError>
}

/** Warns when a replacement may be rented at a provider that the reaper does not clean. */
const warnOfUnreaped = (
  candidates: ReadonlyArray<RentRequest.Candidate>,
  reaped: ReadonlySet<string>
): Effect.Effect<void> => {
  const unreaped = [...new Set(candidates.map(({ provider }) => provider))].filter((id) => !reaped.has(id))
  return unreaped.length === 0 ? Effect.void : Effect.logWarning(
    `this session may rent again at ${unreaped.join(", ")}, which is not among reapProviders: ` +
      "a machine whose session is lost from the store would not be ended there"
  )
}

/** Warns when a command that ended may be run again, since nothing tells its end from the loss of its machine. */
const warnOfUntold = (providers: ReadonlyArray<Service>): Effect.Effect<void> =>
  providers.length === 0 ? Effect.void : Effect.logWarning(
    `onFailure: ${
      providers.map(({ id }) => id).join(", ")
    } does not tell how a command ended, so a machine that is gone without a finish report counts as lost and is replaced`
  )

/** The function that rents. */
export const make = ({ engine, providers, reaped, withhold }: {
  readonly engine: SessionEngine["Service"]
  readonly providers: Providers["Service"]
  /** Accounts that the reaper cleans. */
  readonly reaped: ReadonlySet<string>
  /** Names in `providerOpts` that are not stored. */
  readonly withhold: ReadonlyArray<string>
}): Spawn =>
  Effect.fnUntraced(function*(mode, operation, input, options, id) {
    const decoded = yield* SpawnOptions.decodeRequest(input, operation)
    const { request } = decoded
    const { persist, policy, providers: wanted, userId } = yield* SpawnOptions.decode(
      options,
      mode,
      operation,
      request.idleTtl
    )
    if (userId !== null) yield* Effect.annotateCurrentSpan(Attributes.user, userId)
    const chosen = yield* candidatesFor(providers, decoded, wanted, operation)
    const { onFailure } = policy
    const isChosen = ({ id }: { readonly id: string }) => chosen.candidates.some(({ provider }) => provider === id)
    const secretOpts = providers.all.filter(isChosen).flatMap(({ secretOpts }) => secretOpts)
    const stored = RentRequest.fromRequest(request, [...withhold, ...secretOpts])
    if (onFailure._tag === "Respawn" && onFailure.max > 0) {
      yield* warnOfUnreaped(chosen.candidates, reaped)
      const runs = mode === "task" || (stored.command ?? []).length > 0
      yield* warnOfUntold(
        providers.all.filter((provider) =>
          runs && isChosen(provider) && !provider.capabilities.includes("exit_codes") &&
          !(provider.capabilities.includes("self_terminate") && RentRequest.endsItsMachine(stored))
        )
      )
    }
    const { owner } = engine
    const spec = { id, owner, mode, userId, persist, request: stored, ...chosen, policy }
    const begun = Effect.gen(function*() {
      const secrets = { env: request.env, providerOpts: request.providerOpts }
      const seen = yield* engine.begin(spec, secrets, (seen) => hasMachine(seen) || isEnding(seen), operation)
      if (seen.compute !== null && hasMachine(seen)) {
        return { id, compute: seen.compute, auth: engine.credential(id) }
      }
      const over = yield* Effect.timeoutOption(engine.when(id, isOver, operation), stopTimeout)
      return yield* failureOfRent(Option.getOrElse(over, () => seen).state, operation)
    })
    // the caller was interrupted: what was rented, or may have been, is ended
    return yield* Effect.onInterrupt(
      begun,
      () => Effect.sync(() => engine.report(id, { _tag: "StopRequested", by: "interrupted" }))
    )
  })
