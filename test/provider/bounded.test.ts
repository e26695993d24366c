/**
 * The time limit of a call holds for every adapter, also for one that never looks at it.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Compute } from "effect-atlas"
import { AtlasError, Provider } from "effect-atlas"
import * as Adapter from "effect-atlas/provider/Adapter"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { machine } from "../support/acme.ts"

const silent = () => Effect.never

const deaf = Adapter.make({
  id: "acme",
  settleWindow: "1 second",
  compute: { check: silent, spawn: silent, get: silent, list: silent, terminate: silent },
  power: { stop: silent, start: silent },
  gpus: { list: silent },
  logs: { stream: () => Stream.never },
  jobs: { submit: silent, get: silent, cancel: silent, chunk: silent },
  volumes: { list: silent, get: silent, create: silent, delete: silent },
  templates: { list: silent, get: silent, create: silent, delete: silent },
  endpoints: { list: silent, get: silent, delete: silent },
  billing: { spend: silent }
})

const acme = Provider.neutral(Provider.make(deaf))
const limited = { timeout: "3 seconds" } as const
const job = { endpoint: "e", id: "j" }

type Asked = Effect.Effect<unknown, AtlasError.AtlasError>

/** How a call has ended by then, null while it has not. */
const after = (duration: Duration.Input, asked: Asked) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.result(asked), { startImmediately: true })
    yield* TestClock.adjust(duration)
    if (fiber.pollUnsafe() === undefined) return null
    const result = yield* Fiber.join(fiber)
    return result._tag === "Failure" ? result.failure.reason : "success"
  })

const calls: ReadonlyArray<readonly [string, (options?: { readonly timeout: "3 seconds" }) => Asked]> = [
  ["checking a spawn", (options) => acme.compute.check({}, options)],
  ["preparing a spawn", (options) => acme.compute.prepare({}, options)],
  ["a look", (options) => acme.compute.get("a", options)],
  ["a list", (options) => acme.compute.list({}, options)],
  ["a terminate", (options) => acme.compute.terminate("a", options)],
  ["a stop", (options) => acme.power.stop("a", options)],
  ["a start", (options) => acme.power.start("a", options)],
  ["the GPU list", (options) => acme.gpus.list(options)],
  ["a log", (options) => Stream.runDrain(acme.logs.stream("a", {}, options))],
  ["getting a job", (options) => acme.jobs.get(job, options)],
  ["cancelling a job", (options) => acme.jobs.cancel(job, options)],
  ["the output of a job", (options) => acme.jobs.chunk(job, options)],
  ["the volumes", (options) => acme.volumes.list(options)],
  ["a volume", (options) => acme.volumes.get("v", options)],
  ["deleting a volume", (options) => acme.volumes.delete("v", options)],
  ["the templates", (options) => acme.templates.list(options)],
  ["a template", (options) => acme.templates.get("t", options)],
  ["deleting a template", (options) => acme.templates.delete("t", options)],
  ["the endpoints", (options) => acme.endpoints.list(options)],
  ["an endpoint", (options) => acme.endpoints.get("e", options)],
  ["deleting an endpoint", (options) => acme.endpoints.delete("e", options)],
  ["the bill", (options) => acme.billing.spend("a", {}, options)]
]

describe("an adapter that never answers", () => {
  it.effect.each(calls)(
    "%s ends as a timeout with the limit of its call, and not before",
    ([, ask]) =>
      Effect.gen(function*() {
        assert.isNull(yield* after("2900 millis", ask(limited)))
        const reason = yield* after("4 seconds", ask(limited))
        assert.deepInclude(reason, { _tag: "Timeout", message: "no answer within 3s" })
        assert.isNull(yield* after("1 hour", ask()))
      })
  )

  it.effect("what creates something is uncertain then, never refused: it may have been acted on", () =>
    Effect.gen(function*() {
      const asked: ReadonlyArray<Asked> = [
        acme.volumes.create({ name: "n", sizeGb: 10 }, limited),
        acme.templates.create({ name: "n", image: "i" }, limited),
        acme.jobs.submit({ endpoint: "e", input: null }, limited)
      ]
      for (const one of asked) assert.deepInclude(yield* after("4 seconds", one), { _tag: "Uncertain" })
    }))

  it.effect("a job that is waited for ends with its own limit, also without one of the call", () =>
    Effect.gen(function*() {
      const sync = { endpoint: "e", input: null, mode: "sync", timeout: "2 seconds" } as const
      for (const options of [undefined, limited]) {
        const reason = yield* after("2500 millis", acme.jobs.submit(sync, options))
        assert.deepInclude(reason, { _tag: "Timeout", message: "no answer within 2s" })
      }
    }))
})

describe("a create that is cut off by its limit", () => {
  it.effect("is looked for by its name, found, and sent once", () =>
    Effect.gen(function*() {
      const made: Array<Compute.Compute> = []
      const provider = Provider.make({
        ...deaf,
        compute: {
          ...deaf.compute,
          check: () => Effect.void,
          spawn: (spawn) =>
            Effect.suspend(() => {
              made.push(machine({ name: spawn.name }))
              return Effect.never
            }),
          list: () => Effect.sync(() => made)
        }
      })
      const fiber = yield* Effect.forkChild(provider.compute.spawn({}, limited))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 10 })
      assert.strictEqual((yield* Fiber.join(fiber)).id, "acme-1")
      assert.lengthOf(made, 1)
    }))
})

describe("an adapter that keeps the limit itself", () => {
  it.effect("is believed: what it says of the time that passed is the answer", () =>
    Effect.gen(function*() {
      const own = new AtlasError.RateLimited({ message: "not sent" })
      const provider = Provider.make({
        ...deaf,
        compute: {
          ...deaf.compute,
          check: () => Effect.void,
          spawn: (_, call) => Effect.delay(Effect.fail(own), call.timeout ?? 0)
        }
      })
      const fiber = yield* Effect.forkChild(Effect.flip(provider.compute.spawn({}, limited)))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).reason, own)
    }))

  it.effect("may be an object with a state of its own", () =>
    Effect.gen(function*() {
      class Cloud {
        private readonly known = "acme-7"
        readonly spawn = silent
        readonly list = silent
        readonly terminate = silent
        get(): Effect.Effect<never, AtlasError.AtlasErrorReason> {
          return Effect.fail(new AtlasError.NotFound({ message: `only ${this.known} is here` }))
        }
      }
      const provider = Provider.make({ id: "acme", compute: new Cloud() })
      const error = yield* Effect.flip(provider.compute.get("a", limited))
      assert.include(error.message, "only acme-7 is here")
    }))
})
