import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { at, headers, inProcess, listAt, management, podBody, send, textAt } from "./fakeHarness.ts"

const controls = FakeRunPod.FakeRunPodControls

const order = (...faults: ReadonlyArray<FakeRunPod.Fault>) => controls.use((one) => one.order(...faults))

const made = Effect.map(controls.use((one) => one.ledger), (ledger) => ledger.made.map(({ name }) => name))

const create = send("POST", "/pods", { body: podBody("a") })

const idOf = Effect.map(create, ({ json }) => textAt(json, "id"))

const test = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, inProcess())

describe("a create", () => {
  for (const acted of [true, false]) {
    it.effect(`whose answer is lost fails like a broken connection, and ${acted ? "made its pod" : "made nothing"}`, () =>
      Effect.gen(function*() {
        yield* order({ _tag: "LoseAnswer", on: "createPod", acted })
        const error = yield* Effect.flip(create)
        assert.match(String(at(error, "reason", "cause", "cause")), /ECONNRESET/)
        assert.deepStrictEqual(yield* made, acted ? ["a"] : [])
        assert.strictEqual((yield* create).status, 201)
      }).pipe(test))

    it.effect(`that is answered by 502 ${acted ? "after" : "before"} it was done`, () =>
      Effect.gen(function*() {
        yield* order({ _tag: "Refuse", on: "createPod", status: 502, acted, form: "html" })
        const got = yield* create
        assert.strictEqual(got.status, 502)
        assert.strictEqual(got.headers["content-type"], "text/html")
        assert.deepStrictEqual(yield* made, acted ? ["a"] : [])
      }).pipe(test))

    it.effect(`that is never answered, ${acted ? "done" : "not done"} all the same`, () =>
      Effect.gen(function*() {
        yield* order({ _tag: "Hang", on: "createPod", acted })
        const fiber = yield* Effect.forkChild(create, { startImmediately: true })
        yield* TestClock.adjust("1 day")
        assert.isUndefined(fiber.pollUnsafe())
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* made, acted ? ["a"] : [])
      }).pipe(test))
  }

  it.effect("that is late arrives also when its caller has left", () =>
    Effect.gen(function*() {
      yield* order({ _tag: "Delay", on: "createPod", request: "10 seconds" })
      const fiber = yield* Effect.forkChild(create, { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* made, [])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* made, ["a"])
    }).pipe(test))

  it.effect("that makes duplicates", () =>
    Effect.gen(function*() {
      yield* order({ _tag: "Twin", on: "createPod" })
      yield* create
      assert.deepStrictEqual(yield* made, ["a", "a"])
      const ids = (yield* controls.use((one) => one.ledger)).made.map(({ id }) => id)
      assert.notStrictEqual(ids[0], ids[1])
    }).pipe(test))

  it.effect.each(FakeRunPod.noCapacity)("finds no machine: %s", (detail) =>
    Effect.gen(function*() {
      yield* order({ _tag: "NoCapacity", on: "createPod", detail })
      const got = yield* create
      assert.strictEqual(got.status, 400)
      assert.strictEqual(at(got.json, "detail"), detail)
      assert.deepStrictEqual(yield* made, [])
    }).pipe(test))

  it.effect("is refused without a balance, and for a GPU the account may not rent", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.setBalance(false)
      assert.strictEqual((yield* create).status, 402)
      yield* control.setBalance(true)
      yield* control.forbidGpus(["NVIDIA GeForce RTX 4090"])
      assert.strictEqual((yield* create).status, 403)
      assert.deepStrictEqual(yield* made, [])
    }).pipe(test))
})

describe("an answer", () => {
  it.effect("is cut in half, or of another shape, though the pod was made", () =>
    Effect.gen(function*() {
      yield* order({ _tag: "Garble" }, { _tag: "WrongShape" })
      const garbled = yield* create
      assert.deepStrictEqual([garbled.status, garbled.json], [201, null])
      assert.deepStrictEqual((yield* create).json, { surprise: true })
      assert.deepStrictEqual(yield* made, ["a", "a"])
    }).pipe(test))

  it.effect("comes byte by byte", () =>
    Effect.gen(function*() {
      yield* order({ _tag: "Drip", every: "1 second", bytes: 8 })
      const fiber = yield* Effect.forkChild(send("GET", "/network-volumes"), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isUndefined(fiber.pollUnsafe())
      for (let second = 0; second < 4; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).json, { networkVolumes: [] })
    }).pipe(test))

  it.effect("says to wait", () =>
    Effect.gen(function*() {
      yield* order({ _tag: "Refuse", status: 429, retryAfter: 7 })
      const got = yield* send("GET", "/pods")
      assert.deepStrictEqual([got.status, got.headers["retry-after"]], [429, "7"])
    }).pipe(test))
})

