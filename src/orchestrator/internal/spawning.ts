/** From what a caller asks for to a session whose rent is settled, or the reason why there is none. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, Ended, invalid, Unsupported } from "../../domain/AtlasError.ts"
import type { Providers } from "../../provider/Providers.ts"
import type { Seen, SessionEngine } from "../engine/EngineContract.ts"
import * as Fault from "../session/Fault.ts"
import { makeSessionId, type SessionId } from "../session/Ids.ts"
import * as RentRequest from "../session/RentRequest.ts"
import { type Mode, providerOf, type SessionState } from "../session/State.ts"
import * as SpawnOptions from "../SpawnOptions.ts"
import type { Tracked } from "./OrchestratorContract.ts"

/** How long a caller waits to hear that a machine is gone, before it is told that it is not known yet. */
export const stopTimeout = Duration.seconds(30)

export const isOver = ({ state: { phase } }: Seen): boolean => phase._tag === "Ended"

export const isEnding = (seen: Seen): boolean => seen.state.phase._tag === "Ending" || isOver(seen)

const hasMachine = (seen: Seen): boolean => seen.state.phase._tag === "Live"

/** What a place said, in the words of a failure that tells of others too. */
const describeRefusal = (place: RentRequest.Candidate | undefined, { message }: Fault.Fault): string =>
  `${[place?.provider, place?.gpu].filter((part) => typeof part === "string").join(" ")}: ${message}`

const withOthers = (message: string, others: ReadonlyArray<string>): string =>
  others.length === 0 ? message : `${message} (before: ${others.join("; ")})`

/** What a caller is told when the machine it waits for will not come. */
export const failureOf = (state: SessionState, operation: string): AtlasError => {
  const { phase, refusals, spec } = state
  const provider = providerOf(state)
  const fail = (reason: AtlasError["reason"]) => new AtlasError({ provider, operation, reason })
  if (phase._tag !== "Ending" && phase._tag !== "Ended") return fail(new Ended({ status: "terminated" }))
  const { outcome, reason } = phase
  const gone = phase._tag === "Ended" ? "it is verified gone" : "it is not verified gone yet and is being ended"
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

type Decoded = Effect.Success<ReturnType<typeof SpawnOptions.decodeRequest>>

/** Every place to rent at: those that can be asked at all, and why the others cannot; where none can it is refused at once. */
const placesFor = Effect.fnUntraced(function*(
  providers: Providers["Service"],
  { gpus, request }: Decoded,
  wanted: ReadonlyArray<string> | undefined,
  operation: string
) {
  const found = yield* Effect.forEach(wanted ?? [undefined], (which) => providers.get(which, operation))
  const places = gpus.flatMap((gpu) => found.map((provider) => ({ provider, gpu })))
  const tried = yield* Effect.forEach(places, ({ gpu, provider }) => {
    const place: RentRequest.Candidate = { provider: provider.id, gpu, regionHints: request.regionHints }
    return Effect.match(provider.compute.check({ ...request, gpu }), {
      onSuccess: () => ({ place, error: null }),
      onFailure: (error) => ({ place, error })
    })
  })
  const refused = tried.flatMap(({ error, place }) => error === null ? [] : [{ place, error }])
  const unfit = refused.map(({ error, place }) => ({ candidate: place, fault: Fault.fromError(error) }))
  const [first, ...rest] = tried.flatMap(({ error, place }) => error === null ? [place] : [])
  if (first !== undefined) {
    return { candidates: [first, ...rest] as const, ...(unfit.length === 0 ? {} : { unfit }) }
  }
  const last = refused.at(-1)
  if (last === undefined) return yield* invalid(operation, [{ path: "provider", message: "give at least one" }])
  // one alone keeps its own issues, with their fields
  if (refused.length === 1) return yield* last.error
  const others = unfit.slice(0, -1).map(({ candidate, fault }) => describeRefusal(candidate, fault))
  const fault = Fault.fromError(last.error)
  return yield* Fault.toError({ ...fault, message: withOthers(fault.message, others) }, operation)
})

/** The two verbs that rent, and the id under which they do. */
export interface Renting {
  readonly rent: (
    mode: Mode,
    operation: string,
    input: SpawnOptions.Input,
    options: SpawnOptions.SpawnOptions | undefined,
    id: SessionId
  ) => Effect.Effect<Tracked, AtlasError>
  readonly newId: Effect.Effect<SessionId>
}

/** Says that a replacement may be rented where nobody would clean up after us, should every record of it be lost. */
const warnOfUnreaped = (
  candidates: ReadonlyArray<RentRequest.Candidate>,
  reaped: ReadonlySet<string>
): Effect.Effect<void> => {
  const unreaped = [...new Set(candidates.map(({ provider }) => provider))].filter((id) => !reaped.has(id))
  return unreaped.length === 0 ? Effect.void : Effect.logWarning(
    `this session may rent again at ${unreaped.join(", ")}, which is not among reapProviders: ` +
      "a machine whose record is lost would stay there"
  )
}

export const make = ({ engine, providers, reaped, withhold }: {
  readonly engine: SessionEngine["Service"]
  readonly providers: Providers["Service"]
  /** Accounts that the reaper cleans. */
  readonly reaped: ReadonlySet<string>
  /** Names in `providerOpts` that are not stored. */
  readonly withhold: ReadonlyArray<string>
}): Renting => {
  const rent: Renting["rent"] = Effect.fnUntraced(function*(mode, operation, input, options, id) {
    const decoded = yield* SpawnOptions.decodeRequest(input, operation)
    const { request } = decoded
    const { persist, policy, providers: wanted, userId } = yield* SpawnOptions.decode(
      options,
      mode,
      operation,
      request.idleTtl
    )
    const places = yield* placesFor(providers, decoded, wanted, operation)
    const { onFailure } = policy
    if (request.spot && onFailure._tag === "Respawn" && onFailure.max > 0) {
      yield* warnOfUnreaped(places.candidates, reaped)
    }
    const { owner } = engine
    const stored = RentRequest.fromRequest(request, withhold)
    const spec = { id, owner, mode, userId, persist, request: stored, ...places, policy }
    const settled = Effect.gen(function*() {
      const secrets = { env: request.env, providerOpts: request.providerOpts }
      const seen = yield* engine.begin(spec, secrets, (one) => hasMachine(one) || isEnding(one), operation)
      if (seen.compute !== null && hasMachine(seen)) return { id, compute: seen.compute }
      const over = yield* Effect.timeoutOption(engine.when(id, isOver, operation), stopTimeout)
      return yield* failureOf(Option.getOrElse(over, () => seen).state, operation)
    })
    // who asked has left: what was rented, or may have been, is ended
    return yield* Effect.onInterrupt(
      settled,
      () => Effect.sync(() => engine.report(id, { _tag: "StopRequested", by: "interrupted" }))
    )
  })
  return { rent, newId: makeSessionId }
}
