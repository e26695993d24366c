/**
 * A listing of an account: its computes, and the entries that cannot be addressed, which prove nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ProviderFault } from "../domain/AtlasError.ts"
import type { Compute } from "../domain/Compute.ts"
import { part } from "./Raw.ts"

/**
 * An entry of a listing that no call can be made about: its id or its shape is not one we know. It is shown, and never acted on.
 *
 * **Details**
 *
 * `id` and `name` are the cloud's own text as it stands, null where there is none; print them only with their control characters
 * escaped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unaddressable {
  readonly _tag: "Unaddressable"
  readonly id: string | null
  readonly name: string | null
  readonly why: string
}

/**
 * Everything that an account lists.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listing {
  readonly computes: ReadonlyArray<Compute>
  readonly unaddressable: ReadonlyArray<Unaddressable>
}

/** More than any cloud's ids and names have. */
const longestText = 256

const textAt = (body: unknown, key: string): string | null => {
  const text = part(body, key)
  return typeof text === "string" && text !== "" ? text.slice(0, longestText) : null
}

/**
 * An entry that cannot be addressed, by its own `id` and `name` where it has them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unaddressable = (body: unknown, why: string): Unaddressable => ({
  _tag: "Unaddressable",
  id: textAt(body, "id"),
  name: textAt(body, "name"),
  why
})

/**
 * Whether a listing in which this machine was not seen proves that it is not there.
 *
 * **Details**
 *
 * It does not while an entry that cannot be addressed may be the machine: one with its id; one without a readable id, unless its
 * name is another one; and where only a name is looked for, one with that name or without any.
 *
 * **Example** (One entry without an id)
 *
 * ```ts
 * import * as Listing from "effect-atlas/provider/Listing"
 *
 * const odd = [Listing.unaddressable({ id: 7, name: "web" }, "its id is a number")]
 *
 * Listing.provesAbsence(odd, { id: "pod-1", name: "web" }) // false
 * Listing.provesAbsence(odd, { id: "pod-1", name: "batch" }) // true
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const provesAbsence = (
  unaddressable: ReadonlyArray<Unaddressable>,
  machine: { readonly id?: string | undefined; readonly name: string }
): boolean =>
  !unaddressable.some(({ id, name }) =>
    machine.id !== undefined && id !== null ? id === machine.id : name === null || name === machine.name
  )

/**
 * The computes of a listing that was asked for by this name; fails where none is there and an entry that cannot be addressed may be
 * one.
 *
 * @category reading
 * @since 0.1.0
 */
export const named = (
  { computes, unaddressable }: Listing,
  name: string
): Effect.Effect<ReadonlyArray<Compute>, ProviderFault> =>
  computes.some((compute) => compute.name === name) || provesAbsence(unaddressable, { name })
    ? Effect.succeed(computes)
    : Effect.fail(
      new ProviderFault({
        message: `${name} may be there: ${unaddressable.map((entry) => describe(entry)).slice(0, 3).join("; ")}`
      })
    )

/**
 * An unaddressable entry in a sentence, with the cloud's own text quoted.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = ({ id, name, why }: Unaddressable): string =>
  `an entry of the listing cannot be addressed (id ${id === null ? "?" : JSON.stringify(id)}, name ${
    name === null ? "?" : JSON.stringify(name)
  }): ${why}; look at it with the provider's own tools`
