import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { at, inProcess, listAt, runtime, send, textAt } from "./fakeHarness.ts"

const endpoint = `${runtime}/demo`

const controls = FakeRunPod.FakeRunPodControls

const test = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, inProcess({ endpoints: ["demo"] }))

const run = (input: unknown, more: object = {}) =>
  Effect.map(send("POST", `${endpoint}/run`, { body: { input, ...more } }), ({ json, text }) => {
    assert.strictEqual(at(json, "status"), "IN_QUEUE", text)
    return textAt(json, "id")
  })

const job = (id: string) => send("GET", `${endpoint}/status/${id}`)
const statusOf = (id: string) => Effect.map(job(id), ({ json }) => at(json, "status"))
const poll = (id: string) => send("GET", `${endpoint}/stream/${id}`)

const later = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

describe("a job", () => {
  it.effect("waits for its worker, runs, and ends with its output", () =>
    Effect.gen(function*() {
      const id = yield* run({ prompt: "hi" })
      const seen = [yield* statusOf(id)]
      yield* TestClock.adjust("1 second")
      seen.push(yield* statusOf(id))
      yield* TestClock.adjust("1 second")
      const { json } = yield* job(id)
      seen.push(at(json, "status"))
      assert.deepStrictEqual(seen, ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
      assert.deepStrictEqual(at(json, "output"), { echo: { prompt: "hi" } })
      assert.deepStrictEqual([at(json, "delayTime"), at(json, "executionTime")], [1000, 1000])
    }).pipe(test))

  it.effect("is forgotten half an hour after it ended, and one of runsync after a minute", () =>
    Effect.gen(function*() {
      const id = yield* run(1)
      const fiber = yield* later(send("POST", `${endpoint}/runsync`, { body: { input: 2 } }))
      yield* TestClock.adjust("4 seconds")
      const sync = textAt((yield* Fiber.join(fiber)).json, "id")
      assert.match(sync, /^sync-/)
      yield* TestClock.adjust("90 seconds")
      assert.deepStrictEqual([(yield* job(id)).status, (yield* job(sync)).status], [200, 404])
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual((yield* job(id)).status, 404)
    }).pipe(test))

  it.effect("of runsync that outlasts the wait is answered as it stands then", () =>
    Effect.gen(function*() {
      yield* controls.use((one) => one.onJob(() => ({ duration: "1 minute" })))
      const fiber = yield* later(send("POST", `${endpoint}/runsync?wait=5000`, { body: { input: 2 } }))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(at((yield* Fiber.join(fiber)).json, "status"), "IN_PROGRESS")
    }).pipe(test))

  it.effect("fails, is retried under the same id, and can then succeed", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.onJob(() => ({ error: "out of memory" }))
      const id = yield* run(1)
      assert.strictEqual((yield* send("POST", `${endpoint}/retry/${id}`)).status, 400)
      yield* TestClock.adjust("2 seconds")
      const failed = (yield* job(id)).json
      assert.deepStrictEqual([at(failed, "status"), at(failed, "error")], ["FAILED", "out of memory"])
      yield* control.onJob(() => ({ output: "fine" }))
      assert.strictEqual((yield* send("POST", `${endpoint}/retry/${id}`)).status, 200)
      yield* TestClock.adjust("1 second")
      const done = (yield* job(id)).json
      assert.deepStrictEqual([at(done, "status"), at(done, "output"), at(done, "retries")], ["COMPLETED", "fine", 1])
    }).pipe(test))

  it.effect("is cancelled while it waits and while it runs, and cancelling twice changes nothing", () =>
    Effect.gen(function*() {
      const cancel = (id: string) =>
        Effect.map(send("POST", `${endpoint}/cancel/${id}`), ({ json }) => at(json, "status"))
      const waiting = yield* run(1)
      assert.strictEqual(yield* cancel(waiting), "CANCELLED")
      const running = yield* run(2)
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(yield* statusOf(running), "IN_PROGRESS")
      assert.strictEqual(yield* cancel(running), "CANCELLED")
      assert.strictEqual(yield* cancel(running), "CANCELLED")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* statusOf(running), "CANCELLED")
    }).pipe(test))

  it.effect("ends at its time limit, and with its life time altogether", () =>
    Effect.gen(function*() {
      yield* controls.use((one) => one.onJob(() => ({ duration: "1 hour" })))
      const limited = yield* run(1, { policy: { executionTimeout: 5000 } })
      yield* TestClock.adjust("6 seconds")
      assert.strictEqual(yield* statusOf(limited), "TIMED_OUT")
      const mortal = yield* run(2, { policy: { ttl: 10_000 } })
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* statusOf(mortal), "IN_PROGRESS")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* job(mortal)).status, 404)
    }).pipe(test))

  it.effect("tells its webhook, or would", () =>
    Effect.gen(function*() {
      const id = yield* run(7, { webhook: "https://example.com/hook" })
      yield* TestClock.adjust("2 seconds")
      const [told] = yield* controls.use((one) => one.webhooks)
      assert.deepStrictEqual([at(told, "id"), at(told, "status"), at(told, "input")], [id, "COMPLETED", 7])
    }).pipe(test))
})

