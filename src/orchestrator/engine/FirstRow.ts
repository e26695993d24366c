/**
 * Whether a session is small enough to be stored, asked before it begins: a store refuses one that is not, and with it all
 * others of its batch.
 */
import { type AtlasError, invalid } from "../../domain/AtlasError.ts"
import type { SessionSpec } from "../session/State.ts"
import { longest } from "../store/rows.ts"

/** What the first row holds besides what was asked for: one attempt, clocks, numbers; a thousand bytes in truth. */
const rest = 8_192

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The largest part of what was asked for, as its caller calls it. */
const largestPart = ({ candidates, request, userId }: SessionSpec): readonly [string, number] => {
  const { envNames, providerOpts, ...fields } = request
  const parts: ReadonlyArray<readonly [string, unknown]> = [
    ["userId", userId],
    ["env", envNames],
    ["gpu", candidates.map(({ gpu, provider }) => [gpu, provider])],
    ["regionHints", candidates.map(({ regionHints }) => regionHints)],
    ...Object.entries(fields),
    ...Object.entries(providerOpts).map(([key, value]) => [`providerOpts.${key}`, value] as const),
    ["providerOpts", providerOpts]
  ]
  const sizes = parts.map(([path, value]) => [path, bytesOf(value)] as const)
  // an entry says more than all of them together, unless they are many small ones
  return sizes.reduce((largest, part) => part[1] > largest[1] * 1.01 ? part : largest)
}

/** The refusal of a session that no store would take; null for one that is small enough. */
export const refusalOf = (spec: SessionSpec, operation: string): AtlasError | null => {
  const bytes = bytesOf(spec)
  if (bytes <= longest - rest) return null
  const [path, size] = largestPart(spec)
  const message =
    `a session is stored in ${longest} bytes at most and this one takes ${bytes}: shorten it, it takes ${size}`
  return invalid(operation, [{ path, message }])
}
