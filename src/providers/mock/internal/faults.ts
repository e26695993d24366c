/** What goes wrong on order: failures, defects, lost answers, slow calls, deletes that are accepted and not done. */
import * as Duration from "effect/Duration"
import type { AtlasErrorReason } from "../../../domain/AtlasError.ts"
import type { Delay, Operation } from "../MockControls.ts"

export type Fault =
  | { readonly _tag: "Fail"; readonly reason: AtlasErrorReason }
  | { readonly _tag: "Die"; readonly defect: unknown }
  | { readonly _tag: "LoseAnswer"; readonly created: boolean }

/** How long a call is on its way, in milliseconds. */
export interface Travel {
  readonly request: number
  readonly answer: number
}

export const millisOf = (duration: Duration.Input | undefined): number =>
  duration === undefined ? 0 : Duration.toMillis(Duration.fromInputUnsafe(duration))

export interface Faults {
  readonly order: (operation: Operation, fault: Fault, times: number) => void
  /** The fault of this very call, which is used up by it. */
  readonly take: (operation: Operation) => Fault | undefined
  readonly delay: (operation: Operation, delay: Delay) => void
  readonly travelOf: (operation: Operation) => Travel
  readonly orderDuplicate: (apart: number) => void
  /** How much later the duplicate of this create is made; undefined without a duplicate. */
  readonly takeDuplicate: () => number | undefined
  readonly ignoreDeletes: (times: number) => void
  readonly takeIgnoredDelete: () => boolean
  readonly reset: () => void
}

export const makeFaults = (): Faults => {
  const ordered = new Map<Operation, Array<Fault>>()
  const delays = new Map<Operation, Travel>()
  let duplicates: Array<number> = []
  let ignoredDeletes = 0
  return {
    order: (operation, fault, times) => {
      const queue = ordered.get(operation) ?? []
      ordered.set(operation, [...queue, ...Array.from({ length: times }, () => fault)])
    },
    take: (operation) => ordered.get(operation)?.shift(),
    delay: (operation, { answer, request }) => {
      delays.set(operation, { request: millisOf(request), answer: millisOf(answer) })
    },
    travelOf: (operation) => delays.get(operation) ?? { request: 0, answer: 0 },
    orderDuplicate: (apart) => {
      duplicates.push(apart)
    },
    takeDuplicate: () => duplicates.shift(),
    ignoreDeletes: (times) => {
      ignoredDeletes = times
    },
    takeIgnoredDelete: () => {
      if (ignoredDeletes === 0) return false
      ignoredDeletes -= 1
      return true
    },
    reset: () => {
      ordered.clear()
      delays.clear()
      duplicates = []
      ignoredDeletes = 0
    }
  }
}
