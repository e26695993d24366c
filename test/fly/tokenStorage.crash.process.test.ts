/**
 * Real processes that write token files: killed in the middle of it, and two at once.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { AppName, TokenStorage } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fromSources } from "../../.config/sources.mjs"
import { isFull } from "../support/full.ts"
import { programOf } from "../support/programs.ts"

const writer = (...args: ReadonlyArray<string>) =>
  spawn(process.execPath, [
    fromSources,
    programOf("tokenWriter"),
    ...args
  ], { stdio: ["ignore", "pipe", "inherit"] })

const temp = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-token-crash-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const using = <A>(
  directory: string,
  use: (storage: TokenStorage.TokenStorage["Service"]) => Effect.Effect<A, unknown>
) =>
  TokenStorage.TokenStorage.use(use).pipe(
    Effect.provide(TokenStorage.layerFile({ directory }).pipe(Layer.provide(NodeServices.layer)))
  )

/** The number of a token that is whole and belongs to its expiry; what else is there is shown. */
const numberOf = (found: TokenStorage.StoredToken | null): number | string => {
  if (found === null) return "none"
  const { expiresAt, token } = found
  const [, first, last] = /^FlyV1 fm2_(\d+)_a{20000}_(\d+)$/.exec(Redacted.value(token)) ?? []
  return first !== undefined && first === last && Number(first) === expiresAt ? expiresAt : "junk"
}

/** Starts a writer that goes on from a number, kills it after so many writes, and says which it was sure of. */
const writeAndKill = (directory: string, from: number, writes: number) =>
  Effect.callback<number>((resume) => {
    const child = writer(directory, "loop", String(from))
    let last = from
    let seen = 0
    createInterface({ input: child.stdout }).on("line", (line) => {
      last = Number(line)
      seen += 1
      // it is writing the next one at this very moment
      if (seen === writes) child.kill("SIGKILL")
    })
    child.once("close", () => resume(Effect.succeed(last)))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const killMany = (kills: number) =>
  Effect.gen(function*() {
    const directory = yield* temp
    const web = AppName.AppName.make("web")
    let number = 0
    for (let kill = 0; kill < kills; kill++) {
      const sure = yield* writeAndKill(directory, number, 1 + Math.floor(Math.random() * 12))
      const found = yield* using(
        directory,
        (storage) => Effect.all([storage.get(web, "cached"), storage.get(web, "manual")])
      )
      const [cached, manual] = found.map(numberOf)
      for (const one of [cached, manual]) {
        // its words may be lost with it, but not many: it writes and speaks in turn
        const isWritten = typeof one === "number" && one >= sure && one <= sure + 3
        assert.isTrue(isWritten, `sure of ${sure}, found ${cached} and ${manual}`)
      }
      number = Math.max(Number(cached), Number(manual))
    }
    const modes = fs.readdirSync(directory).map((name) => fs.statSync(join(directory, name)).mode & 0o777)
    assert.deepStrictEqual([...new Set(modes)], [0o600])
  })

it.live(
  "a writer killed in the middle, many times, leaves the old token or the new one and never loses a finished one",
  () => Effect.forEach(isFull ? [5, 5, 5] : [4, 3, 3], killMany, { concurrency: "unbounded" }).pipe(Effect.scoped),
  120_000
)

const many = isFull ? 1000 : 200

it.live(`two processes that write ${many} tokens each lose none`, () =>
  Effect.gen(function*() {
    const directory = yield* temp
    const ended = (prefix: string) =>
      Effect.callback<number | null>((resume) => {
        const child = writer(directory, "many", prefix, String(many))
        child.once("exit", (code) => resume(Effect.succeed(code)))
        return Effect.sync(() => void child.kill("SIGKILL"))
      })
    assert.deepStrictEqual(yield* Effect.all([ended("a"), ended("b")], { concurrency: "unbounded" }), [0, 0])
    const numbers = yield* using(directory, (storage) =>
      Effect.forEach(["a", "b"], (prefix) =>
        Effect.forEach(
          Array.from({ length: many }, (_, index) => index),
          (index) => Effect.map(storage.get(AppName.AppName.make(`${prefix}-${index}`), "cached"), numberOf),
          { concurrency: 32 }
        )))
    const all = Array.from({ length: many }, (_, index) => index)
    assert.deepStrictEqual(numbers, [all, all])
    assert.deepStrictEqual(fs.readdirSync(directory).length, 2 * many + 1)
  }).pipe(Effect.scoped), 120_000)
