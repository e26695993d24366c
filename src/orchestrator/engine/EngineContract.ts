/**
 * What an engine is to those who use it: its settings, what it shows and what it can be asked.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import type * as Dispatcher from "../../events/Dispatcher.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type * as Config from "../session/Config.ts"
import type { SessionEvent, SessionInput } from "../session/Event.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionSpec, SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"
import type { Unreadable } from "../store/StoreContract.ts"
import type * as Publisher from "./Publisher.ts"

/**
 * Settings of an engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly owner: Owner
  /** How long an ended session is remembered; default a day. */
  readonly retention?: Duration.Input | undefined
  /** How long closing waits for machines to be verified gone; default 30 seconds. */
  readonly closeWithin?: Duration.Input | undefined
}

/**
 * A session as it was last committed, and its machine as last seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly state: SessionState
  /**
   * With ports and URLs, and with `auth` while this process has it, without `raw`; null when it was not seen since the start.
   */
  readonly compute: Compute | null
}

/**
 * The sessions that one account may hold machines of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly entries: ReadonlySet<Seen>
  /** How many of them are about to change. */
  readonly unsteady: number
}

/**
 * The engine in use.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionEngine extends Context.Service<SessionEngine, {
  readonly owner: Owner
  readonly config: Config.DecideConfig
  /** Rows that are there and could not be read; while there are any, nothing unknown may be deleted. */
  readonly unreadable: () => ReadonlyArray<Unreadable>
  /**
   * Begins a session that rents with these secrets, and waits until a committed state of it passes. Fails as `StorageFault`
   * when it cannot be stored, and then nothing was rented; refused while the engine closes.
   */
  readonly begin: (
    spec: SessionSpec,
    secrets: Secrets,
    test: (seen: Seen) => boolean,
    operation: string
  ) => Effect.Effect<Seen, AtlasError>
  /** Hands in an event of a caller; waits while too many are unread. */
  readonly tell: (id: SessionId, event: SessionInput, operation?: string) => Effect.Effect<void, AtlasError>
  /** What a feed saw; never waits. */
  readonly report: (id: SessionId, event: SessionInput, compute?: Compute) => void
  /** Whether reports are unread, so that more of them would only pile up. */
  readonly isBehind: () => boolean
  /** Tells something of a session that changes nothing of it. */
  readonly announce: (id: SessionId, event: SessionEvent) => Effect.Effect<void>
  /** Counts as use of the session; never waits. */
  readonly touch: (id: SessionId) => void
  readonly get: (id: SessionId) => Seen | undefined
  /** Those seen here go on changing: read them at once. */
  readonly all: () => Iterable<Seen>
  /** The sessions that an account may hold machines of; they go on changing too. */
  readonly at: (provider: ProviderId) => Place
  readonly byAttempt: (attempt: AttemptId) => Seen | undefined
  /** The session whose machine this is or was last. */
  readonly byCompute: (computeId: ComputeId) => Seen | undefined
  /** Waits until a committed state of the session passes; fails as `NotTracked` when it is not here, or not any more. */
  readonly when: (id: SessionId, test: (seen: Seen) => boolean, operation: string) => Effect.Effect<Seen, AtlasError>
  /** How many callers wait. */
  readonly waiting: () => number
  /**
   * What one session tells from now on, or all of them (null); a slow reader loses the oldest and is told how many. It ends
   * when the engine closes; that of all fails when the owner's seat is lost.
   */
  readonly news: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<Publisher.EventEnvelope>, AtlasError>, AtlasError, Scope.Scope>
  /**
   * Why nothing is done here any more, as a failure of that operation: the engine has closed, or its owner's seat was lost
   * to another one, which then has all sessions. Null while it works.
   */
  readonly stopped: (operation: string) => AtlasError | null
  /** Whether nothing is unread or half done; commands may still be under way. */
  readonly isQuiet: () => boolean
}>()("effect-atlas/orchestrator/SessionEngine") {}
