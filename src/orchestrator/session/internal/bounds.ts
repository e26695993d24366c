/**
 * Numbers as a state may hold them. Adapters, headers and clocks say anything, and one number that JSON cannot hold would keep
 * the row from being written.
 */
import * as Duration from "effect/Duration"

/** What a date can hold, in milliseconds either way from 1970. */
const longestTime = 8.64e15

/** More than any machine costs in an hour, or all of them in a century: sums of it stay finite. */
const mostUsd = 1e9

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value))

/** A time of a clock; one that is no number is the last one again. */
export const time = (value: number, last: number): number =>
  Number.isNaN(value) ? last : clamp(value, -longestTime, longestTime)

/** A time that a provider tells; null when it is none. */
export const timeOrNull = (value: number | null): number | null =>
  value === null || !Number.isFinite(value) || Math.abs(value) > longestTime ? null : value

/** An amount of US dollars; null when it is none. */
export const usdOrNull = (value: number | null): number | null =>
  value === null || !Number.isFinite(value) || value < 0 ? null : Math.min(value, mostUsd) + 0

/** A whole number; null when it is none. JSON knows no -0, and neither does a state. */
export const integerOrNull = (value: number | null): number | null =>
  value !== null && Number.isSafeInteger(value) ? value + 0 : null

/** A pause of whole milliseconds, an endless one as the longest; null when it is none. */
export const pauseOrNull = (pause: Duration.Duration): Duration.Duration | null =>
  Duration.isNegative(pause) ? null : Duration.millis(Math.min(Math.ceil(Duration.toMillis(pause)), longestTime))
