/**
 * Runs the commands of sessions in fibers of their own, with a limit for each kind and provider, and puts their results into
 * the mailbox.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { AtlasError, type AtlasErrorReason, invalid, Unknown } from "../../domain/AtlasError.ts"
import type { AuthHandle, Compute } from "../../domain/Compute.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { isRefusal } from "../../domain/Refusal.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import { adapterDefect } from "../internal/defects.ts"
import type { Command, SessionInput } from "../session/Event.ts"
import * as Fault from "../session/Fault.ts"
import type { SessionId } from "../session/Ids.ts"
import * as Observation from "../session/Observation.ts"
import * as RentRequest from "../session/RentRequest.ts"
import type { SessionState } from "../session/State.ts"
import * as SessionSecrets from "../SessionSecrets.ts"
import { storageFault } from "../store/faults.ts"
import * as AttemptSpans from "./AttemptSpans.ts"
import type { SessionUpdate } from "./Batch.ts"
import * as Clocks from "./Clocks.ts"
import type { Mailbox } from "./Mailbox.ts"

/** A look-up that is part of a loop ends soon and is not retried: the loop repeats it. */
const lookUpLimits = { timeout: "5 seconds", retries: 0 } as const
/** One terminate, the adapter's own retries included: within a graceful end of half a minute there is time for a second one. */
const terminateLimits = { timeout: "20 seconds" } as const
/** A command ends within this whatever the provider does; the adapter's own limits are shorter. */
const commandLimit = "2 minutes"

/** The result of a command: its event, and what stays in memory only. */
interface CommandResult {
  readonly event: SessionInput
  readonly computes?: ReadonlyArray<Compute> | undefined
  readonly auth?: AuthHandle | null | undefined
}

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
}

type ProviderCommand = Exclude<Command, { readonly _tag: "Forget" }>
type Of<Tag extends ProviderCommand["_tag"]> = Extract<ProviderCommand, { readonly _tag: Tag }>

const faultOf = (provider: ProviderId, cause: Cause.Cause<AtlasError>): Fault.Fault =>
  Option.match(Cause.findErrorOption(cause), {
    onSome: Fault.fromError,
    // the text of a defect may hold anything, a key included
    onNone: () => Fault.make("Unknown", Cause.hasInterrupts(cause) ? "interrupted" : adapterDefect, provider)
  })

const bounded = <A>(provider: ProviderId, operation: string, call: Effect.Effect<A, AtlasError>) =>
  Effect.timeoutOrElse(call, {
    duration: commandLimit,
    orElse: () =>
      Effect.fail(
        new AtlasError({ provider, operation, reason: new Unknown({ message: `no answer within ${commandLimit}` }) })
      )
  })

const rent = (
  { attempt, candidate }: Of<"Rent">,
  { isHeld, holdsOwnerLock, providers, secrets, state }: CommandContext
): Effect.Effect<CommandResult> => {
  const { provider: id } = candidate
  const prepared = Effect.gen(function*() {
    const stamp = NameStamp.parse(attempt.name)
    const provider = yield* providers.get(id, "spawn")
    const request = yield* RentRequest.toRequest(state.spec.request, candidate, yield* secrets)
    const ready = yield* provider.compute.prepare(request, { stamp: Option.getOrUndefined(stamp) })
    // this command may have waited long; another orchestrator that took the lock meanwhile has the session too
    if (!(yield* holdsOwnerLock)) {
      return yield* storageFault("spawn", "the owner lock was lost before the request was sent")
    }
    return { provider, ready }
  })
  const refused = (cause: Cause.Cause<AtlasError>): CommandResult => ({
    event: { _tag: "Refused", attempt: attempt.id, fault: faultOf(id, cause) }
  })
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
      const authHash = ready.auth?.hash ?? null
      return Effect.matchCause(bounded(id, "spawn", provider.compute.rent(ready)), {
        onFailure: (cause) => {
          const reason = Option.getOrNull(Cause.findErrorOption(cause))?.reason ?? null
          if (reason !== null && isRefusal(reason)) return refused(cause)
          return { event: unanswered(faultOf(id, cause), authHash, reason), auth: ready.auth }
        },
        onSuccess: (compute): CommandResult => ({
          event: { _tag: "Rented", attempt: attempt.id, compute: Observation.fromCompute(compute), authHash },
          computes: [compute],
          auth: ready.auth
        })
      })
    }
  })
}

const resolve = ({ attempt, provider: id }: Of<"Resolve">, provider: Service): Effect.Effect<CommandResult> =>
  Effect.flatMap(
    Clocks.read,
    ({ mono }) =>
      Effect.matchCause(bounded(id, "resolve", provider.compute.list({ name: attempt.name }, lookUpLimits)), {
        onFailure: (cause): CommandResult => ({
          event: { _tag: "LookFailed", attempt: attempt.id, fault: faultOf(id, cause) }
        }),
        onSuccess: (all): CommandResult => {
          // the filter also matches names that were stamped from this one
          const found = all.filter(({ name }) => name === attempt.name)
          return {
            event: {
              _tag: "Looked",
              attempt: attempt.id,
              found: found.map(Observation.fromCompute),
              complete: true,
              at: mono
            },
            computes: found
          }
        }
      })
  )

