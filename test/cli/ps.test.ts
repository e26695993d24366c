/**
 * `atlas ps`: age, cost, filters, and what it shows while it watches.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Ids, Money, Provider } from "effect-atlas"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { owner, run, settle, start } from "./harness.ts"

const hour = 3_600_000

interface Machine {
  readonly id: string
  readonly status?: Compute.ComputeStatus
  readonly name?: string
  readonly price?: number
  readonly createdAt?: number
}

const computeOf = ({ createdAt, id, name, price, status = "running" }: Machine) =>
  new Compute.Compute({
    id: Ids.ComputeId.make(id),
    provider: Ids.ProviderId.make("acme"),
    status,
    name: name ?? null,
    costPerHour: price === undefined ? null : Money.Usd.make(price),
    createdAt: createdAt === undefined ? null : DateTime.makeUnsafe(createdAt)
  })

type Answer = ReadonlyArray<Machine> | AtlasError.AtlasErrorReason

/** An account whose listings are these, the last one for ever. */
const account = (...listings: ReadonlyArray<Answer>) => {
  let at = 0
  const nowhere = Effect.fail(new AtlasError.NotFound({ message: "nothing" }))
  return {
    providers: [Provider.neutral(Provider.make({
      id: "acme",
      pollInterval: "5 seconds",
      compute: {
        spawn: () => nowhere,
        get: () => nowhere,
        list: () =>
          Effect.suspend(() => {
            const answer = listings[Math.min(at++, listings.length - 1)] ?? []
            return "_tag" in answer ? Effect.fail(answer) : Effect.succeed(answer.map(computeOf))
          }),
        terminate: () => nowhere
      }
    }))]
  }
}

const machines: ReadonlyArray<Machine> = [
  { id: "pod-a", name: `atlas-${owner}-train-abcdefghijkl`, price: 2, createdAt: 0 },
  { id: "pod-b", name: "atlas-adhoc-web-abcdefghijkl", price: 0.5, createdAt: 9 * hour, status: "provisioning" },
  { id: "pod-c", name: "somebody's", price: 3, createdAt: 0, status: "stopped" },
  { id: "pod-d" },
  { id: "pod-e", price: 0, createdAt: 0, status: "failed" },
  { id: "pod-f", price: 1, createdAt: 0, status: "terminated" }
]

const idsOf = (out: string) => JSON.parse(out).map(({ id }: { readonly id: string }) => id)

describe("ps", () => {
  it.effect("tells age, and cost so far where its provider tells price and age, and a total on stderr", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10 * hour)
      const { err, out } = yield* run(["ps"], account(machines))
      assert.deepStrictEqual(out.split("\n").map((line) => line.replaceAll(/ {2,}/g, " | ")), [
        "ID | STATUS | NAME | GPU | PRICE | AGE | COST | REGION | PORTS",
        "pod-a | running | train | - | $2.00/h | 10h | $20.00 | - | -",
        "pod-b | provisioning | web | - | $0.50/h | 1h | $0.50 | - | -",
        "pod-c | stopped | somebody's | - | $3.00/h | 10h | - | - | -",
        "pod-d | running | - | - | - | - | - | - | -",
        "pod-e | failed | - | - | $0.00/h | 10h | $0.00 | - | -"
      ])
      assert.strictEqual(err, "2 running, 1 provisioning, $2.50/h, 1 of a price that is not known")
    }))

  it.effect("keeps its JSON an array of computes, with ageMs and costSoFarUsd beside the rest", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(10 * hour)
      const { err, out } = yield* run(["ps", "--json"], account(machines))
      const [first, , , fourth] = JSON.parse(out)
      assert.deepInclude(first, { id: "pod-a", ageMs: 10 * hour, costSoFarUsd: 20, status: "running" })
      assert.deepInclude(fourth, { id: "pod-d", ageMs: null, costSoFarUsd: null })
      assert.strictEqual(err, "")
    }))

  it.effect("a clock that is behind the provider's makes nothing younger than new", () =>
    Effect.gen(function*() {
      const { out } = yield* run(["ps", "--json"], account([{ id: "pod-a", price: 1, createdAt: hour }]))
      assert.deepInclude(JSON.parse(out)[0], { ageMs: 0, costSoFarUsd: 0 })
    }))

  it.effect.each<readonly [string, ReadonlyArray<string>]>([
    ["--name train", ["pod-a"]],
    ["--name somebody's", ["pod-c"]],
    ["--status running", ["pod-a", "pod-d"]],
    ["--status stopped --status failed", ["pod-c", "pod-e"]],
    ["--status terminated", ["pod-f"]],
    [`--owner ${owner}`, ["pod-a"]],
    ["--owner adhoc", ["pod-b"]],
    ["--owner bob", []],
    ["--status running --name web", []]
  ])("%s", ([flags, ids]) =>
    Effect.gen(function*() {
      const { code, out } = yield* run(["ps", "--json", ...flags.split(" ")], account(machines))
      assert.deepStrictEqual([code, idsOf(out)], [0, ids])
    }))

  it.effect("no line is wider than COLUMNS, the terminal, or 80 cells, and ids are whole", () =>
    Effect.gen(function*() {
      const long = [{
        id: "local-abcdefghijkl",
        name: "an exceedingly long name ".repeat(10),
        price: 1234.5,
        createdAt: 0
      }]
      for (
        const [env, width] of [[{}, 80], [{ COLUMNS: "60" }, 60], [{ COLUMNS: "35" }, 35], [
          { COLUMNS: "none" },
          80
        ]] as const
      ) {
        const { out } = yield* run(["ps"], { ...account(long), env })
        for (const line of out.split("\n")) assert.isAtMost(line.length, width)
        assert.match(out, /\nlocal-abcdefghijkl /)
      }
    }))

  it.effect("colours statuses where there are colours, and nowhere else", () =>
    Effect.gen(function*() {
      const { out } = yield* run(["ps"], { ...account(machines), colour: true })
      assert.include(out, "\u001b[32mrunning\u001b[39m")
      assert.include(out, "\u001b[31mfailed\u001b[39m")
      assert.notInclude((yield* run(["ps"], account(machines))).out, "\u001b")
    }))
})

