/**
 * What the account of a provider lists: its computes, and what no command can act on.
 */
import * as Effect from "effect/Effect"
import type * as Atlas from "../Atlas.ts"
import type { ProviderId } from "../domain/Ids.ts"
import * as Listing from "../provider/Listing.ts"
import { Providers } from "../provider/Providers.ts"
import * as Warnings from "./Warnings.ts"

/** An entry of a listing that cannot be addressed, and whose listing it is. */
export interface Odd {
  readonly provider: ProviderId
  readonly entry: Listing.Unaddressable
}

/** Everything that is listed. */
export const list = ({ provider: wanted, ...call }: Atlas.Options) =>
  Effect.gen(function*() {
    const provider = yield* Effect.flatMap(Providers, ({ get }) => get(wanted, "listCompute"))
    const { computes, unaddressable } = yield* provider.compute.listAll({}, call)
    return { provider, computes, odd: unaddressable.map((entry): Odd => ({ provider: provider.id, entry })) }
  })

/** Names entries that cannot be addressed on stderr. */
export const warn = (odd: ReadonlyArray<Odd>) =>
  Effect.forEach(odd, ({ entry, provider }) => {
    const { id, name, why } = entry
    return Warnings.warn(Listing.describe(entry), { warning: { kind: "unaddressable", provider, id, name, why } })
  }, { discard: true })
