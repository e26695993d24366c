/**
 * Starts the commands of a turn beside the engine, so many of a kind at a provider at once, and hands their results in.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type AtlasError, invalid } from "../../domain/AtlasError.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { Command } from "../session/Command.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import * as SessionSecrets from "../SessionSecrets.ts"
import * as AttemptSpans from "./AttemptSpans.ts"
import * as Commands from "./Commands.ts"
import type { Mailbox } from "./Mailbox.ts"
import type { Draft } from "./Turn.ts"

type Sent = Exclude<Command, { readonly _tag: "Forget" }>

/** How many of a kind a provider is asked at once; each kind waits only for itself, so a terminate never for a rent. */
const atOnce = { Rent: 8, Resolve: 8, Confirm: 16, Terminate: 16, Reconcile: 2 } as const satisfies Record<
  Sent["_tag"],
  number
>

/** The most a host may take to give secrets back. */
const secretsLimit = "30 seconds"

const marksOf = (session: SessionId, command: Sent): Readonly<Record<string, string>> => ({
  [Attributes.session]: session,
  ...("attempt" in command
    ? { [Attributes.attempt]: command.attempt.id }
    : { [Attributes.computeId]: command.computeId }),
  [Attributes.provider]: command._tag === "Rent" ? command.candidate.provider : command.provider
})

/** Runs commands. */
export interface Runner {
  /** Starts a session's commands and returns at once. */
  readonly start: (draft: Draft) => Effect.Effect<void>
}

/** A runner whose commands live as long as the scope. */
export const make = ({ ask, isHeld, isSeatOurs, mailbox, providers }: {
  readonly providers: Providers["Service"]
  readonly ask: (wanted: SessionSecrets.Wanted) => Effect.Effect<SessionSecrets.Secrets, AtlasError>
  readonly mailbox: Mailbox
  readonly isHeld: Commands.Bench["isHeld"]
  readonly isSeatOurs: Effect.Effect<boolean>
}): Effect.Effect<Runner, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const pools = new Map<string, Semaphore.Semaphore>()
    const poolOf = (command: Sent): Semaphore.Semaphore => {
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
      // asking elsewhere would not help, so whatever it is it ends the search for a place
      const failed = (message: string) => invalid("spawn", [{ path: "env", message }])
      return Effect.suspend(() => ask(wanted)).pipe(
        Effect.catchCause((cause) =>
          Effect.fail(failed(
            Option.match(Cause.findErrorOption(cause), {
              onSome: ({ reason }) => reason.message,
              onNone: () => "SessionSecrets broke"
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
          // the deletion of its row was the deed itself
          if (command._tag === "Forget") return Effect.void
          const marks = marksOf(id, command)
          return Commands.run(command, {
            providers,
            state: after,
            secrets: secretsOf(after, secrets),
            isHeld,
            isSeatOurs
          }).pipe(
            Effect.withSpan(`Session.${command._tag}`, { ...AttemptSpans.placeOf(span), attributes: marks }),
            Effect.annotateLogs(marks),
            poolOf(command).withPermits(1),
            Effect.map((result) => mailbox.put({ id, ...result })),
            Effect.forkIn(scope)
          )
        }, { discard: true })
    }
  })
