/** What goes wrong on order in the fake Fly: which fault meets which request. */
import type { Fault } from "../FakeFly.ts"

interface Ordered {
  readonly fault: Fault
  skip: number
  times: number
}

/** A request as far as faults can choose by it. */
export interface Target {
  readonly endpoint: "platform" | "machines"
  readonly app: string
}

export interface Faults {
  readonly order: (fault: Fault) => void
  /** The first fault in line for this request, which is used up by it. */
  readonly take: (target: Target) => Fault | undefined
  readonly clear: () => void
}

export const make = (): Faults => {
  let line: ReadonlyArray<Ordered> = []
  return {
    order: (fault) => {
      line = [...line, { fault, skip: fault.skip ?? 0, times: fault.times ?? 1 }]
    },
    take: ({ app, endpoint }) => {
      const fitting = line.find(({ fault }) =>
        (fault.on === undefined || fault.on === endpoint) && (fault.app === undefined || fault.app === app)
      )
      if (fitting === undefined) return undefined
      if (fitting.skip > 0) {
        fitting.skip -= 1
        return undefined
      }
      fitting.times -= 1
      if (fitting.times <= 0) line = line.filter((one) => one !== fitting)
      return fitting.fault
    },
    clear: () => {
      line = []
    }
  }
}
