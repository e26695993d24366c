/**
 * What everything in a simulated world shares: time, chance, fault rates, the ledger, and how a call goes out and comes back.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type FaultProfile, noFaults } from "./FaultProfile.ts"
import { type Invariant, Violation } from "./Invariant.ts"
import * as Ledger from "./Ledger.ts"
import type { Process } from "./Process.ts"
import * as Repeats from "./Repeats.ts"
import * as Rng from "./Rng.ts"
import * as Secrets from "./Secrets.ts"
import * as Timeline from "./Timeline.ts"

/**
 * One call to something outside the process: it travels, acts, and its answer travels back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outside<A, E> {
  readonly label: string
  /** Milliseconds until it acts. */
  readonly travel: number
  /** Whether it acts even when the process is killed before. */
  readonly outlives: boolean
  /** What it does there; it may answer later, or never. */
  readonly act: (answer: (result: Result.Result<A, E>) => void) => void
  /** Milliseconds until the answer is back. */
  readonly back: number
  /** Whether it may be sent at any rate, as long as it succeeds. */
  readonly isSteady?: boolean | undefined
  /** What it fails with when the answer takes longer. */
  readonly limit?: { readonly millis: number; readonly error: () => E } | undefined
  /** The answer has reached the process. */
  readonly heard?: ((answer: A) => void) | undefined
}

/**
 * The shared part of a world.
 *
 * @category models
 * @since 0.1.0
 */
export interface World {
  readonly timeline: Timeline.Timeline
  readonly rng: Rng.Rng
  readonly ledger: Ledger.Ledger
  readonly faultRates: () => FaultProfile
  readonly setFaultRates: (faultRates: FaultProfile) => void
  /** True time since which there are no faults; null while there are. */
  readonly faultFreeSince: () => number | null
  /** Writes a line of the trace; the line is made only when the trace is read. */
  readonly note: (line: () => string) => void
  /** Says that an invariant is broken; the first one ends the run. */
  readonly broken: (invariant: Invariant, facts: string) => void
  readonly violation: () => Violation | null
  /** A moment at which a process may be killed. */
  readonly point: (process: Process, label: string) => void
  readonly call: <A, E>(process: Process, outside: Outside<A, E>) => Effect.Effect<A, E>
  /** Callers of a process that rent without an orchestrator: so many more, or less. Each asks for itself. */
  readonly renting: (process: Process, more: number) => void
  /** A process asks for this, and must not do so again and again without a pause. */
  readonly asked: (process: Process, label: string) => void
  /** Work of a process that counts as out until it ends, such as a call with all its attempts. */
  readonly out: <A, E, R>(process: Process, label: string, work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Calls and work of a process that are out, by label. */
  readonly isOut: (process: Process, label: string) => boolean
  /** Kills a process; set once the fleet is there. */
  onKill: (process: Process) => void
  /** Values that must stand in nothing that is written. */
  readonly secrets: Secrets.Secrets
}

/**
 * An empty world of a seed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number, read: ((line: string) => void) | null, seeksSecrets: boolean): World => {
  const timeline = Timeline.make()
  const rng = Rng.make(seed)
  const troubles = rng.fork()
  const out = new Map<Process, Map<string, number>>()
  const repeats = Repeats.make()
  const renters = new Map<Process, number>()
  let faultRates = noFaults
  let faultFreeSince: number | null = 0
  let violation: Violation | null = null

  /** Counts a call or work as out; the answer ends that, once, and says whether it was still out. */
  const goesOut = (process: Process, label: string): () => boolean => {
    const mine = out.get(process) ?? new Map<string, number>()
    out.set(process, mine.set(label, (mine.get(label) ?? 0) + 1))
    let isOpen = true
    return () => {
      if (!isOpen) return false
      isOpen = false
      const left = (mine.get(label) ?? 1) - 1
      if (left === 0) mine.delete(label)
      else mine.set(label, left)
      return true
    }
  }

  const world: World = {
    timeline,
    rng,
    ledger: Ledger.make(timeline.now),
    faultRates: () => faultRates,
    setFaultRates: (next) => {
      faultRates = next
      faultFreeSince = next === noFaults ? timeline.now() : null
    },
    faultFreeSince: () => faultFreeSince,
    note: (line) => {
      if (read !== null) read(`${(timeline.now() / 1_000).toFixed(3).padStart(10)} ${line()}`)
    },
    broken: (invariant, facts) => {
      if (violation !== null) return
      violation = new Violation(invariant, timeline.now(), facts)
      world.note(() => `BROKEN ${invariant}: ${facts}`)
    },
    violation: () => violation,
    point: (process, label) => {
      if (faultRates.crash === 0 || !process.isAlive() || !troubles.chance(faultRates.crash)) return
      world.note(() => `${process.name} is killed at: ${label}`)
      world.onKill(process)
    },
    renting: (process, more) => void renters.set(process, (renters.get(process) ?? 0) + more),
    asked: (process, label) => {
      const count = repeats(process, label, timeline.now(), 1 + (renters.get(process) ?? 0))
      if (count !== null) world.broken("steady", `${process.name} asks ${count} times for ${label}`)
    },
    call: (process, { act, back, heard, isSteady, label, limit, outlives, travel }) =>
      Effect.callback((resume) => {
        world.point(process, `${label} asked`)
        if (!process.isAlive()) return
        world.note(() => `${process.name} -> ${label}`)
        if (isSteady !== true) world.asked(process, label)
        const close = goesOut(process, label)
        let callOff = (): void => {}
        const answer = (result: Result.Result<unknown, unknown>, then: () => void): void =>
          process.deliver(() => {
            if (!close()) return
            callOff()
            world.note(() => `${process.name} <- ${label}: ${said(result)}`)
            then()
          })
        timeline.after(travel, () => {
          if (!process.isAlive() && !outlives) return
          act((result) =>
            void timeline.after(back, () =>
              answer(result, () => {
                if (Result.isSuccess(result)) heard?.(result.success)
                resume(Effect.fromResult(result))
              }))
          )
          world.point(process, `${label} done`)
        })
        if (limit !== undefined) {
          callOff = timeline.after(limit.millis, () => {
            const error = limit.error()
            answer(Result.fail(error), () => resume(Effect.fail(error)))
          })
        }
        return Effect.sync(() => {
          close()
          callOff()
        })
      }),
    out: (process, label, work) =>
      Effect.suspend(() => {
        const close = goesOut(process, label)
        return Effect.onExit(work, () => Effect.sync(() => void close()))
      }),
    isOut: (process, label) => out.get(process)?.has(label) ?? false,
    onKill: (process) => process.kill(),
    secrets: Secrets.make(seeksSecrets)
  }
  return world
}

/** An answer in few words, for the trace. */
const said = (result: Result.Result<unknown, unknown>): string => {
  if (Result.isFailure(result)) {
    const { failure } = result
    if (typeof failure !== "object" || failure === null) return String(failure)
    return "reason" in failure
      ? `failed, ${String(Object(failure.reason)._tag)}`
      : `failed, ${String(Object(failure)._tag)}`
  }
  const { success } = result
  if (Array.isArray(success)) {
    return `${success.length}: ${success.map((one) => String(Object(one).id ?? one)).join(" ")}`
  }
  if (typeof success !== "object" || success === null) return "yes"
  return "id" in success
    ? `${String(success.id)} ${String(Object(success).status)}`
    : "status" in success
    ? String(success.status)
    : "yes"
}
