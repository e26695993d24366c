/**
 * One command carried out at its provider: whatever happens, it ends in exactly one of its events.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, type AtlasErrorReason, Unknown } from "../../domain/AtlasError.ts"
import type { AuthHandle, Compute } from "../../domain/Compute.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { isRefusal } from "../../domain/Refusal.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"
import type { Providers } from "../../provider/Providers.ts"
import type { Command } from "../session/Command.ts"
import type { SessionEvent } from "../session/Event.ts"
import * as Fault from "../session/Fault.ts"
import * as RentRequest from "../session/RentRequest.ts"
import * as Sighting from "../session/Sighting.ts"
import type { SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"
import { storageFault } from "../store/faults.ts"
import * as Clocks from "./Clocks.ts"

/** A look that is part of a loop: soon over, and the loop itself is the retry. */
const look = { timeout: "5 seconds", retries: 0 } as const
/** One terminate, the adapter's own retries included: a graceful end, of half a minute, has time for another try. */
const farewell = { timeout: "20 seconds" } as const
/** Nothing a provider does may keep a command for ever; its own limits are shorter. */
const limit = "2 minutes"

/** What a command brought: its event, and beside it what is kept in memory only. */
export interface Result {
  readonly event: SessionEvent
  readonly computes?: ReadonlyArray<Compute> | undefined
  readonly auth?: AuthHandle | null | undefined
}

/** Everything a command may need. */
export interface Bench {
  readonly providers: Providers["Service"]
  /** What the session rents with; fails when nobody has it any more. */
  readonly secrets: Effect.Effect<Secrets, AtlasError>
  readonly state: SessionState
  /** Whether nobody has taken the owner's seat from us; waits until the store can tell. */
  readonly isSeatOurs: Effect.Effect<boolean>
  /** Whether a session has this machine. */
  readonly isHeld: (provider: ProviderId, computeId: ComputeId) => boolean
}

type Sent = Exclude<Command, { readonly _tag: "Forget" }>
type Of<Tag extends Sent["_tag"]> = Extract<Sent, { readonly _tag: Tag }>

const faultOf = (provider: ProviderId, cause: Cause.Cause<AtlasError>): Fault.Fault =>
  Option.match(Cause.findErrorOption(cause), {
    onSome: Fault.fromError,
    // a bug of an adapter says nothing about the machine, and its text may hold anything
    onNone: () => Fault.make("Unknown", Cause.hasInterrupts(cause) ? "interrupted" : "the adapter broke", provider)
  })

const bounded = <A>(provider: ProviderId, operation: string, call: Effect.Effect<A, AtlasError>) =>
  Effect.timeoutOrElse(call, {
    duration: limit,
    orElse: () =>
      Effect.fail(
        new AtlasError({ provider, operation, reason: new Unknown({ message: `no answer within ${limit}` }) })
      )
  })

const rent = (
  { attempt, candidate }: Of<"Rent">,
  { isHeld, isSeatOurs, providers, secrets, state }: Bench
): Effect.Effect<Result> => {
  const { provider: id } = candidate
  const prepared = Effect.gen(function*() {
    const stamp = NameStamp.parse(attempt.name)
    const provider = yield* providers.get(id, "spawn")
    const request = yield* RentRequest.toRequest(state.spec.request, candidate, yield* secrets)
    const ready = yield* provider.compute.prepare(request, { stamp: Option.getOrUndefined(stamp) })
    // it may have waited long for its turn, and whoever has the seat now has the session too
    if (!(yield* isSeatOurs)) return yield* storageFault("spawn", "the owner's seat was lost before it was sent")
    return { provider, ready }
  })
  const refused = (cause: Cause.Cause<AtlasError>): Result => ({
    event: { _tag: "Refused", attempt: attempt.id, fault: faultOf(id, cause) }
  })
  /** A machine that a session has was not made by this create, whatever was answered. */
  const unanswered = (fault: Fault.Fault, authHash: string | null, reason: AtlasErrorReason | null): SessionEvent => {
    const { computeId, ...rest } = fault
    const event = { _tag: "Unanswered", attempt: attempt.id, authHash } as const
    if (computeId === undefined || isHeld(id, computeId)) return { ...event, fault: rest }
    const lastSeen = reason?._tag === "Uncertain" ? reason.lastSeen : null
    return { ...event, fault, ...(lastSeen === null ? {} : { misnamed: Sighting.fromCompute(lastSeen) }) }
  }
  return Effect.matchCauseEffect(prepared, {
    // nothing has been sent yet, whatever it was
    onFailure: (cause) => Effect.succeed(refused(cause)),
    onSuccess: ({ provider, ready }) => {
      const authHash = ready.auth?.hash ?? null
      return Effect.matchCause(bounded(id, "spawn", provider.compute.rent(ready)), {
        onFailure: (cause) => {
          const reason = Option.getOrNull(Cause.findErrorOption(cause))?.reason ?? null
          if (reason !== null && isRefusal(reason)) return refused(cause)
          return { event: unanswered(faultOf(id, cause), authHash, reason), auth: ready.auth }
        },
        onSuccess: (compute): Result => ({
          event: { _tag: "Rented", attempt: attempt.id, compute: Sighting.fromCompute(compute), authHash },
          computes: [compute],
          auth: ready.auth
        })
      })
    }
  })
}

