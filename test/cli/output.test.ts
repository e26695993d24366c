/**
 * The output of commands that stay with a machine: whoever reads it, however slowly, and what its machine says at its end.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { AtlasError, LogElement, type Provider } from "effect-atlas"
import type * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { idOf, mock, pass, run, settle, start } from "./harness.ts"

// commands load their work when they are chosen; here it is loaded before the clock stands still
beforeAll(() => import("../../src/cli/actions/runSession.ts"))

type Lines = ReadonlyArray<Record<string, unknown>>

const textsOf = (lines: Lines) => lines.flatMap(({ text }) => text === undefined ? [] : [text])

/** What became of a run that must be over by now. */
const over = <A>(fiber: Fiber.Fiber<A>) => {
  assert.isDefined(fiber.pollUnsafe(), "the command has ended")
  return Fiber.join(fiber)
}

/** Starts a command apart from its test, which ends at once where an assertion fails: nobody moves the clock then. */
const begun = (...given: Parameters<typeof start>) =>
  Effect.gen(function*() {
    const running = start(...given)
    const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
    while (running.out.length < 1) yield* settle
    const lines = () =>
      running.out.flatMap((text) => text.split("\n")).map((line): Record<string, unknown> => JSON.parse(line))
    return { fiber, lines, out: running.out }
  })

/** The id of the machine, once there is one. */
const rented = ({ ledger }: MockProvider.Controls) =>
  Effect.gen(function*() {
    while (true) {
      const [machine] = (yield* ledger).live
      if (machine !== undefined) return machine.id
      yield* settle
    }
  })

/** A provider whose machines say something when they are stopped. */
const talking = (provider: Provider.Service, say: (id: string) => Effect.Effect<void, AtlasError.AtlasError>) => ({
  ...provider,
  power: {
    ...provider.power,
    stop: (id: string) => Effect.andThen(say(id), provider.power.stop(id))
  }
})

/** A provider whose log has words of the platform: lines that begin with `system `. */
const withPlatform = (provider: Provider.Service) => ({
  ...provider,
  logs: {
    stream: (...given: Parameters<Provider.Service["logs"]["stream"]>) =>
      Stream.map(provider.logs.stream(...given), (line) =>
        line.text.startsWith("system ")
          ? new LogElement.LogElement({ ...line, stream: "system", starts: true })
          : line)
  }
})

describe("a log that comes fast", () => {
  it.effect("is written as it comes: lines that arrive together are no write each", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const lines = Array.from({ length: 500 }, (_, index) =>
        new LogElement.LogElement({ cursor: `${index}`, at: null, stream: "output", text: `line ${index}` }))
      const fast: Provider.Service = {
        ...provider,
        logs: {
          ...provider.logs,
          stream: () =>
            Stream.concat(Stream.fromArray(lines), Stream.never)
        }
      }
      const { fiber, lines: shown, out } = yield* begun(["task", "--image", "x", "--json"], {
        providers: [fast]
      })
      yield* settle
      const writes = out.filter((text) => text.includes("\"text\":\"line "))
      assert.deepStrictEqual(textsOf(shown()), lines.map(({ text }) => text))
      assert.isAtMost(writes.length, 10)
      yield* controls.setStatus(idOf(shown()[0]), "failed", { exitCode: 0 })
      yield* pass(40)
      yield* over(fiber)
    }))
})

describe("a log that can be read after its machine is gone", () => {
  it.effect("is not read while the machine is ended, so that its lines do not take the processor from that", () =>
    Effect.gen(function*() {
      const { provider } = yield* mock
      let read = 0
      const readWhile: Array<number> = []
      const endless = Stream.fromEffectRepeat(
        Effect.delay(
          Effect.sync(() => new LogElement.LogElement({ cursor: `${++read}`, at: null, stream: "output", text: "y" })),
          "500 millis"
        )
      )
      const flooding: Provider.Service = {
        ...provider,
        logs: { ...provider.logs, outlivesCompute: true, stream: () => endless },
        power: {
          ...provider.power,
          stop: (id, options) =>
            Effect.gen(function*() {
              const before = read
              yield* Effect.sleep("8 seconds")
              readWhile.push(read - before)
              yield* provider.power.stop(id, options)
            })
        }
      }
      const { fiber } = yield* begun(["task", "--image", "x", "--max-runtime", "3s", "--json"], {
        providers: [flooding]
      })
      yield* pass(80)
      assert.strictEqual((yield* over(fiber)).code, 1)
      assert.isAbove(read, 3)
      assert.strictEqual(readWhile.length, 1)
      assert.isAtMost(readWhile[0] ?? 0, 1)
    }))
})

