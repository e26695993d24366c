import { assert, describe, it } from "@effect/vitest"
import { AtlasError, type Compute, Ids, Provider } from "effect-atlas"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { passWhile } from "../../src/testing/TestTime.ts"
import { machine } from "../support/acme.ts"
import { mock, run, start } from "./harness.ts"

/** A provider that has none of some GPUs, and remembers what it was asked for. */
const picky = (
  missing: Readonly<Record<string, AtlasError.AtlasErrorReason>>,
  unknown: ReadonlyArray<string> = []
) => {
  const asked: Array<unknown> = []
  const environments: Array<unknown> = []
  const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
  const provider = Provider.make({
    id: "picky",
    settleWindow: 0,
    compute: {
      check: ({ gpu }) =>
        gpu !== null && unknown.includes(gpu)
          ? Effect.fail(new AtlasError.Validation({ issues: [{ path: "gpu", message: "not offered" }] }))
          : Effect.void,
      spawn: ({ env, request }) =>
        Effect.suspend(() => {
          asked.push(request.gpu)
          environments.push(
            Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))
          )
          return Effect.fail(
            missing[request.gpu ?? ""] ?? new AtlasError.BudgetExceeded({ message: `${request.gpu} is dear` })
          )
        }),
      get: () => nowhere,
      list: () => Effect.succeed([]),
      terminate: () => nowhere
    }
  })
  return { asked, environments, provider }
}

const settle = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, { discard: true })

describe("up --detach", () => {
  it.effect("prints the compute with its credential, once, and leaves it", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { code, err, out } = yield* run(
        ["up", "--image", "me/server", "--port", "8000/http", "--auth", "bearer", "--detach", "--json"],
        { providers: [provider] }
      )
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      const compute = JSON.parse(out)
      assert.deepStrictEqual(Object.keys(compute).slice(0, 12), [
        "id",
        "provider",
        "status",
        "name",
        "ports",
        "gpuType",
        "gpuCount",
        "costPerHour",
        "region",
        "image",
        "createdAt",
        "auth"
      ])
      assert.strictEqual(compute.createdAt, "1970-01-01T00:00:00.000Z")
      assert.deepStrictEqual(Object.keys(compute.ports[0]), ["internal", "external", "protocol", "url"])
      assert.deepStrictEqual(Object.keys(compute.auth), ["scheme", "token", "hash", "header"])
      assert.strictEqual(compute.auth.header, `Bearer ${compute.auth.token}`)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      const again = JSON.parse((yield* run(["get", compute.id, "--json"], { providers: [provider] })).out)
      assert.isNull(again.auth)
    }))

  it.effect("shows people the token once, and how to use it", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const { out } = yield* run(["up", "--image", "x", "--port", "80", "--auth", "bearer", "-d"], {
        providers: [provider]
      })
      const token = /^token +(\S+)$/m.exec(out)?.[1] ?? ""
      assert.match(token, /^[\w-]{43}$/)
      assert.include(out, `curl -H 'Authorization: Bearer ${token}'`)
    }))

  it.effect("says of the mock that nothing will remember what it rented", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const { code, err } = yield* run(["up", "--image", "x", "-d"], { providers: [provider] })
      assert.strictEqual(code, 0)
      assert.match(err, /^warning: mock rents in the memory of this process: nothing remembers mock-\w+ once /)
    }))

  it.effect("the environment is typed, or that of atlas where no value is", () =>
    Effect.gen(function*() {
      const { environments, provider } = picky({})
      yield* run(["up", "--image", "x", "-d", "--env", "A=1=2", "--env", "B", "--env", "C="], {
        providers: [provider],
        env: { B: "ours", OTHER: "never" }
      })
      assert.deepStrictEqual(environments, [{ A: "1=2", B: "ours", C: "" }])
    }))

  it.effect("every variable that is not set is named, and nothing is rented", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { code, err } = yield* run(["up", "--image", "x", "-d", "--json", "--env", "A", "--env", "B"], {
        providers: [provider]
      })
      assert.strictEqual(code, 1)
      const { error } = JSON.parse(err)
      assert.deepStrictEqual(error.issues.map((issue: { readonly path: string }) => issue.path), ["env.A", "env.B"])
      assert.strictEqual((yield* controls.counts).spawnCompute, 0)
    }))
})

describe("an interrupt", () => {
  it.effect("during the create leaves nothing, also of what was to be left running", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.delay("spawnCompute", { answer: "10 seconds" })
      const { ended, out } = start(["up", "--image", "x", "--detach"], { providers: [provider] })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      assert.strictEqual((yield* controls.counts).spawnCompute, 1)
      const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(interrupted)
      assert.deepStrictEqual(out, [])
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))
})

