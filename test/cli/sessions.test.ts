/**
 * `atlas up` with limits, `task` and `sessions`, on a moved clock and a mock.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Made from "../../src/cli/Made.ts"
import type { Loaded } from "../../src/orchestrator/SessionStore.ts"
import { makeMemory } from "../../src/orchestrator/store/memory.ts"
import { sessionOf } from "../orchestrator/store/harness.ts"
import { begin, idOf, mock, owner, pass, run, settle } from "./harness.ts"

// commands load their work when they are chosen; here it is loaded before the clock stands still
beforeAll(() => import("../../src/cli/actions/runSession.ts"))

const issuesOf = (err: string): ReadonlyArray<string> =>
  JSON.parse(err).error.issues.map(({ path }: { readonly path: string }) => path)

describe("limits that need a process that stays", () => {
  it.effect("are refused with --detach, each by its name", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { code, err } = yield* run(
        ["up", "--detach", "--image", "x", "--idle-ttl", "5m", "--max-cost", "3", "--persist", "--json"],
        { providers: [provider] }
      )
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "validation")
      assert.match(JSON.parse(err).error.message, /needs a server/)
      assert.deepStrictEqual(issuesOf(err), ["idle-ttl", "max-cost", "persist"])
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
    }))

  it.effect("a task cannot be detached either", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(["task", "--detach", "--json", "--", "true"], {
        providers: [(yield* mock).provider]
      })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(issuesOf(err), ["detach"])
    }))

  it.effect.each([
    ["--idle-ttl", "0s"],
    ["--idle-ttl", "soon"],
    ["--max-runtime", "5"],
    ["--max-cost", "much"],
    ["--max-cost", "NaN"],
    ["--max-cost", "0"],
    ["--max-cost", "-1"],
    ["--on-failure", "maybe"],
    ["--on-failure", "respawn"],
    ["--on-failure", "respawn:-1"],
    ["--on-failure", "respawn:5000"],
    ["--on-failure", "respawn:999999999999"]
  ])("%s %s is bad usage", ([flag, value]) =>
    Effect.gen(function*() {
      const { code, out } = yield* run(["up", "--image", "x", `${flag}=${value}`], {
        providers: [(yield* mock).provider]
      })
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
    }))

  it.effect.each<readonly [string, ReadonlyArray<string>]>([
    ["idleTtl", ["task", "--idle-ttl", "5m"]]
  ])("%s is refused before anything is rented: %s", ([field, args]) =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { code, err } = yield* run([...args, "--image", "x", "--json"], { providers: [provider] })
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "validation")
      assert.include(issuesOf(err).join(), field)
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
    }))
})

describe("up with a limit", () => {
  it.effect("prints the compute, its session, what it writes, what happens to it, and its exit", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["up", "--image", "x", "--max-runtime", "1h", "--json"], {
        providers: [provider]
      })
      const id = idOf(lines()[0])
      yield* controls.writeLog(id, "hello")
      yield* settle
      yield* controls.setStatus(id, "failed", { exitCode: 7 })
      yield* pass(10)
      assert.strictEqual((yield* ended).code, 7)
      const types = lines().map(({ type }) => type)
      assert.deepStrictEqual(types.filter((type) => type !== "event"), ["compute", "session", "log", "session", "exit"])
      assert.include(types, "event")
      assert.deepStrictEqual(lines().at(-1), { type: "exit", code: 7, truncated: false })
      assert.strictEqual(lines().at(-2)?.["state"], "ended")
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("prints what its machine wrote last, also when the log could not be followed", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("streamLogs", new AtlasError.Unsupported({ capability: "logs", message: "not yet" }))
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] })
      const id = idOf(lines()[0])
      yield* controls.writeLog(id, "last line")
      yield* controls.setStatus(id, "failed", { exitCode: 1 })
      yield* pass(10)
      assert.strictEqual((yield* ended).code, 1)
      assert.deepStrictEqual(lines().flatMap(({ text }) => text === undefined ? [] : [text]), ["last line"])
    }))

  it.effect("whose machine is gone when the session is over is not told as one that may still be there", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const things = Made.make()
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] }).pipe(
        Effect.provideService(Made.Made, things)
      )
      const id = idOf(lines()[0])
      assert.deepStrictEqual(things.all("kept").map((thing) => thing.id), [id])
      yield* controls.setStatus(id, "terminated")
      yield* pass(10)
      const { code, err } = yield* ended
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "ended")
      assert.notInclude(err, id)
    }))

  it.effect("goes on reading a log that could not be read for a moment, and shows each line once", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("streamLogs", new AtlasError.Transport({ message: "reset" }))
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] })
      const id = idOf(lines()[0])
      const texts = () => lines().flatMap(({ text }) => text === undefined ? [] : [text])
      yield* controls.writeLog(id, "one")
      yield* pass(5)
      assert.deepStrictEqual(texts(), ["one"])
      yield* controls.writeLog(id, "two")
      yield* controls.setStatus(id, "failed", { exitCode: 0 })
      yield* pass(10)
      assert.strictEqual((yield* ended).code, 0)
      assert.deepStrictEqual(texts(), ["one", "two"])
    }))

  it.effect("names no machine that may still be there when its provider has taken it back", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] }).pipe(
        Effect.provideService(Made.Made, Made.make())
      )
      yield* controls.forget(idOf(lines()[0]))
      yield* pass(10)
      const { error } = JSON.parse((yield* ended).err)
      assert.strictEqual(error.kind, "ended")
      assert.notProperty(error, "computeId")
    }))

  it.effect("is idle when it has written nothing for so long, which is no failure", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["up", "--image", "x", "--idle-ttl", "10s", "--json"], {
        providers: [provider]
      })
      yield* pass(8)
      yield* controls.writeLog(idOf(lines()[0]), "still here")
      yield* pass(8)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      yield* pass(10)
      assert.strictEqual((yield* ended).code, 0)
      assert.deepInclude(lines().at(-1), { type: "session", outcome: { _tag: "Closed", reason: "idle_timeout" } })
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("fails as a timeout when it meets its --max-runtime", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended } = yield* begin(["up", "--image", "x", "--max-runtime", "30s", "--json"], {
        providers: [provider]
      })
      yield* pass(40)
      const { code, err } = yield* ended
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "timeout")
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("takes the next GPU when the first is sold out, and says what was refused", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("spawnCompute", new AtlasError.NoCapacity({ message: "sold out" }))
      const { ended, fiber, lines } = yield* begin(
        ["up", "--image", "x", "--gpu", "h100,a100_80g", "--idle-ttl", "1h", "--json"],
        { providers: [provider] }
      )
      assert.deepInclude(lines()[0], { type: "compute", gpuType: "a100_80g" })
      const session = lines()[1]
      assert.match(JSON.stringify(session?.["refusals"]), /sold out/)
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* pass(10)
      yield* Effect.exit(ended)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("a second one is refused while the first holds the owner lock, and told what to do", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const store = yield* makeMemory
      const first = yield* begin(["up", "--image", "x", "--idle-ttl", "1h", "--json"], { providers: [provider], store })
      const { code, err } = yield* run(["task", "--image", "x", "--json"], { providers: [provider], store })
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "storage_fault")
      assert.match(JSON.parse(err).error.message, /ATLAS_OWNER=NAME/)
      // reading needs no lock
      const read = yield* run(["sessions", "--json"], { providers: [provider], store })
      assert.deepStrictEqual(JSON.parse(read.out).map(({ state }: { readonly state: string }) => state), ["live"])
      yield* Effect.forkChild(Fiber.interrupt(first.fiber), { startImmediately: true })
      yield* pass(10)
    }))

  it.effect("--persist leaves it running on an interrupt, and the next one adopts it", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const store = yield* makeMemory
      const surroundings = { providers: [provider], store }
      const first = yield* begin(["up", "--image", "x", "--persist", "--max-runtime", "30s", "--json"], surroundings)
      yield* Fiber.interrupt(first.fiber)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      // they are shown in the order in which they began
      yield* pass(1)
      const second = yield* begin(["up", "--image", "x", "--max-runtime", "90s", "--json"], surroundings)
      yield* pass(40)
      const { out } = yield* run(["sessions", "--json"], surroundings)
      assert.deepStrictEqual(
        JSON.parse(out).map((
          { outcome, state }: { readonly state: string; readonly outcome: unknown }
        ) => [state, outcome]),
        [["ended", { _tag: "Closed", reason: "max_runtime" }], ["live", null]]
      )
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      yield* Effect.forkChild(Fiber.interrupt(second.fiber), { startImmediately: true })
      yield* pass(10)
    }))
})

describe("task", () => {
  it.effect.each([0, 3])("ends with the command's exit code %i", (exitCode) =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] })
      yield* controls.setStatus(idOf(lines()[0]), "failed", { exitCode })
      yield* pass(10)
      assert.strictEqual((yield* ended).code, exitCode)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("whose machine is gone without an exit code is a failure of kind ended", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, lines } = yield* begin(["task", "--image", "x", "--json"], { providers: [provider] })
      yield* controls.setStatus(idOf(lines()[0]), "terminated", {})
      yield* pass(20)
      const { code, err } = yield* ended
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "ended")
    }))

  it.effect("that takes too long is a failure of kind timeout", () =>
    Effect.gen(function*() {
      const { ended } = yield* begin(["task", "--image", "x", "--max-runtime", "20s", "--json"], {
        providers: [(yield* mock).provider]
      })
      yield* pass(30)
      const { code, err } = yield* ended
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "timeout")
    }))
})

describe("sessions", () => {
  it.effect("is an empty list before the first one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(["sessions", "--json"])).out, "[]")
      assert.strictEqual((yield* run(["sessions"])).out, "no sessions")
    }))

  it.effect("shows a record that cannot be read by its id, and forgets it by an explicit command", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const state = sessionOf("newer", null, owner)
      yield* store.commit(owner, [{ id: state.spec.id, version: 0, state }])
      const hidden = <Rows extends Loaded>(rows: Rows): Rows => ({
        ...rows,
        sessions: [],
        unreadable: rows.sessions.map(({ spec: { id }, version }) => ({
          id,
          message: "its form is version 9",
          version,
          createdAt: 1
        }))
      })
      const newer: typeof store = {
        ...store,
        load: (...given) => Effect.map(store.load(...given), hidden),
        read: (...given) => Effect.map(store.read(...given), hidden)
      }
      const shown = yield* run(["sessions"], { store: newer })
      assert.match(shown.out, /newer +unreadable/)
      assert.include(shown.err, "atlas sessions forget newer")
      const [json] = JSON.parse((yield* run(["sessions", "--json"], { store: newer })).out)
      assert.deepInclude(json, { id: "newer", state: "unreadable", message: "its form is version 9", spentUsd: null })
      const reaped = yield* run(["reap", "--json"], { store: newer })
      assert.strictEqual(reaped.code, 1)
      assert.deepStrictEqual(JSON.parse(reaped.out).unreadable, [{ id: "newer", message: "its form is version 9" }])
      const refused = yield* run(["sessions", "forget", "newer", "--json"], { store })
      assert.deepStrictEqual([refused.code, JSON.parse(refused.err).error.kind], [1, "validation"])
      assert.strictEqual(
        (yield* run(["sessions", "forget", "newer", "--json"], { store: newer })).out,
        "{\"id\":\"newer\"}"
      )
      assert.strictEqual((yield* run(["sessions"], { store })).out, "no sessions")
      const again = yield* run(["sessions", "forget", "newer", "--json"], { store })
      assert.strictEqual(JSON.parse(again.err).error.kind, "not_tracked")
    }))

  it.effect.each(["a b\u001b[2J", "it's $HOME `id`", "-rf", "\"quoted\"", "\u202eback\\slash", "né"])(
    "the printed command forgets a record whose id is %j",
    (id) =>
      Effect.gen(function*() {
        const rows = new Set([id, "other"])
        const memory = yield* makeMemory
        const unreadable = (ids: ReadonlyArray<string>) =>
          ids.filter((one) => rows.has(one)).map((one) => ({ id: one, message: "odd", version: 1, createdAt: 1 }))
        const store: typeof memory = {
          ...memory,
          load: () => Effect.sync(() => ({ sessions: [], unreadable: unreadable([...rows]), next: null })),
          read: (_, ids) => Effect.sync(() => ({ sessions: [], unreadable: unreadable(ids) })),
          commit: (_, writes) =>
            Effect.sync(() => {
              for (const write of writes) rows.delete(write.id)
              return []
            })
        }
        const { err } = yield* run(["sessions"], { store })
        const printed = /sessions forget (.*)$/m.exec(err)?.[1] ?? ""
        assert.match(printed, /^[ -~]+$/)
        // what every shell makes of a word in single quotes
        const typed = /^'([^']*)'$/.exec(printed)?.[1] ?? printed
        const { code } = yield* run(["sessions", "forget", typed], { store })
        assert.deepStrictEqual([code, [...rows]], [0, ["other"]])
      })
  )

  it.effect("a session is forgotten by the beginning of its id, if no other has it", () =>
    Effect.gen(function*() {
      const store = yield* makeMemory
      const hidden = (ids: ReadonlyArray<string>) => ids.map((id) => ({ id, message: "odd", version: 1, createdAt: 1 }))
      const forgotten: Array<string> = []
      const odd: typeof store = {
        ...store,
        load: () =>
          Effect.succeed({ sessions: [], unreadable: hidden(["abc-one", "abd-two", "abd-three"]), next: null }),
        read: (_, ids) =>
          Effect.succeed({ sessions: [], unreadable: hidden(ids.filter((id) => /^ab.-[a-z]+$/.test(id))) }),
        commit: (_, writes) =>
          Effect.sync(() => {
            forgotten.push(...writes.map(({ id }) => id))
            return []
          })
      }
      assert.strictEqual((yield* run(["sessions", "forget", "abc"], { store: odd })).out, "forgot abc-one")
      const { code, err } = yield* run(["sessions", "forget", "abd"], { store: odd })
      assert.strictEqual(code, 1)
      assert.include(err, "may be any of: abd-two, abd-three")
      assert.deepStrictEqual(forgotten, ["abc-one"])
    }))

  it.effect("has every field that scripts rely on", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const store = yield* makeMemory
      const { fiber } = yield* begin(["up", "--image", "x", "--idle-ttl", "5m", "--json"], {
        providers: [provider],
        store
      })
      const { out } = yield* run(["sessions", "--json"], { providers: [provider], store })
      const [session] = JSON.parse(out)
      for (
        const field of [
          "id",
          "state",
          "provider",
          "computeId",
          "name",
          "attempt",
          "userId",
          "mode",
          "startedAt",
          "lastActivityAt",
          "idleTtlMs",
          "deadlineAt",
          "maxCost",
          "spentUsd",
          "outcome"
        ]
      ) assert.property(session, field)
      assert.deepInclude(session, { state: "live", mode: "interactive", idleTtlMs: 300_000, attempt: 1, outcome: null })
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* pass(10)
    }))
})
