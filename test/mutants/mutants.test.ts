/**
 * Every mutant can still be made of the source as it is today, so that `npm run mutants` is not surprised before a release.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import { root } from "./copy.ts"
import { handful, mutants } from "./index.ts"
import { refusalOf } from "./mutant.ts"

const names = mutants.map(({ name }) => name)

describe("mutants", () => {
  it.each(mutants)("$name can be made, once", (mutant) => assert.isNull(refusalOf(mutant, root)))

  it("each has a name of its own and a check that must notice it", () => {
    assert.deepStrictEqual([...new Set(names)], names)
    assert.deepStrictEqual(mutants.filter(({ noticedBy }) => noticedBy.length === 0), [])
  })

  it("the tests that must notice exist", () => {
    const files = mutants.flatMap(({ noticedBy }) => noticedBy.flatMap((one) => "tests" in one ? one.tests : []))
    assert.deepStrictEqual(files.filter((file) => !existsSync(`${root}/${file}`)), [])
  })

  it("every fault of the simulation is one, under its own name", () => {
    const faults = mutants.flatMap((mutant) => "fault" in mutant ? [[mutant.name, mutant.fault]] : [])
    assert.deepStrictEqual(faults.toSorted(), Simulation.faults.map((fault) => [fault, fault]).toSorted())
  })

  it("the handful is among them", () => assert.deepStrictEqual(handful.filter((name) => !names.includes(name)), []))

  it("a change that finds its place twice, or not at all, is refused", () => {
    const change = { name: "planted", why: "for this test", file: "package.json", noticedBy: [] }
    assert.match(
      refusalOf({ ...change, find: "./dist/", replace: "" }, root) ?? "",
      /has \d+ times, not once/
    )
    assert.match(refusalOf({ ...change, find: "no such text at all", replace: "" }, root) ?? "", /has 0 times/)
    assert.match(refusalOf({ ...change, file: "none.ts", find: "a", replace: "" }, root) ?? "", /there is no none\.ts/)
  })
})
