/**
 * An orchestrator inside one run of the command line: its providers, its owner and store, and a final read of each log.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { AtlasError, StorageFault } from "../domain/AtlasError.ts"
import { Compute } from "../domain/Compute.ts"
import * as Orchestrator from "../orchestrator/Orchestrator.ts"
import type { Service } from "../provider/Provider.ts"
import { isUsable, Providers } from "../provider/Providers.ts"
import { OwnerStore } from "./OwnerStore.ts"

/** How long the end of a machine waits for a final log read that is not set yet; a final read has its own bounds. */
const finalReadLimit = "5 seconds"

/** The final log read of each machine, which runs before the machine is asked to end. */
export interface FinalReads {
  /** A machine was rented here: its end waits for its final read, which may not be set yet. */
  readonly expect: (computeId: string) => void
  /** The final read of a machine. */
  readonly set: (computeId: string, finalRead: Effect.Effect<void>) => void
  /** Runs the final read of a machine, waiting for it if it is expected; nothing for a machine of another process. */
  readonly of: (computeId: string) => Effect.Effect<void>
  /** No final read will be set any more: ends wait only for those that are there. */
  readonly dismiss: Effect.Effect<void>
}

/** What this run knows of its machines that their providers do not tell. */
export interface Watched {
  readonly finalReads: FinalReads
  /** Machines of tasks whose container was started again. */
  readonly restarted: ReadonlySet<string>
}

/** For commands that print no log. */
export const unwatched: Watched = {
  finalReads: { expect: () => {}, set: () => {}, of: () => Effect.void, dismiss: Effect.void },
  restarted: new Set()
}

/** No final reads yet. */
export const makeFinalReads = (): FinalReads => {
  const known = new Map<string, Deferred.Deferred<Effect.Effect<void>>>()
  let isDismissed = false
  const expect = (computeId: string) => {
    const there = known.get(computeId) ?? Deferred.makeUnsafe<Effect.Effect<void>>()
    known.set(computeId, there)
    if (isDismissed) Deferred.doneUnsafe(there, Effect.succeed(Effect.void))
    return there
  }
  return {
    expect: (computeId) => void expect(computeId),
    set: (computeId, finalRead) => void Deferred.doneUnsafe(expect(computeId), Effect.succeed(finalRead)),
    of: (computeId) =>
      Effect.suspend(() => {
        const there = known.get(computeId)
        if (there === undefined) return Effect.void
        return Effect.flatMap(
          Effect.timeoutOption(Deferred.await(there), finalReadLimit),
          Option.getOrElse(() => Effect.void)
        )
      }),
    dismiss: Effect.sync(() => {
      isDismissed = true
      for (const there of known.values()) Deferred.doneUnsafe(there, Effect.succeed(Effect.void))
    })
  }
}

/** A machine whose container has ended by itself is over, however often its provider starts it again. */
const asEnded = (restarted: ReadonlySet<string>) => (seen: Compute): Compute =>
  restarted.has(seen.id) && (seen.status === "running" || seen.status === "provisioning")
    ? new Compute({ ...seen, status: "failed", failure: restartedMessage })
    : seen

/** What became of a task whose container was started again. */
export const restartedMessage =
  "its container ended, and was started again by its provider: the command did not run to its end once; see its log"

/** A provider that is asked at this address, and that reads a machine's log to its end before it ends the machine. */
const withFinalReads = (
  provider: Service,
  baseUrl: string | undefined,
  { finalReads, restarted }: Watched
): Service => {
  const { billing, compute, logs } = provider
  const withBaseUrl = <Options extends object>(options: Options | undefined) =>
    baseUrl === undefined ? options : { baseUrl, ...options }
  return {
    ...provider,
    compute: {
      ...compute,
      check: (request, options) => compute.check(request, withBaseUrl(options)),
      prepare: (request, options) => compute.prepare(request, withBaseUrl(options)),
      rent: (prepared, options) =>
        Effect.tap(compute.rent(prepared, withBaseUrl(options)), ({ id }) => Effect.sync(() => finalReads.expect(id))),
      get: (id, options) => Effect.map(compute.get(id, withBaseUrl(options)), asEnded(restarted)),
      list: (filter, options) => compute.list(filter, withBaseUrl(options)),
      listAll: (filter, options) =>
        Effect.map(
          compute.listAll(filter, withBaseUrl(options)),
          (listing) => ({ ...listing, computes: listing.computes.map(asEnded(restarted)) })
        ),
      terminate: (id, options) => Effect.andThen(finalReads.of(id), compute.terminate(id, withBaseUrl(options))),
      end: (id, options) => compute.end(id, withBaseUrl(options))
    },
    logs: { ...logs, exit: (id, wanted, options) => logs.exit(id, wanted, withBaseUrl(options)) },
    billing: { ...billing, spend: (id, window, options) => billing.spend(id, window, withBaseUrl(options)) }
  }
}

/** The provider that the user named, and where to ask it. */
interface Call {
  readonly provider?: string | undefined
  readonly baseUrl?: string | null | undefined
}

/** The providers as the orchestrator of this run sees them; the address holds for the named one, or the default. */
export const providers = (
  { baseUrl, provider: named }: Call,
  watched: Watched = unwatched
): Layer.Layer<Providers, AtlasError, Providers> =>
  Layer.effect(
    Providers,
    Effect.gen(function*() {
      const { all, get } = yield* Providers
      const moved = baseUrl === undefined || baseUrl === null ? null : yield* get(named, "baseUrl")
      const each = (provider: Service) =>
        withFinalReads(provider, provider.id === moved?.id ? baseUrl ?? undefined : undefined, watched)
      return Providers.of({
        // providers without a key are left out, so that no command fails over an account that the user does not use
        all: all.filter(isUsable).map(each),
        get: (which, operation) => Effect.map(get(which, operation), each)
      })
    })
  )

/** Adds what to do when another process holds the owner lock. */
export const withLockHint = <A, E, R>(
  effect: Effect.Effect<A, E | AtlasError, R>
): Effect.Effect<A, E | AtlasError, R> =>
  Effect.mapError(
    effect,
    (error) =>
      error instanceof AtlasError && error.operation === "lock" && error.reason._tag === "StorageFault" &&
        // the lock may also not be had because of a full disk, where there is no process to wait for
        error.reason.message.includes("is running already")
        ? new AtlasError({
          provider: null,
          operation: "lock",
          reason: new StorageFault({
            message:
              `${error.reason.message}; wait until that process ends, or use another owner for this command: ATLAS_OWNER=NAME`
          })
        })
        : error
  )

/** The bounds of how often a provider is polled: often enough for a person who waits, seldom enough for an API. */
const shortestPoll = Duration.millis(250)
const longestPoll = Duration.seconds(5)

/** The orchestrator of this run; it adopts the sessions that an earlier one of the same owner left, and reaps nothing. */
export const layer = (options: {
  readonly call: Call
  readonly watched: Watched
  /** How often the provider may be asked. */
  readonly pollInterval: Duration.Duration
}) =>
  Layer.unwrap(Effect.gen(function*() {
    const { owner, store } = yield* yield* OwnerStore
    return Orchestrator.layer({
      owner,
      pollInterval: Duration.clamp(options.pollInterval, { minimum: shortestPoll, maximum: longestPoll }),
      reapProviders: []
    }).pipe(Layer.provide([store, providers(options.call, options.watched)]))
  }))
