/**
 * Fly.io platform operations: apps, deploys, tokens and logs, each a service of its own.
 *
 * Independent of the provider side: nothing here rents a computer.
 *
 * @since 0.1.0
 */
export * as AppName from "./AppName.ts"
export * as Fly from "./Fly.ts"
export * as FlyApps from "./FlyApps.ts"
export * as FlyCli from "./FlyCli.ts"
export * as FlyDeploy from "./FlyDeploy.ts"
export * as FlyError from "./FlyError.ts"
export * as FlyLogs from "./FlyLogs.ts"
export * as FlyLogSource from "./FlyLogSource.ts"
export * as FlyLogStream from "./FlyLogStream.ts"
export * as FlyTokens from "./FlyTokens.ts"
export * as FlyTopics from "./FlyTopics.ts"
export * as LogEntry from "./LogEntry.ts"
export * as TokenStorage from "./TokenStorage.ts"
