/**
 * Lines out of chunks, the end of an output under a limit, and lines that wait for a slow reader.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { plain } from "../../src/domain/ForeignText.ts"
import { makeBacklog, makeLines, makeTail } from "../../src/fly/internal/output.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The lines of a text that comes in chunks of this many bytes. */
const linesOf = (text: string, size: number): ReadonlyArray<string> => {
  const lines = makeLines()
  const all = bytes(text)
  const found: Array<string> = []
  for (let at = 0; at < all.length; at += size) found.push(...lines.push(all.subarray(at, at + size)))
  return [...found, ...lines.end()]
}

describe("lines", () => {
  it.each([1, 2, 3, 5, 7, 1000])("are the same in chunks of %d bytes, characters and line ends cut or not", (size) => {
    assert.deepStrictEqual(
      linesOf("glücklich\r\n✔ 🚀\n\n \n\u001b[31mred\u001b[0m\n10%\r50%\r100%\nlast", size),
      ["glücklich", "✔ 🚀", "", " ", "red", "100%", "last"]
    )
  })

  it.each([
    ["a final line without an end", "a\nb", ["a", "b"]],
    ["an end and nothing after it", "a\n", ["a"]],
    ["CRLF, and one more CR", "a\r\nb\r\r\n", ["a", "b"]],
    ["a bar that was drawn and not finished", "10%\r20%", ["20%"]],
    ["a bar that ends with a CR", "10%\r20%\r", ["20%"]],
    ["only carriage returns", "\r\r\r", []],
    ["a drawn bar and a line", "10%\r20%\r\nnext\n", ["20%", "next"]],
    ["a broken character at the end", "", []]
  ])("%s", (_, text, expected) => {
    for (const size of [1, 2, 1000]) assert.deepStrictEqual(linesOf(text, size), expected)
  })

  it("bytes that are not UTF-8 become replacement characters, and no line is lost", () => {
    const lines = makeLines()
    assert.deepStrictEqual(lines.push(new Uint8Array([0x61, 0xff, 0x0a, 0x62, 0xc3])), ["a\u{fffd}"])
    assert.deepStrictEqual(lines.end(), ["b\u{fffd}"])
  })

  it.each([1000, 64 * 1024, 3_000_000])(
    "a line above the limit is cut, marked and shown: chunks of %d bytes",
    (size) => {
      const long = "x".repeat(12_000_000)
      const [first, second, third, ...more] = linesOf(`one\n${long}\ntwo\n${long}`, size)
      const cut = `${"x".repeat(10_000_000)} [... 2000000 more characters cut ...]`
      assert.deepStrictEqual([first, third, more.length], ["one", "two", 1])
      // not by deepStrictEqual: a difference of a million characters helps nobody
      assert.isTrue(second === cut && more[0] === cut)
    }
  )

  it("a line that never ends takes no more memory than the limit", () => {
    const lines = makeLines()
    const chunk = bytes("x".repeat(64 * 1024))
    for (let n = 0; n < 2000; n++) assert.deepStrictEqual(lines.push(chunk), [])
    const [last = ""] = lines.end()
    assert.strictEqual(last.slice(10_000_000), ` [... ${2000 * 64 * 1024 - 10_000_000} more characters cut ...]`)
  })

  it("a bar that is drawn over a line that was cut is the line", () => {
    const lines = makeLines()
    lines.push(bytes("x".repeat(11_000_000)))
    assert.deepStrictEqual(lines.push(bytes("\r50%\r100%\n")), ["100%"])
  })

  it("an endless progress bar gives no line until it ends, and takes no memory", () => {
    const lines = makeLines()
    let count = 0
    for (let n = 0; n < 300_000; n++) count += lines.push(bytes(`\rpushing layer ${n} of the image`)).length
    assert.strictEqual(count, 0)
    assert.deepStrictEqual(lines.end(), ["pushing layer 299999 of the image"])
  })

  it.effect.prop(
    "of any text they are those of the text in one piece",
    [Schema.Array(Schema.String), Schema.Int],
    ([parts, n]) =>
      Effect.sync(() => {
        const text = parts.join("\n")
        assert.deepStrictEqual(linesOf(text, 1 + Math.abs(n % 5)), linesOf(text, 1_000_000))
      })
  )
})

it("plain text has no colours, links, cursor movements or bells, and keeps tabs", () => {
  assert.strictEqual(
    plain(
      "\u001b[1;32m==>\u001b[0m\ta \u001b]8;;https://x.example\u0007link\u001b]8;;\u0007\u0007\u001b[2K\u009b1A!\b"
    ),
    "==>\ta link!"
  )
})

describe("the end of an output", () => {
  it("is all of it under the limit", () => {
    const tail = makeTail(100)
    for (const word of ["one ", "two ", "three"]) tail.push(bytes(word))
    assert.strictEqual(tail.text(), "one two three")
  })

  it.each([1, 3, 64, 100_000])("loses the oldest bytes and says how many, in chunks of %d", (size) => {
    const limit = 40_000
    const text = Array.from({ length: 20_000 }, (_, n) => n % 10).join("")
    const tail = makeTail(limit)
    let pushed = 0
    for (let round = 0; round < 5; round++) {
      for (let at = 0; at < text.length; at += size) tail.push(bytes(text.slice(at, at + size)))
      pushed += text.length
    }
    assert.strictEqual(
      tail.text(),
      `[... ${pushed - limit} bytes of earlier output dropped ...]\n${text.repeat(5).slice(-limit)}`
    )
  })

  it("never begins within a character", () => {
    const tail = makeTail(10)
    tail.push(bytes("🚀🚀🚀🚀"))
    assert.strictEqual(tail.text(), "[... 8 bytes of earlier output dropped ...]\n🚀🚀")
  })
})

describe("lines that wait for a slow reader", () => {
  it.effect("come in order, and a reader who waits misses none", () =>
    Effect.gen(function*() {
      const backlog = makeBacklog(100)
      const taking = yield* Effect.forkChild(backlog.take, { startImmediately: true })
      backlog.offer([])
      backlog.offer(["a"])
      backlog.offer(["b"])
      assert.deepStrictEqual([...yield* Fiber.join(taking), ...yield* backlog.take], ["a", "b"])
      backlog.offer(["c"])
      backlog.end()
      assert.deepStrictEqual(yield* backlog.take, ["c"])
      assert.deepStrictEqual(yield* backlog.take, [])
    }))

  it.effect("are dropped past the limit, the oldest first, and a line says how many", () =>
    Effect.gen(function*() {
      const backlog = makeBacklog(30)
      for (let n = 0; n < 1000; n++) backlog.offer([`line ${n}`])
      assert.deepStrictEqual(yield* backlog.take, [
        "[... 997 lines dropped: read too slowly ...]",
        "line 997",
        "line 998",
        "line 999"
      ])
      backlog.offer(["x".repeat(31)])
      assert.deepStrictEqual(yield* backlog.take, ["[... 1 lines dropped: read too slowly ...]"])
      backlog.offer(["next"])
      assert.deepStrictEqual(yield* backlog.take, ["next"])
    }))
})
