/**
 * Several computes alike: all of them are rented, or none is left. What a create that failed may have made is ended too.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { AtlasError, Ended } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import type { Input } from "../domain/ComputeRequest.ts"
import type { CallOptions } from "../provider/Call.ts"
import * as Lease from "../provider/Lease.ts"
import type { Service } from "../provider/Provider.ts"
import { progress } from "./Progress.ts"
import type { Shell } from "./Shell.ts"

/** Creates under way at once; the provider's own limits pace them further. */
const atOnce = 8

/** Asks for one compute whose end is remembered. */
type RentOne = (request: Input, call: CallOptions) => Effect.Effect<Compute, AtlasError>

/**
 * Rents `count` computes by calling `each` so often, each of which rents one. Run it without interruption: `restore` makes the
 * renting itself interruptible.
 */
export const rent = <R>(count: number, { each, provider: { compute, id }, restore }: {
  readonly provider: Service
  readonly restore: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly each: (index: number, rentOne: RentOne) => Effect.Effect<Compute, AtlasError, R>
}): Effect.Effect<ReadonlyArray<Compute>, AtlasError, R | Shell> =>
  Effect.gen(function*() {
    const leases: Array<Lease.Lease> = []
    const made: Array<Compute> = []
    const rentOne: RentOne = (request, call) =>
      Effect.flatMap(compute.prepare(request, call), (spawn) => {
        const lease = Lease.make(compute, spawn, call)
        // remembered before anything is sent, so that no interrupt can come between
        leases.push(lease)
        return Effect.tap(lease.acquire, (one) => Effect.sync(() => made.push(one)))
      })
    let first: AtlasError | null = null
    // those under way when one fails are waited for, so that what they made is known by its id
    const one = (index: number) =>
      Effect.suspend(() => first === null ? Effect.asSome(each(index, rentOne)) : Effect.succeedNone).pipe(
        Effect.catch((error) =>
          Effect.sync(() => {
            first ??= error
            return Option.none<Compute>()
          })
        )
      )
    const all = yield* Effect.exit(restore(
      Effect.forEach(Array.from({ length: count }, (_, index) => index), one, { concurrency: atOnce }).pipe(
        Effect.flatMap((rented) => first === null ? Effect.succeed(Arr.getSomes(rented)) : Effect.fail(first))
      )
    ))
    if (Exit.isSuccess(all)) return all.value
    const ids = made.map((one) => one.id)
    if (ids.length > 0) yield* progress(`handing back ${ids.join(" ")}`)
    const ends = yield* Effect.forEach(leases, (lease) => Effect.exit(lease.release), { concurrency: "unbounded" })
    const hasLeft = ends.some(Exit.isFailure)
    const told = ids.length === 0 ? Exit.void : Exit.fail(
      new AtlasError({
        provider: id,
        operation: "up",
        reason: new Ended({
          status: "terminated",
          message: `${ids.length} of ${count} had been rented, and were ${
            hasLeft ? "asked to end, not all for certain" : "ended again"
          }: ${ids.join(" ")}`
        })
      })
    )
    // a user who interrupts asks for the end, and is told of it only where something is left
    const outcome = Exit.asVoidAll([all, ...Exit.hasFails(all) || hasLeft ? [told] : [], ...ends])
    return Exit.isFailure(outcome) ? yield* Effect.failCause(outcome.cause) : []
  })
