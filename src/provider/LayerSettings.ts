/**
 * Settings of a provider, checked while its layer is built: a wrong one fails the layer, not a call long after.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type AtlasError, invalid } from "../domain/AtlasError.ts"

const lasts = (isRight: (duration: Duration.Duration) => boolean) => (value: unknown): boolean =>
  // the boundary to callers without types: fromInput itself refuses what is not a duration
  Option.exists(Duration.fromInput(value as Duration.Input), isRight)

const counts = (least: number, most: number) => (value: unknown): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most

const isWait = lasts((duration) => Duration.isFinite(duration) && Duration.isPositive(duration))
const isWindow = lasts((duration) => Duration.isFinite(duration) && !Duration.isNegative(duration))

const wait = "a duration above 0 that ends, such as \"5 seconds\" or milliseconds"
const window = "a duration of 0 or more that ends, such as \"5 seconds\" or milliseconds"

const rules = {
  settleWindow: [isWindow, window],
  provisioning: [isWindow, window],
  pollInterval: [isWait, wait],
  logSilence: [lasts(Duration.isPositive), "a duration above 0, such as \"3 seconds\" or milliseconds"],
  concurrency: [counts(1, Infinity), "a whole number of 1 or more"],
  retries: [counts(0, 100), "0 to 100"]
} as const

/**
 * Options of a layer; what has no rule here, or is left out, is not looked at.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings = Readonly<Partial<Record<keyof typeof rules, unknown>>>

/**
 * Fails as `Validation` that names each setting which cannot be one: a wait of nothing, a settle window that never ends.
 *
 * **Example** (Options that a program was given)
 *
 * ```ts
 * import * as LayerSettings from "effect-atlas/provider/LayerSettings"
 *
 * const checked = LayerSettings.check({ settleWindow: "5 seconds", retries: 3 })
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (settings: Settings): Effect.Effect<void, AtlasError> => {
  const issues = Object.entries(rules).flatMap(([path, [isRight, expected]]) => {
    // the boundary to the keys of an object, which TypeScript has as text
    const value = settings[path as keyof Settings]
    return value === undefined || isRight(value) ? [] : [{ path, message: `Expected ${expected}` }]
  })
  return issues.length === 0 ? Effect.void : Effect.fail(invalid("provider", issues))
}
