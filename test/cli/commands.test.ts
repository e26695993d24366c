import { assert, describe, it } from "@effect/vitest"
import { Atlas, AtlasError, Provider, Providers } from "effect-atlas"
import * as Listing from "effect-atlas/provider/Listing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { passWhile } from "../../src/testing/TestTime.ts"
import { mock, reserved, run } from "./harness.ts"

/** A mock with this many computes that run. */
const rented = (count: number) =>
  Effect.gen(function*() {
    const { controls, provider } = yield* mock
    const computes = yield* Effect.forEach(
      Array.from({ length: count }),
      () => provider.compute.spawn({ image: "me/server", ports: ["8000/http"], auth: "bearer" })
    )
    return { controls, surroundings: { providers: [provider] }, ids: computes.map(({ id }) => id) }
  })

describe("ps", () => {
  it.effect("says what a refusal without words was, and how long it asks to wait", () =>
    Effect.gen(function*() {
      const { controls, surroundings } = yield* rented(0)
      const told = [
        [
          new AtlasError.RateLimited({ message: "", status: 429, retryAfter: Duration.seconds(90) }),
          /429.*wait 1m 30s$/
        ],
        [new AtlasError.ProviderFault({ message: "", status: 503 }), /answered with HTTP 503 and no message$/]
      ] as const
      for (const [reason, words] of told) {
        yield* controls.failNext("listCompute", reason)
        assert.match((yield* run(["ps"], surroundings)).err, words)
      }
    }))

  it.effect("is an empty array where nothing is", () =>
    Effect.gen(function*() {
      const { surroundings } = yield* rented(0)
      assert.strictEqual((yield* run(["ps", "--json"], surroundings)).out, "[]")
      assert.strictEqual((yield* run(["ps"], surroundings)).out, "no computes")
    }))

  it.effect("leaves out what is terminated, and shows it with --all", () =>
    Effect.gen(function*() {
      const { controls, ids: [gone = "", failed = "", running = ""], surroundings } = yield* rented(3)
      yield* controls.setStatus(gone, "terminated")
      yield* controls.setStatus(failed, "failed", { exitCode: 3 })
      const idsOf = (out: string) => JSON.parse(out).map((compute: { readonly id: string }) => compute.id).toSorted()
      const { out } = yield* run(["ps", "--json"], surroundings)
      assert.deepStrictEqual(idsOf(out), [failed, running].toSorted())
      assert.deepStrictEqual(
        idsOf((yield* run(["ps", "--all", "--json"], surroundings)).out),
        [gone, failed, running].toSorted()
      )
      assert.notInclude(out, "Bearer")
      const table = (yield* run(["ps"], { ...surroundings, env: { COLUMNS: "200" } })).out
      assert.match(table, /^ID +STATUS +NAME +GPU +PRICE +AGE +COST +REGION +PORTS\n/)
      assert.include(table, "failed (3)")
    }))
})

describe("an entry that cannot be addressed", () => {
  const odd = Provider.make({
    id: "odd",
    compute: {
      spawn: () => Effect.fail(new AtlasError.ProviderFault({})),
      get: () => Effect.fail(new AtlasError.ProviderFault({})),
      list: () => Effect.succeed([Listing.unaddressable({ id: "a/b", name: "\u001b[31mred" }, "its id has a slash")]),
      terminate: () => Effect.die("nothing can be ended here")
    }
  })

  it.effect("is named by ps on stderr, with its text quoted, and is no compute", () =>
    Effect.gen(function*() {
      const { err, out } = yield* run(["ps"], { providers: [odd] })
      assert.strictEqual(out, "no computes")
      assert.match(err, /^warning: an entry .*\(id "a\/b", name "\\u001b\[31mred"\): its id has a slash/)
    }))

  it.effect("leaves the JSON of ps as it is, and is a line of JSON on stderr", () =>
    Effect.gen(function*() {
      const { err, out } = yield* run(["ps", "--json"], { providers: [odd] })
      assert.strictEqual(out, "[]")
      assert.deepStrictEqual(JSON.parse(err).warning, {
        kind: "unaddressable",
        provider: "odd",
        id: "a/b",
        name: "\u001b[31mred",
        why: "its id has a slash"
      })
    }))

  it.effect("is left alone by down --all, and named", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(["down", "--all", "--yes"], { providers: [odd] })
      assert.deepStrictEqual([code, out], [0, "nothing to end"])
      assert.include(err, "a/b")
    }))
})

