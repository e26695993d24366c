/**
 * Settings of the environment: a layer that reads them takes options, and one that cannot be read is never taken for one that is not
 * set.
 */
import { assert, it } from "@effect/vitest"
import { matching } from "./files.ts"

const sources = matching(["src/**/*.ts"])

const hits = (pattern: RegExp) => sources.flatMap(({ path, text }) => pattern.test(text) ? [path] : [])

it("every layerConfig is a function of options", () => {
  const all = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^export const (layerConfig\w*) = (\S*)/gm)].map(([, name, first]) => ({ path, name, first }))
  )
  assert.isAtLeast(all.length, 7)
  assert.deepStrictEqual(all.filter(({ first }) => first !== "(" && !/^<.*>?$/.test(first ?? "")), [])
  assert.lengthOf(hits(/^export const layerConfig\w*:/m), 0)
})

it("no failure to read a setting is passed over", () => {
  const read = String.raw`(?:Config\.[A-Z]\w*|Setting\.read|\bsetting)\([^()]*\)`
  assert.deepStrictEqual(hits(new RegExp(String.raw`orElseSucceed\(\s*${read}`)), [])
  assert.deepStrictEqual(
    hits(new RegExp(String.raw`${read}\.pipe\(\s*Effect\.(?:orElseSucceed|option|ignore|catch)\b`)),
    []
  )
  assert.deepStrictEqual(
    hits(new RegExp(String.raw`(?:Effect\.(?:option|ignore|catch)|Config\.orElse)\(\s*${read}`)),
    []
  )
})
