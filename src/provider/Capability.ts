/**
 * What a provider can do, in one word each.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Capabilities only the adapter can know, so it states them as flags.
 *
 * **Details**
 *
 * `self_terminate`: a command can remove its own machine, which otherwise outlives it, and says at the end of its log how it
 * ended (`LogsFacet.exit`). `exit_codes`: a compute whose command has
 * ended says so with its exit code, so that one that is gone without a code was lost.
 *
 * @category models
 * @since 0.1.0
 */
export const Flag = Schema.Literals([
  "spot",
  "network_volumes",
  "http_proxy",
  "raw_tcp",
  "symmetric_ports",
  "webhooks",
  "global_networking",
  "self_terminate",
  "exit_codes"
])

/**
 * @category models
 * @since 0.1.0
 */
export type Flag = typeof Flag.Type

/**
 * Every capability: the flags, and those that follow from what a provider implements.
 *
 * @category models
 * @since 0.1.0
 */
export const Capability = Schema.Literals([
  ...Flag.literals,
  "power",
  "logs",
  "gpu_catalog",
  "serverless",
  "billing",
  "manage_network_volumes",
  "manage_templates",
  "manage_endpoints"
])

/**
 * @category models
 * @since 0.1.0
 */
export type Capability = typeof Capability.Type
