/**
 * A Redis of the test's own: on a free loopback port, in a directory of its own, gone afterwards.
 *
 * Without `redis-server` on the PATH the tests that need one are skipped; in CI (`CI=true`) they fail instead.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { until } from "./until.ts"

const program = (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "redis-server"))
  .find((file) => fs.existsSync(file))

/** Why tests with Redis cannot run here; null when they can. */
export const whyNot: string | null = program === undefined
  ? "redis-server is not on the PATH (Debian: apt-get install redis-server)"
  : null

/** Whether the tests with Redis are left out; in CI they fail instead. */
export const isSkipped = whyNot !== null && process.env["CI"] !== "true"

export interface RedisServer {
  readonly port: number
  readonly url: string
  /** Ends the process with this signal; returns when it is gone. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
  /** Stops it without ending it: connections stay open, new ones are accepted, and nothing is answered. */
  readonly hang: () => void
  /** Starts it again on the same port; returns when it answers. */
  readonly start: () => Promise<void>
  /** What one command answers, as Redis wrote it. */
  readonly ask: (...words: ReadonlyArray<string>) => Promise<string>
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer()
    server.on("error", reject)
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

/** One command on a connection of its own. */
const ask = (port: number, words: ReadonlyArray<string>) =>
  new Promise<string>((resolve, reject) => {
    const socket = net.connect({ host: "127.0.0.1", port })
    let answer = ""
    socket.on("error", reject)
    socket.on("data", (data) => {
      answer += data.toString()
    })
    socket.on("close", () => resolve(answer.replace(/\+OK\r\n$/, "").trimEnd()))
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")
    socket.write(`*${words.length}\r\n${parts}*1\r\n$4\r\nQUIT\r\n`)
  })

const isUp = (port: number) => ask(port, ["PING"]).then((answer) => answer === "+PONG", () => false)

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once("exit", () => resolve())
  })

const launch = async (): Promise<RedisServer & { readonly directory: string }> => {
  if (whyNot !== null) throw new Error(whyNot)
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-redis-"))
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async () => {
    const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "no"]
    const log = join(directory, "log")
    const made = spawn(program ?? "", [...options, "--logfile", log], { stdio: "ignore" })
    child = made
    await until("redis-server answers", () => {
      if (made.exitCode !== null) throw new Error(`redis-server ended: ${fs.readFileSync(log, "utf8")}`)
      return isUp(port)
    })
  }
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child === undefined) return
    child.kill(signal)
    await ended(child)
  }
  await start()
  return {
    directory,
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    hang: () => void child?.kill("SIGSTOP"),
    ask: (...words) => ask(port, words)
  }
}

/** A running Redis until the scope closes. */
export const server = Effect.acquireRelease(
  Effect.promise(launch),
  (redis) =>
    Effect.promise(async () => {
      await redis.stop("SIGKILL")
      fs.rmSync(redis.directory, { recursive: true, force: true })
    })
)

/** A client of a running server. */
export const layer = (redis: RedisServer) => Layer.orDie(NodeRedis.layer({ url: redis.url }))
