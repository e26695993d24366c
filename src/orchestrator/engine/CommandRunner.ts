/**
 * Runs the commands of sessions in fibers of their own, with a limit for each kind and provider, and puts their results into
 * the mailbox. A command that has waited for its turn is started only when its session still wants it.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { AtlasError, type AtlasErrorReason, invalid, RateLimited } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { isRefusal } from "../../domain/Refusal.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as Listing from "../../provider/Listing.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as StillWanted from "../../provider/StillWanted.ts"
import * as Expected from "../../telemetry/Expected.ts"
import { atMost } from "../internal/patience.ts"
import type { SessionInput } from "../session/Event.ts"
import * as Fault from "../session/Fault.ts"
import type { SessionId } from "../session/Ids.ts"
import * as Observation from "../session/Observation.ts"
import * as RentRequest from "../session/RentRequest.ts"
import type { SessionState } from "../session/State.ts"
import { isWanted } from "../session/Wanted.ts"
import * as SessionSecrets from "../SessionSecrets.ts"
import { storageFault } from "../store/faults.ts"
import type { SessionUpdate } from "./Batch.ts"
import { bounded, faultOf } from "./BoundedCalls.ts"
import * as Clocks from "./Clocks.ts"
import * as Lanes from "./Lanes.ts"
import * as LastWord from "./LastWord.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { PausedPlaces } from "./PausedPlaces.ts"
import * as SessionSpans from "./SessionSpans.ts"
import type { SharedListings } from "./SharedListings.ts"

/** A look-up that is part of a loop ends soon and is not retried: the loop repeats it. */
const lookUpLimits = { timeout: "5 seconds", retries: 0 } as const
/** One terminate, the adapter's own retries included: within a graceful end of half a minute there is time for a second one. */
const terminateLimits = { timeout: "20 seconds" } as const
/** One create, its wait for the account's quota included: a longer wait would hold the next candidate up. */
const rentLimits = { timeout: "1 minute" } as const
/** Why a create was not sent, for the failure that its session keeps. */
const calledOff = "the create was not sent: the session ended, or the orchestrator began to close, before its turn came"

/** The result of a command: its event, and what stays in memory only. */
export interface CommandResult {
  /** What was learned on the way, which the session is to know first. */
  readonly before?: SessionInput | undefined
  readonly event: SessionInput
  readonly computes?: ReadonlyArray<Compute> | undefined
  readonly auth?: Credential | null | undefined
}

/** What a row keeps of a credential: the hash of a bearer token. */
const hashOf = (auth: Credential | null): string | null => auth?._tag === "Bearer" ? auth.hash : null

/** Everything a command may need. */
interface CommandContext {
  readonly providers: Providers["Service"]
  /** What the session rents with; fails when neither this process nor `SessionSecrets` has it. */
  readonly secrets: Effect.Effect<SessionSecrets.Secrets, AtlasError>
  readonly state: SessionState
  /** Whether this process still holds the owner lock; waits until the store can tell. */
  readonly holdsOwnerLock: Effect.Effect<boolean>
  /** Whether a session has this machine. */
  readonly isHeld: (provider: ProviderId, computeId: ComputeId) => boolean
  readonly pausedPlaces: PausedPlaces
  readonly listings: SharedListings
  /** Whether the session, as it is now, still wants the command. */
  readonly isWanted: () => boolean
  /** Told right before a create may be sent; from then on a machine may exist. */
  readonly sending: (auth: Credential | null) => void
}

type Of<Tag extends Lanes.ProviderCommand["_tag"]> = Extract<Lanes.ProviderCommand, { readonly _tag: Tag }>

/** A place that other sessions have found paused is not asked. */
const notAsked = (provider: ProviderId, millis: number): AtlasError =>
  new AtlasError({
    provider,
    operation: "spawn",
    reason: new RateLimited({
      message: `not sent: it has asked to be left alone for another ${
        TimeSpan.format(Duration.seconds(Math.ceil(millis / 1_000)))
      }`,
      retryAfter: Duration.millis(millis)
    })
  })

