/**
 * Where commands wait for their turn: a lane for each kind at each provider, so that those of one kind that hang hold up no other
 * kind, and those of one provider no other provider.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ProviderId } from "../../domain/Ids.ts"
import type { Command } from "../session/Event.ts"
import type { SessionId } from "../session/Ids.ts"

/** A command that is sent to a provider. */
export type ProviderCommand = Exclude<Command, { readonly _tag: "Forget" }>

export const providerIdOf = (command: ProviderCommand): ProviderId =>
  command._tag === "Rent" ? command.candidate.provider : command.provider

/** A command that waits for its turn. */
export interface Job {
  readonly command: ProviderCommand
  readonly session: SessionId
  readonly run: Effect.Effect<void>
}

/** Those that run, and those that wait, in order. */
interface Lane {
  readonly limit: number
  running: number
  readonly waiting: Set<Job>
}

/** Bills are not urgent: they get this share of a provider's concurrency. */
const billShare = 8

/** The lanes of an engine. */
export interface Lanes {
  /** Adds a command, and starts it when there is room. */
  readonly add: (job: Job) => Effect.Effect<void>
  /** Drops the create of a session that waits, unless it is still wanted. */
  readonly recheck: (session: SessionId) => void
  /** The same for all creates that wait. */
  readonly recheckAll: () => void
}

/** Lanes without a command. What runs is interrupted when the scope closes. */
export const make = ({ concurrencyOf, drop, isWanted, scope }: {
  /** How many commands of a kind run at a provider at once. */
  readonly concurrencyOf: (provider: ProviderId) => number
  /** Whether the command is still wanted; asked when its turn comes. */
  readonly isWanted: (job: Job) => boolean
  /** Told of a command that is not started, because it is not wanted any more. */
  readonly drop: (job: Job) => void
  readonly scope: Scope.Scope
}): Lanes => {
  const lanes = new Map<string, Lane>()
  /** The creates that wait, by session: a session has one at most. */
  const rents = new Map<SessionId, Job>()

  const laneOf = ({ command }: Job): Lane => {
    const provider = providerIdOf(command)
    const key = `${command._tag} ${provider}`
    const known = lanes.get(key)
    if (known !== undefined) return known
    const share = command._tag === "Reconcile" ? billShare : 1
    // all looks at an account share one request
    const limit = command._tag === "Resolve"
      ? Number.MAX_SAFE_INTEGER
      : Math.max(1, Math.floor(concurrencyOf(provider) / share))
    const lane: Lane = { limit, running: 0, waiting: new Set() }
    lanes.set(key, lane)
    return lane
  }

  const leave = (job: Job): void => {
    laneOf(job).waiting.delete(job)
    if (rents.get(job.session) === job) rents.delete(job.session)
  }

  const recheck = (job: Job): void => {
    if (isWanted(job)) return
    leave(job)
    drop(job)
  }

  /** Starts commands while there is room for them. */
  const advance = (lane: Lane): Effect.Effect<void> =>
    Effect.suspend(() => {
      const ready: Array<Job> = []
      for (const job of lane.waiting) {
        if (lane.running >= lane.limit) break
        leave(job)
        if (isWanted(job)) {
          lane.running += 1
          ready.push(job)
        } else drop(job)
      }
      const done = Effect.suspend(() => {
        lane.running -= 1
        return advance(lane)
      })
      return Effect.forEach(ready, ({ run }) => Effect.forkIn(Effect.ensuring(run, done), scope), { discard: true })
    })

  return {
    add: (job) => {
      const lane = laneOf(job)
      lane.waiting.add(job)
      if (job.command._tag === "Rent") rents.set(job.session, job)
      return advance(lane)
    },
    recheck: (session) => {
      const job = rents.get(session)
      if (job !== undefined) recheck(job)
    },
    recheckAll: () => rents.forEach(recheck)
  }
}
