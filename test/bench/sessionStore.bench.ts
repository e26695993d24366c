/**
 * What a commit costs: one row and a hundred at a time, durable in SQLite, against `node:sqlite` alone, and in memory; and how
 * long 10,000 rows take to load.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as SessionStoreSqlite from "effect-atlas/orchestrator/SessionStoreSqlite"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Session from "../../src/orchestrator/Session.ts"
import * as SessionStore from "../../src/orchestrator/SessionStore.ts"
import { sessionOf } from "../orchestrator/store/harness.ts"
import { hold } from "./bounds.ts"
import { compare, pair } from "./measure.ts"
import { makeRaw } from "./rawStore.ts"

type Store = SessionStore.SessionStore["Service"]

const root = fs.mkdtempSync(join(tmpdir(), "atlas-bench-"))
const scope = Scope.makeUnsafe()
const owner = Owner.make("team1")

const open = (layer: Layer.Layer<SessionStore.SessionStore, unknown>): Promise<Store> =>
  Effect.runPromise(
    Effect.map(
      Layer.buildWithScope(Layer.fresh(layer), scope),
      (context) => Context.get(context, SessionStore.SessionStore)
    )
  )

const filename = join(root, "sessions.db")
const sqlite = await open(SessionStoreSqlite.layer({ filename }).pipe(Layer.provide(NodeServices.layer)))
const memory = await open(SessionStore.layerMemory)
// as an engine does
await Effect.runPromise(Scope.provide(sqlite.lock(owner), scope))
const states = Array.from({ length: 100 }, (_, index) => sessionOf(`session-${index}`))

/** Overwrites so many rows at a time, each over the version it was left at. */
const committing = (store: Store, rows: number) => {
  const versions = new Map<string, number>()
  const some = states.slice(0, rows).map((state) => ({
    ...state,
    spec: { ...state.spec, id: Session.SessionId.make(`${state.spec.id}-of-${rows}`) }
  }))
  return (times: number) =>
    Effect.runPromise(Effect.gen(function*() {
      for (let i = 0; i < times; i++) {
        const lost = yield* store.commit(
          owner,
          some.map((state) => ({ id: state.spec.id, version: versions.get(state.spec.id) ?? 0, state }))
        )
        if (lost.length > 0) throw new Error("a row was lost")
        for (const { spec } of some) versions.set(spec.id, (versions.get(spec.id) ?? 0) + 1)
      }
    }))
}

const raw = makeRaw(join(root, "raw.db"))
const alone = (rows: number) =>
  raw.write(states.slice(0, rows).map((state) => ({ id: `${state.spec.id}-of-${rows}`, state })))

for (const [rows, times] of [[1, 400], [100, 20]] as const) {
  const name = `durable commit of ${rows === 1 ? "1 row" : `${rows} rows`}`
  const peer = { name: "node:sqlite alone", run: alone(rows) }
  const rounds = await pair({ name, run: committing(sqlite, rows) }, peer, times, 15)
  hold({ path: name, against: peer.name, unit: "x", limit: 3, aim: 2, rounds })
}
raw.close()

await compare([
  { name: "memory, 1 row", run: committing(memory, 1) },
  { name: "memory, 100 rows", run: committing(memory, 100) }
], 50)

const took = async (name: string, work: Effect.Effect<unknown, unknown>) => {
  const start = performance.now()
  await Effect.runPromise(work)
  console.log(`${name}: ${Math.round(performance.now() - start)} ms`)
}

const many = Array.from({ length: 10_000 }, (_, index) => sessionOf(`many-${index}`))
const attempt = Session.AttemptId.make("zzzzzzzzzzzz")
await took(
  "begin 10,000 rows in one commit",
  sqlite.commit(owner, many.map((state) => ({ id: state.spec.id, version: 0, state })))
)
const again = await open(SessionStoreSqlite.layer({ filename }).pipe(Layer.provide(NodeServices.layer)))
await took("an attempt that no session has, 10,000 rows not read before", again.attempts(owner, [attempt]))
await took("the same again", again.attempts(owner, [attempt]))
await took("an attempt that is there", again.attempts(owner, [many[5_000]?.attempts[0]?.id ?? attempt]))
await took("load 10,000 rows", SessionStore.loadAll(again, owner))

await Effect.runPromise(Scope.close(scope, Exit.void))
fs.rmSync(root, { recursive: true })