describe("get, await, stop, start", () => {
  it.effect("get prints one compute", () =>
    Effect.gen(function*() {
      const { ids: [id = ""], surroundings } = yield* rented(1)
      assert.strictEqual(JSON.parse((yield* run(["get", id, "--json"], surroundings)).out).id, id)
      assert.match((yield* run(["get", id], surroundings)).out, new RegExp(`^id +${id}\n`))
    }))

  it.effect("await gives up in time and says what it saw", () =>
    Effect.gen(function*() {
      const { controls, ids: [id = ""], surroundings } = yield* rented(1)
      yield* controls.setStatus(id, "provisioning")
      const fiber = yield* Effect.forkChild(run(["await", id, "--timeout", "90s", "--json"], surroundings), {
        startImmediately: true
      })
      yield* TestClock.adjust("91 seconds")
      const { code, err, out } = yield* Fiber.join(fiber)
      assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
      assert.strictEqual(JSON.parse(err).error.kind, "timeout")
    }))

  it.effect("await fails as ended when the compute ends instead", () =>
    Effect.gen(function*() {
      const { controls, ids: [id = ""], surroundings } = yield* rented(1)
      yield* controls.setStatus(id, "failed", { exitCode: 1, failure: "it crashed" })
      const { code, err } = yield* run(["await", id], surroundings)
      assert.deepStrictEqual({ code, err }, { code: 1, err: "error [ended] it crashed" })
    }))

  it.effect("stop and start print the compute as it then is", () =>
    Effect.gen(function*() {
      const { ids: [id = ""], surroundings } = yield* rented(1)
      assert.strictEqual(JSON.parse((yield* run(["stop", id, "--json"], surroundings)).out).status, "stopped")
      assert.strictEqual(JSON.parse((yield* run(["start", id, "--json"], surroundings)).out).status, "running")
    }))
})

describe("logs", () => {
  it.effect("are a document, or an object a line while following", () =>
    Effect.gen(function*() {
      const { controls, ids: [id = ""], surroundings } = yield* rented(1)
      yield* controls.writeLog(id, "one")
      yield* controls.writeLog(id, "two")
      const document = JSON.parse((yield* run(["logs", id, "--json"], surroundings)).out)
      assert.deepStrictEqual(document.map(({ text, type }: Record<string, string>) => [type, text]), [
        ["log", "one"],
        ["log", "two"]
      ])
      assert.strictEqual((yield* run(["logs", id], surroundings)).out, "one\ntwo")
      assert.strictEqual((yield* run(["logs", id, "--after", document[0].cursor], surroundings)).out, "two")
      yield* controls.setStatus(id, "failed")
      const followed = (yield* run(["logs", "-f", id, "--json"], surroundings)).out.split("\n")
      assert.deepStrictEqual(followed.map((line) => JSON.parse(line)), document)
    }))
})