/** A create that was never sent, because its session does not want the machine any more. */
export const unsent = ({ attempt, candidate }: Of<"Rent">): CommandResult => ({
  event: {
    _tag: "Refused",
    attempt: attempt.id,
    fault: Fault.make("Transport", calledOff, candidate.provider),
    unsent: true
  }
})

const rent = (command: Of<"Rent">, context: CommandContext): Effect.Effect<CommandResult> => {
  const { attempt, candidate } = command
  const { holdsOwnerLock, isHeld, pausedPlaces, providers, secrets, sending, state } = context
  const { provider: id } = candidate
  /** Whether the create was called off at one of the places where it waits. */
  let isCalledOff = false
  const isStillWanted = Effect.sync(() => {
    isCalledOff ||= !context.isWanted()
    return !isCalledOff
  })
  const prepared = Effect.gen(function*() {
    const stamp = NameStamp.parse(attempt.name)
    const provider = yield* providers.get(id, "spawn")
    const request = yield* RentRequest.toRequest(state.spec.request, candidate, yield* secrets)
    const ready = yield* bounded(
      id,
      "spawn",
      provider.compute.prepare(request, { stamp: stamp ?? undefined })
    )
    // this command may have waited long; another orchestrator that took the lock meanwhile has the session too
    if (!(yield* holdsOwnerLock)) {
      return yield* storageFault("spawn", "the owner lock was lost before the request was sent")
    }
    const paused = pausedPlaces.left(candidate, (yield* Clocks.read).mono)
    if (paused > 0) return yield* notAsked(id, paused)
    yield* StillWanted.check
    return { provider, ready }
  }).pipe(
    // each step may wait long: for the host's secrets, its adapter or its store
    (self) => StillWanted.unlessCalledOff(self, () => false),
    Effect.catchTag("Transport", (reason) => Effect.fail(new AtlasError({ provider: id, operation: "spawn", reason }))),
    Effect.provideService(StillWanted.StillWanted, isStillWanted)
  )
  /** What all sessions may know of the place from this failure; a lost answer says nothing of it. */
  const learn = (error: AtlasError) =>
    Effect.map(Clocks.read, ({ mono }) => {
      if (!isRefusal(error.reason)) return
      if (error.reason._tag !== "RateLimited") return pausedPlaces.answered(candidate)
      pausedPlaces.limited(candidate, Duration.toMillis(Fault.fromError(error).retryAfter ?? 0), mono)
    })
  const refused = (cause: Cause.Cause<AtlasError>): CommandResult =>
    isCalledOff ? unsent(command) : { event: { _tag: "Refused", attempt: attempt.id, fault: faultOf(id, cause) } }
  /** A machine that a session has already was not made by this create, whatever was answered. */
  const unanswered = (fault: Fault.Fault, authHash: string | null, reason: AtlasErrorReason | null): SessionInput => {
    const { computeId, ...rest } = fault
    const event = { _tag: "Unanswered", attempt: attempt.id, authHash } as const
    if (computeId === undefined || isHeld(id, computeId)) return { ...event, fault: rest }
    const lastSeen = reason?._tag === "Uncertain" ? reason.lastSeen : null
    return { ...event, fault, ...(lastSeen === null ? {} : { misnamed: Observation.fromCompute(lastSeen) }) }
  }
  return Effect.matchCauseEffect(prepared, {
    // nothing has been sent yet, so this is a refusal whatever went wrong
    onFailure: (cause) => Effect.succeed(refused(cause)),
    onSuccess: ({ provider, ready }) => {
      const authHash = hashOf(ready.auth)
      sending(ready.auth)
      // the adapter has queues too: it asks before each attempt
      const sent = Effect.provideService(
        provider.compute.rent(ready, rentLimits),
        StillWanted.StillWanted,
        isStillWanted
      )
      const asked = bounded(id, "spawn", sent).pipe(
        Effect.tapError(learn),
        Effect.tap(() => Effect.sync(() => pausedPlaces.answered(candidate)))
      )
      return Effect.matchCause(asked, {
        onFailure: (cause) => {
          const reason = Option.getOrNull(Cause.findErrorOption(cause))?.reason ?? null
          if (reason !== null && isRefusal(reason)) return refused(cause)
          return { event: unanswered(faultOf(id, cause), authHash, reason), auth: ready.auth }
        },
        onSuccess: (compute): CommandResult => ({
          event: {
            _tag: "Rented",
            attempt: attempt.id,
            compute: Observation.fromCompute(compute, state.spec.request.ports),
            authHash
          },
          computes: [compute],
          auth: ready.auth
        })
      })
    }
  })
}

