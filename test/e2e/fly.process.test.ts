/**
 * `atlas fly deploy` as a user runs it, with an executable that refuses to end and leaves a child behind.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { delimiter } from "node:path"
import { bin, makePlace } from "../fly/harness.ts"
import { until } from "../support/until.ts"
import { type Home, isGroupAlive, makeHome } from "./harness.ts"

let home: Home
let place: ReturnType<typeof makePlace>
beforeEach(() => {
  home = makeHome()
  place = makePlace()
})
afterEach(async () => {
  await home.close()
  place.close()
})

const canary = "fo1_canary-5e0b"

const environment = (mode: string) => ({
  ...place.env(mode),
  PATH: [bin, process.env["PATH"]].join(delimiter),
  FLY_API_TOKEN: canary
})

describe("atlas fly deploy", () => {
  it("shows what fly writes and ends with 0", async () => {
    const { code, stderr, stdout } = await home.run(["fly", "deploy", place.directory], environment("ok"))
    assert.strictEqual(code, 0)
    assert.strictEqual(stderr, "")
    assert.include(stdout, "✓ Configuration is valid\n")
    assert.include(stdout, "==> Verifying app config\n")
    const [one] = place.runs()
    assert.includeMembers([...one?.lines ?? []], [`directory ${place.directory}`, "has FLY_API_TOKEN", "stdin closed"])
    assert.notInclude(JSON.stringify(one), canary)
  })

  it.each([["SIGINT", 130, "stubborn"], ["SIGTERM", 143, "polite"], ["SIGHUP", 129, "polite"]] as const)(
    "on %s ends the whole group and exits with %i: %s",
    async (signal, expected, mode) => {
      const running = home.start(["fly", "deploy", place.directory, "--json"], environment(mode))
      await running.seen(/"text"/)
      const group = place.runs()[0]?.pid ?? 0
      assert.isTrue(isGroupAlive(group))
      running.child.kill(signal)
      const { code, stderr, stdout } = await running.ended
      assert.strictEqual(code, expected)
      assert.isFalse(isGroupAlive(group))
      assert.notInclude(stdout + stderr, canary)
    }
  )

  it("fails as every other command when fly fails, without a secret", async () => {
    const { code, stderr, stdout } = await home.run(
      ["fly", "deploy", place.directory, "--log-level", "debug"],
      environment("exit-1")
    )
    assert.strictEqual(code, 1)
    assert.include(stdout, "Error: release_command failed")
    assert.match(stderr, /error \[fly_exit_code\] `fly deploy` ended with exit code 1/)
    assert.notInclude(stdout + stderr, canary)
  })

  it("`| head -1` lets it end quietly and leaves nothing", async () => {
    const { code, stderr, stdout } = await home.shell(
      `set -o pipefail; export PATH="${bin}:$PATH" FAKE_FLY_MODE=leaves-writer FAKE_FLY_RECORD="${
        place.env()["FAKE_FLY_RECORD"] ?? ""
      }"; atlas fly deploy "${place.directory}" 2>err | head -1; code=$?; cat err >&2; exit $code`
    )
    assert.strictEqual(stdout, "left\n")
    assert.strictEqual(code, 0, stderr)
    await until("it is gone", () => !isGroupAlive(place.runs()[0]?.pid ?? 0))
  })
})