describe("down", () => {
  it.effect("ends every id it is given and says which", () =>
    Effect.gen(function*() {
      const { controls, ids, surroundings } = yield* rented(2)
      const { code, out } = yield* passWhile(run(["down", ...ids, "--json"], surroundings))
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(out), ids.map((id) => ({ id, status: "terminated" })))
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("ends the others when one fails, names each result, and fails", () =>
    Effect.gen(function*() {
      const { controls, ids: [one = "", two = ""], surroundings } = yield* rented(2)
      const plain = yield* passWhile(run(["down", "mock-unknown", one, "a/b"], surroundings))
      assert.deepStrictEqual({ code: plain.code, out: plain.out }, { code: 1, out: `ended ${one}` })
      assert.match(plain.err, /^error \[not_found\] .*mock-unknown.*\nerror \[validation\] id: .* \(a\/b\)$/)

      const json = yield* passWhile(run(["down", "mock-unknown", two, "a/b", "--json"], surroundings))
      assert.deepStrictEqual({ code: json.code, out: json.out }, { code: 1, out: "" })
      const { error } = JSON.parse(json.err)
      assert.strictEqual(error.kind, "not_found")
      assert.deepStrictEqual(error.results, [
        { id: "mock-unknown", status: "not_found" },
        { id: two, status: "terminated" },
        { id: "a/b", status: "failed" }
      ])
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("asks again when the provider was only busy", () =>
    Effect.gen(function*() {
      const { controls, ids: [id = ""], surroundings } = yield* rented(1)
      yield* controls.failNext("terminate", new AtlasError.Transport({ message: "reset" }))
      assert.strictEqual((yield* passWhile(run(["down", id], surroundings))).code, 0)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("says on a terminal why it may take a while, and so does the end of an attached up", () =>
    Effect.gen(function*() {
      const { controls, ids: [id = ""], surroundings } = yield* rented(1)
      const watched = { ...surroundings, colour: true }
      const down = yield* passWhile(run(["down", id], watched))
      assert.match(down.err, /^\.\.\. ending mock-.*; within \S+ of a create it takes until then/)
      const up = yield* Effect.forkChild(run(["up", "--image", "me/job"], watched), { startImmediately: true })
      while ((yield* controls.ledger).live.length === 0) yield* passWhile(Effect.sleep("1 second"))
      for (const one of (yield* controls.ledger).live) yield* controls.setStatus(one.id, "failed", { exitCode: 0 })
      assert.match(
        (yield* passWhile(Fiber.join(up))).err,
        /\.\.\. ending mock-.*; within \S+ of a create it takes until then/
      )
    }))

  it.effect("--all asks, and does nothing without a yes", () =>
    Effect.gen(function*() {
      const { controls, surroundings } = yield* rented(2)
      const no = yield* run(["down", "--all"], { ...surroundings, answer: false })
      assert.deepStrictEqual([no.out, no.questions], ["nothing to end", ["End all 2 computes?"]])
      assert.strictEqual((yield* controls.ledger).live.length, 2)
      yield* passWhile(run(["down", "--all"], { ...surroundings, answer: true }))
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("--all needs --yes where no question can be asked", () =>
    Effect.gen(function*() {
      const { controls, surroundings } = yield* rented(1)
      assert.strictEqual((yield* run(["down", "--all"], surroundings)).code, 2)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      assert.strictEqual((yield* passWhile(run(["down", "--all", "--yes"], surroundings))).code, 0)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))
})

describe("gpus and providers", () => {
  it.effect("gpus in JSON have the pinned fields", () =>
    Effect.gen(function*() {
      const { surroundings } = yield* rented(0)
      const [type] = JSON.parse((yield* run(["gpus", "--json"], surroundings)).out)
      assert.deepStrictEqual(Object.keys(type), [
        "id",
        "provider",
        "canonical",
        "displayName",
        "memoryGb",
        "lowestPricePerHour",
        "spotPricePerHour",
        "stock",
        "cloudType",
        "securePricePerHour",
        "communityPricePerHour"
      ])
    }))

  it.effect("a provider is configured when it is more than a name and lacks no setting", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const nowhere = Effect.fail(new AtlasError.NotFound({ message: "nothing" }))
      const keyless = Provider.make({
        id: "keyless",
        missing: ["KEYLESS_API_KEY"],
        compute: { spawn: () => nowhere, get: () => nowhere, list: () => Effect.succeed([]), terminate: () => nowhere }
      })
      const { out } = yield* run(["providers", "--json"], { providers: [provider, keyless, reserved] })
      assert.deepStrictEqual(
        JSON.parse(out).map(({ configured, id, implemented, missing }: Record<string, unknown>) => [
          id,
          implemented,
          configured,
          missing
        ]),
        [
          ["mock", true, true, []],
          ["keyless", true, false, ["KEYLESS_API_KEY"]],
          ["runpod", false, false, []]
        ]
      )
      assert.deepStrictEqual(Object.keys(JSON.parse(out)[0]), [
        "id",
        "cloud",
        "capabilities",
        "implemented",
        "configured",
        "missing"
      ])
    }))

  it.effect("the command line knows these providers, the first being its default", () =>
    Effect.gen(function*() {
      const { layer } = yield* Effect.promise(() => import("../../src/cli/providers.ts"))
      yield* Effect.gen(function*() {
        const { all } = yield* Providers.Providers
        assert.deepStrictEqual(
          all.map(({ capabilities, id, implemented }) => [id, implemented, capabilities.length > 0]),
          [
            ["local", true, true],
            ["mock", true, true],
            ["runpod", true, true],
            ["lambda_labs", false, true],
            ["vast", false, true],
            ["fly", false, true]
          ]
        )
        assert.strictEqual((yield* Atlas.capabilities()).provider, "local")
      }).pipe(Effect.provide(layer))
    }))
})

describe("check", () => {
  it.effect("what may cost money needs a limit and a yes", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const dear = { ...provider, id: Provider.placeholder("dear", []).id, cloud: "dear" }
      const providers = { providers: [dear] }
      assert.include((yield* run(["check", "dear"], providers)).err, "--max-cost")
      assert.include((yield* run(["check", "dear", "--max-cost", "1"], providers)).err, "--yes")
      const no = yield* run(["check", "dear", "--max-cost", "1"], { ...providers, answer: false })
      assert.deepStrictEqual([no.out, no.questions], [
        "nothing was rented",
        ["Rent real computes from dear, for $1 at most?"]
      ])
    }))

  it.effect("a name that is only reserved cannot be checked", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(["check", "runpod"], { providers: [reserved] })
      assert.deepStrictEqual([code, err.slice(0, 19)], [1, "error [unsupported]"])
    }))

  it.live("runs every case and reports in JSON", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const { code, out } = yield* run(["check", "mock", "--json"], { providers: [provider] })
      const report = JSON.parse(out)
      assert.strictEqual(code, 0, out)
      assert.deepStrictEqual([report.provider, report.failed], ["mock", 0])
      assert.isAbove(report.passed, 10)
    }))

  it.live("a broken promise is named, and the exit code is 1", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      const list = () => Effect.map(provider.gpus.list(), (types) => [...types, ...types])
      const broken = { ...provider, gpus: { list } }
      const { code, out } = yield* run(["check", "mock"], { providers: [broken] })
      assert.strictEqual(code, 1)
      assert.match(out, /^failed {3}the GPU list .* an id is listed twice$/m)
    }))
})
