/** Which session a caller means who gives the id of a compute. */
import * as Result from "effect/Result"
import { type AtlasError, invalid } from "../../domain/AtlasError.ts"
import type { ComputeId } from "../../domain/Ids.ts"
import type { Seen } from "../engine/EngineContract.ts"
import { providerOfMachine } from "../session/State.ts"

/**
 * The one of these sessions that is meant by the id of a compute that each of them has, or had last; null without any. A provider
 * may give out the id of a machine that is gone again, and then the newer machine is meant. Equal ids at two providers mean
 * neither, since what is asked for may end a machine.
 */
export const sessionOf = (
  id: ComputeId,
  all: ReadonlyArray<Seen>,
  operation: string
): Result.Result<Seen, AtlasError> | null => {
  const seen = all.findLast(({ state }) => state.phase._tag !== "Ended") ?? all.at(-1)
  if (seen === undefined) return null
  const providers = new Set(all.map(({ state }) => providerOfMachine(state)))
  if (providers.size === 1) return Result.succeed(seen)
  const named = all.map(({ state }) => `${state.spec.id} at ${providerOfMachine(state)}`).join(" and ")
  const message = `${id} is a compute of several sessions (${named}): give the id of the one that is meant`
  return Result.fail(invalid(operation, [{ path: "id", message }]))
}
