/** What every fake of an HTTP host does alike: faults met in the order they came, and connections that break. */
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"

/** The first `skip` requests that a fault is for pass, the next `times` (1 unless given) are struck. */
export interface Turns {
  readonly skip?: number
  readonly times?: number
}

/** Faults that wait for their requests. */
export interface FaultLine<Fault> {
  readonly order: (fault: Fault) => void
  /** The first fault in line that is for this request, which is used up by it. */
  readonly take: (isFor: (fault: Fault) => boolean) => Fault | undefined
  readonly clear: () => void
  readonly pending: () => number
}

export const makeFaultLine = <Fault extends Turns>(): FaultLine<Fault> => {
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

/** A failure as a transport words it; whoever reads `code` and `syscall` sees whether a byte was sent. */
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

/** Cuts the connection under a request once what was written is out, where there is one: Node's requests have a socket. */
export const hangUp = (source: object): boolean => {
  const socket: unknown = Reflect.get(source, "socket")
  if (typeof socket !== "object" || socket === null) return false
  const destroy: unknown = Reflect.get(socket, "destroySoon") ?? Reflect.get(socket, "destroy")
  if (typeof destroy !== "function") return false
  Reflect.apply(destroy, socket, [])
  return true
}
