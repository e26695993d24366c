/**
 * The directory of tokens as a second user, a read-only mount and a full disk leave it: what can be read is read, what others could
 * change is refused, and the reason is the system's own.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fromSources } from "../../.config/sources.mjs"
import { programOf } from "../support/programs.ts"

const isRoot = process.getuid?.() === 0
/** A user without rights; whoever runs the tests where that is not root, who is kept out by no mode. */
const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}

/** A directory that the second user can get to, with a `tokens` directory of that user in it, gone after the test. */
const inPlace = (use: (root: string, tokens: string) => void) => {
  const root = fs.mkdtempSync(join(tmpdir(), "atlas-token-modes-"))
  fs.chmodSync(root, 0o755)
  const tokens = join(root, "tokens")
  fs.mkdirSync(tokens, { mode: 0o700 })
  own(tokens)
  try {
    use(root, tokens)
  } finally {
    for (const path of fs.readdirSync(root)) if (fs.existsSync(join(root, path))) fs.chmodSync(join(root, path), 0o700)
    fs.rmSync(root, { recursive: true, force: true })
  }
}

const own = (path: string) => {
  if (user.uid !== undefined) fs.chownSync(path, user.uid, user.gid)
}

/** A record as an earlier run has left it, with a mode. */
const leave = (tokens: string, key: "manual" | "cached", mode = 0o600, isOwn = true) => {
  const file = join(tokens, `web.${key}.json`)
  const expiresAt = key === "manual" ? null : 4_000_000_000
  fs.rmSync(file, { force: true })
  fs.writeFileSync(file, JSON.stringify({ version: 1, app: "web", key, token: `fm2_${key}`, expiresAt }))
  fs.chmodSync(file, mode)
  if (isOwn) own(file)
  return file
}

const modeOf = (path: string) => (fs.statSync(path).mode & 0o7777).toString(8)

interface Said {
  readonly manual?: string | null
  readonly cached?: string | null
  readonly put?: string
  readonly again?: string | null
  readonly set?: string
  readonly failed?: string
  readonly warnings: ReadonlyArray<string>
}

// programs are built where only who built them may look
if (isRoot) fs.chmodSync(dirname(programOf("tokenOpener")), 0o755)

/** What a process of the second user finds in a directory. */
const open = (directory: string, as: { readonly uid?: number; readonly gid?: number } = user): Said => {
  const { stderr, stdout } = spawnSync(
    process.execPath,
    [fromSources, programOf("tokenOpener"), directory],
    // a temporary directory that the second user may write to
    { ...as, encoding: "utf8", env: { PATH: process.env["PATH"], TMPDIR: "/tmp" } }
  )
  assert.notStrictEqual(stdout, "", stderr)
  return JSON.parse(stdout)
}

const isPosix = process.platform !== "win32"

