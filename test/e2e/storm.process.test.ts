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
import { setTimeout } from "node:timers/promises"
import { isFull } from "../support/full.ts"
import { programOf } from "../support/programs.ts"
import { canMount, makeSmallDisk, type SmallDisk } from "../support/smallDisk.ts"
import { randomOf } from "./fixtures/random.ts"

const lives = Number(process.env["ATLAS_STORM_LIVES"] ?? "20")
/** A life has at least this long, in milliseconds, and at most the second; a disk stays full or empty as long. */
const [shortest, longest] = [200, 3_500]

const start = (mode: string, seed: number, url: string, disk: SmallDisk) => {
  const child = spawn(process.execPath, [programOf("storming"), mode, String(seed), url], {
    env: { ...process.env, ATLAS_STATE_DIR: join(disk.directory, "state") },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const lines: Array<string> = []
  let complaints = ""
  child.stdout.on("data", (chunk: Buffer) => lines.push(...chunk.toString("utf8").split("\n").filter(Boolean)))
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
    const millis = () => shortest + random() * (longest - shortest)
    const counts = new Map<string, number>()
    const over = new AbortController()
    const filling = (async () => {
      while (!over.signal.aborted) {
        disk.fill()
        await setTimeout(millis())
        disk.empty()
        await setTimeout(millis())
      }
    })()
    let next = start("work", seed, url, disk)
    for (let life = 1; life <= lives; life++) {
      const one = next
      one.begin()
      // the next one loads its code meanwhile
      if (life < lives) next = start("work", seed + life, url, disk)
      await setTimeout(millis())
      one.child.kill("SIGKILL")
      const { signal } = await one.ended
      // a life that cannot open its store, as on a disk that is full from the start, ends by itself and says so
      if (signal !== "SIGKILL") counts.set("ended by itself", (counts.get("ended by itself") ?? 0) + 1)
      for (const line of one.lines) counts.set(line, (counts.get(line) ?? 0) + 1)
    }
    over.abort()
    await filling
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
