/**
 * Checks that no limit ends a session before it is reached, where its host can tell a suspend from a clock that was set.
 *
 * @since 0.1.0
 */
import type { SessionId, SessionState } from "../../orchestrator/Session.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * Checks of limits.
 *
 * @category models
 * @since 0.1.0
 */
export interface EarlyWatch {
  /** A caller asks for a session of this name now. */
  readonly asked: (name: string) => void
  /** A process has written a row. */
  readonly written: (process: Process, before: SessionState | undefined, after: SessionState) => void
  /** A row is as it was long ago: what its limits count from is not known. */
  readonly restored: (id: SessionId) => void
}

/** Whole milliseconds of the clocks, and more. */
const slack = 1_000
const hour = 3_600_000

const hasBegunToEnd = (state: SessionState | undefined): boolean =>
  state?.phase._tag === "Ending" || state?.phase._tag === "Ended"

/**
 * Checks of limits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World): EarlyWatch => {
  const { ledger, timeline } = world
  const askedAt = new Map<string, number>()
  /** The process that has begun a session; null once another one has had it, which counts by its wall clock from the row. */
  const begunBy = new Map<SessionId, Process | null>()

  /** The most that the machines of a session can have cost in this time. */
  const mostUsd = ({ attempts }: SessionState, elapsed: number): number =>
    attempts.flatMap(({ id }) => ledger.ofAttempt(id)).reduce(
      (sum, { named }) => sum + Math.max(0, ...[...named].map((rate) => rate ?? 0)) * elapsed / hour,
      0
    )

  const check = (state: SessionState, reason: string, elapsed: number): void => {
    const { id, policy: { maxRuntime, readyTimeout, reconcileSpend, ...policy } } = state.spec
    // a bill may hold more than the prices that were named, such as the disk of a pod
    const maxCost = reconcileSpend === null ? policy.maxCost : null
    const early = (limit: number | null): boolean => limit !== null && elapsed + slack < limit
    if (reason === "max_runtime" && early(maxRuntime)) {
      world.broken("early", `${id} may run for ${maxRuntime} ms and has ended after ${elapsed} ms`)
    }
    if (reason === "never_ready" && early(readyTimeout)) {
      world.broken("early", `${id} is to be ready within ${readyTimeout} ms and has ended after ${elapsed} ms`)
    }
    if (reason === "cost_cap" && maxCost !== null && mostUsd(state, elapsed + slack) < maxCost) {
      world.broken(
        "early",
        `${id} may cost ${maxCost}, and no more than ${mostUsd(state, elapsed)} after ${elapsed} ms`
      )
    }
  }

  return {
    asked: (name) => void askedAt.set(name, timeline.now()),
    restored: (id) => void begunBy.set(id, null),
    written: (process, before, after) => {
      const { phase, spec: { id, request } } = after
      if (before === undefined && !begunBy.has(id)) begunBy.set(id, process)
      else if (begunBy.get(id) !== process) begunBy.set(id, null)
      if (phase._tag !== "Ending" && phase._tag !== "Ended") return
      const since = askedAt.get(request.name ?? "")
      if (hasBegunToEnd(before) || since === undefined || begunBy.get(id) !== process || !process.host.tellsSleep) {
        return
      }
      check(after, phase.reason, timeline.now() - since)
    }
  }
}
