/** Waiting for a session and listening to it; nothing here asks a provider for a session that is tracked. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AtlasError, Timeout, Uncertain } from "../../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../../domain/Decode.ts"
import type { Providers } from "../../provider/Providers.ts"
import * as Readiness from "../../provider/Readiness.ts"
import type { Orchestrator, SessionElement } from "../Orchestrator.ts"
import type { SessionId } from "../session/Ids.ts"
import type { Seen, SessionEngine } from "../SessionEngine.ts"
import type { SessionInfo } from "../SessionInfo.ts"
import { isEnding, isOver, lost, patience } from "./renting.ts"

type Service = Orchestrator["Service"]

/** How the desk finds and shows sessions. */
export interface Desk {
  readonly engine: SessionEngine["Service"]
  readonly providers: Providers["Service"]
  readonly find: (id: string, operation: string) => Effect.Effect<Seen, AtlasError>
  readonly infoOf: (seen: Seen) => Effect.Effect<SessionInfo>
  readonly list: Effect.Effect<ReadonlyArray<SessionInfo>>
}

const decodeTimeout = decoder(
  PositiveDuration.check(Schema.makeFilter(Duration.isFinite, { expected: "a time that ends" })),
  "timeout"
)

const fail = (operation: string, reason: AtlasError["reason"]) =>
  Effect.fail(new AtlasError({ provider: null, operation, reason }))

/** One that is forgotten meanwhile is over, as long as anybody would know. */
const untilGone = (engine: SessionEngine["Service"], id: SessionId, operation: string) =>
  Effect.catchReason(
    Effect.asVoid(engine.when(id, isOver, operation)),
    "AtlasError",
    "NotTracked",
    () => engine.stopped(operation) ?? Effect.void
  )

export const stopTracked = ({ engine, find }: Desk): Service["stopTracked"] => (id, options) =>
  Effect.gen(function*() {
    const { state } = yield* find(id, "stopTracked")
    const limit = yield* decodeTimeout(options?.timeout ?? patience, "stopTracked")
    yield* engine.tell(state.spec.id, { _tag: "StopRequested", by: "caller" }, "stopTracked")
    yield* Effect.timeoutOrElse(untilGone(engine, state.spec.id, "stopTracked"), {
      duration: limit,
      orElse: () => {
        const computeId = engine.get(state.spec.id)?.state.last ?? null
        const message = "not verified gone yet; the orchestrator goes on ending it"
        return fail("stopTracked", new Uncertain({ computeId, message }))
      }
    })
  })

const isReady = ({ compute, state: { phase } }: Seen): boolean =>
  phase._tag === "Live" && phase.status === "running" && compute !== null

const awaitTracked = (engine: SessionEngine["Service"], { state: { spec } }: Seen, limit: Duration.Duration) =>
  Effect.gen(function*() {
    const settled = engine.when(spec.id, (one) => isReady(one) || isEnding(one), "awaitReady")
    const seen = yield* Effect.timeoutOrElse(settled, {
      duration: limit,
      orElse: () => {
        const lastSeen = engine.get(spec.id)?.compute ?? null
        return fail("awaitReady", new Timeout({ lastSeen, message: "it was not running in time; nothing was ended" }))
      }
    })
    return seen.compute !== null && isReady(seen) ? seen.compute : yield* lost(seen.state, "awaitReady")
  })

/** A session is waited for without a request of ours; what is no session here is looked at where the caller says it is. */
export const awaitReady = ({ engine, find, providers }: Desk): Service["awaitReady"] => (id, options) =>
  Effect.gen(function*() {
    const limit = yield* decodeTimeout(options?.timeout ?? Readiness.defaultTimeout, "awaitReady")
    const { interval, provider } = options ?? {}
    const found = yield* Effect.result(find(id, "awaitReady"))
    if (found._tag === "Success") return yield* awaitTracked(engine, found.success, limit)
    if (provider === undefined) return yield* found.failure
    const service = yield* providers.get(provider, "awaitReady")
    return yield* Readiness.awaitRunning(service, id, { timeout: limit, interval }, undefined)
  })

/** Nothing comes after these. */
const isLast = (element: SessionElement): boolean =>
  element._tag === "State"
    ? element.session.state === "ended"
    : element._tag === "News" && (element.event._tag === "Ended" || element.event._tag === "Released")

export const events = ({ engine, find, infoOf, list }: Desk): Service["events"] => (id) =>
  Stream.unwrap(Effect.gen(function*() {
    const known = id === null ? null : (yield* find(id, "events")).state.spec.id
    // heard from before it is looked at: nothing can fall in between
    const news = yield* engine.news(known)
    const now = known === null ? yield* list : [yield* Effect.flatMap(find(known, "events"), infoOf)]
    const states = Stream.fromIterable(now.map((session): SessionElement => ({ _tag: "State", session })))
    const told = Stream.map(news, (delivery): SessionElement =>
      delivery._tag === "Message"
        ? { _tag: "News", ...delivery.message }
        : { _tag: "Gap", lost: delivery._tag === "Gap" ? delivery.lost : 0 })
    const all = Stream.concat(states, told)
    return known === null ? all : Stream.takeUntil(all, isLast)
  }))
