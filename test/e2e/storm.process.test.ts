/**
 * Orchestrators that are killed at any moment, with their store on a disk that fills and empties: in the end nothing bills.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { FakeRunPod } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import { createServer } from "node:http"
import { join } from "node:path"
import { isFull } from "../support/full.ts"
import { programOf } from "../support/programs.ts"
import { canMount, makeSmallDisk, type SmallDisk } from "../support/smallDisk.ts"
import { randomOf } from "./fixtures/random.ts"

const lives = Number(process.env["ATLAS_STORM_LIVES"] ?? "20")
/** A life is over when it has said this much at most; the disk stays full, or empty, for as many words at most. */
const [longestLife, longestState] = [24, 10]

const start = (mode: string, seed: number, url: string, disk: SmallDisk, heard: (lines: number) => void = () => {}) => {
  const child = spawn(process.execPath, [programOf("storming"), mode, String(seed), url], {
    env: { ...process.env, ATLAS_STATE_DIR: join(disk.directory, "state") },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const lines: Array<string> = []
  let complaints = ""
  child.stdout.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString("utf8").split("\n").filter(Boolean)) heard(lines.push(line))
  })
  child.stderr.on("data", (chunk: Buffer) => complaints += chunk.toString("utf8"))
  const ended = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal }))
  })
  const begin = () => void child.stdin.end("go")
  return { child, lines, begin, ended, complaints: () => complaints }
}

const storm = (url: string, disk: SmallDisk, seed: number) =>
  Effect.promise(async () => {
    const random = randomOf(seed)
    const counts = new Map<string, number>()
    const most = (count: number) => 1 + Math.floor(random() * count)
    let isFullNow = false
    let untilChange = most(longestState)
    /** The disk fills and empties as the lives go on. */
    const change = () => {
      untilChange -= 1
      if (untilChange > 0) return
      untilChange = most(longestState)
      isFullNow = !isFullNow
      if (isFullNow) disk.fill()
      else disk.empty()
    }
    const prepare = (life: number) => {
      const words = most(longestLife)
      const one = start("work", seed + life, url, disk, (lines) => {
        change()
        if (lines >= words) one.child.kill("SIGKILL")
      })
      return one
    }
    let next = prepare(1)
    for (let life = 1; life <= lives; life++) {
      const one = next
      one.begin()
      // the next one loads its code meanwhile
      if (life < lives) next = prepare(life + 1)
      const { signal } = await one.ended
      assert.strictEqual(signal, "SIGKILL", `life ${life} ended by itself: ${one.complaints()}`)
      for (const line of one.lines) counts.set(line, (counts.get(line) ?? 0) + 1)
    }
    disk.empty()
    const last = start("settle", seed, url, disk)
    last.begin()
    const { code } = await last.ended
    assert.strictEqual(code, 0, last.complaints())
    assert.deepStrictEqual(last.lines.at(-1), "settled")
    return counts
  })

it.live.skipIf(!isFull || !canMount)(
  "after kills at random points on a disk that fills and empties nothing bills",
  () =>
    Effect.gen(function*() {
      const seed = Number(process.env["ATLAS_STORM_SEED"] ?? randomInt(2 ** 31))
      console.log(`seed ${seed} (again: ATLAS_STORM_SEED=${seed})`)
      const controls = yield* FakeRunPod.FakeRunPodControls
      const url = yield* HttpServer.addressFormattedWith((address) => Effect.succeed(`${address}/v2`))
      const disk = yield* Effect.acquireRelease(
        Effect.sync(() => makeSmallDisk(24 * 1_048_576)),
        ({ unmount }) => Effect.sync(unmount)
      )
      const counts = yield* storm(url, disk, seed)
      console.log(`${lives} lives: ${JSON.stringify(Object.fromEntries(counts))}`)
      const { live } = yield* controls.ledger
      assert.deepStrictEqual(live.map(({ id }) => id), [])
      assert.isAbove(counts.get("spawned") ?? 0, lives / 4)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        FakeRunPod.layerServer.pipe(
          Layer.provideMerge([
            FakeRunPod.layer({ quotas: null, provisioning: 0, starting: 0 }),
            NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })
          ])
        )
      )
    ),
  900_000
)
