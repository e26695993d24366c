/**
 * The one writer of an owner's sessions: takes messages, decides, commits, and only then publishes events and runs commands.
 *
 * One fiber reads the mailbox. Calls of providers run beside it and come back as messages, so a provider that hangs does not hold
 * up other sessions. Readers see the last committed state.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Providers } from "../provider/Providers.ts"
import * as Engine from "./engine/Engine.ts"
import { type Options, SessionEngine } from "./engine/EngineContract.ts"
import type { SessionStore } from "./SessionStore.ts"

export { type Options, type Place, type Seen, SessionEngine } from "./engine/EngineContract.ts"

/**
 * Starts an engine: takes the owner lock, adopts the stored sessions, and runs until the scope closes.
 *
 * **Details**
 *
 * Closing ends the sessions that do not persist and waits, within `closeWithin`, until their machines are verified gone. A
 * session that is left is logged with its id, stays in the store and is taken up again at the next start.
 *
 * Fails as `StorageFault` while another process holds the owner lock. When another process takes the lock later, the engine
 * releases every session and rents and ends nothing any more. A store that cannot be read does not stop it: the store is read
 * again until that succeeds, and no unknown machine is deleted meanwhile.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<SessionEngine["Service"], AtlasError, SessionStore | Providers | Scope.Scope> => Engine.make(options)

/**
 * An engine as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<SessionEngine, AtlasError, SessionStore | Providers> =>
  Layer.effect(SessionEngine, make(options))
