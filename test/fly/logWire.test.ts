/**
 * Bodies of logs in pieces: what has come of one that breaks off, when a page is parsed as a whole, and lines that are too long.
 */
import { assert, describe, it } from "@effect/vitest"
import * as JsonItems from "../../src/fly/internal/jsonItems.ts"
import * as LogWire from "../../src/fly/internal/logWire.ts"

const item = (message: string) => ({ id: message.slice(0, 9), attributes: { message } })
const documentOf = (messages: ReadonlyArray<string>) =>
  JSON.stringify({ data: messages.map(item), meta: { next_token: 1795166400000000001n.toString() } })

const pieces = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size))

/** A reader of the platform's pages, and the messages that it has given. */
const reading = () => {
  const seen: Array<string | null> = []
  const reader = LogWire.readPlatform("acme-web", (entry) => seen.push(entry?.message ?? null))
  return { reader, seen }
}

describe("a body of the platform that breaks off", () => {
  it.each([1, 50, 10_000])("gives the lines before that point when it is stopped: pieces of %d characters", (size) => {
    const { reader, seen } = reading()
    const whole = documentOf(["one", "two", "three"])
    for (const piece of pieces(whole.slice(0, whole.indexOf("three") + 2), size)) reader.push(piece)
    reader.stop()
    assert.deepStrictEqual(seen, ["one", "two"])
  })

  it("and ends nevertheless gives the same lines, and is not whole", () => {
    const { reader, seen } = reading()
    const whole = documentOf(["one", "two", "three"])
    reader.push(whole.slice(0, whole.indexOf("three") + 2))
    assert.deepStrictEqual(reader.end(), { isWhole: false, nextToken: null })
    assert.deepStrictEqual(seen, ["one", "two"])
  })
})

describe("a page of the platform", () => {
  const border = 1_048_576
  const messages = (length: number) => {
    const rest = length - documentOf(["one", "", "three"]).length
    // the id has the first nine characters of the message once more
    return ["one", "x".repeat(rest - 9), "three"]
  }

  it("of 1 MiB is parsed as a whole, when it has come", () => {
    const { reader, seen } = reading()
    const text = documentOf(messages(border))
    assert.strictEqual(text.length, border)
    for (const piece of pieces(text, 65_536)) reader.push(piece)
    assert.deepStrictEqual(seen, [])
    assert.deepStrictEqual(reader.end(), { isWhole: true, nextToken: "1795166400000000001" })
    assert.deepStrictEqual(seen, messages(border))
  })

  it("that is a character longer gives its lines while it comes, so that no more than one of them is held", () => {
    const { reader, seen } = reading()
    const text = documentOf(messages(border + 1))
    assert.strictEqual(text.length, border + 1)
    for (const piece of pieces(text, 65_536)) reader.push(piece)
    assert.deepStrictEqual(seen, messages(border + 1))
    assert.deepStrictEqual(reader.end(), { isWhole: true, nextToken: "1795166400000000001" })
    assert.lengthOf(seen, 3)
  })
})

describe("a line of NDJSON above the limit", () => {
  const lines = [{ a: "before" }, { a: "\"é\u{1f680}\n".repeat(9000), b: "kept" }, { a: "after" }]
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`

  it.each([1, 7, 4096, 1_000_000])(
    "is cut and marked across pieces of %d, and the lines around it are whole",
    (size) => {
      const items: Array<string | null> = []
      const { end, push } = JsonItems.byLine(10_000, (one) => items.push(one))
      for (const piece of pieces(text, size)) push(piece)
      assert.strictEqual(end(), "")
      const [before, long, after] = items.map((one) => JSON.parse(one ?? ""))
      assert.deepStrictEqual([before, after, items.length], [lines[0], lines[2], 3])
      assert.match(long.a, / \[\.\.\. \d+ more characters cut \.\.\.\]$/)
      assert.isBelow(long.a.length, 10_100)
      assert.strictEqual(long.b, "kept")
    }
  )
})

describe("the time of a line", () => {
  const nanos = (timestamp: string) => LogWire.nanosOf({ timestamp })

  it("is the same whether or not the line before it was of the same minute", () => {
    const times = ["2026-11-20T09:20:00.000000001Z", "2026-11-20T09:20:59.999999999Z", "2026-11-20T09:21:07.120000000Z"]
    const alone = times.map((one) => (nanos("1999-01-01T00:00:00.000000000Z"), nanos(one)))
    assert.deepStrictEqual(times.map(nanos), alone)
    assert.deepStrictEqual(times.toReversed().map(nanos), alone.toReversed())
    assert.strictEqual(alone[1], 1_795_166_459_999_999_999n)
  })

  it("is none where the text is no time, also right after one of the same minute", () => {
    assert.isNotNull(nanos("2026-11-20T09:20:00.000000001Z"))
    for (
      const end of [
        "61.000000000Z",
        "0x.000000000Z",
        "00.00000000xZ",
        "00:000000000Z",
        "00.000000000z0",
        "99.000000000Z"
      ]
    ) {
      assert.isNull(nanos(`2026-11-20T09:20:${end}`), end)
    }
  })
})
