/**
 * Sessions that an atlas which is gone has left: taken over within one run, each ended or seen to go on, and named.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ProviderId } from "../domain/Ids.ts"
import * as Clocks from "../orchestrator/engine/Clocks.ts"
import * as ProviderFeed from "../orchestrator/ProviderFeed.ts"
import { nextWake } from "../orchestrator/session/Limits.ts"
import type { SessionState } from "../orchestrator/session/State.ts"
import type { Seen, SessionEngine } from "../orchestrator/SessionEngine.ts"
import * as SessionInfo from "../orchestrator/SessionInfo.ts"
import { Providers } from "../provider/Providers.ts"
import { progress } from "./Progress.ts"

/** As long as closing would wait. */
const settleLimit = "30 seconds"
/** A machine that is missing counts only from a listing that is younger than the provider's lag, so one may not do. */
const listEvery = "2 seconds"
/** What settles a session is a state or a listing without news, so it is looked at, often. */
const lookEvery = "100 millis"

/** A session that was to end, or to be looked after, and is neither. */
export interface Unsettled {
  readonly id: string
  readonly provider: string
  readonly computeId: string | null
  readonly state: SessionInfo.SessionInfo["state"]
  /** Why, as far as it is known. */
  readonly message: string
}

/** What became of them. */
export interface Report {
  /** Those that are over. */
  readonly sessions: ReadonlyArray<{ readonly id: string; readonly computeId: string | null }>
  readonly unsettled: ReadonlyArray<Unsettled>
}

const no = Effect.succeed(false)

const hasEnded = ({ phase }: SessionState) => phase._tag === "Ended"

const infoOf = (state: SessionState) => Effect.map(Clocks.read, (now) => SessionInfo.fromState(state, now))

/** Where it may have machines. */
const placesOf = (state: SessionState): ReadonlyArray<ProviderId> => {
  const { phase, residuals, spec } = state
  const current = phase._tag === "Live"
    ? [phase.provider]
    : phase._tag === "Ending" || phase._tag === "Ended"
    ? []
    : [spec.candidates[state.attempts.at(-1)?.candidate ?? 0]?.provider ?? spec.candidates[0].provider]
  return [...current, ...residuals.map(({ provider }) => provider)]
}

/**
 * Those of these sessions that are open, as far as they concern the named provider, or all of them; and those of their
 * providers that cannot be asked from here, each with the reason.
 */
export const open = Effect.fnUntraced(function*(all: Iterable<SessionState>, named: string | undefined) {
  const providers = yield* Providers
  const states = [...all].filter((state) =>
    !hasEnded(state) && (named === undefined || placesOf(state).some((place) => place === named))
  )
  const reachable = new Set(providers.all.map(({ id }) => id))
  const unreached = new Map<ProviderId, string>()
  for (const place of new Set(states.flatMap(placesOf))) {
    if (reachable.has(place)) continue
    const found = yield* Effect.result(providers.get(place, "reap"))
    unreached.set(
      place,
      Result.isFailure(found)
        ? found.failure.reason.message
        : found.success.missing.length > 0
        ? `${place} needs ${found.success.missing.join(" and ")}, which is not set here`
        : `this version cannot talk to ${place}`
    )
  }
  return { ids: states.map(({ spec }) => spec.id), unreached }
})

/** Sessions to settle, and who cannot be asked about them. */
export type Open = Effect.Success<ReturnType<typeof open>>

/** Why one is not settled. */
const messageOf = (state: SessionState, { unreached }: Open): string => {
  const { phase, residuals } = state
  const lost = placesOf(state).flatMap((place) => unreached.get(place) ?? [])
  const faults = residuals.flatMap(({ fault }) => fault === null ? [] : [fault.message])
  const [first] = [...lost, ...faults, ...phase._tag === "Resolving" ? [phase.cause.message] : []]
  if (first !== undefined) return first
  return phase._tag === "Live" ? "its machine could not be looked at in time" : "it is not verified to be over yet"
}

/**
 * Waits until each of them is over, or, if it is to outlive its atlas, was judged by a complete listing; within a time, and
 * not for those that nobody here can reach. Answers a look at what became of them, for later.
 */
export const settle = (engine: SessionEngine["Service"], left: Open) =>
  Effect.gen(function*() {
    const { ids, unreached } = left
    const { all: providers } = yield* Providers
    const listings = new Map<string, ProviderFeed.Listing>()
    const stateOf = (seen: Seen | undefined) => seen?.state ?? null

    /** Whether it goes on and is to: it runs, as its provider says, and nothing of it is in doubt or due. */
    const goesOn = (state: SessionState, due: number | null, mono: number): boolean => {
      const { phase, report, residuals, spec, timers } = state
      if (!spec.persist || report !== null || residuals.length > 0 || (due !== null && due <= mono)) return false
      if (phase._tag === "Waiting") return true
      if (phase._tag !== "Live" || timers.check !== null) return false
      const seen = listings.get(phase.provider)?.computes.find(({ id }) => id === phase.computeId)
      return seen !== undefined && seen.status !== "failed" && seen.status !== "terminated"
    }
    const isSettled = (id: typeof ids[number]) =>
      Effect.map(Clocks.read, (now) => {
        const state = stateOf(engine.get(id))
        return state === null || hasEnded(state) || goesOn(state, nextWake(state, now, engine.config), now.mono)
      })
    const isHopeless = (id: typeof ids[number]): boolean => {
      const state = stateOf(engine.get(id))
      const places = state === null ? [] : placesOf(state)
      return places.length > 0 && places.every((place) => unreached.has(place))
    }

    const awaited = ids.filter((id) => !isHopeless(id))
    if (ids.length > 0) {
      yield* progress(`${ids.length} sessions on record that nobody watches`)
      const wait = Effect.gen(function*() {
        yield* ProviderFeed.start({
          engine,
          providers,
          interval: listEvery,
          alwaysListed: new Set(),
          onListing: (listing) => Effect.sync(() => void listings.set(listing.provider.id, listing))
        })
        // what a listing told is read before it is believed
        const areSettled = Effect.suspend(() =>
          engine.isQuiet() ? Effect.map(Effect.forEach(awaited, isSettled), (all) => all.every((one) => one)) : no
        )
        while (!(yield* areSettled)) yield* Effect.sleep(lookEvery)
      })
      yield* Effect.timeoutOption(Effect.scoped(wait), settleLimit)
    }

    return Effect.gen(function*(): Effect.fn.Return<Report> {
      const sessions: Array<Report["sessions"][number]> = []
      const unsettled: Array<Unsettled> = []
      for (const id of ids) {
        const state = stateOf(engine.get(id))
        if (state === null) continue
        const { computeId, provider, state: word } = yield* infoOf(state)
        if (hasEnded(state)) sessions.push({ id, computeId: state.last })
        else if (!(yield* isSettled(id))) {
          unsettled.push({ id, provider, computeId, state: word, message: messageOf(state, left) })
        }
      }
      return { sessions, unsettled }
    })
  })
