/**
 * The lines of a local log from its bytes: what ends a line, and that no byte is lost or told twice.
 */
import { assert, describe, it } from "@effect/vitest"
import type { LogElement } from "effect-atlas"
import * as Schema from "effect/Schema"
import { longestPiece, make } from "../../../src/providers/local/internal/logLines.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Every line of a log that is read in pieces of these sizes. */
const read = (bytes: Uint8Array, sizes: ReadonlyArray<number>, from = 0): ReadonlyArray<LogElement.LogElement> => {
  const splitter = make(from, from === 0 ? null : bytes[from - 1] ?? null)
  const lines: Array<LogElement.LogElement> = []
  let at = from
  for (const size of sizes) {
    lines.push(...splitter.push(bytes.subarray(at, at + size)))
    at += size
  }
  lines.push(...splitter.push(bytes.subarray(at)), ...splitter.rest("last"))
  return lines
}

const told = (lines: ReadonlyArray<LogElement.LogElement>) =>
  lines.map(({ continues, cursor, overwritten, partial, text }) =>
    `${continues ? "+" : ""}${text}${partial ? "…" : overwritten ? "\\r" : ""}@${cursor}`
  )

/** What a reader of plain text has: each line's pieces put together. */
const whole = (lines: ReadonlyArray<LogElement.LogElement>): ReadonlyArray<string> => {
  const texts: Array<string> = []
  for (const { continues, text } of lines) {
    if (continues && texts.length > 0) texts.push(`${texts.pop() ?? ""}${text}`)
    else texts.push(text)
  }
  return texts
}

describe("a line of a log", () => {
  it("ends at a line feed, at a carriage return, or at both", () => {
    assert.deepStrictEqual(told(read(bytesOf("one\ntwo\r\nthree\r\r\n10%\r20%\r\rlast"), [])), [
      "one@4",
      "two@9",
      "three@17",
      "10%\\r@21",
      "20%\\r@26",
      "last@30"
    ])
  })

  it("of a progress bar that begins with its return is no empty line", () => {
    assert.deepStrictEqual(told(read(bytesOf("\r 10%\r 20%\r\n\n"), [])), [" 10%\\r@6", " 20%@12", "@13"])
  })

  it("that was shown without an end goes on as a continuation, also when its reading begins there", () => {
    const splitter = make(0, null)
    assert.deepStrictEqual(told([...splitter.push(bytesOf("half")), ...splitter.rest("partial")]), ["half…@4"])
    assert.deepStrictEqual(told(splitter.push(bytesOf(" more\nnext\n"))), ["+ more@10", "next@15"])
    assert.deepStrictEqual(told(make(4, 0x66).push(bytesOf(" more\nnext\n"))), ["+ more@10", "next@15"])
  })

  it("whose line feed comes long after its carriage return stays, and is not told again", () => {
    const splitter = make(0, null)
    assert.deepStrictEqual(told([...splitter.push(bytesOf("a\r")), ...splitter.returned()]), ["a\\r@2"])
    assert.deepStrictEqual(told(splitter.push(bytesOf("\nb\n"))), ["+@3", "b@5"])
    assert.deepStrictEqual(told(make(2, 0x0d).push(bytesOf("\nb\n"))), ["+@3", "b@5"])
  })

  it("is never cut within a character", () => {
    const bytes = bytesOf("žluťoučký 🦊")
    for (let at = 0; at <= bytes.length; at++) {
      const splitter = make(0, null)
      const lines = [...splitter.push(bytes.subarray(0, at)), ...splitter.rest("partial")]
      lines.push(...splitter.push(bytes.subarray(at)), ...splitter.rest("last"))
      assert.strictEqual(lines.map(({ text }) => text).join(""), "žluťoučký 🦊")
    }
  })

  const Parts = Schema.Array(Schema.Literals(["a", "ž", "\r", "\n", "\r\n", "🦊"]))
  const Sizes = Schema.Array(Schema.Literals([1, 2, 3, 5]))

  it.prop(
    "is the same however the bytes are read, and from any cursor the rest is neither lost nor repeated",
    [Parts, Sizes],
    ([parts, sizes]) => {
      const bytes = bytesOf(parts.join(""))
      const lines = read(bytes, sizes)
      assert.deepStrictEqual(told(lines), told(read(bytes, [])))
      const reading = make(0, null)
      const live: Array<LogElement.LogElement> = []
      for (const byte of bytes) live.push(...reading.push(Uint8Array.of(byte)), ...reading.rest("partial"))
      live.push(...reading.rest("last"))
      assert.deepStrictEqual(whole(live), whole(lines))
      for (const [index, { cursor }] of live.entries()) {
        const resumed = [...live.slice(0, index + 1), ...read(bytes, sizes, Number(cursor))]
        assert.deepStrictEqual(whole(resumed), whole(live))
      }
    }
  )

  it("that is longer than memory should hold comes in pieces, and takes time in proportion to its length", () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x78)
    const splitter = make(0, null)
    const lines: Array<LogElement.LogElement> = []
    for (let size = 0; size < longestPiece * 1.5; size += chunk.length) lines.push(...splitter.push(chunk))
    lines.push(...splitter.push(bytesOf("\n")))
    assert.deepStrictEqual(lines.map(({ continues, partial }) => [continues, partial]), [
      [undefined, true],
      [true, undefined]
    ])
    assert.strictEqual(lines.reduce((sum, { text }) => sum + text.length, 0), longestPiece * 1.5)
  })

  it("made of nothing but carriage returns is not held for ever", () => {
    const splitter = make(0, null)
    splitter.push(new Uint8Array(64 * 1024).fill(0x0d))
    assert.isFalse(splitter.isHolding())
  })
})
