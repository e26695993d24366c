/** What all fakes of HTTP hosts share: a queue of ordered faults, and connections that break. */
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"

/** The first `skip` requests that a fault is for pass, the next `times` (default 1) get the fault. */
export interface Occurrences {
  readonly skip?: number
  readonly times?: number
}

/** The faults that were ordered and have not happened yet. */
export interface FaultLine<Fault> {
  readonly order: (fault: Fault) => void
  /** The first waiting fault that is for this request; one of its `times` is used up. */
  readonly take: (isFor: (fault: Fault) => boolean) => Fault | undefined
  readonly clear: () => void
  readonly pending: () => number
}

/** An empty queue of faults. */
export const makeFaultLine = <Fault extends Occurrences>(): FaultLine<Fault> => {
  let line: ReadonlyArray<{ readonly fault: Fault; skip: number; times: number }> = []
  return {
    order: (fault) => {
      line = [...line, { fault, skip: fault.skip ?? 0, times: fault.times ?? 1 }]
    },
    take: (isFor) => {
      const fitting = line.find(({ fault }) => isFor(fault))
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
    },
    pending: () => line.length
  }
}

/** A failure as Node's transports report it: `code` and `syscall` tell a caller whether a byte was sent. */
export const connectionFailure = (
  request: HttpClientRequest.HttpClientRequest,
  code: string,
  syscall: string
): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({
      request,
      cause: new TypeError("fetch failed", { cause: Object.assign(new Error(`${syscall} ${code}`), { code, syscall }) })
    })
  })

/** Closes the connection of a request after what was written has been sent; false where it has no socket, as Node's have. */
export const hangUp = (source: object): boolean => {
  const socket: unknown = Reflect.get(source, "socket")
  if (typeof socket !== "object" || socket === null) return false
  const destroy: unknown = Reflect.get(socket, "destroySoon") ?? Reflect.get(socket, "destroy")
  if (typeof destroy !== "function") return false
  Reflect.apply(destroy, socket, [])
  return true
}