describe("a stream", () => {
  const chunks = {
    stream: [1, 2, 3].map((output) => ({ after: output * 1000, output })),
    duration: "3 seconds"
  } as const

  it.effect("gives each chunk once, in order, the last ones with COMPLETED", () =>
    Effect.gen(function*() {
      yield* controls.use((one) => one.onJob(() => chunks))
      const id = yield* run(1)
      yield* TestClock.adjust("2500 millis")
      const first = (yield* poll(id)).json
      assert.deepStrictEqual(first, { status: "IN_PROGRESS", stream: [{ output: 1 }] })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* poll(id)).json, { status: "COMPLETED", stream: [{ output: 2 }, { output: 3 }] })
      assert.deepStrictEqual((yield* poll(id)).json, { status: "COMPLETED", stream: [] })
      assert.isUndefined(at((yield* job(id)).json, "output"))
    }).pipe(test))

  it.effect("holds an empty poll until there is something, but no longer than 10 seconds", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.onJob(() => chunks)
      yield* control.holdWorkers("demo", true)
      const id = yield* run(1)
      const empty = yield* later(poll(id))
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(empty.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(empty)).json, { status: "IN_QUEUE", stream: [] })
      const full = yield* later(poll(id))
      yield* TestClock.adjust("1 second")
      yield* control.holdWorkers("demo", false)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(full.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(full)).json, { status: "IN_PROGRESS", stream: [{ output: 1 }] })
    }).pipe(test))

  it.effect("of a failed job says so with its last chunks", () =>
    Effect.gen(function*() {
      yield* controls.use((one) => one.onJob(() => ({ ...chunks, error: "boom" })))
      const id = yield* run(1)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual((yield* poll(id)).json, {
        status: "FAILED",
        stream: [{ output: 1 }, { output: 2 }, { output: 3 }],
        error: "boom"
      })
    }).pipe(test))
})

describe("an endpoint", () => {
  const health = Effect.map(send("GET", `${endpoint}/health`), ({ json }) => json)

  it.effect("starts workers up to its maximum, uses an idle one first, and lets it go", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.plantEndpoint("busy", {
        scaling: { type: "REQUEST_COUNT", requestCount: 1 },
        workers: { max: 2 }
      })
      for (const input of [1, 2, 3]) yield* send("POST", `${runtime}/busy/run`, { body: { input } })
      const workers = Effect.map(send("GET", "/serverless/busy/workers"), ({ json }) => at(json, "summary"))
      assert.strictEqual(at(yield* workers, "initializing"), 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(at(yield* workers, "running"), 2)
      const health = (yield* send("GET", `${runtime}/busy/health`)).json
      assert.deepStrictEqual([at(health, "jobs", "inProgress"), at(health, "jobs", "inQueue")], [2, 1])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([at(yield* workers, "idle"), at(yield* workers, "total")], [2, 2])
      yield* TestClock.adjust("12 seconds")
      assert.strictEqual(at(yield* workers, "total"), 0)
    }).pipe(test))

  it.effect("purges what waits and not what runs", () =>
    Effect.gen(function*() {
      const running = yield* run(1)
      yield* TestClock.adjust("1 second")
      const waiting = yield* run(2)
      const got = yield* send("POST", `${endpoint}/purge-queue`)
      assert.deepStrictEqual(got.json, { removed: 1, status: "completed" })
      assert.deepStrictEqual([(yield* job(running)).status, (yield* job(waiting)).status], [200, 404])
      assert.strictEqual(at(yield* health, "jobs", "inQueue"), 0)
    }).pipe(test))

  it.effect("that balances load takes no jobs, and one that is not there is 404", () =>
    Effect.gen(function*() {
      yield* controls.use((one) =>
        one.plantEndpoint("lb", { type: "LOAD_BALANCER", scaling: { type: "REQUEST_COUNT", requestCount: 1 } })
      )
      const got = yield* send("POST", `${runtime}/lb/run`, { body: { input: 1 } })
      assert.deepStrictEqual([got.status, got.json], [400, { error: "not allowed for LB API" }])
      assert.strictEqual((yield* send("GET", `${runtime}/lb/health`)).status, 200)
      assert.strictEqual((yield* send("POST", `${runtime}/none/run`, { body: { input: 1 } })).status, 404)
    }).pipe(test))

  it.effect("bills its workers for as long as they are there", () =>
    Effect.gen(function*() {
      yield* run(1)
      yield* TestClock.adjust("1 hour")
      const bill = yield* send("GET", "/billing/serverless?bucketSize=hour")
      // a second to start, one to work, ten of idleness, at 0.68 an hour
      assert.closeTo(Number(at(bill.json, "metadata", "totals", "gpuAmount")), (12 / 3600) * 0.68, 1e-9)
      assert.strictEqual(at(listAt(bill.json, "records")[0], "serverlessId"), "demo")
    }).pipe(test))

  it.effect("refuses a job with fields it does not know", () =>
    Effect.gen(function*() {
      const got = yield* send("POST", `${endpoint}/run`, { body: { input: 1, inputs: 2 } })
      assert.strictEqual(got.status, 400)
      assert.isString(at(got.json, "error"))
    }).pipe(test))
})