/** Looks in a listing that all who look at the account share: one of its own would be as long, for each lost create. */
const resolve = (
  { attempt, provider: id }: Of<"Resolve">,
  provider: Service,
  { listings, state }: CommandContext
): Effect.Effect<CommandResult> =>
  Effect.matchCause(bounded(id, "resolve", listings.next(provider)), {
    onFailure: (cause): CommandResult => ({
      event: { _tag: "LookFailed", attempt: attempt.id, fault: faultOf(id, cause) }
    }),
    onSuccess: ({ begunAt, computes, unaddressable }): CommandResult => {
      const found = computes.filter((seen) => seen.name === attempt.name || NameStamp.isRenamed(attempt.name, seen))
      return {
        event: {
          _tag: "Looked",
          attempt: attempt.id,
          found: found.map((seen) => Observation.fromCompute(seen, state.spec.request.ports)),
          complete: Listing.provesAbsence(unaddressable, { name: attempt.name }),
          at: begunAt.mono
        },
        computes: found
      }
    }
  })

const confirm = (
  command: Of<"Confirm">,
  provider: Service,
  context: CommandContext
): Effect.Effect<CommandResult> => {
  const { computeId, provider: id } = command
  const { spec: { request } } = context.state
  const machine = { provider: id, computeId }
  return Effect.flatMap(
    Clocks.read,
    ({ mono: at }) =>
      Effect.matchCauseEffect(
        bounded(id, "confirm", Expected.notFound(provider.compute.get(computeId, lookUpLimits))),
        {
          onFailure: (cause) => {
            const fault = faultOf(id, cause)
            if (fault.reason !== "NotFound") {
              return Effect.succeed<CommandResult>({ event: { _tag: "ConfirmFailed", ...machine, fault } })
            }
            return Effect.map(
              LastWord.ask(provider, { id: computeId, status: "terminated" }, context.state),
              (before): CommandResult => ({ before, event: { _tag: "Confirmed", ...machine, compute: null, at } })
            )
          },
          onSuccess: (compute) =>
            Effect.map(
              LastWord.ask(provider, compute, context.state),
              (before): CommandResult => ({
                before,
                event: { _tag: "Confirmed", ...machine, compute: Observation.fromCompute(compute, request.ports), at },
                computes: [compute]
              })
            )
        }
      )
  )
}

const terminate = ({ computeId, provider: id }: Of<"Terminate">, provider: Service): Effect.Effect<CommandResult> => {
  const machine = { provider: id, computeId }
  const asked = Expected.notFound(provider.compute.terminate(computeId, terminateLimits))
  return Effect.matchCause(bounded(id, "terminate", asked), {
    onFailure: (cause): CommandResult => {
      const fault = faultOf(id, cause)
      return {
        // not there: the look-up that follows decides whether it is gone
        event: fault.reason === "NotFound"
          ? { _tag: "TerminateAnswered", ...machine }
          : { _tag: "TerminateFailed", ...machine, fault }
      }
    },
    onSuccess: (): CommandResult => ({ event: { _tag: "TerminateAnswered", ...machine } })
  })
}

