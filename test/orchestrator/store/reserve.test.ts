/**
 * The room on the disk that is kept for sessions that exist, without a disk that is full: fullDisk.process.test.ts has one.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Reserve from "../../../src/orchestrator/store/reserve.ts"
import * as harness from "./harness.ts"

const begins = [harness.over(0, harness.sessionOf("new"))]
const goesOn = [harness.over(1, harness.sessionOf("old"))]

/** The reserve of a database, and its file. */
const setUp = Effect.gen(function*() {
  const filename = join(yield* harness.directory, "sessions.db")
  const reserve = yield* Effect.provide(Reserve.make(filename), NodeServices.layer)
  return { ...reserve, file: `${filename}.reserve` }
})

describe("the reserve of a database", () => {
  it.live("is given up when the disk is full, and the same work is done once more", () =>
    Effect.gen(function*() {
      const { admit, file, guard } = yield* setUp
      yield* admit(begins, Effect.void)
      const done: Array<string> = []
      const work = Effect.suspend(() => {
        done.push(fs.existsSync(file) ? "with the file" : "without it")
        return done.length === 1 ? Effect.fail({ code: "ENOSPC" }) : Effect.void
      })
      yield* guard(work, Effect.sync(() => done.push("written back")))
      assert.deepStrictEqual(done, ["with the file", "written back", "without it"])
    }))

  it.live("stays when the work fails for another reason", () =>
    Effect.gen(function*() {
      const { admit, file, guard } = yield* setUp
      yield* admit(begins, Effect.void)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(guard(Effect.fail({ code: "EIO" })))))
      assert.isAtLeast(fs.statSync(file).size, 1_048_576)
    }))

  it.live("that cannot be made lets no session begin; those that exist go on, and it is made as soon as it can be", () =>
    Effect.gen(function*() {
      const { admit, file } = yield* setUp
      // in the way, as a full disk is
      fs.mkdirSync(file)
      assert.include(String(yield* Effect.flip(admit(begins, Effect.void))), "is full")
      yield* admit(goesOn, Effect.void)
      fs.rmdirSync(file)
      yield* admit(begins, Effect.void)
      assert.isAtLeast(fs.statSync(file).size, 1_048_576)
    }))
})
