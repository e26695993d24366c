/**
 * A create that is answered with a machine of another name: a machine it certainly made is ended, a doubtful one is named, one
 * of another session is left alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { NotFound, Uncertain } from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId } from "effect-atlas/domain/Ids"
import { Usd } from "effect-atlas/domain/Money"
import * as Provider from "effect-atlas/provider/Provider"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { machine } from "../support/acme.ts"
import { allOfIt, obeyed } from "../support/hostile.ts"
import { inTime, open, pass, reasonOf } from "./harness.ts"

/** A cloud whose machines get the name that `answered` makes of the requested one. */
const cloudOf = (
  answered: (name: string) => { readonly name: string | null } | Compute,
  isDated = false
) => {
  const machines = new Map<string, Compute>()
  const counts = { spawn: 0, terminate: 0 }
  const find = (id: string) => {
    const found = machines.get(id)
    return found === undefined ? Effect.fail(new NotFound({ message: "not here" })) : Effect.succeed(found)
  }
  const provider = Provider.make({
    id: "acme",
    settleWindow: "300 millis",
    pollInterval: "100 millis",
    compute: {
      spawn: (prepared) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          counts.spawn += 1
          const answer = answered(prepared.name)
          if (answer instanceof Compute) return answer
          const made = machine({
            id: ComputeId.make(`acme-${counts.spawn}`),
            name: answer.name,
            costPerHour: Usd.make(3_600),
            createdAt: isDated ? DateTime.makeUnsafe(now) : null
          })
          machines.set(made.id, made)
          return made
        }),
      get: find,
      list: () => Effect.sync(() => [...machines.values()]),
      terminate: (id) =>
        Effect.map(find(id), () => {
          counts.terminate += 1
          machines.delete(id)
        })
    }
  })
  return { provider, machines, counts }
}

const begun = (cloud: ReturnType<typeof cloudOf>) => open({ more: [cloud.provider], reapGrace: "1 second" })
const options = { provider: "acme", idleTtl: false } as const

describe("a create answered with a machine that has the requested name in another form", () => {
  for (const mode of ["spawn", "runTask"] as const) {
    it.effect(`is not repeated by ${mode}: the machine is ended and verified gone, paid for and named`, () =>
      Effect.gen(function*() {
        const cloud = cloudOf((name) => ({ name: name.toUpperCase() }))
        const { orchestrator } = yield* begun(cloud)
        const request = mode === "runTask" ? { command: ["train"] } : {}
        const reason = yield* inTime(reasonOf(orchestrator[mode](request, { provider: "acme" })))
        assert.instanceOf(reason, Uncertain)
        assert.strictEqual(reason instanceof Uncertain ? reason.computeId : null, "acme-1")
        const [session] = yield* orchestrator.list
        assert.strictEqual(reason instanceof Uncertain ? reason.computeName : null, session?.name)
        assert.deepStrictEqual(cloud.counts, { spawn: 1, terminate: 1 })
        assert.strictEqual(cloud.machines.size, 0)
        assert.deepStrictEqual([session?.state, session?.computeId], ["ended", "acme-1"])
        const { outcome } = session ?? {}
        assert.strictEqual(outcome?._tag === "Failed" ? outcome.fault?.computeId : null, "acme-1")
        assert.isAbove(session?.spentUsd ?? 0, 0)
      }))
  }

  it.effect("does not hide a machine that has exactly the requested name", () =>
    Effect.gen(function*() {
      const cloud = cloudOf((name) => ({ name: name.toUpperCase() }))
      const { provider } = cloud
      const both: typeof provider = {
        ...provider,
        compute: {
          ...provider.compute,
          rent: (prepared, call) =>
            Effect.tapError(provider.compute.rent(prepared, call), () =>
              Effect.sync(() => {
                const made = cloud.machines.get("acme-1")
                if (made !== undefined) {
                  cloud.machines.set(
                    "exact",
                    new Compute({ ...made, id: ComputeId.make("exact"), name: prepared.name })
                  )
                }
              }))
        }
      }
      const { orchestrator } = yield* open({ more: [both] })
      const { compute } = yield* inTime(orchestrator.spawn({}, options))
      assert.strictEqual(compute.id, "exact")
      yield* pass(10)
      assert.deepStrictEqual([...cloud.machines.keys()], ["exact"])
    }))
})

describe("a create answered with a machine of an unrelated name", () => {
  for (const isDated of [false, true]) {
    it.effect(`${isDated ? "that is new" : "of no age"} is not repeated; it is named, and not ended without a proof`, () =>
      Effect.gen(function*() {
        const cloud = cloudOf(() => ({ name: "pod-7" }), isDated)
        const { orchestrator } = yield* begun(cloud)
        const reason = yield* inTime(reasonOf(orchestrator.spawn({}, options)))
        assert.strictEqual(reason instanceof Uncertain ? reason.computeId : null, "acme-1")
        assert.include(reason instanceof Uncertain ? reason.message : "", "acme-1, which is called pod-7")
        assert.deepStrictEqual(cloud.counts, { spawn: 1, terminate: 0 })
      }))
  }
})

it.effect("the name of an answer is told without the secrets of the call, without escapes, and cut", () =>
  Effect.gen(function*() {
    const cloud = cloudOf(() => ({ name: `box hunter2-hunter2 ${allOfIt} ${"\u001b[2J".repeat(50_000)}` }))
    const { orchestrator } = yield* begun(cloud)
    const lines: Array<string> = []
    const request = { env: { PASSWORD: "hunter2-hunter2" } }
    const reason = yield* inTime(reasonOf(orchestrator.spawn(request, options))).pipe(
      Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))]))
    )
    assert.instanceOf(reason, Uncertain)
    for (const text of [reason.message, JSON.stringify(reason), ...lines]) {
      assert.notMatch(text, obeyed)
      assert.notInclude(text, "hunter2")
      assert.isBelow(text.length, 1000)
    }
    assert.include(reason.message, "box <redacted>")
  }))

describe("a create answered with a machine that was there before", () => {
  it.effect("of another session is repeated, and never touches that one, not even when it was renamed", () =>
    Effect.gen(function*() {
      for (const name of [undefined, "mine", null]) {
        let victim: Compute | undefined
        const cloud = cloudOf((name) => victim ?? { name })
        const { orchestrator } = yield* begun(cloud)
        const first = yield* orchestrator.spawn({}, options)
        const known = cloud.machines.get(first.compute.id)
        assert.isDefined(known)
        if (known === undefined) return
        victim = name === undefined ? known : new Compute({ ...known, name })
        cloud.machines.set(victim.id, victim)
        const reason = yield* inTime(reasonOf(orchestrator.spawn({}, options)))
        assert.strictEqual(reason instanceof Uncertain ? reason.computeId : victim.id, null)
        yield* pass(10)
        assert.deepStrictEqual(cloud.counts, { spawn: 3, terminate: 0 })
        assert.strictEqual((yield* orchestrator.info(first.id)).state, "live")
      }
    }))
})
