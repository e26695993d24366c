/**
 * Stores in real databases, and sessions to put in.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Session from "../../../src/orchestrator/Session.ts"
import type * as SessionStore from "../../../src/orchestrator/SessionStore.ts"

export const team = Owner.make("team1")

export const directory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-sessions-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true }))
)

/** A store in a file; built anew wherever it is provided. */
export const fileStore = (filename?: string) =>
  Layer.fresh(SessionStoreSqlite.layer(filename === undefined ? {} : { filename })).pipe(
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