describe("a log that has lost something in the middle", () => {
  it.effect("is said to be cut where that is, not where it ends", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const lines = ["1", "2", "lost", "4", "5"].map((text) =>
        new LogElement.LogElement({
          cursor: text,
          at: null,
          stream: "output",
          text,
          ...(text === "lost" ? { lost: true } : {})
        })
      )
      const gappy: Provider.Service = {
        ...provider,
        logs: {
          ...provider.logs,
          stream: (_, options) =>
            options?.follow === true ? Stream.concat(Stream.fromArray(lines), Stream.never) : Stream.empty
        }
      }
      const { fiber, lines: shown } = yield* begun(["task", "--image", "x", "--json"], { providers: [gappy] })
      yield* controls.setStatus(idOf(shown()[0]), "failed", { exitCode: 0 })
      yield* pass(40)
      const { code, err } = yield* over(fiber)
      assert.strictEqual(code, 1)
      assert.deepInclude(JSON.parse(err), { type: "warning", lines: 2 })
    }))
})

describe("a reader that pauses", () => {
  it.effect("gets every line of a task, however long after the command's end, and keeps no machine", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const reads = Latch.makeUnsafe()
      const running = start(["task", "--image", "x", "--json"], { providers: [provider], reader: reads.await })
      const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
      const id = yield* rented(controls)
      for (let line = 1; line <= 2000; line++) yield* controls.writeLog(id, String(line))
      yield* controls.setStatus(id, "failed", { exitCode: 0 })
      yield* pass(120)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      assert.deepStrictEqual(running.out, [])
      assert.isUndefined(fiber.pollUnsafe())
      yield* reads.open
      const { code, err } = yield* Fiber.join(fiber)
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      const lines: Lines = running.out.flatMap((text) => text.split("\n")).map((line) => JSON.parse(line))
      assert.deepStrictEqual(textsOf(lines), Array.from({ length: 2000 }, (_, index) => String(index + 1)))
      assert.deepStrictEqual(lines.at(-1), { type: "exit", code: 0, truncated: false })
    }))

  it.effect("delays no limit, and is told what it has missed", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const running = start(["up", "--image", "x", "--max-runtime", "30s"], {
        providers: [provider],
        reader: Effect.never
      })
      const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
      yield* controls.writeLog(yield* rented(controls), "unread")
      yield* pass(40)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      yield* pass(10)
      const { code, err } = yield* over(fiber)
      assert.strictEqual(code, 1)
      assert.match(err, /^warning: the output of up was cut after line 0: its reader took no more$/m)
      assert.match(err, /^error \[timeout\]/m)
    }))

  it.effect.each(["up", "up --idle-ttl 1h"])("delays no interrupt: %s", (words) =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const running = start([...words.split(" "), "--image", "x"], {
        providers: [provider],
        reader: Effect.never
      })
      const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
      yield* settle
      yield* controls.writeLog((yield* controls.ledger).live[0]?.id ?? "", "unread")
      yield* settle
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* pass(3)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      yield* pass(5)
      assert.isDefined(fiber.pollUnsafe())
      assert.match(running.err.join("\n"), /cut after line 0: its reader took no more/)
    }))
})

describe("a log that gives nothing more at the end", () => {
  it.effect("is waited for as long as lines come, and then said to be cut, with exit code 1", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const hanging: Provider.Service = {
        ...provider,
        logs: {
          ...provider.logs,
          stream: (id, options, call) =>
            options?.follow === true
              ? provider.logs.stream(id, options, call)
              // a line every four seconds, twelve seconds long, and then nothing
              : Stream.concat(
                Stream.mapEffect(
                  Stream.range(1, 3),
                  (line) =>
                    Effect.as(
                      Effect.sleep("4 seconds"),
                      new LogElement.LogElement({
                        cursor: `x${line}`,
                        at: null,
                        stream: "output",
                        text: `late ${line}`
                      })
                    )
                ).pipe(Stream.rechunk(1)),
                Stream.never
              )
        }
      }
      const { fiber, lines } = yield* begun(["task", "--image", "x", "--json"], { providers: [hanging] })
      yield* controls.writeLog(idOf(lines()[0]), "first")
      yield* settle
      yield* controls.setStatus(idOf(lines()[0]), "failed", { exitCode: 0 })
      yield* pass(40)
      const { code, err } = yield* over(fiber)
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(textsOf(lines()), ["first", "late 1", "late 2", "late 3"])
      assert.deepStrictEqual(lines().at(-1), { type: "exit", code: 1, truncated: true })
      const warning = JSON.parse(err)
      assert.deepInclude(warning, { type: "warning", lines: 4 })
      assert.match(warning.message, /cut after line 4/)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))
})