describe("several GPUs", () => {
  it.effect("the next is asked for when one is sold out or not offered, and only then", () =>
    Effect.gen(function*() {
      const { asked, provider } = picky({
        h100: new AtlasError.NoCapacity({ message: "sold out" })
      }, ["h200"])
      const result = yield* run(["up", "--gpu", "h100,h200,l4,a10", "-d"], { providers: [provider] })
      assert.deepStrictEqual(asked, ["h100", "l4"])
      assert.deepStrictEqual({ code: result.code, err: result.err }, {
        code: 1,
        err: "error [budget_exceeded] l4 is dear"
      })
    }))

  it.effect("are checked without a credential: one is minted, for the create that is sent", () =>
    Effect.gen(function*() {
      const prepared: Array<string> = []
      const nowhere = Effect.fail(new AtlasError.NotFound({ message: "there is nothing here" }))
      const provider = Provider.make({
        id: "acme",
        compute: {
          prepare: ({ auth, request }) => Effect.sync(() => void prepared.push(`${request.gpu} ${auth?._tag ?? null}`)),
          send: () => Effect.fail(new AtlasError.BudgetExceeded({ message: "too dear" })),
          get: () => nowhere,
          list: () => Effect.succeed([]),
          terminate: () => nowhere
        }
      })
      yield* run(["up", "--gpu", "h100,l4", "--auth", "bearer", "-d"], { providers: [provider] })
      assert.deepStrictEqual(prepared, ["h100 null", "l4 null", "h100 Bearer"])
    }))

  it.effect("none of which the provider offers: the last one's reason is the answer, and nothing is asked for", () =>
    Effect.gen(function*() {
      const { asked, provider } = picky({}, ["h100", "h200"])
      const { code, err } = yield* run(["up", "--gpu", "h100,h200", "--json"], { providers: [provider] })
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "validation")
      assert.deepStrictEqual(asked, [])
    }))

  it.effect("the next is not rented for a failure of what ran in the machine of the first", () =>
    Effect.gen(function*() {
      const made: Array<Compute.Compute> = []
      const find = (id: string) => {
        const found = made.find((one) => one.id === id)
        return found === undefined ? Effect.fail(new AtlasError.NotFound({})) : Effect.succeed(found)
      }
      const forbidden = new AtlasError.Forbidden({ message: "logs are not for this key" })
      const provider = Provider.make({
        id: "acme",
        settleWindow: 0,
        compute: {
          spawn: ({ name }) =>
            Effect.sync(() => {
              const compute = machine({ id: Ids.ComputeId.make(`acme-${made.length + 1}`), name })
              made.push(compute)
              return compute
            }),
          get: find,
          list: () => Effect.succeed(made),
          terminate: (id) =>
            Effect.map(find(id), (compute) => {
              made[made.indexOf(compute)] = machine({ ...compute, status: "terminated" })
            })
        },
        logs: { stream: () => Stream.fail(forbidden) }
      })
      const { code, err } = yield* run(["up", "--gpu", "h100,l4"], { providers: [provider] })
      assert.strictEqual(code, 1)
      assert.include(err, "error [forbidden]")
      assert.deepStrictEqual(made.map(({ status }) => status), ["terminated"])
    }))

  it.effect("the last refusal is the answer", () =>
    Effect.gen(function*() {
      const { provider } = picky({ h100: new AtlasError.NoCapacity({ message: "sold out" }) })
      const { code, err } = yield* run(["up", "--gpu", "h100,h100", "--json"], { providers: [provider] })
      assert.strictEqual(code, 1)
      assert.strictEqual(JSON.parse(err).error.kind, "no_capacity")
    }))
})

describe("up, staying with the compute", () => {
  it.effect("follows the log, ends with the command's exit code, and ends the compute", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, out } = start(["up", "--image", "x", "--json"], { providers: [provider] })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      const { id } = JSON.parse(out[0] ?? "")
      yield* controls.writeLog(id, "hello")
      yield* settle
      yield* controls.setStatus(id, "failed", { exitCode: 7 })
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).code, 7)
      const lines = out.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines.map(({ text, type }) => text ?? type), ["compute", "hello", "exit"])
      assert.deepStrictEqual(lines.at(-1), { type: "exit", code: 7, truncated: false })
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("a provider without logs is watched until the compute is over", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      yield* controls.failNext("streamLogs", new AtlasError.Unsupported({ capability: "logs", message: "none" }), 2)
      const { ended, out } = start(["up", "--image", "x", "--json"], { providers: [provider] })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      yield* TestClock.adjust("1 minute")
      yield* controls.setStatus(JSON.parse(out[0] ?? "").id, "failed", { exitCode: 5 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).code, 5)
      assert.strictEqual(out.length, 2)
    }))

  it.effect("a failure that passes by itself ends nothing, and no line is lost or shown twice", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { ended, out } = start(["up", "--image", "x", "--json"], { providers: [provider] })
      const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
      yield* settle
      const { id } = JSON.parse(out[0] ?? "")
      yield* controls.writeLog(id, "one")
      yield* settle
      yield* controls.failNext("getCompute", new AtlasError.Transport({ message: "reset" }), 2)
      yield* TestClock.adjust("10 seconds")
      yield* controls.writeLog(id, "two")
      yield* controls.setStatus(id, "failed", { exitCode: 0 })
      yield* settle
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).code, 0)
      const lines = out.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines.map(({ text, type }) => text ?? type), ["compute", "one", "two", "exit"])
    }))

  it.effect("ends the compute when it is interrupted", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const fiber = yield* Effect.forkChild(start(["up", "--image", "x"], { providers: [provider] }).ended, {
        startImmediately: true
      })
      yield* settle
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      yield* passWhile(Fiber.interrupt(fiber))
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect.each<readonly ["failed" | "terminated" | "stopped", string | null, RegExp]>([
    ["failed", "out of memory", /^out of memory$/],
    ["terminated", null, /^mock-\w+ is terminated$/],
    ["stopped", null, /^mock-\w+ is stopped$/]
  ])(
    "a compute that is %s without an exit code is a failure of kind ended",
    ([status, failure, message]) =>
      Effect.gen(function*() {
        const { controls, provider } = yield* mock
        const { ended, err, out } = start(["up", "--image", "x", "--json"], { providers: [provider] })
        const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
        yield* settle
        yield* controls.setStatus(JSON.parse(out[0] ?? "").id, status, failure === null ? {} : { failure })
        yield* settle
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Fiber.join(fiber)).code, 1)
        const { error } = JSON.parse(err.join("\n"))
        assert.strictEqual(error.kind, "ended")
        assert.match(error.message, message)
        assert.deepStrictEqual((yield* controls.ledger).live, [])
      })
  )
})
