/**
 * `providerOpts`: a caller's fields as the cloud names them, laid over those that were translated from the request.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { Validation } from "../domain/AtlasError.ts"

/**
 * An object as JSON has it.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Readonly<Record<string, unknown>>

/**
 * Whether a value has fields: an object that is no list.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The fields that hold something: null and undefined stay out of a body, so that the cloud's own default holds.
 *
 * @category merging
 * @since 0.1.0
 */
export const given = (fields: Fields): Fields => {
  const kept: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) {
    const value = fields[key]
    if (value !== null && value !== undefined) kept[key] = value
  }
  return kept
}

/**
 * Lays one body over another: objects field by field, at any depth, anything else as a whole.
 *
 * **Example** (One field more)
 *
 * ```ts
 * import * as ProviderOpts from "effect-atlas/provider/ProviderOpts"
 *
 * ProviderOpts.merge({ gpu: { id: "L4", count: 1 } }, { gpu: { count: 2 } }) // { gpu: { id: "L4", count: 2 } }
 * ```
 *
 * @category merging
 * @since 0.1.0
 */
export const merge = (under: Fields, over: Fields): Fields => ({
  ...under,
  ...Object.fromEntries(
    Object.entries(over).map(([key, value]) => {
      const below = under[key]
      return [key, isFields(below) && isFields(value) ? merge(below, value) : value]
    })
  )
})

/**
 * The body of a request with its `providerOpts` laid over it last.
 *
 * **Details**
 *
 * Fields that hold nothing are left out. Fails as `Validation` when `providerOpts` sets the environment: its values are secret,
 * and the request has a field of its own for them.
 *
 * @category merging
 * @since 0.1.0
 */
export const over = (translated: Fields, providerOpts: Fields): Result.Result<Fields, Validation> =>
  Object.hasOwn(providerOpts, "env")
    ? Result.fail(
      new Validation({ issues: [{ path: "providerOpts.env", message: "use the request's own env field" }] })
    )
    : Result.succeed(merge(given(translated), providerOpts))

/**
 * Names the fields at fault as the caller wrote them: those that `providerOpts` set, and those that were translated.
 *
 * **Details**
 *
 * `names` goes from the cloud's path to the shared field, such as `{ "gpu.id": "gpu" }`.
 *
 * @category failures
 * @since 0.1.0
 */
export const asWritten = (
  reason: Validation,
  providerOpts: Fields,
  names: Readonly<Record<string, string>>
): Validation =>
  new Validation({
    issues: reason.issues.map(({ message, path }) => {
      const own = path.replace(/^body\.?/, "")
      const [top = ""] = own.split(/[.[]/)
      if (Object.hasOwn(providerOpts, top)) return { path: `providerOpts.${own}`, message }
      const known = Object.entries(names).find(([name]) => own === name || own.startsWith(`${name}.`))
      return { path: known === undefined ? own : `${known[1]}${own.slice(known[0].length)}`, message }
    })
  })
