/**
 * The log and the records of a compute on a disk that is small, full or given a limit: nothing of that stops the command.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { join } from "node:path"
import { canMount, makeSmallDisk, type SmallDisk } from "../../support/smallDisk.ts"
import { repeatUntil } from "../../support/until.ts"
import { logOf, providers, until, withLocal } from "./harness.ts"

const collect = (id: string, after?: string) =>
  Stream.runCollect(Atlas.streamLogs(id, after === undefined ? {} : { after }))

const limit = 65_536
const bytesOf = (directory: string): number =>
  fs.readdirSync(directory).filter((name) => name.startsWith("log"))
    .reduce((all, name) => all + fs.statSync(join(directory, name)).size, 0)

/** The written part; it has no file for a moment while the log is rotated. */
const written = (stateDir: string, id: string): string => {
  try {
    return logOf(stateDir, id)
  } catch {
    return ""
  }
}

const endsWith = (stateDir: string, id: string, text: string): boolean => written(stateDir, id).endsWith(text)

const ended = (id: string) => repeatUntil(Atlas.getCompute(id), ({ isLive }) => !isLive)

describe("a log with a limit", () => {
  it.live("keeps the newest lines within it, its cursors go on to mean the same, and an old one says what is missing", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "seq 30000; exec sleep 1000"],
          providerOpts: { logLimit: limit }
        })
        yield* until(() => endsWith(stateDir, id, "\n30000\n"))
        assert.isAtMost(bytesOf(join(stateDir, id)), limit)
        const [note, cut, ...lines] = yield* collect(id)
        assert.match(
          note?.text ?? "",
          /^atlas: bytes 0 to \d+ of this log were removed, since it had reached its limit$/
        )
        assert.isTrue(note?.lost)
        // from the first whole line on none is missing, and each cursor is the number of bytes up to it
        const first = Number(lines[0]?.text)
        assert.isAbove(first, 20_000)
        assert.isTrue(`${first - 1}`.endsWith(cut?.text ?? "none"))
        assert.deepStrictEqual(
          lines.map(({ text }) => text),
          Array.from({ length: 30_001 - first }, (_, index) => String(first + index))
        )
        assert.strictEqual(lines.at(-1)?.cursor, String(9 * 2 + 90 * 3 + 900 * 4 + 9_000 * 5 + 20_001 * 6))
        const middle = lines[1_000]?.cursor ?? ""
        assert.deepStrictEqual(yield* collect(id, middle), lines.slice(1_001))
        const [missing, , next] = yield* collect(id, "10")
        assert.match(missing?.text ?? "", /^atlas: bytes 10 to /)
        assert.strictEqual(next?.text, String(first))
        yield* Atlas.end(id)
      })
    ))

  it.live("never stops a command, whatever it writes, and a start goes on in the same log", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "yes | head -c 2000000; exit 3"],
          providerOpts: { logLimit: limit }
        })
        assert.strictEqual((yield* ended(id)).exitCode, 3)
        assert.isAtMost(bytesOf(join(stateDir, id)), limit)
        yield* Atlas.start(id)
        assert.strictEqual((yield* ended(id)).exitCode, 3)
        assert.strictEqual((yield* collect(id)).at(-1)?.cursor, "4000000")
        assert.isAtMost(bytesOf(join(stateDir, id)), limit)
      })
    ))

  it.live("that is less than 64 KiB is refused before anything is made", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(
          Atlas.spawnCompute({ command: ["true"], providerOpts: { logLimit: 1_000 } })
        )
        assert.include(error.message, "providerOpts.logLimit: Expected a number of bytes from 65536")
      })
    ))
})

