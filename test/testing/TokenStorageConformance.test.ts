/**
 * The suite of token storages finds storages that break a promise, and says which without showing a token.
 */
import { assert, describe, it } from "@effect/vitest"
import { TokenStorage } from "effect-atlas/fly"
import { TokenStorageConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

type Storage = TokenStorage.TokenStorage["Service"]

/** A memory storage with something broken. */
const spoiled = (spoil: (storage: Storage) => Partial<Storage>) =>
  Layer.effect(
    TokenStorage.TokenStorage,
    Effect.map(TokenStorage.TokenStorage, (storage) => TokenStorage.TokenStorage.of({ ...storage, ...spoil(storage) }))
  ).pipe(Layer.provide(TokenStorage.layerMemory))

const failuresOf = async (layer: Layer.Layer<TokenStorage.TokenStorage>, options = {}) => {
  const report = await Effect.runPromise(Effect.provide(TokenStorageConformance.run(options), layer))
  assert.strictEqual(report.passed + report.failed + report.skipped, report.results.length)
  return report.results.filter(({ outcome }) => outcome === "failed")
}

const broken: ReadonlyArray<readonly [string, (storage: Storage) => Partial<Storage>]> = [
  ["keeps nothing", () => ({ put: () => Effect.void })],
  ["never deletes", () => ({ delete: () => Effect.void })],
  ["keeps the first one", (storage) => ({
    put: (app, key, token) =>
      Effect.flatMap(
        storage.get(app, key),
        (found) => found !== null ? Effect.void : storage.put(app, key, token)
      )
  })],
  ["forgets the expiry", (storage) => ({
    put: (app, key, { token }) => storage.put(app, key, { token, expiresAt: null })
  })],
  ["takes both keys for one", (storage) => ({
    get: (app) => storage.get(app, "cached"),
    put: (app, _, token) => storage.put(app, "cached", token)
  })],
  ["cuts long tokens", (storage) => ({
    put: (app, key, { expiresAt, token }) =>
      storage.put(app, key, { token: Redacted.make(Redacted.value(token).slice(0, 255)), expiresAt })
  })],
  ["cuts at a space", (storage) => ({
    put: (app, key, { expiresAt, token }) =>
      storage.put(app, key, { token: Redacted.make(Redacted.value(token).split(" ")[0] ?? ""), expiresAt })
  })],
  ["fails unexpectedly", () => ({ get: () => Effect.die(new TypeError("fm2_canary")) })]
]

describe("the suite fails a storage that", () => {
  it.each(broken)("%s", async (_, spoil) => {
    const failures = await failuresOf(spoiled(spoil))
    assert.isAbove(failures.length, 0)
    assert.notMatch(JSON.stringify(failures), /fm2_|canary/)
  })

  it("is empty when it is opened again", async () => {
    const failures = await failuresOf(TokenStorage.layerMemory, { again: TokenStorage.layerMemory })
    assert.deepStrictEqual(failures.map(({ name }) => name), [
      "tokens are there after the storage was closed and opened again, and deleted ones are not"
    ])
  })
})

it("passes memory, skips with a reason what cannot be tried, and leaves nothing behind", async () => {
  const puts = new Set<string>()
  const deletes = new Set<string>()
  const layer = spoiled((storage) => ({
    put: (app, key, token) => {
      puts.add(`${app}/${key}`)
      return storage.put(app, key, token)
    },
    delete: (app, key) => {
      deletes.add(`${app}/${key}`)
      return storage.delete(app, key)
    }
  }))
  const { failed, results, skipped } = await Effect.runPromise(Effect.provide(TokenStorageConformance.run(), layer))
  assert.deepStrictEqual([failed, skipped], [0, 1])
  assert.deepStrictEqual(results.filter(({ outcome }) => outcome === "skipped").map(({ message }) => message), [
    "the options have no again"
  ])
  assert.isAbove(puts.size, 0)
  assert.isTrue([...puts].every((one) => deletes.has(one)))
})

it("makes one test of each case in any framework", () => {
  const names: Array<string> = []
  TokenStorageConformance.suite(
    { describe: (_, define) => define(), it: (name) => void names.push(name) },
    "memory",
    TokenStorage.layerMemory
  )
  assert.deepStrictEqual(names, TokenStorageConformance.cases().map(({ name }) => name))
})