const watched = (listings: ReadonlyArray<Answer>, args: ReadonlyArray<string>, seconds: number, terminal = false) =>
  Effect.gen(function*() {
    const { ended, err, out } = start(["ps", "--watch", ...args], { ...account(...listings), terminal })
    const fiber = yield* Effect.forkChild(ended, { startImmediately: true })
    yield* settle
    for (let at = 0; at < seconds; at++) {
      yield* TestClock.adjust("1 second")
      yield* settle
    }
    const going = fiber.pollUnsafe() === undefined
    yield* Fiber.interrupt(fiber)
    return { out, err, going }
  })

describe("ps --watch", () => {
  const one: Machine = { id: "pod-a", price: 1, createdAt: 0 }
  const broken = new AtlasError.ProviderFault({ message: "it broke", status: 500 })

  it.effect("with --json tells what is new, has changed or is gone, each once and with a type", () =>
    Effect.gen(function*() {
      const stopped: Machine = { ...one, status: "stopped" }
      const { going, out } = yield* watched([[one], [one], [stopped, { id: "pod-b" }], [stopped]], ["--json"], 30)
      assert.isTrue(going)
      assert.deepStrictEqual(
        out.map((line) => JSON.parse(line)).map(({ id, status, type }) => [type, id, status]),
        [
          ["compute", "pod-a", "running"],
          ["compute", "pod-a", "stopped"],
          ["compute", "pod-b", "running"],
          ["gone", "pod-b", undefined]
        ]
      )
    }))

  it.effect("goes on over a listing that fails in passing, and says so; any other failure ends it", () =>
    Effect.gen(function*() {
      const passing = yield* watched([[one], broken, [one]], ["--json"], 30)
      assert.isTrue(passing.going)
      assert.strictEqual(JSON.parse(passing.err[0] ?? "").warning.message, "it broke")
      assert.strictEqual(passing.out.length, 1)
      const refused = yield* watched([[one], new AtlasError.Unauthorized({ message: "no" })], ["--json"], 30)
      assert.isFalse(refused.going)
      assert.strictEqual(JSON.parse(refused.err[0] ?? "").error.kind, "unauthorized")
    }))

  it.effect("is drawn in place of the last look on a terminal, and printed only when it has changed elsewhere", () =>
    Effect.gen(function*() {
      const drawn = yield* watched([[one], broken, []], [], 12, true)
      assert.isAtLeast(drawn.out.length, 3)
      for (const frame of drawn.out) assert.isTrue(frame.startsWith("\u001b[H\u001b[J"))
      assert.match(drawn.out[1] ?? "", /pod-a[^]*warning: the account could not be listed: it broke$/)
      assert.include(drawn.out[2] ?? "", "no computes")
      const piped = yield* watched([[one], [one], []], [], 30)
      assert.deepStrictEqual(piped.out.map((text) => text.includes("pod-a")), [true, false])
    }))
})