const reconcile = ({ computeId, provider: id }: Of<"Reconcile">, provider: Service): Effect.Effect<CommandResult> => {
  const machine = { provider: id, computeId }
  const call = Expected.notFound(provider.billing.spend(computeId, undefined, { timeout: "10 seconds" }))
  return Effect.matchCause(bounded(id, "reconcile", call), {
    onFailure: (cause): CommandResult => ({ event: { _tag: "BillFailed", ...machine, fault: faultOf(id, cause) } }),
    onSuccess: ({ totalUsd }): CommandResult => ({ event: { _tag: "Billed", ...machine, usd: totalUsd } })
  })
}

/** The result of a command that failed before its request was sent, or without an answer that could be read. */
const failed = (command: Exclude<Lanes.ProviderCommand, Of<"Rent">>, fault: Fault.Fault): SessionInput => {
  if (command._tag === "Resolve") return { _tag: "LookFailed", attempt: command.attempt.id, fault }
  const machine = { provider: command.provider, computeId: command.computeId, fault }
  switch (command._tag) {
    case "Confirm":
      return { _tag: "ConfirmFailed", ...machine }
    case "Terminate":
      return { _tag: "TerminateFailed", ...machine }
    case "Reconcile":
      return { _tag: "BillFailed", ...machine }
  }
}

/** Carries out one command. */
const runCommand = (command: Lanes.ProviderCommand, context: CommandContext): Effect.Effect<CommandResult> => {
  if (command._tag === "Rent") return rent(command, context)
  return Effect.matchEffect(context.providers.get(command.provider, command._tag), {
    onFailure: (error) => Effect.succeed<CommandResult>({ event: failed(command, Fault.fromError(error)) }),
    onSuccess: (provider) => {
      switch (command._tag) {
        case "Resolve":
          return resolve(command, provider, context)
        case "Confirm":
          return confirm(command, provider, context)
        case "Terminate":
          return terminate(command, provider)
        case "Reconcile":
          return reconcile(command, provider)
      }
    }
  })
}

/** How long `SessionSecrets` may take to answer. */
const secretsLimit = "30 seconds"

/** What a defect of a command's own code or of the host's telemetry is called, since its text may hold anything. */
const commandDefect = "the command failed unexpectedly (a defect)"

/**
 * Runs one command to exactly one result, whatever fails around it. Interrupted before that, as when the engine closes, it has
 * none: the next start asks again.
 */
const toResult = (
  command: Lanes.ProviderCommand,
  context: Omit<CommandContext, "sending">,
  observed: (self: Effect.Effect<void>) => Effect.Effect<void>
): Effect.Effect<CommandResult | null> =>
  Effect.suspend(() => {
    let result: CommandResult | null = null
    let sent: { readonly auth: Credential | null } | null = null
    const whole: CommandContext = { ...context, sending: (auth) => void (sent = { auth }) }
    const afterDefect = (): CommandResult => {
      const fault = Fault.make("Unknown", commandDefect, Lanes.providerIdOf(command))
      if (command._tag !== "Rent") return { event: failed(command, fault) }
      const attempt = command.attempt.id
      return sent === null
        ? { event: { _tag: "Refused", attempt, fault } }
        : { event: { _tag: "Unanswered", attempt, fault, authHash: hashOf(sent.auth) }, auth: sent.auth }
    }
    return Effect.matchCause(
      observed(Effect.map(runCommand(command, whole), (answer) => {
        result = answer
      })),
      {
        onSuccess: () => result,
        onFailure: (cause) => result ?? (Cause.hasInterrupts(cause) ? null : afterDefect())
      }
    )
  })

/** What starting a session's commands needs of it. */
type Commanded =
  & Pick<SessionUpdate, "id" | "after" | "commands" | "secrets" | "span">
  & Partial<Pick<SessionUpdate, "part">>

/** Runs the commands of sessions. */
export interface CommandRunner {
  /** Starts a session's commands and returns at once. */
  readonly start: (update: Commanded) => Effect.Effect<void>
  /** A session has changed: a create of it that waits and is not wanted any more ends at once. */
  readonly recheck: (session: SessionId) => void
  /** The engine begins to close: ends all creates that wait. */
  readonly callOff: () => void
}

