/**
 * Where Fly tokens outlive the process: one record an app and key, in files, memory, a key-value store or a database.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { AppName } from "./AppName.ts"
import type { FlyError } from "./FlyError.ts"

/**
 * The two records an app may have: `cached` can be acquired again, `manual` cannot.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenKey = "cached" | "manual"

/**
 * A token as it is kept; `expiresAt` in Unix seconds, null for one without an end.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredToken {
  readonly token: Redacted.Redacted
  readonly expiresAt: number | null
}

/**
 * The storage in use. Failures are `PersistFailed` (put, delete) and `StorageFault` (get).
 *
 * @category services
 * @since 0.1.0
 */
export class TokenStorage extends Context.Service<TokenStorage, {
  readonly get: (app: AppName, key: TokenKey) => Effect.Effect<Option.Option<StoredToken>, FlyError>
  /** Replaces what is there. */
  readonly put: (app: AppName, key: TokenKey, token: StoredToken) => Effect.Effect<void, FlyError>
  /** Deleting nothing succeeds. */
  readonly delete: (app: AppName, key: TokenKey) => Effect.Effect<void, FlyError>
}>()("effect-atlas/fly/TokenStorage") {}