describe("a list", () => {
  const namesIn = (json: unknown) => listAt(json, "pods").map((pod) => at(pod, "name"))

  it.effect("has short pages whose rest follows", () =>
    Effect.gen(function*() {
      const control = yield* controls
      for (const name of ["a", "b", "c", "d"]) yield* send("POST", "/pods", { body: podBody(name) })
      yield* control.order({ _tag: "ShortPage", on: "listPods" })
      const first = yield* send("GET", "/pods")
      assert.deepStrictEqual(namesIn(first.json), ["d", "c"])
      assert.isTrue(at(first.json, "pagination", "hasNextPage"))
      const rest = yield* send("GET", `/pods?cursor=${textAt(first.json, "pagination", "nextCursor")}`)
      assert.deepStrictEqual(namesIn(rest.json), ["b", "a"])
    }).pipe(test))

  it.effect("leads in a circle", () =>
    Effect.gen(function*() {
      yield* create
      yield* order({ _tag: "CursorLoop", on: "listPods", times: 2 })
      const next = (json: unknown) => textAt(json, "pagination", "nextCursor")
      const cursor = next((yield* send("GET", "/pods")).json)
      assert.strictEqual(next((yield* send("GET", `/pods?cursor=${cursor}`)).json), cursor)
    }).pipe(Effect.provide(inProcess())))

  it.effect("fails on its second page", () =>
    Effect.gen(function*() {
      yield* create
      yield* order({ _tag: "Refuse", on: "listPods", status: 503, skip: 1 })
      const statuses = [yield* send("GET", "/pods"), yield* send("GET", "/pods"), yield* send("GET", "/pods")]
      assert.deepStrictEqual(statuses.map(({ status }) => status), [200, 503, 200])
    }).pipe(test))

  it.effect("does not know a young pod yet, and with `get` nor does a look at its id", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.setListingLag("10 seconds")
      const id = yield* idOf
      const look = Effect.all([
        Effect.map(send("GET", "/pods"), ({ json }) => listAt(json, "pods").length),
        Effect.map(send("GET", `/pods/${id}`), ({ status }) => status)
      ])
      assert.deepStrictEqual(yield* look, [0, 200])
      yield* control.setListingLag("10 seconds", { get: true })
      assert.deepStrictEqual(yield* look, [0, 404])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* look, [1, 200])
    }).pipe(test))
})

describe("a pod", () => {
  it.effect("outlives so many deletes", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const id = yield* idOf
      yield* control.ignoreDeletes(2)
      const statuses: Array<number> = []
      for (let turn = 0; turn < 4; turn++) statuses.push((yield* send("DELETE", `/pods/${id}`)).status)
      assert.deepStrictEqual(statuses, [204, 204, 204, 404])
    }).pipe(test))

  it.effect("vanishes, fails, stops by itself, and changes its price", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const ids = [yield* idOf, yield* idOf, yield* idOf, yield* idOf]
      const [gone = "", failed = "", stopped = "", dear = ""] = ids
      yield* control.vanish(gone)
      yield* control.failPod(failed)
      yield* control.stopPod(stopped)
      yield* control.setPrice(dear, 9)
      assert.strictEqual((yield* send("GET", `/pods/${gone}`)).status, 404)
      const fieldOf = (id: string, name: string) => Effect.map(send("GET", `/pods/${id}`), ({ json }) => at(json, name))
      assert.strictEqual(yield* fieldOf(failed, "status"), "ERROR")
      assert.strictEqual(yield* fieldOf(stopped, "status"), "EXITED")
      assert.strictEqual(yield* fieldOf(dear, "cost"), 9)
      assert.deepStrictEqual((yield* control.ledger).live.map(({ id }) => id), [failed, stopped, dear])
    }).pipe(test))

  it.effect("of another owner stands in the list like any other", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const id = yield* control.plantPod(podBody("theirs"))
      assert.deepStrictEqual(listAt((yield* send("GET", "/pods")).json, "pods").map((pod) => at(pod, "id")), [id])
    }).pipe(test))
})

