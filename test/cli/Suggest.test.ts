import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Suggest from "../../src/cli/Suggest.ts"
import { run } from "./harness.ts"

describe("a suggestion is what was meant, or none is made", () => {
  it.effect.each<readonly [string, string | null]>([
    ["dwon", "down"],
    ["list", "ps"],
    ["delete", "down"],
    ["gte x", "get"],
    ["sess", "sessions"],
    ["fly tokne", "token"],
    ["sessions forgt x", "forget"],
    ["up --prot 1", "--port"],
    ["up --spto", "--spot"],
    ["ps --jsno", "--json"],
    ["ps --provdier local", "--provider"],
    ["--hlep", "--help"],
    ["xx", null],
    ["pps2", null],
    ["kubernetes", null],
    ["job delete", null],
    ["up -z", null],
    ["up --zzzz", null]
  ])("%s: %s", ([line, meant]) =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(line.split(" "))
      assert.deepStrictEqual([code, out], [2, ""])
      const [message = ""] = err.split("\n")
      if (meant === null) assert.notInclude(message, "did you mean")
      else assert.isTrue(message.endsWith(`; did you mean ${meant}?`), message)
    }))

  it("only the closest are named", () => {
    assert.deepStrictEqual(Suggest.closest("prot", ["port", "spot", "product"]), ["port"])
    assert.deepStrictEqual(Suggest.closest("re", ["rm", "reap"]), [])
  })
})

describe("help COMMAND", () => {
  it.effect.each(["up", "fly token", "ls", "sessions forget"])(
    "%s is COMMAND --help",
    (line) =>
      Effect.gen(function*() {
        const words = line.split(" ")
        const help = yield* run(["help", ...words])
        assert.strictEqual(help.code, 0)
        assert.deepStrictEqual(help, yield* run([...words, "--help"]))
        assert.include(JSON.parse((yield* run(["help", ...words, "--json"])).out).help, `atlas ${line}`)
      })
  )

  it.effect("alone is the help of atlas, and a command that is not there is bad usage", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* run(["help"]), yield* run(["--help"]))
      const { code, err } = yield* run(["help", "dwon"])
      assert.deepStrictEqual([code, err.split("\n")[0]], [
        2,
        "error [validation] unknown command \"dwon\"; did you mean down?"
      ])
    }))
})
