/**
 * A state directory that can only be read: what only looks works, and what would write says why it cannot.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { programOf } from "../support/programs.ts"
import { asNobody, canBeNobody, makeOpenDirectory, nobody } from "../support/secondUser.ts"
import { canMount, makeSmallDisk } from "../support/smallDisk.ts"

type Run = (...args: ReadonlyArray<string>) => {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** One task that is over, and one compute that runs. */
const fill = (run: Run): string => {
  assert.strictEqual(run("task", "--", "sh", "-c", "exit 3").code, 3)
  const up = run("up", "--detach", "--json", "--", "sh", "-c", "echo hello; exec sleep 1000")
  assert.strictEqual(up.code, 0, up.err)
  const { id } = JSON.parse(up.out)
  return id
}

const looks = (run: Run, id: string, why: RegExp): void => {
  const sessions = run("sessions", "--json")
  assert.deepStrictEqual(
    [sessions.code, JSON.parse(sessions.out).map((one: { readonly state: string }) => one.state)],
    [0, ["ended"]]
  )
  const reap = run("reap", "--dry-run", "--grace", "10ms", "--json")
  assert.strictEqual(reap.code, 0, reap.err)
  assert.deepStrictEqual(JSON.parse(reap.out).ended, [])
  assert.deepStrictEqual(JSON.parse(run("ps", "--json").out).map((one: { readonly id: string }) => one.id), [id])
  assert.strictEqual(JSON.parse(run("get", id, "--json").out).status, "running")
  assert.strictEqual(run("logs", id).out, "hello\n")
  for (
    const refused of [
      run("task", "--", "true"),
      run("up", "--", "true"),
      run("reap"),
      run("up", "--max-runtime", "1m", "--", "true")
    ]
  ) {
    assert.strictEqual(refused.code, 1)
    assert.match(refused.err, why)
  }
}

describe("a state directory that can only be read", () => {
  it.skipIf(!canMount)(
    "on a read-only file system is looked at all the same (skipped where none can be mounted)",
    () => {
      const disk = makeSmallDisk(16_000_000)
      const run: Run = (...args) => {
        const env = { ...process.env, ATLAS_STATE_DIR: disk.directory, NO_COLOR: "1" }
        const { status, stderr, stdout } = spawnSync(process.execPath, [programOf("atlas"), ...args], {
          encoding: "utf8",
          env
        })
        return { code: status, out: stdout, err: stderr }
      }
      try {
        const id = fill(run)
        // through a second mount, since files that are open keep the first one writable
        execFileSync("mount", ["--bind", disk.directory, disk.directory])
        execFileSync("mount", ["-o", "remount,bind,ro", disk.directory])
        try {
          looks(run, id, /the file system is read-only \(EROFS\)/)
        } finally {
          execFileSync("umount", ["-l", disk.directory])
        }
        assert.strictEqual(run("down", id).code, 0)
      } finally {
        disk.unmount()
      }
    }
  )

  it.skipIf(!canBeNobody)("by a user who may not write there, too (skipped unless root can be nobody)", () => {
    const stateDir = makeOpenDirectory()
    try {
      fs.chownSync(stateDir, nobody, nobody)
      const run: Run = (...args) => asNobody(stateDir, ...args)
      const id = fill(run)
      fs.chmodSync(stateDir, 0o555)
      looks(run, id, new RegExp(`${stateDir} belongs to user ${nobody} with mode 0555`))
      fs.chmodSync(stateDir, 0o755)
      assert.strictEqual(run("down", id).code, 0)
      // files of somebody else say whose they are
      fs.chownSync(join(stateDir, "sessions.db"), 0, 0)
      const foreign = run("sessions")
      assert.deepStrictEqual([foreign.code, foreign.out], [1, ""])
      assert.include(foreign.err, "sessions.db belongs to user 0 with mode 0600")
    } finally {
      fs.rmSync(stateDir, { recursive: true })
    }
  })
})