describe("what a machine says while it is being ended", () => {
  const limits: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["up without limits", []],
    ["up with a limit", ["--max-runtime", "1h"]]
  ]

  it.effect.each(limits)(
    "is shown, since it is stopped, read and then terminated: %s",
    ([, flags]) =>
      Effect.gen(function*() {
        const { controls, provider } = yield* mock
        const { fiber, lines } = yield* begun(["up", "--image", "x", "--json", ...flags], {
          providers: [talking(provider, (id) => controls.writeLog(id, "checkpoint saved"))]
        })
        yield* controls.writeLog(idOf(lines()[0]), "working")
        yield* settle
        yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* pass(10)
        assert.deepStrictEqual(textsOf(lines()), ["working", "checkpoint saved"])
        assert.deepStrictEqual((yield* controls.ledger).live, [])
        const asked = (yield* controls.requests).map(({ operation }) => operation)
        assert.isBelow(asked.indexOf("stop"), asked.indexOf("terminate"))
      })
  )

  it.effect.each<readonly [string, Effect.Effect<void, AtlasError.AtlasError>]>([
    ["hangs", Effect.never],
    [
      "fails",
      Effect.fail(
        new AtlasError.AtlasError({
          provider: null,
          operation: "stop",
          reason: new AtlasError.ProviderFault({ message: "no" })
        })
      )
    ]
  ])("keeps no terminate back where its stop %s", ([, answer]) =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { fiber } = yield* begun(["up", "--image", "x", "--json", "--max-runtime", "30s"], {
        providers: [talking(provider, () => answer)]
      })
      yield* pass(38)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      yield* pass(10)
      assert.strictEqual((yield* over(fiber)).code, 1)
    }))

  it.effect("is not waited for where its provider cannot stop it", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { fiber } = yield* begun(["up", "--image", "x", "--json", "--max-runtime", "30s"], {
        providers: [{ ...provider, capabilities: provider.capabilities.filter((one) => one !== "power") }]
      })
      yield* pass(33)
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      assert.strictEqual((yield* controls.counts).stop, 0)
      yield* pass(5)
      assert.strictEqual((yield* over(fiber)).code, 1)
    }))
})

describe("words of the platform", () => {
  it.effect("are no use of a machine: one that only its platform writes about is ended as idle", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { fiber, lines } = yield* begun(["up", "--image", "x", "--idle-ttl", "10s", "--json"], {
        providers: [withPlatform(provider)]
      })
      const id = idOf(lines()[0])
      for (let at = 0; at < 5; at++) {
        yield* Effect.ignore(controls.writeLog(id, "system start container"))
        yield* pass(3)
      }
      assert.deepStrictEqual((yield* controls.ledger).live, [])
      assert.strictEqual((yield* over(fiber)).code, 0)
      assert.deepInclude(lines().findLast(({ type }) => type === "session"), {
        outcome: { _tag: "Closed", reason: "idle_timeout" }
      })
    }))

  it.effect("that tell of a second start end a task, which is told as such and fails", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const { fiber, lines } = yield* begun(["task", "--image", "x", "--json"], { providers: [withPlatform(provider)] })
      const id = idOf(lines()[0])
      yield* controls.writeLog(id, "system start container")
      yield* pass(2)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      yield* controls.writeLog(id, "system start container")
      yield* pass(20)
      const { code, err } = yield* over(fiber)
      assert.strictEqual(code, 1)
      assert.deepInclude(JSON.parse(err).error, { kind: "ended" })
      assert.match(JSON.parse(err).error.message, /started again/)
      assert.deepInclude(lines().find(({ type }) => type === "restart"), { computeId: id, starts: 2 })
      assert.deepStrictEqual((yield* controls.ledger).live, [])
    }))

  it.effect("that tell of a second start are said in a line where a service goes on", () =>
    Effect.gen(function*() {
      const { controls, provider } = yield* mock
      const running = start(["up", "--image", "x"], { providers: [withPlatform(provider)] })
      const fiber = yield* Effect.forkDetach(running.ended, { startImmediately: true })
      const id = yield* rented(controls)
      yield* controls.writeLog(id, "system start container")
      yield* controls.writeLog(id, "system start container")
      yield* pass(2)
      assert.match(running.err.join("\n"), /its provider started it again \(2 starts so far\)/)
      assert.strictEqual((yield* controls.ledger).live.length, 1)
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* pass(10)
    }))
})

it.effect("a log of several pieces is one line in a pipe, with the end that it has", () =>
  Effect.gen(function*() {
    const { provider } = yield* mock
    const piece = (text: string, rest: object = {}) =>
      new LogElement.LogElement({ cursor: "1", at: null, stream: "output", text, ...rest })
    const pieces: Provider.Service = {
      ...provider,
      logs: {
        ...provider.logs,
        stream: () =>
          Stream.make(piece("half", { partial: true }), piece(" and half", { continues: true }), piece("last"))
      }
    }
    const { id } = JSON.parse((yield* run(["up", "--image", "x", "-d", "--json"], { providers: [pieces] })).out)
    assert.strictEqual((yield* run(["logs", id], { providers: [pieces] })).out, "half and half\nlast")
  }))
