import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { logOf, node, until, withLocal } from "./harness.ts"

describe("ports of a compute", () => {
  it.live("lie outside the range that outgoing connections are given", () =>
    withLocal(() =>
      Effect.gen(function*() {
        const [lowest = 0] = fs.readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number)
        const ports = Array.from({ length: 20 }, (_, index) => `${8000 + index}/tcp`)
        const { ports: given } = yield* Atlas.spawnCompute({ command: ["sleep", "1000"], ports })
        assert.deepStrictEqual(given.filter(({ external }) => (external ?? 0) >= lowest), [])
        assert.strictEqual(new Set(given.map(({ external }) => external)).size, 20)
      })
    ))

  it.live("are seen to listen without a connection, which could be the only one a program waits for", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `const server = require('net').createServer(() => { console.log('visited'); process.exit(0) })
            server.listen(process.env.ATLAS_PORT_9000, process.env.HOST, () => console.log('up'))`
          ),
          ports: ["9000/tcp"]
        })
        yield* Atlas.awaitReady(id)
        yield* until(() => logOf(stateDir, id).includes("up"))
        for (let look = 0; look < 5; look++) assert.strictEqual((yield* Atlas.getCompute(id)).status, "running")
        assert.strictEqual(logOf(stateDir, id), "up\n")
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
