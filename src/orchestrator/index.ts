/**
 * The orchestrator: a compute for each user or task, watched, capped and ended, whatever crashes meanwhile.
 *
 * @since 0.1.0
 */
export * as Orchestrator from "./Orchestrator.ts"
export * as OrchestratorTopics from "./OrchestratorTopics.ts"
export * as ProviderFeed from "./ProviderFeed.ts"
export * as Reaper from "./Reaper.ts"
export * as Recovery from "./Recovery.ts"
export * as Session from "./Session.ts"
export * as SessionEngine from "./SessionEngine.ts"
export * as SessionInfo from "./SessionInfo.ts"
export * as SessionSecrets from "./SessionSecrets.ts"
export * as SessionStore from "./SessionStore.ts"
export * as SpawnOptions from "./SpawnOptions.ts"
export * as Spending from "./Spending.ts"
export * as TimeAsleep from "./TimeAsleep.ts"
