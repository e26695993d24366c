/**
 * Entries of the state directory that are not what they should be: each fails alone, with its reason, and blinds no command.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { asNobody, canBeNobody, makeOpenDirectory, nobody } from "../../support/secondUser.ts"
import { isAlive, stateOf, until, withLocal } from "./harness.ts"

/** Ways for an entry to be wrong, made at its path, and what is said of each. */
const wrong: ReadonlyArray<readonly [name: string, make: (path: string) => void, said: string]> = [
  ["a file", (path) => fs.writeFileSync(path, "x"), "is a File, not a directory"],
  ["a link to nowhere", (path) => fs.symlinkSync("/nowhere", path), "is a symbolic link, not a directory"],
  ["a link to a directory", (path) => fs.symlinkSync("/tmp", path), "is a symbolic link, not a directory"],
  ["an empty directory", (path) => fs.mkdirSync(path), "state.json is missing"],
  [
    "one whose record is a directory",
    (path) => fs.mkdirSync(join(path, "state.json"), { recursive: true }),
    "Directory"
  ],
  ["one whose record is a pipe", (path) => {
    fs.mkdirSync(path)
    execFileSync("mkfifo", [join(path, "state.json")])
  }, "is a FIFO, not a file"],
  ["one whose record has a gigabyte", (path) => {
    fs.mkdirSync(path)
    fs.writeFileSync(join(path, "state.json"), "{")
    fs.truncateSync(join(path, "state.json"), 1024 ** 3)
  }, "has 1073741824 bytes"],
  ["one whose record is half written", (path) => {
    fs.mkdirSync(path)
    fs.writeFileSync(join(path, "state.json"), "{\"version\":1,")
  }, "is half written"]
]

describe("an entry of the state directory that is not what it should be", () => {
  it.live("is listed as failed with its reason, all of them at once, and the others are as they are", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        for (const [index, [, make]] of wrong.entries()) make(join(stateDir, `local-wrong${index}`))
        // names that no compute can have are another program's
        fs.writeFileSync(join(stateDir, "local-not an id"), "")
        fs.mkdirSync(join(stateDir, "notes"))
        const all = new Map((yield* Atlas.listCompute()).map((compute) => [compute.id as string, compute]))
        assert.strictEqual(all.size, 1 + wrong.length)
        assert.strictEqual(all.get(id)?.status, "running")
        for (const [index, [name, , said]] of wrong.entries()) {
          const seen = all.get(`local-wrong${index}`)
          assert.strictEqual(seen?.status, "failed", name)
          assert.include(seen?.failure ?? "", said, name)
          assert.include(seen?.failure ?? "", "to be rid of it, ", name)
          assert.strictEqual((yield* Atlas.getCompute(`local-wrong${index}`)).failure, seen?.failure)
          const refused = yield* Effect.flip(Atlas.end(`local-wrong${index}`))
          assert.strictEqual(refused.kind, "storage_fault", name)
          assert.include(refused.message, "by hand", name)
        }
        yield* Atlas.end(id)
      })
    ))

  it.live("made by a newer atlas is said to be, with its name, and left to that one", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id, name } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        const file = join(stateDir, id, "state.json")
        const whole = fs.readFileSync(file, "utf8")
        fs.writeFileSync(file, JSON.stringify({ ...stateOf(stateDir, id), version: 2, command: { words: ["new"] } }))
        const [seen] = yield* Atlas.listCompute()
        assert.deepStrictEqual([seen?.status, seen?.name], ["failed", name])
        assert.include(
          seen?.failure ?? "",
          "was made by a newer atlas (version 2 of the record; this one knows version 1)"
        )
        assert.include((yield* Effect.flip(Atlas.end(id))).message, "end it with that atlas")
        fs.writeFileSync(file, whole)
        yield* Atlas.end(id)
      })
    ))

  it.live("whose notes are directories or pipes is failed alone, and no look waits at them", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        const other = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        const pid = Number(stateOf(stateDir, id)["pid"])
        process.kill(pid, "SIGKILL")
        yield* until(() => !isAlive(pid))
        const exit = join(stateDir, id, "exit.1")
        fs.rmSync(exit)
        execFileSync("mkfifo", [exit])
        const seen = yield* Atlas.listCompute()
        assert.include(
          seen.find((one) => one.id === id)?.failure ?? "",
          `${exit} cannot be read: it is a FIFO, not a file`
        )
        assert.strictEqual(seen.find((one) => one.id === other.id)?.status, "running")
        yield* Atlas.end(id)
        yield* Atlas.end(other.id)
      })
    ))

  it.live.skipIf(!canBeNobody)(
    "that belongs to another user says whose it is (skipped unless root can be nobody)",
    () =>
      Effect.sync(() => {
        const stateDir = makeOpenDirectory()
        try {
          fs.chownSync(stateDir, nobody, nobody)
          const foreign = join(stateDir, "local-foreign1")
          fs.mkdirSync(foreign, { mode: 0o700 })
          fs.writeFileSync(join(foreign, "state.json"), "{}")
          const up = asNobody(stateDir, "up", "--detach", "--json", "--", "sleep", "1000")
          assert.strictEqual(up.code, 0, up.err)
          const { id } = JSON.parse(up.out)
          const ps = asNobody(stateDir, "ps", "--json")
          const all: ReadonlyArray<{ id: string; status: string; failure: string | null }> = JSON.parse(ps.out)
          assert.deepStrictEqual(
            all.map((one) => [one.id, one.status]).toSorted(),
            [["local-foreign1", "failed"], [id, "running"]]
              .toSorted()
          )
          const down = asNobody(stateDir, "down", "--all", "--yes")
          assert.deepStrictEqual([down.code, down.out.includes(`ended ${id}`)], [1, true])
          assert.include(down.err, `permission denied (EACCES): ${foreign} belongs to user 0 with mode 0700`)
          assert.include(down.err, "end it as the user it belongs to, or as root")
        } finally {
          fs.rmSync(stateDir, { recursive: true })
        }
      })
  )
})
