/**
 * The suite can fail: for every promise there is a dispatcher here that breaks it, and is caught by that very case.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { DispatcherConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

type Service = Dispatcher.Dispatcher["Service"]

interface Host {
  readonly taken: Map<string, Array<unknown>>
  failures: number
}

/** Spoils a dispatcher in memory, or one over the host's bus. */
type Broken = readonly [how: string, spoil: Spoil, by: string]
type Spoil =
  | { readonly memory: (good: Service, forever: Scope.Scope) => Service }
  | { readonly custom: (good: Service, host: Host) => Service }

const filtered = (good: Service, tag: Dispatcher.Delivery<unknown>["_tag"]): Service => ({
  ...good,
  subscribe: (topic, options) =>
    Effect.map(good.subscribe(topic, options), (stream) => Stream.filter(stream, (one) => one._tag !== tag))
})

const renamed = (good: Service, rename: (name: string) => string): Service => ({
  ...good,
  publish: (topic, message) => good.publish({ ...topic, name: rename(topic.name) }, message),
  subscribe: (topic, options) => good.subscribe({ ...topic, name: rename(topic.name) }, options)
})

const broken: ReadonlyArray<Broken> = [
  [
    "fails without subscribers",
    { memory: (good) => ({ ...good, publish: () => Effect.die("no subscriber") }) },
    "publishing to a topic without subscribers succeeds"
  ],
  [
    "loses a message now and then",
    {
      memory: (good) => {
        let count = 0
        return {
          ...good,
          publish: (topic, message) => count++ % 100 === 99 ? Effect.void : good.publish(topic, message)
        }
      }
    },
    "every subscriber gets every message, in the order it was published"
  ],
  [
    "repeats what was before",
    {
      memory: (good) => {
        const before = new Map<string, Effect.Effect<void>>()
        return {
          ...good,
          publish: (topic, message) => {
            before.set(topic.name, good.publish(topic, message))
            return good.publish(topic, message)
          },
          subscribe: (topic, options) =>
            Effect.tap(good.subscribe(topic, options), before.get(topic.name) ?? Effect.void)
        }
      }
    },
    "a subscriber is registered when subscribing returns, and gets only what is published after"
  ],
  [
    "does not tell capitals from others",
    { memory: (good) => renamed(good, (name) => name.toLowerCase()) },
    "a topic is its exact name, whatever stands in it"
  ],
  [
    "sends values through JSON without their schema",
    {
      memory: (good) => ({
        ...good,
        publish: (topic, message) =>
          Effect.suspend(() =>
            good.publish(topic, JSON.parse(JSON.stringify(message, (_, v) => typeof v === "bigint" ? `${v}` : v)))
          )
      })
    },
    "a message arrives as the value its schema describes"
  ],
  [
    "delivers some messages late",
    {
      memory: (good) => {
        let count = 0
        return {
          ...good,
          publish: (topic, message) =>
            count++ % 7 === 0
              ? Effect.asVoid(Effect.forkDetach(Effect.delay(good.publish(topic, message), "5 millis")))
              : good.publish(topic, message)
        }
      }
    },
    "the order of each publisher is kept when many publish at once"
  ],
  [
    "subscribes anew each time",
    {
      memory: (good) => ({
        ...good,
        subscribe: (topic, options) =>
          Effect.flatMap(
            Effect.scope,
            (scope) => Effect.flatMap(Scope.fork(scope), (own) => Scope.provide(good.subscribe(topic, options), own))
          )
      })
    },
    "a second subscription of one scope to one topic delivers once"
  ],
  [
    "never unsubscribes",
    {
      memory: (good, forever) => ({
        ...good,
        subscribe: (topic, options) =>
          Effect.flatMap(Scope.fork(forever), (own) => Scope.provide(good.subscribe(topic, options), own))
      })
    },
    "closing the scope unsubscribes: the stream ends, and others go on"
  ],
  [
    "evicts without telling",
    { memory: (good) => filtered(good, "Evicted") },
    "a subscriber that does not read is evicted: one Evicted element, then the end, and its neighbours miss nothing"
  ],
  [
    "does not take an evicted subscriber again",
    {
      memory: (good) => {
        const known = new Map<string, Stream.Stream<never>>()
        return {
          ...good,
          subscribe: (topic, options) =>
            Effect.gen(function*() {
              if (options?.capacity === undefined) {
                const out = known.get(topic.name)
                if (out !== undefined) return out
              } else known.set(topic.name, Stream.empty)
              return yield* good.subscribe(topic, options)
            })
        }
      }
    },
    "an evicted subscriber may subscribe again"
  ],
  [
    "hides its gaps",
    { memory: (good) => filtered(good, "Gap") },
    "a subscriber that chose gaps loses its oldest messages and is told how many, where they would have been"
  ],
  [
    "says it cannot be subscribed to, and can",
    { memory: (good) => ({ ...good, canSubscribe: false }) },
    "subscribing to a bus that cannot be subscribed to ends at once, with nothing"
  ],
  [
    "does not hand messages to the bus",
    { custom: (good) => ({ ...good, publish: () => Effect.void }) },
    "the bus is handed every message in order, as the JSON of its schema"
  ],
  [
    "lets the producer feel that the bus fails",
    {
      custom: (good, host) => ({
        ...good,
        publish: (topic, message) => host.failures > 0 ? Effect.die("the bus fails") : good.publish(topic, message)
      })
    },
    "a bus that fails does not fail its producer, and gets the next message"
  ]
]