const confirm = ({ computeId, provider: id }: Of<"Confirm">, provider: Service): Effect.Effect<CommandResult> => {
  const machine = { provider: id, computeId }
  return Effect.flatMap(
    Clocks.read,
    ({ mono: at }) =>
      Effect.matchCause(bounded(id, "confirm", provider.compute.get(computeId, lookUpLimits)), {
        onFailure: (cause): CommandResult => {
          const fault = faultOf(id, cause)
          return {
            event: fault.reason === "NotFound"
              ? { _tag: "Confirmed", ...machine, compute: null, at }
              : { _tag: "ConfirmFailed", ...machine, fault }
          }
        },
        onSuccess: (compute): CommandResult => ({
          event: { _tag: "Confirmed", ...machine, compute: Observation.fromCompute(compute), at },
          computes: [compute]
        })
      })
  )
}

const terminate = ({ computeId, provider: id }: Of<"Terminate">, provider: Service): Effect.Effect<CommandResult> => {
  const machine = { provider: id, computeId }
  return Effect.matchCause(bounded(id, "terminate", provider.compute.terminate(computeId, terminateLimits)), {
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
  const call = provider.billing.spend(computeId, undefined, { timeout: "10 seconds" })
  return Effect.matchCause(bounded(id, "reconcile", call), {
    onFailure: (cause): CommandResult => ({ event: { _tag: "BillFailed", ...machine, fault: faultOf(id, cause) } }),
    onSuccess: ({ totalUsd }): CommandResult => ({ event: { _tag: "Billed", ...machine, usd: totalUsd } })
  })
}

/** The result of a command whose provider is not set up here any more. */
const unknownProvider = (command: Exclude<ProviderCommand, Of<"Rent">>, fault: Fault.Fault): SessionInput => {
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
const runCommand = (command: ProviderCommand, context: CommandContext): Effect.Effect<CommandResult> => {
  if (command._tag === "Rent") return rent(command, context)
  return Effect.matchEffect(context.providers.get(command.provider, command._tag), {
    onFailure: (error) => Effect.succeed<CommandResult>({ event: unknownProvider(command, Fault.fromError(error)) }),
    onSuccess: (provider) => {
      switch (command._tag) {
        case "Resolve":
          return resolve(command, provider)
        case "Confirm":
          return confirm(command, provider)
        case "Terminate":
          return terminate(command, provider)
        case "Reconcile":
          return reconcile(command, provider)
      }
    }
  })
}

/** How many commands of a kind run at a provider at once; a terminate never waits for a create. */
const atOnce = { Rent: 8, Resolve: 8, Confirm: 16, Terminate: 16, Reconcile: 2 } as const satisfies Record<
  ProviderCommand["_tag"],
  number
>

/** How long `SessionSecrets` may take to answer. */
const secretsLimit = "30 seconds"

const attributesOf = (session: SessionId, command: ProviderCommand): Readonly<Record<string, string>> => ({
  [Attributes.session]: session,
  ...("attempt" in command
    ? { [Attributes.attempt]: command.attempt.id }
    : { [Attributes.computeId]: command.computeId }),
  [Attributes.provider]: command._tag === "Rent" ? command.candidate.provider : command.provider
})

/** Runs the commands of sessions. */
export interface CommandRunner {
  /** Starts a session's commands and returns at once. */
  readonly start: (
    update: Pick<SessionUpdate, "id" | "after" | "commands" | "secrets" | "span">
  ) => Effect.Effect<void>
}

/** A runner; closing the scope interrupts its commands. */
export const make = ({ ask, isHeld, holdsOwnerLock, mailbox, providers }: {
  readonly providers: Providers["Service"]
  readonly ask: (wanted: SessionSecrets.Wanted) => Effect.Effect<SessionSecrets.Secrets, AtlasError>
  readonly mailbox: Mailbox
  readonly isHeld: CommandContext["isHeld"]
  readonly holdsOwnerLock: Effect.Effect<boolean>
}): Effect.Effect<CommandRunner, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const pools = new Map<string, Semaphore.Semaphore>()
    const poolOf = (command: ProviderCommand): Semaphore.Semaphore => {
      const provider = command._tag === "Rent" ? command.candidate.provider : command.provider
      const key = `${command._tag} ${provider}`
      const pool = pools.get(key) ?? Semaphore.makeUnsafe(atOnce[command._tag])
      pools.set(key, pool)
      return pool
    }

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
        Effect.timeoutOrElse({
          duration: secretsLimit,
          orElse: () => Effect.fail(failed(`SessionSecrets did not answer within ${secretsLimit}`))
        }),
        Effect.filterOrFail(
          (secrets) => SessionSecrets.areComplete(wanted, secrets),
          () => failed("SessionSecrets did not give back every value that the session was rented with")
        )
      )
    }

    return {
      start: ({ after, commands, id, secrets, span }) =>
        Effect.forEach(commands, (command) => {
          // its row has been deleted with the commit; nothing is left to do
          if (command._tag === "Forget") return Effect.void
          const attributes = attributesOf(id, command)
          return runCommand(command, {
            providers,
            state: after,
            secrets: secretsOf(after, secrets),
            isHeld,
            holdsOwnerLock
          }).pipe(
            Effect.withSpan(`Session.${command._tag}`, { ...AttemptSpans.placeOf(span), attributes }),
            Effect.annotateLogs(attributes),
            poolOf(command).withPermits(1),
            Effect.map((result) => mailbox.put({ id, ...result })),
            Effect.forkIn(scope)
          )
        }, { discard: true })
    }
  })
