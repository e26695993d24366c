/**
 * The environment a container gets, put together in one place so that no provider forgets a part.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { type AtlasErrorReason, Validation } from "../domain/AtlasError.ts"

/**
 * Names and redacted values of environment variables.
 *
 * @category models
 * @since 0.1.0
 */
export type Variables = Readonly<Record<string, Redacted.Redacted>>

/**
 * Joins the parts of an environment: the caller's, then callback, staging and auth variables; later ones win.
 *
 * **Details**
 *
 * A name of the caller's that staging also sets fails as `Validation`: one of the two would silently lose.
 *
 * @category constructors
 * @since 0.1.0
 */
export const build = (parts: {
  readonly env: Variables
  readonly callback?: Variables
  readonly staging?: Variables
  readonly auth?: Variables
}): Effect.Effect<Variables, AtlasErrorReason> => {
  const taken = Object.keys(parts.env).filter((name) => Object.hasOwn(parts.staging ?? {}, name))
  return taken.length > 0
    ? Effect.fail(
      new Validation({
        issues: taken.map((name) => ({
          path: `env.${name}`,
          message: "is also set by data staging: choose another name"
        }))
      })
    )
    : Effect.succeed({ ...parts.env, ...parts.callback, ...parts.staging, ...parts.auth })
}
