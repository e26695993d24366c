/**
 * The name of a Fly app, checked once before a path, a URL or a command line is built from it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type FlyError, invalid } from "./FlyError.ts"

/**
 * What an app name looks like, in words.
 *
 * @category ids
 * @since 0.1.0
 */
export const expected = "an app name: 1 to 63 of A-Z, a-z, 0-9, - and _, starting with a letter or digit"

/**
 * The name of a Fly app: 1 to 63 of `A-Z a-z 0-9 - _`, starting with a letter or digit.
 *
 * @category ids
 * @since 0.1.0
 */
export const AppName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, { expected })
).pipe(Schema.brand("FlyAppName"))

/**
 * @category ids
 * @since 0.1.0
 */
export type AppName = typeof AppName.Type

const isAppName = Schema.is(AppName)

/**
 * Checks an app name; fails as `Validation` that names the field `app` and does not repeat the value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (app: string, operation: string): Effect.Effect<AppName, FlyError> =>
  isAppName(app)
    ? Effect.succeed(app)
    : Effect.fail(invalid(operation, [{ path: "app", message: `Expected ${expected}` }]))
