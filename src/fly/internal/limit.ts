/**
 * A time limit that a caller gives as an option.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { issuesOf, PositiveDuration } from "../../domain/Decode.ts"
import { type FlyError, invalid } from "../FlyError.ts"

const decodeUnknown = Schema.decodeUnknownEffect(PositiveDuration)

/** A duration above 0, or a `Validation` failure that names the option. */
export const decode = (
  input: Duration.Input,
  option: string,
  operation: string
): Effect.Effect<Duration.Duration, FlyError> =>
  Effect.mapError(
    decodeUnknown(input),
    (error) => invalid(operation, issuesOf(error).map(({ message }) => ({ path: option, message })))
  )
