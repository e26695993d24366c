/** The library's own promises: no secret where it can be read, and no machine rented twice. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import * as Credential from "../../domain/Credential.ts"
import { check, type Definition, eventually, fail, type Trial } from "./trial.ts"

/** A value no provider would make up. */
const canary = "conformance-canary-7f3a9c"

const printed = (value: unknown): string =>
  [inspect(value, { depth: null, showHidden: true }), JSON.stringify(value), String(value)].join("\n")

const leaksIn = (secrets: ReadonlyArray<string>, text: string): boolean => secrets.some((one) => text.includes(one))

const noSecrets: Definition = {
  name: "no secret stands in raw, in anything printed, or in an error",
  run: (trial) =>
    trial.rented({ auth: "bearer", env: { ATLAS_CONFORMANCE_SECRET: canary } }, (made) =>
      Effect.gen(function*() {
        const { call, patience, provider, unknownId } = trial
        const key = call?.apiKey ?? null
        const secrets = [
          canary,
          ...(made.auth === null ? [] : [Credential.reveal(made.auth).token]),
          ...(key === null || key === "" ? [] : [Redacted.isRedacted(key) ? Redacted.value(key) : key])
        ]
        const all = yield* eventually(
          "the list has it",
          patience,
          provider.compute.list({}, call),
          (list) => list.some((one) => one.id === made.id)
        )
        const seen = yield* provider.compute.get(made.id, call)
        for (const compute of [made, seen, ...all]) {
          yield* check(!leaksIn(secrets, JSON.stringify(compute.raw)), `raw of ${compute.id} holds a secret`)
          yield* check(!leaksIn(secrets, printed(compute)), `printing ${compute.id} shows a secret`)
        }
        const error = yield* Effect.flip(provider.compute.get(unknownId, call)).pipe(
          Effect.catchCause(() => fail(`looking at ${unknownId} did not fail`))
        )
        yield* check(!leaksIn(secrets, printed(error)), "an error shows a secret")
      }))
}

/** Faults that a fake cloud can order, and how often it was asked to create. */
export interface FaultHooks<R> {
  readonly loseNextAnswer?: Effect.Effect<void, AtlasError, R> | undefined
  readonly failNextCreate?: Effect.Effect<void, AtlasError, R> | undefined
  readonly creates?: Effect.Effect<number, AtlasError, R> | undefined
}

const live = ({ call, provider }: Trial, name: string) =>
  Effect.map(
    provider.compute.list({ name }, call),
    (all): ReadonlyArray<Compute> => all.filter((compute) => compute.status !== "terminated")
  )

/** Runs something that may send a create, and sees that it sent no more than one. */
const sentOnce = <A, E, R>(
  creates: Effect.Effect<number, AtlasError, R> | undefined,
  self: Effect.Effect<A, E, R>
) =>
  creates === undefined ? Effect.asVoid(self) : Effect.gen(function*() {
    const before = yield* creates
    yield* self
    const sent = (yield* creates) - before
    yield* check(sent === 1, `${sent} creates were sent for one compute`)
  })

const lostAnswer = <R>({ creates, loseNextAnswer = Effect.void }: FaultHooks<R>): Definition<R> => ({
  name: "a create whose answer was lost is not repeated: what it made is found and used",
  orders: "loseNextAnswer",
  run: (trial) =>
    sentOnce(
      creates,
      Effect.andThen(
        loseNextAnswer,
        trial.rented({}, (made, name) =>
          Effect.gen(function*() {
            const all = yield* live(trial, name)
            yield* check(
              all.length === 1 && all[0]?.id === made.id,
              `${all.length} computes live under the name of one`
            )
          }))
      )
    )
})

const failedCreate = <R>({ creates, failNextCreate = Effect.void }: FaultHooks<R>): Definition<R> => ({
  name: "a create that was answered with a server error is not repeated",
  orders: "failNextCreate",
  run: (trial) =>
    sentOnce(
      creates,
      Effect.gen(function*() {
        yield* failNextCreate
        const name = yield* trial.freshName
        yield* trial.rented({ name }, () => fail("it was rented, although its one create failed")).pipe(
          Effect.catchTag("AtlasError", () => Effect.void)
        )
        const all = yield* live(trial, name)
        yield* check(all.length === 0, `${all.length} computes live after a failed create`)
      })
    )
})

export const promiseCases = <R>(hooks: FaultHooks<R>): ReadonlyArray<Definition<R>> => [
  noSecrets,
  lostAnswer(hooks),
  failedCreate(hooks)
]