const resolve = ({ attempt, provider: id }: Of<"Resolve">, provider: Service): Effect.Effect<Result> =>
  Effect.flatMap(
    Clocks.read,
    ({ mono }) =>
      Effect.matchCause(bounded(id, "resolve", provider.compute.list({ name: attempt.name }, look)), {
        onFailure: (cause): Result => ({
          event: { _tag: "LookFailed", attempt: attempt.id, fault: faultOf(id, cause) }
        }),
        onSuccess: (all): Result => {
          // the filter also matches names that were stamped from this one
          const found = all.filter(({ name }) => name === attempt.name)
          return {
            event: {
              _tag: "Looked",
              attempt: attempt.id,
              found: found.map(Sighting.fromCompute),
              complete: true,
              at: mono
            },
            computes: found
          }
        }
      })
  )

const confirm = ({ computeId, provider: id }: Of<"Confirm">, provider: Service): Effect.Effect<Result> => {
  const machine = { provider: id, computeId }
  return Effect.flatMap(
    Clocks.read,
    ({ mono: at }) =>
      Effect.matchCause(bounded(id, "confirm", provider.compute.get(computeId, look)), {
        onFailure: (cause): Result => {
          const fault = faultOf(id, cause)
          return {
            event: fault.reason === "NotFound"
              ? { _tag: "Confirmed", ...machine, compute: null, at }
              : { _tag: "ConfirmFailed", ...machine, fault }
          }
        },
        onSuccess: (compute): Result => ({
          event: { _tag: "Confirmed", ...machine, compute: Sighting.fromCompute(compute), at },
          computes: [compute]
        })
      })
  )
}

const terminate = ({ computeId, provider: id }: Of<"Terminate">, provider: Service): Effect.Effect<Result> => {
  const machine = { provider: id, computeId }
  return Effect.matchCause(bounded(id, "terminate", provider.compute.terminate(computeId, farewell)), {
    onFailure: (cause): Result => {
      const fault = faultOf(id, cause)
      return {
        // not there: whether it is gone is for the look that follows
        event: fault.reason === "NotFound"
          ? { _tag: "TerminateAnswered", ...machine }
          : { _tag: "TerminateFailed", ...machine, fault }
      }
    },
    onSuccess: (): Result => ({ event: { _tag: "TerminateAnswered", ...machine } })
  })
}

const reconcile = ({ computeId, provider: id }: Of<"Reconcile">, provider: Service): Effect.Effect<Result> => {
  const machine = { provider: id, computeId }
  const call = provider.billing.spend(computeId, undefined, { timeout: "10 seconds" })
  return Effect.matchCause(bounded(id, "reconcile", call), {
    onFailure: (cause): Result => ({ event: { _tag: "BillFailed", ...machine, fault: faultOf(id, cause) } }),
    onSuccess: ({ totalUsd }): Result => ({ event: { _tag: "Billed", ...machine, usd: totalUsd } })
  })
}

/** What a command ends in when its provider is not among ours any more. */
const strange = (command: Exclude<Sent, Of<"Rent">>, fault: Fault.Fault): SessionEvent => {
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
export const run = (command: Sent, bench: Bench): Effect.Effect<Result> => {
  if (command._tag === "Rent") return rent(command, bench)
  return Effect.matchEffect(bench.providers.get(command.provider, command._tag), {
    onFailure: (error) => Effect.succeed<Result>({ event: strange(command, Fault.fromError(error)) }),
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