const quiet = Logger.layer([])

/** Runs the whole suite over a spoiled dispatcher. */
const runOver = (spoil: Spoil | undefined, timeLimit: "1 second" | "30 seconds") =>
  Effect.runPromise(
    Effect.gen(function*() {
      const forever = yield* Effect.scope
      const host: Host = { taken: new Map(), failures: 0 }
      const hooks: DispatcherConformance.Options = spoil !== undefined && "memory" in spoil ? {} : {
        taken: (topic) => Effect.succeed(host.taken.get(topic) ?? []),
        failNext: Effect.sync(() => {
          host.failures = 1
        })
      }
      const custom = Dispatcher.layerCustom((topic, message) => {
        if (host.failures-- > 0) throw new Error("busy")
        host.taken.set(topic, [...host.taken.get(topic) ?? [], message])
      })
      const spoiled = (good: Service): Service =>
        spoil === undefined ? good : "memory" in spoil ? spoil.memory(good, forever) : spoil.custom(good, host)
      const layer = Layer.effect(Dispatcher.Dispatcher, Effect.map(Dispatcher.Dispatcher, spoiled)).pipe(
        Layer.provide(spoil !== undefined && "memory" in spoil ? Dispatcher.layerMemory : custom)
      )
      return yield* Effect.provide(DispatcherConformance.run({ ...hooks, timeLimit }), layer)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

const failedOf = (report: DispatcherConformance.Report) =>
  report.results.filter((result) => result.outcome === "failed").map((result) => result.name)

describe("a dispatcher is caught that", () => {
  it.each(broken)("%s", async (_, spoil, by) => {
    assert.include(failedOf(await runOver(spoil, "1 second")), by)
  })

  it("every case has such a dispatcher", () => {
    const seen = new Set(broken.map(([, , by]) => by))
    assert.deepStrictEqual(DispatcherConformance.cases().map((one) => one.name).filter((name) => !seen.has(name)), [])
  })
})

describe("the suite", () => {
  it("passes over a bus that takes and cannot be subscribed to, and says why it skips the rest", async () => {
    const report = await runOver(undefined, "30 seconds")
    assert.deepStrictEqual([report.passed, report.failed, report.skipped], [4, 0, 10])
    assert.deepStrictEqual(
      [...new Set(report.results.filter((one) => one.outcome === "skipped").map((one) => one.message))],
      ["this bus cannot be subscribed to"]
    )
  })

  it("passes over a dispatcher in memory, tells of each case, and skips what it has no hook for", async () => {
    const told: Array<string> = []
    const report = await Effect.runPromise(
      DispatcherConformance.run({}, (result) => Effect.sync(() => void told.push(result.name))).pipe(
        Effect.provide(Layer.provideMerge(Dispatcher.layerMemory, quiet))
      )
    )
    assert.deepStrictEqual([report.passed, report.failed, report.skipped], [11, 0, 3])
    assert.deepStrictEqual(told, DispatcherConformance.cases().map((one) => one.name))
    const messages = report.results.filter((one) => one.outcome === "skipped").map((one) => one.message)
    assert.deepStrictEqual([...new Set(messages)], ["this bus can be subscribed to", "the options have no taken"])
  })

  it("reports a defect without its text", async () => {
    const report = await runOver({
      memory: (good) => ({ ...good, publish: () => Effect.die(new TypeError("canary")) })
    }, "1 second")
    assert.notInclude(JSON.stringify(report), "canary")
    assert.include(
      report.results.map((result) => result.message),
      "the dispatcher failed unexpectedly (a defect): TypeError"
    )
  })
})
