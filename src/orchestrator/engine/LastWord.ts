/**
 * How the command of a machine that does not run any more ended, as its log says: the last chance to know it, since a cloud does
 * not keep the log for long.
 */
import * as Effect from "effect/Effect"
import type { Compute } from "../../domain/Compute.ts"
import type { Service } from "../../provider/Provider.ts"
import * as Expected from "../../telemetry/Expected.ts"
import type { SessionInput } from "../session/Event.ts"
import { endsItsMachine } from "../session/RentRequest.ts"
import type { SessionState } from "../session/State.ts"

/** Within the time that a look may take. */
const limits = { timeout: "5 seconds", retries: 0 } as const

/** The report in the log, for a session that has none yet; undefined where there is nothing to ask, or no answer. */
export const ask = (
  provider: Service,
  { id, status }: Pick<Compute, "id" | "status">,
  { phase, report, spec }: SessionState
): Effect.Effect<SessionInput | undefined> => {
  const isOver = status !== "running" && status !== "provisioning"
  const isAsked = isOver && report === null && phase._tag === "Live" && phase.computeId === id &&
    endsItsMachine(spec.request)
  if (!isAsked) return Effect.undefined
  const { attempt } = phase
  return Effect.match(Expected.nothing(provider.logs.exit(id, { name: attempt.name }, limits)), {
    onFailure: () => undefined,
    onSuccess: (exitCode) =>
      exitCode === null ? undefined : { _tag: "Report", attempt: attempt.id, exitCode, isLast: true }
  })
}
