/**
 * A session: one orchestrated compute through all its attempts, as a pure function from what happened to what to do.
 *
 * It knows nothing of fibers, HTTP or SQL: an engine feeds it events, keeps its state and carries out its commands.
 *
 * @since 0.1.0
 */
export * as Clock from "./session/Clock.ts"
export * from "./session/Config.ts"
export * from "./session/Decide.ts"
export * from "./session/Event.ts"
export * as Fault from "./session/Fault.ts"
export { AttemptId, attemptId, makeSessionId, SessionId } from "./session/Ids.ts"
export { nextWake, runtimeLeft, spentUsd } from "./session/Limits.ts"
export * as Meter from "./session/Meter.ts"
export * as Observation from "./session/Observation.ts"
export * from "./session/Phase.ts"
export * as Policy from "./session/Policy.ts"
export * as RentRequest from "./session/RentRequest.ts"
export * from "./session/State.ts"
export { isWanted } from "./session/Wanted.ts"
