/**
 * Names of spans. A call of a provider is `Provider.<operation>`, a request is `<client>.<endpoint>`, and so on.
 *
 * @since 0.1.0
 */

/**
 * What is asked of a provider, and what is made of such calls: waiting, and taking and giving back what a scope holds.
 *
 * @category operations
 * @since 0.1.0
 */
export const providerOperations = [
  "spawnCompute",
  "rentCompute",
  "resolveCompute",
  "endCompute",
  "acquireCompute",
  "releaseCompute",
  "getCompute",
  "listCompute",
  "terminate",
  "awaitReady",
  "stop",
  "start",
  "listGpuTypes",
  "streamLogs",
  "readExit",
  "runJob",
  "getJob",
  "awaitJob",
  "cancelJob",
  "streamJob",
  "readJobChunk",
  "computeSpend",
  "listNetworkVolumes",
  "getNetworkVolume",
  "createNetworkVolume",
  "deleteNetworkVolume",
  "listTemplates",
  "getTemplate",
  "createTemplate",
  "deleteTemplate",
  "listEndpoints",
  "getEndpoint",
  "deleteEndpoint",
  "minCuda",
  "registryAuth",
  "logLimit"
] as const

/**
 * One of these.
 *
 * @category operations
 * @since 0.1.0
 */
export type ProviderOperation = typeof providerOperations[number]

/**
 * The span of a call of a provider.
 *
 * @category names
 * @since 0.1.0
 */
export const provider = (operation: ProviderOperation): `Provider.${ProviderOperation}` => `Provider.${operation}`

/**
 * The span of a request to a provider's API, retries included, such as `Acme.getMachine`.
 *
 * @category names
 * @since 0.1.0
 */
export const endpoint = (client: string, operation: string): string => `${client}.${operation}`

/**
 * What is asked of an orchestrator that waits, or that reads or writes its store.
 *
 * @category operations
 * @since 0.1.0
 */
export const orchestratorOperations = [
  "spawn",
  "runTask",
  "scoped.acquire",
  "scoped.release",
  "stopTracked",
  "forget",
  "awaitReady",
  "awaitEnd",
  "events",
  "reapNow"
] as const

/**
 * One of these.
 *
 * @category operations
 * @since 0.1.0
 */
export type OrchestratorOperation = typeof orchestratorOperations[number]

/**
 * The span of a call of the orchestrator.
 *
 * @category names
 * @since 0.1.0
 */
export const orchestrator = (operation: OrchestratorOperation): `Orchestrator.${OrchestratorOperation}` =>
  `Orchestrator.${operation}`

/**
 * What an engine does for a session at a provider.
 *
 * @category operations
 * @since 0.1.0
 */
export const sessionCommands = ["Rent", "Resolve", "Confirm", "Terminate", "Reconcile"] as const

/**
 * The span of a command of a session.
 *
 * @category names
 * @since 0.1.0
 */
export const command = (tag: typeof sessionCommands[number]): `Session.${typeof sessionCommands[number]}` =>
  `Session.${tag}`

/**
 * One attempt to rent a machine for a session.
 *
 * @category names
 * @since 0.1.0
 */
export const attempt = "Session.attempt"

/**
 * From the loss of a session's machine until it has another one, or none any more.
 *
 * @category names
 * @since 0.1.0
 */
export const replace = "Session.replace"

/**
 * From the decision to end a session until its machines are verified gone.
 *
 * @category names
 * @since 0.1.0
 */
export const end = "Session.end"

/**
 * The adoption of stored sessions at a start.
 *
 * @category names
 * @since 0.1.0
 */
export const adopt = "SessionEngine.adopt"

/**
 * One listing of an account, which all sessions there share.
 *
 * @category names
 * @since 0.1.0
 */
export const listing = "ProviderFeed.list"

/**
 * The judgement of the machines in one listing.
 *
 * @category names
 * @since 0.1.0
 */
export const judge = "Reaper.judge"

/**
 * One recovery.
 *
 * @category names
 * @since 0.1.0
 */
export const recovery = "Recovery.run"
