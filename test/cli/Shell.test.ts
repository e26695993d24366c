import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { parseDuration } from "../../src/cli/Flags.ts"
import { invocation } from "../../src/cli/Shell.ts"

describe("what is read before a command is chosen", () => {
  it("--json counts anywhere before --, and is taken out", () => {
    assert.deepStrictEqual(invocation(["ps", "--json", "--all"]), {
      args: ["ps", "--all"],
      json: true,
      debug: false,
      trailing: 0
    })
    assert.isTrue(invocation(["--json=true", "ps"]).json)
  })

  it("what stands after -- is the command's own", () => {
    const { args, json, trailing } = invocation(["up", "--", "node", "--json", "--", "--log-level", "debug"])
    assert.deepStrictEqual(args, ["up", "--", "node", "--json", "--", "--log-level", "debug"])
    assert.deepStrictEqual({ json, trailing }, { json: false, trailing: 5 })
  })

  it("an id that looks like a yes is an id", () => {
    assert.deepStrictEqual(invocation(["get", "--json", "1"]).args, ["get", "1"])
  })

  it.each([
    [["ps", "--log-level", "debug"], true],
    [["ps", "--log-level=trace"], true],
    [["ps", "--log-level", "info"], false],
    [["ps"], false],
    [["up", "--", "--log-level", "debug"], false]
  ])("%j asks for details: %s", (args, expected) => {
    assert.strictEqual(invocation(args).debug, expected)
  })
})

describe("a duration as people type it", () => {
  it.each([["500ms", 500], ["90s", 90_000], ["5m", 300_000], ["1h", 3_600_000], ["1.5h", 5_400_000]])(
    "%s",
    (text, millis) => {
      assert.deepStrictEqual(Option.map(parseDuration(text), Duration.toMillis), Option.some(millis))
    }
  )

  it.each(["", "5", "m", "0s", "-1s", "5 m", "5d", "1e3s", "5m ", "1234567890s"])("not %j", (text) => {
    assert.isTrue(Option.isNone(parseDuration(text)))
  })
})
