/**
 * What can be told of a machine that is gone: whether it was lost, or its own command ended.
 *
 * @since 0.1.0
 */
import type { ProviderFacts } from "./Config.ts"
import type { DeathCause } from "./Phase.ts"
import type { SessionSpec } from "./State.ts"

/**
 * Whether the end of a session's own command can look like the loss of its machine, because its provider tells no exit code.
 *
 * @category deciding
 * @since 0.1.0
 */
export const mayHaveEnded = (
  { mode, request: { command, selfTerminate } }: Pick<SessionSpec, "mode" | "request">,
  { selfTerminates = false, tellsExit = false }: ProviderFacts,
  cause: DeathCause
): boolean => {
  const hasCommand = (command ?? []).length > 0
  if (tellsExit || (mode === "interactive" && !hasCommand)) return false
  // there only the command itself removes its machine, and it never only stops it
  return selfTerminates ? hasCommand && selfTerminate && cause !== "stopped" : true
}
