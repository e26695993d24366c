import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Atlas, Ids } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import { thisMachine, toCompute } from "../../../src/providers/local/internal/observe.ts"
import * as ProcessTable from "../../../src/providers/local/internal/processTable.ts"
import * as StateDir from "../../../src/providers/local/internal/stateDir.ts"
import { logOf, node, until, withLocal } from "./harness.ts"

/** A server that takes one connection and ends. */
const visited = node(
  `const server = require('net').createServer(() => { console.log('visited'); process.exit(0) })
  server.listen(process.env.ATLAS_PORT_9000, process.env.HOST, () => console.log('up'))`
)

describe("ports of a compute", () => {
  it.live("lie outside the range that outgoing connections are given", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const [lowest = 0] = fs.readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number)
        const ports = Array.from({ length: 20 }, (_, index) => `${8000 + index}/tcp` as const)
        const { ports: given } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], ports })
        assert.deepStrictEqual(given.filter(({ external }) => (external ?? 0) >= lowest), [])
        assert.strictEqual(new Set(given.map(({ external }) => external)).size, 20)
      })
    ))

  it.live("are seen to listen without a connection, which could be the only one a program waits for", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: visited,
          ports: ["9000/tcp"]
        })
        yield* Atlas.awaitReady(id)
        yield* until(() => logOf(stateDir, id).includes("up"))
        for (let look = 0; look < 5; look++) assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
        assert.strictEqual(logOf(stateDir, id), "up\n")
      })
    ))

  /** What the local provider says of a compute when readings of the socket table are these, and then the true one. */
  const seenWith = (stateDir: string, id: string, ...tables: ReadonlyArray<ReadonlyArray<string>>) => {
    let readings = 0
    const sockets = () => tables[readings++] ?? ProcessTable.socketTable()
    return Effect.gen(function*() {
      const dir = yield* StateDir.make(stateDir)
      const entry = Option.getOrThrow(yield* dir.read(Ids.ComputeId.make(id)))
      return yield* toCompute(dir, Ids.ProviderId.make("local"), entry, { ...thisMachine, sockets })
    }).pipe(Effect.provide(NodeServices.layer))
  }

  it.live("that the kernel's table misses once are looked for again, and not with a connection", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: visited, ports: ["9000/tcp"] })
        yield* until(() => logOf(stateDir, id).includes("up"))
        assert.strictEqual((yield* seenWith(stateDir, id, [])).status, "running")
        assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
        assert.strictEqual(logOf(stateDir, id), "up\n")
      })
    ))

  it.live("that were seen to listen stay ready, whatever later looks miss, in every process", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: visited, ports: ["9000/tcp"] })
        const missing = () => seenWith(stateDir, id, [], [], [], [])
        yield* until(() => logOf(stateDir, id).includes("up"))
        assert.strictEqual((yield* missing()).status, "provisioning")
        yield* Atlas.awaitReady(id)
        for (let look = 0; look < 3; look++) assert.strictEqual((yield* missing()).status, "running")
        assert.strictEqual(logOf(stateDir, id), "up\n")
        // the next run has yet to show it
        yield* Atlas.stop(id)
        assert.strictEqual((yield* missing()).status, "stopped")
        yield* Atlas.start(id)
        assert.strictEqual((yield* missing()).status, "provisioning")
      })
    ))

  it.live("the bundled server answers on every one that was asked for", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          image: "builtin:inference-server",
          ports: ["22/tcp", "8000/http", "9000/http"]
        })
        const { ports } = yield* Atlas.awaitReady(id)
        for (const { external } of ports) {
          const { status } = yield* Effect.promise(() => fetch(`http://127.0.0.1:${external}/health`))
          assert.strictEqual(status, 200)
        }
      })
    ))
})
