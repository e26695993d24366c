/**
 * Log lines as text: what was one line of the program is one line again.
 */
import { assert, describe, it } from "@effect/vitest"
import { LogElement } from "effect-atlas"
import * as LogText from "../../src/cli/LogText.ts"

type Rest = Partial<Pick<LogElement.LogElement, "partial" | "continues" | "overwritten">>

const line = (text: string, rest: Rest = {}) =>
  new LogElement.LogElement({ cursor: "1", at: null, stream: "output", text, ...rest })

const shown = (lines: ReadonlyArray<LogElement.LogElement>, isTerminal = false) => {
  const log = LogText.make({ isTerminal })
  return lines.map((one) => log.of([one])).join("") + log.close()
}

describe("a log as text", () => {
  it("puts the pieces of a line together, and ends it once", () => {
    const pieces = [
      line("a", { partial: true }),
      line("b", { partial: true, continues: true }),
      line("c", { continues: true })
    ]
    assert.strictEqual(shown([...pieces, line("d")]), "abc\nd\n")
  })

  it("ends a line that nothing goes on with", () => {
    assert.strictEqual(
      shown([line("never ended", { partial: true }), line("another log")]),
      "never ended\nanother log\n"
    )
    assert.strictEqual(shown([line("never ended", { partial: true })]), "never ended\n")
  })

  it("lets a progress bar overwrite itself on a terminal; in a pipe each state is a line", () => {
    const bar = [
      line("10%", { overwritten: true }),
      line("20%", { overwritten: true }),
      line("", { continues: true }),
      line("x")
    ]
    assert.strictEqual(shown(bar, true), "10%\r20%\r\nx\n")
    assert.strictEqual(shown(bar), "10%\n20%\nx\n")
    assert.strictEqual(shown([line("10%\r20%")]), "10%\n20%\n")
  })

  it("writes a prefix where a line begins", () => {
    const log = LogText.make({ isTerminal: false, prefix: () => "> " })
    assert.strictEqual(log.of([line("a", { partial: true }), line("b", { continues: true }), line("c")]), "> ab\n> c\n")
  })
})
