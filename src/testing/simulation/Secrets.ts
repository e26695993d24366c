/**
 * The keys, environment values and credentials of a simulation, which must stand in nothing that is written, and the search for
 * them.
 *
 * @since 0.1.0
 */
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"

/** Every secret that the simulation makes up begins so. */
export const marker = "canary-"

/**
 * The secrets of a world.
 *
 * @category models
 * @since 0.1.0
 */
export interface Secrets {
  /** Whether texts are searched for them. */
  readonly isSought: boolean
  readonly add: (value: string) => void
  /** The first one that stands in a text; the text is made only when it is sought. */
  readonly find: (text: () => string) => string | undefined
}

/**
 * No secrets yet, and whether they are sought.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (isSought: boolean): Secrets => {
  // credentials minted by the product have no marker
  const minted = new Set<string>()
  return {
    isSought,
    add: (value) => {
      if (value !== "" && !value.includes(marker)) minted.add(value)
    },
    find: (make) => {
      if (!isSought) return undefined
      const text = make()
      const at = text.indexOf(marker)
      if (at !== -1) return text.slice(at, at + 32)
      for (const value of minted) if (text.includes(value)) return value
      return undefined
    }
  }
}

const causeOf = ({ status }: Tracer.NativeSpan): string =>
  status._tag === "Ended" && Exit.isFailure(status.exit)
    ? status.exit.cause.reasons.map((reason) => JSON.stringify(reason) + String(reason)).join(" ")
    : ""

const plain = (value: unknown): unknown =>
  typeof value === "bigint" || typeof value === "symbol" ? String(value) : value

/** All that an exporter could ship of a span. */
const textOf = (span: Tracer.NativeSpan): string => {
  const parts: Array<unknown> = [span.name, ...span.attributes.values()]
  for (const [name, , attributes] of span.events) parts.push(name, ...Object.values(attributes))
  for (const { attributes } of span.links) parts.push(...Object.values(attributes))
  return parts.map((part) => typeof part === "string" ? part : JSON.stringify(plain(part))).join(" ") + causeOf(span)
}

/**
 * A tracer that keeps nothing and shows the text of each span as it ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tracer = (read: (name: string, text: string) => void): Tracer.Tracer => {
  class Read extends Tracer.NativeSpan {
    override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
      super.end(endTime, exit)
      read(this.name, textOf(this))
    }
  }
  return Tracer.make({ span: (options) => new Read(options) })
}
