/**
 * Jobs, volumes, templates, endpoints and bills on the command line, over the mock.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mock, run } from "./harness.ts"

const surroundings = Effect.map(mock, ({ controls, provider }) => ({ controls, around: { providers: [provider] } }))

describe("a job", () => {
  it.effect("is run, shown, awaited, followed and cancelled, always in the same shape", () =>
    Effect.gen(function*() {
      const { around } = yield* surroundings
      const ran = yield* run(["job", "run", "ep", "--input", "{\"a\":1}", "--sync", "--json"], around)
      assert.strictEqual(ran.code, 0, ran.err)
      const job = JSON.parse(ran.out)
      assert.deepStrictEqual(job, {
        id: job.id,
        provider: "mock",
        endpoint: "ep",
        status: "completed",
        output: { echo: { a: 1 } },
        error: null,
        executionTimeMs: 0,
        delayTimeMs: 0
      })
      assert.deepStrictEqual(JSON.parse((yield* run(["job", "get", "ep", job.id, "--json"], around)).out), job)
      assert.deepStrictEqual(JSON.parse((yield* run(["job", "await", "ep", job.id, "--json"], around)).out), job)
      const streamed = yield* run(["job", "stream", "ep", job.id, "--json"], around)
      assert.deepStrictEqual(JSON.parse(streamed.out), { type: "output", output: { echo: { a: 1 } } })
      const cancelled = JSON.parse((yield* run(["job", "cancel", "ep", job.id, "--json"], around)).out)
      assert.deepStrictEqual([cancelled.id, cancelled.status], [job.id, "cancelled"])
      const failed = yield* run(["job", "await", "ep", job.id, "--json"], around)
      assert.deepStrictEqual({ code: failed.code, out: failed.out }, { code: 1, out: "" })
      assert.strictEqual(JSON.parse(failed.err).error.kind, "provider")
    }))

  it.effect("takes its input from stdin, and an empty object where none is given", () =>
    Effect.gen(function*() {
      const { around } = yield* surroundings
      const piped = yield* run(["job", "run", "ep", "--input", "-", "--json"], { ...around, input: "[\"piped\"]\n" })
      assert.deepStrictEqual(JSON.parse(piped.out).output, { echo: ["piped"] })
      assert.deepStrictEqual(JSON.parse((yield* run(["job", "run", "ep", "--json"], around)).out).output, { echo: {} })
    }))

  it.effect("an input that is no JSON is not repeated", () =>
    Effect.gen(function*() {
      const { around } = yield* surroundings
      const { code, err } = yield* run(["job", "run", "ep", "--input", "{s3cret", "--json"], around)
      assert.strictEqual(code, 2)
      assert.notInclude(err, "s3cret")
    }))
})

describe("what outlives a compute", () => {
  it.effect.each<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["volumes", ["--name", "a", "--size", "10"], ["id", "provider", "name", "sizeGb", "region"]],
    ["templates", ["--name", "a", "--image", "me/a", "--port", "80"], ["id", "provider", "name", "image", "serverless"]]
  ])("%s are made, listed, shown and deleted", ([kind, flags, fields]) =>
    Effect.gen(function*() {
      const { around } = yield* surroundings
      assert.strictEqual((yield* run([kind, "ls", "--json"], around)).out, "[]")
      const made = JSON.parse((yield* run([kind, "create", ...flags, "--json"], around)).out)
      assert.deepStrictEqual(Object.keys(made), [...fields])
      assert.deepStrictEqual(JSON.parse((yield* run([kind, "ls", "--json"], around)).out), [made])
      assert.deepStrictEqual(JSON.parse((yield* run([kind, "get", made.id, "--json"], around)).out), made)
      assert.match((yield* run([kind, "ls"], around)).out, new RegExp(`^ID .*\n${made.id} `))
      const deleted = yield* run([kind, "rm", made.id, "--json"], around)
      assert.deepStrictEqual(JSON.parse(deleted.out), { id: made.id, status: "deleted" })
      const again = yield* run([kind, "rm", made.id, "--json"], around)
      assert.deepStrictEqual([again.code, again.out, JSON.parse(again.err).error.kind], [1, "", "not_found"])
    }))

  it.effect("endpoints are listed, shown and deleted", () =>
    Effect.gen(function*() {
      const { around, controls } = yield* surroundings
      yield* controls.addEndpoint("ep1", "demo")
      const [one] = JSON.parse((yield* run(["endpoints", "ls", "--json"], around)).out)
      assert.deepStrictEqual([one.id, one.name], ["ep1", "demo"])
      assert.deepStrictEqual(JSON.parse((yield* run(["endpoints", "get", "ep1", "--json"], around)).out), one)
      assert.strictEqual((yield* run(["endpoints", "rm", "ep1"], around)).out, "deleted ep1")
      assert.strictEqual((yield* run(["endpoints", "ls"], around)).out, "no endpoints")
    }))

  it.effect("a bill names the compute, the parts and the window", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { id } = yield* provider.compute.spawn({ image: "me/server" })
      yield* controls.setSpend(id, 1.5)
      const { code, err, out } = yield* run(["spend", id, "--from", "1970-01-01", "--json"], { providers: [provider] })
      assert.strictEqual(code, 0, err)
      const bill = JSON.parse(out)
      assert.deepStrictEqual(Object.keys(bill), [
        "computeId",
        "provider",
        "totalUsd",
        "gpuUsd",
        "cpuUsd",
        "diskUsd",
        "from",
        "to"
      ])
      assert.deepStrictEqual([bill.computeId, bill.totalUsd, bill.from], [id, 1.5, "1970-01-01T00:00:00.000Z"])
    }))
})
