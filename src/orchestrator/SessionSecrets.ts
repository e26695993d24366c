/**
 * The source of a session's secrets after a restart: environment values and withheld provider options are never stored.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import { type AtlasError, invalid } from "../domain/AtlasError.ts"
import type { SessionId } from "./session/Ids.ts"

/**
 * What a create needs besides the stored row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Secrets {
  readonly env: Readonly<Record<string, string | Redacted.Redacted>>
  /** Whole entries of `providerOpts` of which a part was withheld. */
  readonly providerOpts: Readonly<Record<string, Schema.Json>>
}

/**
 * No secrets: enough for a session without environment and without withheld options.
 *
 * @category models
 * @since 0.1.0
 */
export const none: Secrets = { env: {}, providerOpts: {} }

/**
 * The session that asks, and what it needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly id: SessionId
  readonly userId: string | null
  /** Names of environment variables; each must be answered. */
  readonly envNames: ReadonlyArray<string>
  /** Paths inside `providerOpts` that were not stored. */
  readonly withheld: ReadonlyArray<string>
}

/**
 * The source in use: asked before a create after a restart, for at most 30 seconds. By default it has no secrets, so that such a
 * create fails and is never sent with half an environment.
 *
 * @category services
 * @since 0.1.0
 */
export const SessionSecrets = Context.Reference<(wanted: Wanted) => Effect.Effect<Secrets, AtlasError>>(
  "effect-atlas/orchestrator/SessionSecrets",
  {
    defaultValue: () => () =>
      Effect.fail(
        invalid("spawn", [{
          path: "env",
          message: "its values are not stored: provide SessionSecrets to rent again after a restart"
        }])
      )
  }
)

/**
 * Whether secrets hold all that a session needs.
 *
 * @category guards
 * @since 0.1.0
 */
export const areComplete = (wanted: Wanted, secrets: Secrets): boolean =>
  wanted.envNames.every((name) => Object.hasOwn(secrets.env, name)) &&
  wanted.withheld.every((path) => Object.hasOwn(secrets.providerOpts, path.split(/[.[]/)[0] ?? path))
