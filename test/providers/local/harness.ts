/**
 * A local provider in a state directory of its own, and what tests need to see of this machine.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Atlas, type AtlasError, Providers } from "effect-atlas"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { untilSo } from "../../support/until.ts"

export const providers = (stateDir: string, env: Readonly<Record<string, string>> = {}) =>
  Providers.layer(LocalProvider.layer({ stateDir })).pipe(
    Layer.provide(NodeServices.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...plainEnv(), ...env })))
  )

const plainEnv = (): Record<string, string> =>
  Object.fromEntries(
    ["PATH", "HOME", "LANG", "TMPDIR"].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  )

/** Runs against a fresh state directory and leaves nothing of it, not even when the test fails. */
export const withLocal = <A, E>(
  use: (stateDir: string) => Effect.Effect<A, E, Providers.Providers>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<A, E | AtlasError.AtlasError> =>
  Effect.suspend(() => {
    const stateDir = fs.mkdtempSync(join(tmpdir(), "atlas-local-"))
    return use(stateDir).pipe(
      Effect.ensuring(
        Effect.flatMap(Atlas.listCompute(), Effect.forEach((compute) => Effect.ignore(Atlas.end(compute.id)))).pipe(
          Effect.ignore
        )
      ),
      Effect.provide(providers(stateDir, env), { local: true }),
      Effect.ensuring(Effect.sync(() => fs.rmSync(stateDir, { recursive: true, force: true })))
    )
  })

/** What stands in a state directory, unfinished directories and reservations included; what goes away while we look is not there. */
export const leftIn = (stateDir: string, folder = ""): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(join(stateDir, folder), { withFileTypes: true })
      .flatMap((entry) => {
        const name = join(folder, entry.name)
        return entry.isDirectory() ? [name, ...leftIn(stateDir, name)] : [name]
      })
      .filter((name) => name !== ".ports")
      .toSorted()
  } catch {
    return []
  }
}

/** Waits until it holds. */
export const until = (holds: () => boolean): Effect.Effect<void> => untilSo(String(holds), holds)

export const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/s.test(fs.readFileSync(`/proc/${pid}/stat`, "latin1"))
  } catch {
    return false
  }
}

export const logOf = (stateDir: string, id: string): string => fs.readFileSync(join(stateDir, id, "log"), "utf8")

export const stateOf = (stateDir: string, id: string): Record<string, unknown> =>
  JSON.parse(fs.readFileSync(join(stateDir, id, "state.json"), "utf8"))

/** A foreign process that listens on a port. */
export const squat = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const server = net.createServer()
      server.listen({ host: "127.0.0.1", port }, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

/** A program of one line for `node -e`. */
export const node = (code: string): ReadonlyArray<string> => [process.execPath, "-e", code]

/** A server on the port it was given. */
export const server = node(
  "require('http').createServer((q, s) => s.end('pid ' + process.pid)).listen(process.env.ATLAS_PORT_8000, process.env.HOST)"
)
