import { assert, it } from "@effect/vitest"
import * as TimeSpan from "effect-atlas/domain/TimeSpan"
import type * as Duration from "effect/Duration"

it.each<[Duration.Input, string]>([
  [0, "0"],
  ["0.4 millis", "0"],
  ["250 millis", "250ms"],
  ["1234 millis", "1s 200ms"],
  ["2500 millis", "2s 500ms"],
  ["29998 millis", "30s"],
  ["59999 millis", "1m"],
  ["1.7999999 minutes", "1m 48s"],
  ["3599999 millis", "1h"],
  ["7509 seconds", "2h 5m"],
  ["26 hours", "1d 2h"],
  ["Infinity", "Infinity"]
])("a length of %s is told as people would", (length, text) => {
  assert.strictEqual(TimeSpan.format(length), text)
})
