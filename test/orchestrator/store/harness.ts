/**
 * Stores in real databases, processes of their own that use them, and sessions to put in.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Session from "../../../src/orchestrator/Session.ts"
import * as SessionStore from "../../../src/orchestrator/SessionStore.ts"

export const team = Owner.make("team1")

export const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-sessions-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

/** A store in a file; built anew wherever it is provided. */
export const fileStore = (filename?: string) =>
  Layer.fresh(SessionStore.layerSqlite(filename === undefined ? {} : { filename })).pipe(
    Layer.provide(NodeServices.layer)
  )

const provider = Session.RentRequest.Candidate.fields.provider.make("acme")

/** A session that has begun to rent. */
export const sessionOf = (id: string, userId: string | null = null, owner: Owner = team): Session.SessionState => {
  const spec: Session.SessionSpec = {
    id: Session.SessionId.make(id),
    owner,
    mode: "interactive",
    userId,
    persist: true,
    request: {
      gpuCount: 1,
      image: "busybox",
      cloudType: "any",
      spot: false,
      ports: [{ port: 8000, protocol: "http", symmetric: false }],
      envNames: ["HF_TOKEN"],
      volumeGb: 20,
      containerDiskGb: 20,
      networkVolumeId: null,
      templateId: null,
      name: id,
      auth: "bearer",
      providerOpts: {},
      withheld: [],
      command: ["serve"],
      selfTerminate: true
    },
    candidates: [{ provider, gpu: "h100", regionHints: ["eu"] }],
    policy: Session.Policy.interactive
  }
  const now = { wall: 1_700_000_000_000, mono: 1_000 }
  const { state } = Session.decide(null, { _tag: "Started", spec }, now, Session.defaults)
  if (state === null) throw new Error("a session did not start")
  return state
}

/** A write of a session over a version. */
export const over = (version: number, state: Session.SessionState): SessionStore.Write => ({
  id: state.spec.id,
  version,
  state
})

/** A process of its own that does something with a store; killed with the scope. */
export const worker = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        "--conditions=effect-atlas-source",
        fileURLToPath(new URL("./storeWorker.ts", import.meta.url)),
        ...args
      ], { stdio: ["ignore", "pipe", "inherit"] })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** What it says, line by line; false from `onLine` stops listening. */
export const lines = (child: ChildProcess, onLine: (line: string) => boolean) =>
  Effect.callback<void>((resume) => {
    if (child.stdout === null) return resume(Effect.void)
    const reader = createInterface({ input: child.stdout })
    reader.on("line", (line) => {
      if (!onLine(line)) resume(Effect.void)
    })
    child.once("close", () => resume(Effect.void))
  })

/** The first line it says; null when it ended without a word. */
export const word = (child: ChildProcess) =>
  Effect.suspend(() => {
    let said: string | null = null
    return Effect.map(
      lines(child, (line) => {
        said ??= line
        return false
      }),
      () => said
    )
  })

/** Kills it the hard way and waits until it is gone. */
export const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
