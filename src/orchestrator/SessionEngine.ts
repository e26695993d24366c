/**
 * The one writer of an owner's sessions: reads letters, decides, commits, and only then tells and acts.
 *
 * One fiber drains the mailbox. Everything slow runs beside it and comes back as a letter, so a provider that hangs keeps
 * nobody waiting. Readers look at what was last committed.
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

export { EventEnvelope } from "./engine/Publisher.ts"

/**
 * Starts an engine: takes the owner's seat, adopts what is stored, and runs until the scope closes.
 *
 * **Details**
 *
 * Closing ends the sessions that do not persist and waits, within `closeWithin`, until their machines are verified gone; what
 * is left is logged with its id, stands in the store and is taken up again at the next boot. Fails as `StorageFault` when
 * somebody else sits in the owner's seat. When somebody takes the seat later, every session is let go of and nothing is rented
 * or ended any more. A store that cannot be read keeps nobody from working: it is asked again until it
 * can, and nothing unknown is deleted meanwhile.
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