describe.skipIf(!canMount)("on a full disk (skipped where no small file system can be mounted)", () => {
  const onDisk = <A, E>(use: (disk: SmallDisk) => Effect.Effect<A, E, import("effect-atlas").Providers.Providers>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => makeSmallDisk(2_000_000)),
      (disk) =>
        use(disk).pipe(
          Effect.ensuring(
            Effect.ignore(Effect.flatMap(Atlas.listCompute(), Effect.forEach(({ id }) => Effect.ignore(Atlas.end(id)))))
          ),
          Effect.provide(providers(disk.directory), { local: true })
        ),
      (disk) => Effect.sync(() => disk.unmount())
    )

  it.live("a command that fills it ends with its own exit code, and its log says that something is lost", () =>
    onDisk(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: ["sh", "-c", "yes | head -c 20000000; exit 3"] })
        const seen = yield* ended(id)
        assert.deepStrictEqual([seen.exitCode, seen.failure], [3, "the command ended by itself with exit code 3"])
        const last = (yield* collect(id)).at(-1)
        assert.isTrue(last?.lost)
        assert.include(last?.text ?? "", "some of what was written is lost")
      })
    ))

  it.live("a log goes on once there is room again, and says where something is missing", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        const file = (name: string) => join(disk.directory, name)
        // there already, since a full disk may have no room for an empty file
        for (const name of ["start", "stop"]) fs.writeFileSync(file(`${name}.ready`), "")
        const mark = (name: string) => fs.renameSync(file(`${name}.ready`), file(name))
        const { id } = yield* Atlas.spawnCompute({
          command: [
            "sh",
            "-c",
            `cd ${disk.directory}; echo up; until [ -e start ]; do sleep 0.02; done
            while [ ! -e stop ]; do seq 100; sleep 0.02; done; seq 3000; echo back; exec sleep 1000`
          ],
          // it never fills the disk by itself
          providerOpts: { logLimit: 262_144 }
        })
        yield* until(() => logOf(disk.directory, id) === "up\n")
        disk.fill()
        mark("start")
        yield* until(() => (fs.statSync(join(disk.directory, id, "whole")).mode & 0o200) === 0)
        disk.empty()
        // the writer looks for room with each read, so the command goes on until it has found some
        yield* until(() => written(disk.directory, id).includes("\natlas: what was written here is lost: "))
        mark("stop")
        yield* until(() => endsWith(disk.directory, id, "\n3000\nback\n"))
      })
    ))

  it.live("how a command ended is recorded although the disk was filled meanwhile, and it can be stopped and ended", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        const one = yield* Atlas.spawnCompute({
          command: ["sh", "-c", "trap 'exit 7' TERM; echo up; sleep 1000 & wait"]
        })
        const two = yield* Atlas.spawnCompute({ command: ["sleep", "1000"] })
        yield* until(() => logOf(disk.directory, one.id) === "up\n")
        disk.fill()
        const refused = yield* Effect.flip(Atlas.spawnCompute({ command: ["true"] }))
        assert.include(refused.message, "the disk is full (ENOSPC)")
        yield* Atlas.stop(one.id)
        const seen = yield* Atlas.getCompute(one.id)
        assert.deepStrictEqual([seen.status, seen.exitCode], ["stopped", 7])
        yield* Atlas.end(two.id)
        yield* Atlas.end(one.id)
        assert.deepStrictEqual(yield* Atlas.listCompute(), [])
      })
    ))

  it.live("an end that could not be recorded is told as that, and not as a kill from outside", () =>
    onDisk((disk) =>
      Effect.gen(function*() {
        const go = join(disk.directory, "go")
        const { id } = yield* Atlas.spawnCompute({
          command: ["sh", "-c", `echo up; until [ -e ${go} ]; do sleep 0.02; done`]
        })
        // until then files of the start are removed, which makes room
        yield* until(() => logOf(disk.directory, id) === "up\n")
        // as on a file system that needs room to overwrite
        fs.rmSync(join(disk.directory, id, "exit.1"))
        fs.writeFileSync(`${go}.ready`, "")
        disk.fill()
        fs.renameSync(`${go}.ready`, go)
        const seen = yield* ended(id)
        assert.include(seen.failure ?? "", "how it ended could not be recorded since the disk is full")
      })
    ))
})
