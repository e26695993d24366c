/**
 * The forms in which people have Fly tokens: all of those that Fly's own command takes read as one, and nothing else is taken.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import { authorizationOf, identityOf, parseGiven, parsePrinted } from "../../src/fly/internal/tokenForm.ts"

const given = (text: string) => {
  const token = parseGiven(text)
  return token === null ? null : Redacted.value(token)
}

describe("a token that is given", () => {
  it.each<readonly [string, string, string]>([
    ["plain", "fm2_a", "fm2_a"],
    ["with its scheme", "FlyV1 fm2_a", "FlyV1 fm2_a"],
    ["with the scheme twice", "FlyV1 FlyV1 fm2_a", "FlyV1 fm2_a"],
    ["with the scheme three times", "FlyV1 Bearer \"FlyV1 fm2_a\"", "FlyV1 fm2_a"],
    ["with the scheme of the header", "Bearer FlyV1 fm2_a", "FlyV1 fm2_a"],
    ["a macaroon with the other scheme", "Bearer fm2_a", "FlyV1 fm2_a"],
    ["in small letters, with tabs", "flyv1\t fm2_a", "FlyV1 fm2_a"],
    ["of no known prefix", "FlyV1 FlyV1 x", "FlyV1 x"],
    ["of a user", "bearer fo1_a", "Bearer fo1_a"],
    ["a list", "fm2_a,fm1a_b,fm1r_c", "fm2_a,fm1a_b,fm1r_c"],
    [
      "a list with blanks and line ends after its commas",
      "FlyV1 fm2_a, fm1a_b,\r\n fm1r_c",
      "FlyV1 fm2_a,fm1a_b,fm1r_c"
    ],
    ["a list with empty parts", ",fm2_a,,fm2_b,", "fm2_a,fm2_b"],
    ["a list with a scheme before each part", "FlyV1 fm2_a,FlyV1 fm2_b", "FlyV1 fm2_a,fm2_b"],
    ["a mixed list", "fm2_a,fo1_b", "fm2_a,fo1_b"],
    ["with blanks and line ends around it", " \r\n\tFlyV1 fm2_a \r\n", "FlyV1 fm2_a"],
    ["with a byte order mark", "\ufeffFlyV1 fm2_a\r\n", "FlyV1 fm2_a"],
    ["in quotes", "\"FlyV1 fm2_a\"\n", "FlyV1 fm2_a"],
    ["with quotes inside of it", "FlyV1 'fm2_a'", "FlyV1 fm2_a"],
    ["in quotes of a page", "\u201cFlyV1 fm2_a\u201d", "FlyV1 fm2_a"],
    ["in the quotes of a code block", "`fm2_a`", "fm2_a"],
    ["with all of base64", "FlyV1 fm2_aA0+/=_-", "FlyV1 fm2_aA0+/=_-"]
  ])("is read %s", (_, text, expected) => {
    assert.strictEqual(given(text), expected)
    // the one form reads as itself
    assert.strictEqual(given(expected), expected)
  })

  it.each<readonly [string, string]>([
    ["nothing", ""],
    ["blanks", " \r\n"],
    ["quotes around nothing", "\"\""],
    ["a scheme alone", "FlyV1"],
    ["two schemes alone", "Bearer FlyV1 "],
    ["commas", ",,"],
    ["two lines", "fm2_a\nfm2_b"],
    ["three words", "three words here"],
    ["a scheme and two words", "FlyV1 fm2_a fm2_b"],
    ["a character that no header holds", "fm2_\u0000"],
    ["letters of another script", "fm2_\u00e4"],
    ["an escape", "\u001b[32mfm2_a\u001b[0m"],
    ["more than a token ever has", `fm2_${"a".repeat(16 * 1024)}`],
    ["a dump", "fm2_a,".repeat(1_000_000)]
  ])("is refused: %s", (_, text) => assert.isNull(given(text)))
})

describe("a token that a program printed", () => {
  it.each<readonly [string, string | null]>([
    ["FlyV1 fm2_a,fm2_b\n", "FlyV1 fm2_a,fm2_b"],
    ["FlyV1 FlyV1 fm2_a\r\n", "FlyV1 fm2_a"],
    ["fm2_a,fm1a_b,fo1_c", "fm2_a,fm1a_b,fo1_c"],
    ["Warning", null],
    ["FlyV1 x", null],
    ["Error: fm2_a", null],
    ["FlyV1 fm2_a\nFlyV1 fm2_b", null]
  ])("is taken only if it is made of Fly's own parts: %j", (text, expected) => {
    const token = parsePrinted(text)
    assert.strictEqual(token === null ? null : Redacted.value(token), expected)
  })
})

it.each<readonly [string, string | null]>([
  ["fm2_a", "FlyV1 fm2_a"],
  ["Bearer FlyV1 fm2_a , fo1_b", "FlyV1 fm2_a"],
  ["FlyV1 fm2_a,fm1a_b", "FlyV1 fm2_a,fm1a_b"],
  ["FlyV1 fo1_a", "Bearer fo1_a"],
  ["secret", "Bearer secret"],
  ["a b", null],
  ["FlyV1", null],
  ["x\r\nSet-Cookie: a", null]
])(
  "the header for %j has the scheme that the host expects",
  (text, expected) => assert.strictEqual(authorizationOf(text), expected)
)

it("tokens that are sent alike are one token, others are not", () => {
  const same = ["fm2_a", "FlyV1 fm2_a", "Bearer FlyV1 fm2_a", "fm2_a,fo1_c", "\"fm2_a\""].map((one) =>
    identityOf(Redacted.make(one))
  )
  assert.strictEqual(new Set(same).size, 1)
  assert.notStrictEqual(identityOf(Redacted.make("fm2_a")), identityOf(Redacted.make("fm2_b")))
})
