import { assert, it } from "@effect/vitest"
import * as Table from "../../src/cli/Table.ts"
import * as TextWidth from "../../src/cli/TextWidth.ts"

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

const wide: ReadonlyArray<Table.Column> = [
  { name: "ID" },
  { name: "NAME", min: 6 },
  { name: "REGION", min: 6, leave: 1 },
  { name: "PORTS", min: 5, leave: 2 }
]

const cellsOf = (text: string, width: number) =>
  Table.fit(wide, [["pod-1", text, null, "8000"], ["pod-2", "b", null, text]], { color: false, width })

it.each([40, 60, 80, 120])("no line is wider than %i cells, and ids are whole", (width) => {
  for (const text of ["a".repeat(200), "長い名前".repeat(30), "🚀".repeat(60), "é".repeat(90)]) {
    const lines = cellsOf(text, width).split("\n")
    for (const line of lines) assert.isAtMost(TextWidth.of(line), width)
    assert.match(lines[1] ?? "", /^pod-1 .*…/)
  }
})

it("what does not fit is left out, what tells nothing first, and nothing is cut where there is room", () => {
  const head = (width: number) => cellsOf("a".repeat(20), width).split("\n")[0]?.split(/ +/)
  assert.deepStrictEqual(head(80), ["ID", "NAME", "REGION", "PORTS"])
  assert.deepStrictEqual(head(45), ["ID", "NAME", "PORTS"])
  assert.deepStrictEqual(head(18), ["ID", "NAME"])
  assert.notInclude(cellsOf("a".repeat(20), 80), "…")
})

it.each([["abc", 3], ["長い", 4], ["e\u0301", 1], ["👩‍🚀", 2], ["한글", 4], ["", 0], ["…", 1], ["❤️", 2]])(
  "%s takes %i cells",
  (text, width) => {
    assert.strictEqual(TextWidth.of(text), width)
  }
)

it("columns of wide characters are aligned by what a terminal shows", () => {
  const text = Table.render(["NAME", "X"], [["長い", 1], ["ab", 2]], { color: false })
  assert.strictEqual(text, "NAME  X\n長い  1\nab    2")
})