describe.skipIf(!isPosix)("a directory of tokens", () => {
  it.each([0o500, 0o555])(
    "that can be read and not written to is read, and left as it is: mode %o",
    (mode) =>
      inPlace((_, tokens) => {
        leave(tokens, "manual")
        leave(tokens, "cached")
        fs.chmodSync(tokens, mode)
        const said = open(tokens)
        assert.deepInclude(said, { manual: "fm2_manual", cached: "fm2_cached", put: "written", again: "fm2_new" })
        // a created token has another place until the process ends; one that was set by hand has not
        assert.match(
          String(said.set),
          /persist_failed.*tokens \(permission denied \(EACCES\): .*tokens belongs to user/
        )
        assert.strictEqual(said.warnings.length, 1)
        assert.match(String(said.warnings[0]), /permission denied \(EACCES\).*\): created ones are kept in \/tmp\//)
        assert.strictEqual(modeOf(tokens), mode.toString(8))
      })
  )

  it("that is there with wider modes, and its files, are closed to other users", () =>
    inPlace((_, tokens) => {
      const files = [leave(tokens, "manual", 0o644), leave(tokens, "cached", 0o666)]
      fs.chmodSync(tokens, 0o777)
      assert.deepInclude(open(tokens), { manual: "fm2_manual", cached: "fm2_cached", set: "written", warnings: [] })
      assert.deepStrictEqual([modeOf(tokens), ...files.map(modeOf)], ["700", "600", "600"])
    }))

  it.skipIf(!isRoot)(
    "that another user has opened for everybody is refused, and what is in it is not read",
    () =>
      inPlace((_, tokens) => {
        leave(tokens, "manual")
        fs.chownSync(tokens, 0, 0)
        fs.chmodSync(tokens, 0o777)
        const said = open(tokens)
        assert.deepInclude(said, { manual: null, cached: null, put: "written" })
        assert.match(
          String(said.warnings[0]),
          /other users may use it \(mode 0777\) and that cannot be changed: .*EPERM.*tokens belongs to user 0 with mode 0777/
        )
        fs.chmodSync(tokens, 0o755)
        // which shows others the names of apps and no more
        assert.deepInclude(open(tokens), { manual: "fm2_manual" })
      })
  )

  it.skipIf(!isRoot)(
    "with a file that others can read, and that cannot be closed to them, does without it",
    () =>
      inPlace((_, tokens) => {
        leave(tokens, "cached", 0o644, false)
        const said = open(tokens)
        assert.deepInclude(said, { cached: null, put: "written", again: "fm2_new" })
        assert.match(
          String(said.warnings[0]),
          /web\.cached\.json is ignored and will be replaced: other users may use it/
        )
        leave(tokens, "manual", 0o644, false)
        assert.match(String(open(tokens).failed), /manual_corrupt.*web\.manual\.json.*mode 0644.*EPERM/)
      })
  )

  it("below a directory that every user may write to is refused and not made; a sticky one of root or ours is well", () =>
    inPlace((root) => {
      const between = join(root, "open", "between")
      fs.mkdirSync(between, { recursive: true })
      for (const path of [dirname(between), between]) own(path)
      const tokens = join(between, "tokens")
      fs.chmodSync(dirname(between), 0o777)
      const said = open(tokens)
      assert.match(String(said.set), /persist_failed.*every user may replace it, since .*open has mode 0777/)
      assert.isFalse(fs.existsSync(tokens))
      fs.chmodSync(dirname(between), 0o1777)
      assert.deepInclude(open(tokens), { set: "written", warnings: [] })
    }))

  it("that a link leads to is looked at where it is", () =>
    inPlace((root, tokens) => {
      const open_ = join(root, "open")
      fs.mkdirSync(open_)
      fs.renameSync(tokens, join(open_, "tokens"))
      fs.symlinkSync(join(open_, "tokens"), tokens)
      fs.chmodSync(open_, 0o777)
      assert.match(String(open(tokens).set), /persist_failed.*every user may replace it/)
    }))
})

/** A small file system in memory; false where this user may not mount one. */
const mounted = (use: (directory: string) => void): boolean => {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-token-disk-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", directory], { stdio: "ignore" })
  } catch {
    fs.rmdirSync(directory)
    return false
  }
  try {
    use(directory)
  } finally {
    execFileSync("umount", [directory])
    fs.rmdirSync(directory)
  }
  return true
}

it.skipIf(!isRoot || !isPosix)("a full disk says so, and what is on it is read; a read-only one too", (context) => {
  const done = mounted((disk) => {
    const tokens = join(disk, "tokens")
    fs.mkdirSync(tokens, { mode: 0o700 })
    leave(tokens, "manual", 0o600, false)
    const filling = spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "filling")}`], { stdio: "ignore" })
    assert.notStrictEqual(filling.status, 0)
    const full = open(tokens, {})
    assert.strictEqual(full.manual, "fm2_manual")
    for (const said of [full.put, full.set]) {
      assert.match(String(said), /persist_failed.*the disk is full \(ENOSPC\)/)
    }
    assert.deepStrictEqual(fs.readdirSync(tokens), ["web.manual.json"])
    execFileSync("mount", ["-o", "remount,ro", disk])
    const closed = open(tokens, {})
    assert.deepInclude(closed, { manual: "fm2_manual", put: "written", again: "fm2_new" })
    assert.match(String(closed.set), /persist_failed.*the file system is read-only \(EROFS\)/)
  })
  if (!done) context.skip()
})
