/**
 * A PostgreSQL of the tests' own: a private cluster in a temporary directory, on a free port of loopback.
 *
 * Uses the `initdb` and `postgres` on PATH or where Debian's package has them. Where they are missing `whyNot` says so, for
 * tests to skip with; in CI (`CI=true`) they fail instead. PostgreSQL refuses to run as root, so root runs it as another user.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as SqlClient from "effect/sql/SqlClient"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"

/** Debian's package puts its programs in a directory a version, beside PATH. */
const debian = "/usr/lib/postgresql"
const versions = fs.existsSync(debian) ? fs.readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []

const found = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...versions.map((version) => join(debian, version, "bin"))]
    .map((directory) => join(directory, name)).find((file) => fs.existsSync(file))

/** The user root runs it as: one of this machine, since `initdb` asks for its name; null where the test does not run as root. */
const runner = (): { readonly uid: number; readonly gid: number } | null | undefined => {
  if (process.getuid?.() !== 0) return null
  const users = fs.readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"))
  const [, , uid, gid] = ["postgres", "nobody"].flatMap((name) => users.filter(([user]) => user === name))[0] ?? []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

const other = runner()

/** Whether any user gets through every directory down to this one. */
const isOpen = (directory: string): boolean => {
  const parent = dirname(directory)
  return (fs.statSync(directory).mode & 0o001) !== 0 && (parent === directory || isOpen(parent))
}

/** Where clusters are made: root's temporary directory may be closed to the user that runs them. */
const place = [tmpdir(), "/tmp", "/var/tmp"].find((directory) =>
  fs.existsSync(directory) && (other === null || isOpen(fs.realpathSync(directory)))
)

const missing = ["initdb", "postgres"].filter((name) => found(name) === undefined)

/** Why no PostgreSQL can be had here; null when it can. */
export const whyNot: string | null = missing.length > 0
  ? `PostgreSQL is not here: no ${missing.join(", ")}`
  : other === undefined
  ? "PostgreSQL does not run as root, and there is no user postgres or nobody"
  : place === undefined
  ? "PostgreSQL does not run as root, and no temporary directory is open to another user"
  : null

/** Whether the tests with PostgreSQL are left out; in CI they fail instead. */
export const isSkipped = whyNot !== null && process.env["CI"] !== "true"

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** Waits until the server says that it takes connections; what it writes until then is the error's text. */
const untilReady = (server: ChildProcess) =>
  new Promise<void>((resolve, reject) => {
    let said = ""
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = `${said}${text}`.slice(-10_000)
      if (said.includes("ready to accept connections")) resolve()
    })
    server.once("error", reject).once("exit", (code) => reject(new Error(`postgres ended with ${code}: ${said}`)))
  })

const start = async () => {
  if (whyNot !== null || place === undefined) throw new Error(whyNot ?? "")
  const root = fs.mkdtempSync(join(place, "atlas-postgres-"))
  const data = join(root, "data")
  fs.mkdirSync(data, { mode: 0o700 })
  const owner = other ?? {}
  if (other) { for (const directory of [root, data]) fs.chownSync(directory, other.uid, other.gid) }
  const port = await freePort()
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", HOME: root }
  try {
    execFileSync(found("initdb") ?? "", ["-D", data, "-U", "atlas", "-A", "trust", "-E", "UTF8", "--no-sync"], {
      ...owner,
      env,
      cwd: root,
      stdio: "pipe"
    })
    const server = spawn(found("postgres") ?? "", [
      "-D",
      data,
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-k",
      root,
      "-c",
      "fsync=off",
      "-c",
      "max_connections=50"
    ], { ...owner, env, cwd: root, stdio: ["ignore", "ignore", "pipe"] })
    // a test process that ends by itself in the middle leaves no server
    process.once("exit", () => server.kill("SIGKILL"))
    await untilReady(server)
    return { root, port, server }
  } catch (error) {
    fs.rmSync(root, { recursive: true, force: true })
    throw error
  }
}

const stop = ({ root, server }: Awaited<ReturnType<typeof start>>) =>
  new Promise<void>((resolve) => {
    const end = () => {
      fs.rmSync(root, { recursive: true, force: true })
      resolve()
    }
    if (server.exitCode !== null || server.signalCode !== null) return end()
    server.removeAllListeners("exit").once("exit", end)
    // "fast shutdown": open connections are ended
    server.kill("SIGINT")
  })

/** A running server with one empty database; ends with the scope. */
export const server = Effect.map(
  Effect.acquireRelease(Effect.promise(start), (running) => Effect.promise(() => stop(running))),
  ({ port }) => ({
    host: "127.0.0.1",
    port,
    username: "atlas",
    database: "postgres",
    password: Redacted.make("unused")
  })
)

/** A client of a server of its own. */
export const layer: Layer.Layer<SqlClient.SqlClient> = Layer.unwrap(
  Effect.map(server, (address) => Layer.orDie(PgClient.layer(address)))
)
