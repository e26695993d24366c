import { assert, describe, it } from "@effect/vitest"
import * as Sse from "effect/encoding/Sse"
import * as Schema from "effect/Schema"
import { type Event, reader } from "../../../src/providers/runpod/internal/logLines.ts"

const encoder = new TextEncoder()

/** What is read of pieces that `cut` makes of a text, a few bytes each. */
const read = (text: string, cut: number, longest = 1024) => {
  const events: Array<Event> = []
  const feed = reader(longest, (event) => events.push(event))
  const bytes = encoder.encode(text)
  let isWhole = true
  for (let at = 0; at < bytes.length && isWhole; at += cut) isWhole = feed(bytes.subarray(at, at + cut))
  return { events, isWhole }
}

/** What Effect's own parser reads of the same text. */
const expected = (text: string) => {
  const events: Array<Event> = []
  Sse.makeParser((event) => {
    if (event._tag === "Event") events.push({ id: event.id ?? null, data: event.data })
  }).feed(text)
  return events
}

const parts = [
  "data",
  "data:",
  "data: ",
  "id:",
  "id: 7",
  "event: x",
  "retry: 3",
  ":",
  " ",
  "a",
  "é",
  "\0",
  "\n",
  "\r",
  "\r\n"
]

describe("server-sent events", () => {
  it.prop(
    "are what Effect's own parser reads, wherever the bytes are cut",
    [Schema.Array(Schema.Literals(parts)), Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))],
    ([words, cut]) => {
      const text = words.join("")
      assert.deepStrictEqual(read(text, cut).events, expected(text))
    },
    { arbitrary: { runs: 2000 } }
  )

  it("begin after a byte order mark", () => {
    assert.deepStrictEqual(read("\uFEFFdata: a\n\n", 1).events, [{ id: null, data: "a" }])
  })

  it("end where one is too large, after those that came before it", () => {
    const { events, isWhole } = read(`data: a\n\ndata: ${"b".repeat(20)}`, 100, 10)
    assert.isFalse(isWhole)
    assert.deepStrictEqual(events, [{ id: null, data: "a" }])
  })
})
