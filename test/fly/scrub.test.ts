/**
 * Tokens of Fly are found in whatever a host or the fly command writes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Scrub from "../../src/fly/internal/scrub.ts"

const token = "FlyV1 fm2_lJPECAAAAAAABcdeXX+/12==,fm2_secondPartOfTheList-9_87"

describe("the call's own token", () => {
  const hide = Scrub.own([token])

  it("is hidden as a whole, in each of its parts, and as JSON and URLs write it", () => {
    for (const part of [token, ...token.split(/[ ,]/).slice(1)]) {
      for (const text of [part, encodeURIComponent(part), JSON.stringify({ part })]) {
        assert.notMatch(hide(`before ${text} after`), /lJPECAAAAA|secondPart/)
      }
    }
  })

  it("is hidden where only a piece of twelve characters of it is left, wherever it is cut", () => {
    for (const part of token.split(/[ ,]/).slice(1)) {
      for (let at = 0; at + 12 <= part.length; at++) {
        assert.strictEqual(hide(`a${"\n"}${part.slice(at, at + 12)} z`), "a\n<redacted> z")
      }
    }
  })

  it("leaves everything else, also other tokens and words like its scheme", () => {
    for (const text of ["FlyV1 is a scheme", "fm2_another", "", "Bearer x"]) assert.strictEqual(hide(text), text)
    assert.strictEqual(Scrub.own([])("anything"), "anything")
  })
})

describe("what looks like a token of Fly", () => {
  const hide = Scrub.all([])
  it.each([
    ["FlyV1 fm2_abc,fm2_def", "<redacted>"],
    ["FLY_API_TOKEN=\"FlyV1 fm2_abc+/=\" fly deploy", "FLY_API_TOKEN=\"<redacted>\" fly deploy"],
    ["older ones fm1r_x and fm1a_y, and fo1_user's", "older ones <redacted> and <redacted>, and <redacted>'s"],
    ["--access-token=fm2_a", "--access-token=<redacted>"],
    ["platform2_x, FlyV1", "platform2_x, FlyV1"]
  ])("is hidden in %s", (text, expected) => {
    assert.strictEqual(hide(text), expected)
  })
})
