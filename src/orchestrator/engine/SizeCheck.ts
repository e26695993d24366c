/**
 * Whether a new session fits into its row, and which of its fields is to be shortened when it does not.
 */
import { type AtlasError, invalid } from "../../domain/AtlasError.ts"
import type { SessionSpec } from "../session/State.ts"
import { maxSessionBytes } from "../store/rows.ts"

/** Bytes reserved for what the first row holds besides the request: one attempt, clocks, numbers; about a thousand are used. */
const rowOverhead = 8_192

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The largest field of a request, named as the caller does, and its size. */
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
  // the name of one entry helps more than `providerOpts`, unless there are many small entries
  return sizes.reduce((largest, part) => part[1] > largest[1] * 1.01 ? part : largest)
}

/** Why a session is too large to be stored; null when it is not. */
export const sizeError = (spec: SessionSpec, operation: string): AtlasError | null => {
  const bytes = bytesOf(spec)
  if (bytes <= maxSessionBytes - rowOverhead) return null
  const [path, size] = largestPart(spec)
  const message =
    `a session is stored in ${maxSessionBytes} bytes at most and this one takes ${bytes}: shorten it, it takes ${size}`
  return invalid(operation, [{ path, message }])
}
