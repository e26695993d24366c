import { assert, it } from "@effect/vitest"
import * as Table from "../../src/cli/Table.ts"

it("columns are aligned, what is absent is a dash, no line ends in blanks", () => {
  assert.strictEqual(
    Table.render(["ID", "PRICE", "X"], [["a", null, 1], ["longer", "$1.00", ""]], { color: false }),
    "ID      PRICE  X\na       -      1\nlonger  $1.00  -"
  )
})

it("only the head has colour, and only where it may", () => {
  const [head = "", row = ""] = Table.render(["ID"], [["a"]], { color: true }).split("\n")
  assert.isTrue(head.startsWith("\u001b["))
  assert.strictEqual(row, "a")
})

it("a provider's text cannot break the table or the terminal", () => {
  const text = Table.render(["ID"], [["a\nb\u001b[2J"]], { color: false })
  assert.strictEqual(text, "ID\na b")
})

it("a list puts one thing a line", () => {
  assert.strictEqual(Table.list([["id", "a"], ["status", null]]), "id      a\nstatus  -")
})

it.each([[0, "$0.00"], [1.5, "$1.50"], [0.0123, "$0.0123"], [null, null]])("a price of %s is %s", (price, text) => {
  assert.strictEqual(Table.dollars(price), text)
})
