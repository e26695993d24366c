/**
 * Tokens for Fly apps: found, minted, kept and renewed, so that nobody else has to think of them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { FlyError } from "./FlyError.ts"

/**
 * Where a token came from: `ets` is the shared cache in memory, by the name it has had in telemetry from the start.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenSource = "ets" | "storage" | "config" | "cli" | "manual"

/**
 * A token and what is known of it; `expiresAt` in Unix seconds, null when it has no end that we know.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlyToken {
  /** One token, which may be two words: `FlyV1 fm2_...`. */
  readonly token: Redacted.Redacted
  readonly source: TokenSource
  /** `facade` for a pure cache hit, `app_server` for everything else. */
  readonly acquirer: "facade" | "app_server"
  readonly expiresAt: number | null
}

/**
 * The tokens in use.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyTokens extends Context.Service<FlyTokens, {
  /** A usable token of the app; `NoToken` when no source has one. */
  readonly get: (app: string) => Effect.Effect<FlyToken, FlyError>
  /** Forgets the app's token and acquires another, past the storage; nobody sees the old one afterwards. */
  readonly refresh: (app: string) => Effect.Effect<FlyToken, FlyError>
  /** Forgets a refused token, also where it is stored; a manual one stays. Does nothing for an unknown app. */
  readonly invalidate: (app: string) => Effect.Effect<void, FlyError>
  /** Stores a token by hand; used when no other source has one, and never renewed. */
  readonly setManual: (app: string, token: Redacted.Redacted) => Effect.Effect<void, FlyError>
}>()("effect-atlas/fly/FlyTokens") {}
