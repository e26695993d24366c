/** One variable of the environment, in a call whose failures are of `FlyError`. */
import * as Effect from "effect/Effect"
import * as Setting from "../../domain/Setting.ts"
import { type FlyError, invalid } from "../FlyError.ts"

/** The text; null when it is missing or empty. One that cannot be read fails as `Validation`. */
export const setting = (name: string, operation: string): Effect.Effect<string | null, FlyError> =>
  Effect.mapError(Setting.read(name), ({ message }) => invalid(operation, [{ path: "environment", message }]))