/** A runner; closing the scope interrupts its commands. */
export const make = (
  { ask, concurrency, holdsOwnerLock, isHeld, listings, mailbox, mayRent, pausedPlaces, providers, stateOf }: {
    readonly providers: Providers["Service"]
    readonly ask: (wanted: SessionSecrets.Wanted) => Effect.Effect<SessionSecrets.Secrets, AtlasError>
    readonly mailbox: Mailbox
    readonly isHeld: CommandContext["isHeld"]
    readonly holdsOwnerLock: Effect.Effect<boolean>
    readonly pausedPlaces: PausedPlaces
    readonly listings: SharedListings
    /** The newest state of a session that is here. */
    readonly stateOf: (id: SessionId) => SessionState | undefined
    /** Whether the engine still rents: not once it has begun to close. */
    readonly mayRent: () => boolean
    /** Commands of a kind at once at each provider; default the provider's own figure. */
    readonly concurrency: number | undefined
  }
): Effect.Effect<CommandRunner, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const isWantedNow = (id: SessionId, command: Lanes.ProviderCommand): boolean => {
      const state = stateOf(id)
      return state !== undefined && isWanted(state, command) && (command._tag !== "Rent" || mayRent())
    }

    const lanes = Lanes.make({
      concurrencyOf: (provider) => concurrency ?? providers.all.find(({ id }) => id === provider)?.concurrency ?? 1,
      isWanted: ({ command, session }) => isWantedNow(session, command),
      drop: ({ command, session }) => {
        // only a create has to be answered: no session waits for the result of another command that it does not want
        if (command._tag === "Rent") mailbox.put({ id: session, ...unsent(command) })
      },
      scope
    })

    const secretsOf = ({ spec }: SessionState, known: SessionSecrets.Secrets | null) => {
      const { envNames, withheld } = spec.request
      if (known !== null) return Effect.succeed(known)
      if (envNames.length === 0 && withheld.length === 0) return Effect.succeed(SessionSecrets.none)
      const wanted = { id: spec.id, userId: spec.userId, envNames, withheld }
      // another candidate would need the same secrets, so this failure ends the search for one
      const failed = (message: string) => invalid("spawn", [{ path: "env", message }])
      return Effect.suspend(() => ask(wanted)).pipe(
        Effect.catchCause((cause) =>
          Effect.fail(failed(
            Option.match(Cause.findErrorOption(cause), {
              onSome: ({ reason }) => reason.message,
              onNone: () => "SessionSecrets failed unexpectedly (a defect)"
            })
          ))
        ),
        (answer) => atMost(answer, secretsLimit),
        Effect.flatMap(Option.match({
          onNone: () => Effect.fail(failed(`SessionSecrets did not answer within ${secretsLimit}`)),
          onSome: Effect.succeed
        })),
        Effect.filterOrFail(
          (secrets) => SessionSecrets.areComplete(wanted, secrets),
          () => failed("SessionSecrets did not give back every value that the session was rented with")
        )
      )
    }

    const jobOf = ({ after, id, part = null, secrets, span }: Commanded, command: Lanes.ProviderCommand): Lanes.Job => {
      const context: Omit<CommandContext, "sending"> = {
        providers,
        state: after,
        secrets: secretsOf(after, secrets),
        isHeld,
        holdsOwnerLock,
        pausedPlaces,
        listings,
        isWanted: () => isWantedNow(id, command)
      }
      const observed = SessionSpans.aroundCommand({ id, part, span }, command)
      const run = Effect.map(toResult(command, context, observed), (result) => {
        if (result === null) return
        const { before, ...own } = result
        if (before !== undefined) mailbox.put({ id, event: before })
        mailbox.put({ id, ...own })
      })
      return { command, session: id, run }
    }

    return {
      start: (update) =>
        Effect.forEach(
          update.commands,
          // the row of a forgotten session has been deleted with the commit; nothing is left to do
          (command) => command._tag === "Forget" ? Effect.void : lanes.add(jobOf(update, command)),
          { discard: true }
        ),
      recheck: lanes.recheck,
      callOff: lanes.recheckAll
    }
  })