describe("a log", () => {
  const read = (id: string, query: string, more: Record<string, string> = {}) =>
    Effect.map(
      HttpClient.get(`${management}/pods/${id}/logs${query}`, { headers: { ...headers, ...more } }),
      (response) => Stream.decodeText(response.stream)
    )

  const collected = (id: string, query: string, more: Record<string, string> = {}) =>
    Effect.gen(function*() {
      const text: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(yield* read(id, query, more), (part) => Effect.sync(() => text.push(part))),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(fiber)
      return text.join("").split("\n").filter((line) => line.startsWith("data: "))
        .map((line) => textAt(JSON.parse(line.slice(6)), "line"))
    })

  it.effect("gives the last lines, those of one source, those after an event, and never ends", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const id = yield* idOf
      yield* TestClock.adjust("2 seconds")
      for (const line of ["one", "two", "three"]) yield* control.writeLog(id, line)
      assert.deepStrictEqual(yield* collected(id, "?tail=2"), ["two", "three"])
      assert.deepStrictEqual(yield* collected(id, "?source=container"), ["one", "two", "three"])
      assert.deepStrictEqual(yield* collected(id, "?source=system"), [
        "create container test/image",
        "start container for test/image: begin"
      ])
      const all = yield* Stream.mkString(Stream.take(yield* read(id, "?source=container"), 3))
      const ids = all.split("\n").filter((line) => line.startsWith("id: ")).map((line) => line.slice(4))
      assert.deepStrictEqual(yield* collected(id, "?tail=0", { "last-event-id": ids[0] ?? "" }), ["two", "three"])
      assert.deepStrictEqual(yield* collected(id, "?tail=0"), [])
    }).pipe(test))

  it.effect("brings a line to its follower at the moment it is written", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const id = yield* idOf
      const lines = Stream.filter(yield* read(id, "?source=container"), (part) => part.includes("hello"))
      const fiber = yield* Effect.forkChild(Stream.runHead(lines), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* control.writeLog(id, "hello")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Some")
    }).pipe(test))

  it.effect("breaks after so many events", () =>
    Effect.gen(function*() {
      const control = yield* controls
      const id = yield* idOf
      yield* TestClock.adjust("2 seconds")
      yield* control.order({ _tag: "CutStream", on: "getPodLogs", lines: 1 })
      const parts: Array<string> = []
      const exit = yield* Effect.exit(
        Stream.runForEach(yield* read(id, ""), (part) => Effect.sync(() => parts.push(part)))
      )
      assert.strictEqual(exit._tag, "Failure")
      assert.lengthOf(parts.join("").match(/^data: /gm) ?? [], 1)
    }).pipe(test))
})

describe("what was asked", () => {
  it.effect("is on record in order, by call and name, without bodies and keys", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.order({ _tag: "LoseAnswer", on: "createPod" })
      yield* Effect.ignore(send("POST", "/pods", { body: podBody("a", { env: { SECRET: "canary" } }) }))
      yield* send("GET", "/pods?limit=5")
      const requests = yield* control.requests
      assert.deepStrictEqual(requests.map(({ name, operation, path, status }) => [operation, path, name, status]), [
        ["createPod", "/v2/pods", "a", null],
        ["listPods", "/v2/pods", null, 200]
      ])
      assert.notMatch(JSON.stringify(requests), /canary|rpa_key/)
    }).pipe(test))

  it.effect("faults that struck no request stay in line until they are dropped", () =>
    Effect.gen(function*() {
      const control = yield* controls
      yield* control.order({ _tag: "Garble", on: "getPod" }, { _tag: "Garble", on: "listPods", times: 2 })
      yield* send("GET", "/pods")
      assert.strictEqual(yield* control.pendingFaults, 2)
      yield* control.clearFaults
      assert.notStrictEqual((yield* send("GET", "/pods")).json, null)
    }).pipe(test))
})
