/**
 * What is said of a storage error: the system's own reason, and never that it is unknown.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SystemReason from "effect-atlas/storage/SystemReason"
import * as PlatformError from "effect/PlatformError"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** As Effect's file system hands on an error of Node. */
const platform = (code: string, path?: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method: "open",
    pathOrDescriptor: path,
    cause: Object.assign(new Error("the arguments of the call"), { code })
  })

describe("a storage error says what the system said", () => {
  it.each([
    ["ENOSPC", "the disk is full (ENOSPC)"],
    ["EDQUOT", "the disk quota is used up (EDQUOT)"],
    ["EROFS", "the file system is read-only (EROFS)"],
    ["ENAMETOOLONG", "the path is too long (ENAMETOOLONG)"],
    ["EMFILE", "this process has too many open files; see ulimit -n (EMFILE)"],
    ["ENOTDIR", "a part of the path is not a directory (ENOTDIR)"],
    ["ENOTSUP", "operation not supported on socket (ENOTSUP)"],
    ["EXOTIC", "the system did not say more (EXOTIC)"]
  ])("%s: %s", (code, said) => {
    assert.strictEqual(SystemReason.describe(platform(code)), said)
    assert.strictEqual(SystemReason.describe(Object.assign(new Error("x"), { code })), said)
    // wrapped once more, as the errors of a database are
    assert.strictEqual(SystemReason.describe({ reason: { cause: platform(code) } }), said)
  })

  it("SQLite's and PostgreSQL's codes are told in words too", () => {
    const failed = (facts: object) =>
      SystemReason.describe({ reason: { cause: Object.assign(new Error("row 7"), facts) } })
    assert.strictEqual(failed({ code: "ERR_SQLITE_ERROR", errcode: 13 }), "its disk is full")
    assert.strictEqual(failed({ code: "ERR_SQLITE_ERROR", errcode: 8 | (6 << 8) }), "it is read-only")
    assert.strictEqual(failed({ code: "53100" }), "its disk is full")
    assert.strictEqual(failed({ errcode: 99 }), "it failed with SQLite's code 99")
  })

  it("a refused permission names the file in the way, its owner and its mode", () => {
    const directory = fs.mkdtempSync(join(tmpdir(), "atlas-reason-"))
    try {
      const file = join(directory, "owner")
      fs.writeFileSync(file, "", { mode: 0o640 })
      fs.chmodSync(file, 0o640)
      const uid = process.getuid?.()
      const belongs = `${file} belongs to user ${uid} with mode 0640, and this process runs as user ${uid}`
      assert.strictEqual(SystemReason.describe(platform("EACCES", file)), `permission denied (EACCES): ${belongs}`)
      assert.strictEqual(SystemReason.describe(platform("EPERM"), file), `permission denied (EPERM): ${belongs}`)
      // of a file that is not there it is the directory
      const said = SystemReason.describe(platform("EACCES", join(directory, "none")))
      assert.include(said, `${directory} belongs to user ${uid} with mode 0700`)
    } finally {
      fs.rmSync(directory, { recursive: true })
    }
  })

  it("an error without a code of the system has words for its kind, and never its arguments", () => {
    const error = PlatformError.systemError({ _tag: "WriteZero", module: "FileSystem", method: "write" })
    assert.strictEqual(SystemReason.describe(error), "nothing more could be written")
    assert.strictEqual(SystemReason.describe(new Error("secret")), "the system did not say why")
  })
})
