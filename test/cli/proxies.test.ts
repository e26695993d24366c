/**
 * Which hosts `NO_PROXY` exempts.
 */
import { assert, describe, it } from "@effect/vitest"
import { isExempt } from "../../src/cli/Proxies.ts"

describe("NO_PROXY", () => {
  it.each<[list: string, url: string, exempt: boolean]>([
    ["", "https://api.test", false],
    ["api.test", "https://api.test", true],
    ["API.test.", "https://api.test", true],
    ["test", "https://api.test", true],
    ["pi.test", "https://api.test", false],
    [".test", "https://test", true],
    ["*.test", "https://test", false],
    ["*.test", "https://api.test", true],
    ["other.test *", "https://api.test", true],
    ["api.test:443", "https://api.test", true],
    ["api.test:80", "https://api.test", false],
    ["*:8443", "https://api.test:8443", true],
    ["::1", "http://[::1]:3000", true],
    ["[::1]:3000", "http://[::1]:3000", true],
    ["[::1]:3001", "http://[::1]:3000", false]
  ])("%j exempts %s: %s", (list, url, exempt) => {
    assert.strictEqual(isExempt(new URL(url), list), exempt)
  })
})
