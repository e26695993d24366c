/**
 * The topics that Fly operations publish on: logs by app, deploy output by ticket.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Topic from "../events/Topic.ts"
import { LogEntry } from "./LogEntry.ts"

/**
 * A batch of an app's log entries, or the message that its poller has stopped.
 *
 * @category models
 * @since 0.1.0
 */
export const LogMessage = Schema.Union([
  Schema.TaggedStruct("Logs", { app: Schema.String, entries: Schema.Array(LogEntry) }),
  Schema.TaggedStruct("Stopped", { app: Schema.String })
])

/**
 * @category models
 * @since 0.1.0
 */
export type LogMessage = typeof LogMessage.Type

/**
 * One line of a deploy's output.
 *
 * @category models
 * @since 0.1.0
 */
export const DeployMessage = Schema.TaggedStruct("DeployLine", { ticket: Schema.String, line: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type DeployMessage = typeof DeployMessage.Type

/**
 * The topic of an app's logs.
 *
 * @category topics
 * @since 0.1.0
 */
export const logs = (app: string): Topic.Topic<LogMessage> => Topic.make(`fly_logs:${app}`, LogMessage)

/**
 * The topic of one deploy's output.
 *
 * @category topics
 * @since 0.1.0
 */
export const deploy = (ticket: string): Topic.Topic<DeployMessage> => Topic.make(`fly_deploy:${ticket}`, DeployMessage)
