/**
 * The suite of session stores finds stores that break a promise, and says which without showing a session.
 */
import { assert, describe, it } from "@effect/vitest"
import { SessionStoreConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as SessionStore from "../../src/orchestrator/SessionStore.ts"

type Store = SessionStore.SessionStore["Service"]

/** A memory store with something broken. */
const spoiled = (spoil: (store: Store) => Partial<Store>) =>
  Layer.effect(
    SessionStore.SessionStore,
    Effect.map(
      SessionStore.SessionStore,
      (store) => SessionStore.SessionStore.of({ ...store, ...spoil(store) })
    )
  ).pipe(Layer.provide(SessionStore.layerMemory))

const failuresOf = async (layer: Layer.Layer<SessionStore.SessionStore>, options = {}) => {
  const report = await Effect.runPromise(Effect.provide(SessionStoreConformance.run(options), layer))
  assert.strictEqual(report.passed + report.failed + report.skipped, report.results.length)
  return report.results.filter(({ outcome }) => outcome === "failed")
}

/** Changes what is committed before the store sees it. */
const rewriting = (rewrite: (write: SessionStore.Write) => SessionStore.Write) => (store: Store): Partial<Store> => ({
  commit: (owner, writes) => store.commit(owner, writes.map(rewrite))
})

const broken: ReadonlyArray<readonly [string, (store: Store) => Partial<Store>]> = [
  ["keeps nothing", () => ({ commit: () => Effect.succeed([]) })],
  ["never says that a row was lost", (store) => ({
    commit: (owner, writes) => Effect.as(store.commit(owner, writes), [])
  })],
  ["writes whatever the version is", (store) => ({
    commit: (owner, writes) =>
      Effect.flatMap(store.load(owner), ({ sessions }) =>
        store.commit(
          owner,
          writes.map((write) => ({
            ...write,
            version: sessions.find(({ spec }) => spec.id === write.id)?.version ?? 0
          }))
        ))
  })],
  ["writes all or nothing", (store) => ({
    commit: (owner, writes) =>
      Effect.flatMap(store.load(owner), ({ sessions }) => {
        const isLost = writes.some(({ id, version }) =>
          (sessions.find(({ spec }) => spec.id === id)?.version ?? 0) !== version
        )
        return isLost ? Effect.succeed(writes.map(({ id }) => id)) : store.commit(owner, writes)
      })
  })],
  ["never deletes", (store) => ({
    commit: (owner, writes) => store.commit(owner, writes.filter(({ state }) => state !== null))
  })],
  [
    "forgets the report",
    rewriting((write) => ({
      ...write,
      state: write.state === null ? null : { ...write.state, report: null }
    }))
  ],
  ["takes the last of two writes of a session for both", (store) => ({
    commit: (owner, writes) => store.commit(owner, [...new Map(writes.map((write) => [write.id, write])).values()])
  })],
  ["loads the sessions of every owner", (store) => {
    const owners = new Set<Parameters<Store["load"]>[0]>()
    return {
      commit: (owner, writes) => {
        owners.add(owner)
        return store.commit(owner, writes)
      },
      load: () =>
        Effect.map(Effect.forEach(owners, (owner) => store.load(owner)), (all) => ({
          sessions: all.flatMap(({ sessions }) => sessions),
          unreadable: [],
          next: null
        }))
    }
  }],
  ["knows no attempts", () => ({ attempts: () => Effect.succeed({ sessions: new Map(), unknown: [] }) })],
  ["finds an attempt in the first session there is", (store) => ({
    attempts: (owner, attempts) =>
      Effect.map(store.load(owner), ({ sessions: [first] }) => ({
        sessions: new Map(first === undefined ? [] : attempts.map((attempt) => [attempt, first.spec.id])),
        unknown: []
      }))
  })],
  ["loads at most a hundred", (store) => ({
    load: (owner) => Effect.map(store.load(owner), (all) => ({ ...all, sessions: all.sessions.slice(0, 100) }))
  })],
  ["loads the first page only", (store) => ({
    load: (owner) => Effect.map(store.load(owner), (page) => ({ ...page, next: null }))
  })],
  ["answers the first page again and again", (store) => ({ load: (owner) => store.load(owner) })],
  ["leaves out the first session of each page but the first", (store) => ({
    load: (owner, after = "") =>
      Effect.map(store.load(owner, after), (page) => ({
        ...page,
        sessions: after === "" ? page.sessions : page.sessions.slice(1)
      }))
  })],
  ["reads no session by its id", () => ({ read: () => Effect.succeed({ sessions: [], unreadable: [] }) })],
  ["gives the version of the state and not of the row", (store) => ({
    load: (owner) =>
      Effect.map(store.load(owner), (all) => ({
        ...all,
        sessions: all.sessions.map((session) => ({ ...session, version: 0 }))
      }))
  })],
  ["gives every lock that is asked for", () => ({ lock: () => Effect.succeed({ lostTo: Effect.succeed(null) }) })],
  ["says that a lock is lost as soon as it is taken", (store) => ({
    lock: (owner) => Effect.as(store.lock(owner), { lostTo: Effect.succeed("process 1") })
  })],
  ["does not release a lock", (store) => ({
    lock: (owner) => Effect.provideService(store.lock(owner), Scope.Scope, Scope.makeUnsafe())
  })],
  ["fails unexpectedly", () => ({ load: () => Effect.die(new TypeError("canary-7f3a")) })]
]

describe("the suite fails a store that", () => {
  it.each(broken)("%s", async (_, spoil) => {
    const failures = await failuresOf(spoiled(spoil))
    assert.isAbove(failures.length, 0)
    assert.notMatch(JSON.stringify(failures), /canary/)
  })

  it("is empty when it is opened again", async () => {
    const failures = await failuresOf(SessionStore.layerMemory, { again: SessionStore.layerMemory })
    assert.deepStrictEqual(failures.map(({ name }) => name), [
      "what was committed is there when the store is opened anew, and rows meet there",
      "a store that is opened anew meets the owner lock too"
    ])
  })

  it("takes a row that cannot be read for none", async () => {
    const failures = await failuresOf(SessionStore.layerMemory, { spoil: () => Effect.void })
    assert.deepStrictEqual(failures.map(({ name }) => name), [
      "a row that cannot be read is reported by its id without its text, and the others are loaded",
      "a row that cannot be read, and of which no attempt is known, may have any: it is named, with when it was written"
    ])
  })
})

it("passes memory, skips with a reason what cannot be tried, and leaves nothing behind", async () => {
  const owners = new Set<Parameters<Store["load"]>[0]>()
  const layer = spoiled((store) => ({
    commit: (owner, writes) => {
      owners.add(owner)
      return store.commit(owner, writes)
    }
  }))
  const [report, left] = await Effect.runPromise(
    Effect.gen(function*() {
      const report = yield* SessionStoreConformance.run()
      const store = yield* SessionStore.SessionStore
      return [report, yield* Effect.forEach(owners, (owner) => store.load(owner))] as const
    }).pipe(Effect.provide(layer))
  )
  assert.deepStrictEqual([report.failed, report.skipped], [0, 5])
  assert.deepStrictEqual([...new Set(report.results.map(({ message }) => message))], [
    "",
    "the options have no again",
    "the options have no spoil"
  ])
  assert.isAbove(owners.size, 20)
  assert.deepStrictEqual(left.flatMap(({ sessions }) => sessions), [])
})

it("makes one test of each case in any framework", () => {
  const names: Array<string> = []
  SessionStoreConformance.suite(
    { describe: (_, define) => define(), it: (name) => void names.push(name) },
    "memory",
    SessionStore.layerMemory
  )
  assert.deepStrictEqual(names, SessionStoreConformance.cases().map(({ name }) => name))
})
