/** Work beside a scope that ends with it, but not later than a bound: a bus that hangs must not hold up those who leave it. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** How long the end of a scope waits for work that was told to end; what takes longer ends by itself later. */
const interruptGrace = "1 second"

const within = (effect: Effect.Effect<unknown>, limit: Duration.Input) =>
  Effect.timeoutOption(Effect.interruptible(effect), limit)

/** A fiber of no scope: a scope waits for the fibers it owns, however long their end takes. */
const start = <R>(work: Effect.Effect<unknown, never, R>) => Effect.forkDetach(Effect.interruptible(work))

/** Runs an effect until the scope closes; before that, `beforeEnd` lets it come to its own end, for `grace` at most. */
export const fork = <R>(
  work: Effect.Effect<unknown, never, R>,
  { beforeEnd, grace }: {
    readonly beforeEnd: (fiber: Fiber.Fiber<unknown>) => Effect.Effect<unknown>
    readonly grace: Duration.Input
  }
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    start(work),
    (fiber) => Effect.andThen(within(beforeEnd(fiber), grace), within(Fiber.interrupt(fiber), interruptGrace))
  ))

/** Work that comes and goes, each in a scope of its own. */
export interface Group {
  readonly fork: (work: Effect.Effect<unknown>) => Effect.Effect<void, never, Scope.Scope>
  /** Ends all of it together, so that the bound is one and not one for each. */
  readonly close: Effect.Effect<void>
}

export const group = (): Group => {
  const running = new Set<Fiber.Fiber<unknown>>()
  let isOpen = true
  const end = (fibers: ReadonlyArray<Fiber.Fiber<unknown>>) =>
    Effect.asVoid(within(Fiber.interruptAll(fibers), interruptGrace))
  return {
    fork: (work) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.tap(start(work), (fiber) => Effect.sync(() => void running.add(fiber))),
        (fiber) =>
          Effect.suspend(() => {
            running.delete(fiber)
            return isOpen ? end([fiber]) : Effect.void
          })
      )),
    close: Effect.suspend(() => {
      isOpen = false
      return end([...running])
    })
  }
}
