/**
 * Reads the exit codes that commands write at the end of their machines' logs, where the cloud tells none: the log of a machine
 * that is gone is gone too, so it is followed while the machine lives.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { ComputeId } from "../../domain/Ids.ts"
import type { Service } from "../../provider/Provider.ts"
import * as Expected from "../../telemetry/Expected.ts"
import type { Seen, SessionEngine } from "../engine/EngineContract.ts"
import type { PhaseOf } from "../session/Phase.ts"
import { endsItsMachine } from "../session/RentRequest.ts"
import { eachInPortions } from "./portions.ts"

/** A machine whose command has not said yet how it ended. */
const awaited = ({ state: { phase, report, spec } }: Seen, { id }: Service): PhaseOf<"Live"> | null =>
  phase._tag === "Live" && phase.provider === id && report === null && endsItsMachine(spec.request) ? phase : null

/** Follows the logs at one provider, each from when its machine is known until its exit code is, or it is not awaited any more. */
const readAt = (engine: SessionEngine["Service"], provider: Service) =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const reading = new Map<ComputeId, Fiber.Fiber<void>>()
    const interval = Duration.min(provider.pollInterval, Duration.seconds(5))

    /** A failure ends one reading only: the next look begins another. */
    const read = (session: Seen["state"]["spec"]["id"], { attempt, computeId }: PhaseOf<"Live">) =>
      Effect.match(Expected.nothing(provider.logs.exit(computeId, { name: attempt.name, follow: true })), {
        onFailure: () => {},
        onSuccess: (exitCode) => {
          if (exitCode === null) return
          engine.report(session, { _tag: "Report", attempt: attempt.id, exitCode, isLast: true })
        }
      })

    while (engine.stopped("readExit") === null) {
      const wanted = new Map<ComputeId, Effect.Effect<void>>()
      yield* eachInPortions(engine.at(provider.id).entries, (seen) => {
        const phase = awaited(seen, provider)
        if (phase !== null) wanted.set(phase.computeId, read(seen.state.spec.id, phase))
      })
      for (const [computeId, fiber] of reading) {
        if (wanted.has(computeId) && fiber.pollUnsafe() === undefined) continue
        reading.delete(computeId)
        yield* Fiber.interrupt(fiber)
      }
      for (const [computeId, following] of wanted) {
        if (!reading.has(computeId)) reading.set(computeId, yield* Effect.forkIn(following, scope))
      }
      yield* Effect.sleep(interval)
    }
  })

/** Starts reading at the providers whose commands end their machines themselves; it goes on until the scope closes. */
export const start = (
  engine: SessionEngine["Service"],
  providers: ReadonlyArray<Service>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(
    providers.filter(({ capabilities }) => capabilities.includes("self_terminate") && capabilities.includes("logs")),
    (provider) => Effect.forkScoped(readAt(engine, provider)),
    { discard: true }
  )
