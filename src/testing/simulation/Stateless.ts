/**
 * Callers that rent without an orchestrator, and the check that what they hand back is gone.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Atlas from "../../Atlas.ts"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { Providers } from "../../provider/Providers.ts"
import type { Target } from "./Callers.ts"
import type { Machine } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { Profile } from "./Profile.ts"
import type * as Rng from "./Rng.ts"
import type { World } from "./World.ts"

/**
 * Callers without an orchestrator.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stateless {
  /** A caller of a process rents, works for a while, and hands back. */
  readonly rent: (target: Target) => void
  /** Whether a create of this name is that of such a caller. */
  readonly creating: (process: Process, name: string) => boolean
  /** Whether the machine of an attempt is that of such a caller. */
  readonly owns: (attempt: string) => boolean
}

/**
 * Machines of such callers bear this owner's name.
 *
 * @category models
 * @since 0.1.0
 */
export const owner = "adhoc"

/**
 * The callers of a world that rent without an orchestrator.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, profile: Profile, rng: Rng.Rng): Stateless => {
  const { ledger, timeline } = world
  const attempts = new Map<string, string>()
  const owned = new Set<string>()
  let calls = 0

  /** Whether it was renamed beside another of its attempt: nothing tells it apart from a copy that a person made. */
  const isCopy = (machine: Machine): boolean =>
    machine.name !== machine.madeAs && ledger.ofAttempt(machine.attempt ?? "").length > 1

  /** The first machine of a caller that lives on, of those that its cloud had shown by then. */
  const left = (key: string, shownUntil: number): Machine | undefined =>
    ledger.ofAttempt(attempts.get(key) ?? "").find((machine) =>
      ledger.bills(machine) && machine.visibleAt <= shownUntil && machine.origin !== "late" && !isCopy(machine)
    )

  const isUncertain = (cause: Cause.Cause<AtlasError>): boolean =>
    Option.exists(Cause.findErrorOption(cause), ({ reason }) => reason._tag === "Uncertain")

  return {
    rent: ({ member, services: { providers } }) => {
      const number = ++calls
      const key = `${member.process.name} solo-${number}`
      const provider = rng.one(providers.all.map(({ id }) => id))
      const use = rng.pick(50, 3_000, 30_000, 120_000)
      let workedUntil = timeline.now()
      const request = {
        name: `solo ${number}`,
        auth: rng.chance(profile.bearer) ? "bearer" as const : "none" as const,
        ...(profile.isRunPod ? { gpu: "h100" as const, image: "me/server:1" } : {})
      }
      const work = Effect.andThen(
        Effect.sleep(use),
        Effect.sync(() => {
          workedUntil = timeline.now()
        })
      )
      world.note(() => `a caller of ${member.process.name} rents ${number} for ${use} ms of work`)
      const whole = rng.chance(0.5)
        ? Atlas.withCompute(request, () => work, { provider })
        : Effect.scoped(Effect.andThen(Atlas.scoped(request, { provider }), work))
      world.renting(member.process, 1)
      member.process.run(Effect.provideService(whole, Providers, providers), (exit) => {
        world.renting(member.process, -1)
        world.note(() => `the rent ${number} is over: ${Exit.isSuccess(exit) ? "success" : String(exit.cause.reasons)}`)
        // a failure that says that something may be left is the truth
        if (Exit.isFailure(exit) && (isUncertain(exit.cause) || Cause.hasDies(exit.cause))) return
        const machine = left(key, workedUntil)
        if (machine === undefined) return
        const how = Exit.isSuccess(exit) ? "succeeds" : "fails, saying that nothing is left"
        world.broken("proven", `the rent ${number} ${how}, and ${machine.id} (${machine.origin}) lives`)
      })
    },
    creating: (process, name) => {
      const stamp = NameStamp.parse(name)
      if (stamp?.owner !== owner) return false
      attempts.set(`${process.name} ${stamp.slug}`, stamp.attempt)
      owned.add(stamp.attempt)
      return true
    },
    owns: (attempt) => owned.has(attempt)
  }
}
