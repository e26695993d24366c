/**
 * The exit code of a command whose cloud tells none: its wrapper writes it at the end of the machine's log.
 */
import * as Effect from "effect/Effect"
import type * as Atlas from "../Atlas.ts"
import { Compute } from "../domain/Compute.ts"
import type { Service } from "../provider/Provider.ts"

/** Before a log that could not be read is read again. */
const pause = "2 seconds"

/** The end of a compute as it is awaited, or with the exit code that its log tells, whichever comes first. */
export const orTold = (
  { compute, provider, call: { baseUrl } }: {
    readonly compute: Compute
    readonly provider: Pick<Service, "capabilities" | "logs">
    readonly call: Atlas.Options
  }
) =>
<E, R>(awaited: Effect.Effect<Compute, E, R>): Effect.Effect<Compute, E, R> => {
  const { id, name } = compute
  if (name === null || !provider.capabilities.includes("self_terminate")) return awaited
  const told = provider.logs.exit(id, { name, follow: true }, { baseUrl }).pipe(
    Effect.orElseSucceed(() => null),
    Effect.tap((exitCode) => exitCode === null ? Effect.sleep(pause) : Effect.void),
    Effect.repeat({ until: (exitCode) => exitCode !== null }),
    Effect.map((exitCode) => new Compute({ ...compute, status: "terminated", exitCode }))
  )
  return Effect.raceFirst(awaited, told)
}
