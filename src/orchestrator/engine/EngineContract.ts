/**
 * The service `SessionEngine`: its settings, what it shows of a session, and what callers can ask of it.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { Credential } from "../../domain/Credential.ts"
import type { ComputeId, ProviderId } from "../../domain/Ids.ts"
import type * as Dispatcher from "../../events/Dispatcher.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { EventEnvelope } from "../OrchestratorTopics.ts"
import type * as Config from "../session/Config.ts"
import type { SessionEvent, SessionInput } from "../session/Event.ts"
import type { AttemptId, SessionId } from "../session/Ids.ts"
import type { SessionSpec, SessionState } from "../session/State.ts"
import type { Secrets } from "../SessionSecrets.ts"
import type { Unreadable } from "../store/StoreContract.ts"
import type { SharedListings } from "./SharedListings.ts"

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
  /** How long closing waits for machines to be verified gone; default 30 seconds. Nothing that hangs makes it longer. */
  readonly closeWithin?: Duration.Input | undefined
  /** How long a rate limit may hold a session at one candidate before the next one is asked; default 1 minute, at most 1 hour. */
  readonly longestWait?: Duration.Input | undefined
  /**
   * How many requests of a kind (creates, looks, ends) may be under way at each provider at once; default each provider's own
   * figure, which is 256 unless its adapter says otherwise.
   */
  readonly concurrency?: number | undefined
}

/**
 * A session as it was last decided, and its machine as last seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly state: SessionState
  /** With ports and URLs; `auth` and `raw` are null. Null until it is seen for the first time after a start. */
  readonly compute: Compute | null
  /** Whether the store has exactly this state, timers and the last touch left out. */
  readonly recorded: boolean
}

/**
 * The sessions that one account may hold machines of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly entries: ReadonlySet<Seen>
  /** How many of them are about to change: renting, starting or ending. */
  readonly changing: number
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
  /**
   * Stored sessions that could not be read. While one with the id `*` is among them, which stands for all that are not known
   * yet, no unknown machine may be deleted.
   */
  readonly unreadable: () => ReadonlyArray<Unreadable>
  /** Reads those again now, and adopts the ones that can be read; the engine does so itself each minute. */
  readonly reread: Effect.Effect<void, AtlasError>
  /**
   * Begins a session that rents with these secrets, and waits until a committed state of it passes the test. Fails as
   * `StorageFault` when it cannot be stored, and then nothing was rented; as `Validation` while the engine closes.
   */
  readonly begin: (
    spec: SessionSpec,
    secrets: Secrets,
    test: (seen: Seen) => boolean,
    operation: string
  ) => Effect.Effect<Seen, AtlasError>
  /** Sends an input of a caller to a session; waits while too many are unread. */
  readonly tell: (id: SessionId, event: SessionInput, operation?: string) => Effect.Effect<void, AtlasError>
  /** Sends what a feed observed to a session; never waits. */
  readonly report: (id: SessionId, event: SessionInput, ...computes: ReadonlyArray<Compute>) => void
  /** The listings of its accounts, which its feed shares with sessions that look for a machine. */
  readonly listings: SharedListings
  /** Whether reports are unread, so that more of them would only pile up. */
  readonly isBehind: () => boolean
  /** Publishes an event of a session that does not change its state. */
  readonly announce: (id: SessionId, event: SessionEvent) => Effect.Effect<void>
  /** Counts as use of the session; never waits. */
  readonly touch: (id: SessionId) => void
  readonly get: (id: SessionId) => Seen | undefined
  /** The credential of a session's last create; null when another process sent that, and when it asked for none. */
  readonly credential: (id: SessionId) => Credential | null
  /** All sessions. The objects change with the next batch: read them at once. */
  readonly all: () => Iterable<Seen>
  /** The sessions that an account may hold machines of; these objects change too. */
  readonly at: (provider: ProviderId) => Place
  readonly byAttempt: (attempt: AttemptId) => Seen | undefined
  /** The session that has this machine, live or to be terminated. */
  readonly byCompute: (provider: ProviderId, computeId: ComputeId) => Seen | undefined
  /** The sessions that have a machine with this id, or had it last; at several providers several. */
  readonly withComputeId: (computeId: ComputeId) => ReadonlyArray<Seen>
  /** Waits until a committed state of the session passes the test; fails as `NotTracked` when it is not, or no longer, here. */
  readonly when: (id: SessionId, test: (seen: Seen) => boolean, operation: string) => Effect.Effect<Seen, AtlasError>
  /** Why the newest state of a session is not recorded; null when it is. */
  readonly whyUnrecorded: (id: SessionId) => string | null
  /** Runs what waits for the end of a session with its scope; sessions end meanwhile, also where a test moves no clock. */
  readonly whileReleasing: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** How many callers wait for a session. */
  readonly waiting: () => number
  /**
   * The events of one session from now on, or of all sessions (null). A slow reader loses the oldest events and is told how
   * many. The stream ends when the engine closes; the stream of all sessions fails when the owner lock is lost.
   */
  readonly events: (
    id: SessionId | null
  ) => Effect.Effect<Stream.Stream<Dispatcher.Delivery<EventEnvelope>, AtlasError>, AtlasError, Scope.Scope>
  /**
   * Why the engine has stopped, as a failure of that operation: it has closed, or it has lost its owner lock to another
   * orchestrator, which then has all sessions. Null while it works.
   */
  readonly stopped: (operation: string) => AtlasError | null
  /** Whether every message has been handled and recorded; commands may still be running. */
  readonly isQuiet: () => boolean
}>()("effect-atlas/orchestrator/SessionEngine") {}
