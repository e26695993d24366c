import { assert, describe, it } from "@effect/vitest"
import * as ExitMarker from "effect-atlas/provider/ExitMarker"

const name = "atlas-team1-train-abcdefghijkl"
const marker = `atlas: ${name} exited with 7`

describe("the line by which a wrapper says how a command ended", () => {
  it("is read with its name and exit code, and apart from output that did not end its line", () => {
    assert.deepStrictEqual(ExitMarker.parse(marker), { name, exitCode: 7, before: "" })
    assert.deepStrictEqual(ExitMarker.parse(`${marker}\r`), { name, exitCode: 7, before: "" })
    assert.deepStrictEqual(ExitMarker.parse(`\r 99%\r100%${marker}`), { name, exitCode: 7, before: "\r 99%\r100%" })
  })

  it.each([
    "",
    "atlas: exited with 7",
    "atlas: my-database exited with 7",
    `${marker}0000`,
    `${marker} or so`,
    // no exit code
    `${marker}77`,
    `atlas: ${name} exited with -1`,
    `${marker}\nand then`,
    "atlas: atlas: atlas: "
  ])("is no other line: %j", (line) => assert.isNull(ExitMarker.parse(line)))

  it("is looked for at the end of a line, however long that is", () => {
    const long = "atlas: ".repeat(700_000)
    assert.strictEqual(ExitMarker.parse(long + marker)?.before.length, long.length)
    assert.isNull(ExitMarker.parse(long))
  })
})
