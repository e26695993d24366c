/**
 * From a rent to a machine: one create for an attempt, refusals move on, a lost answer is looked for, nothing is abandoned.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, minute, other, second, start } from "./harness.ts"

const two = [
  { provider: acme, gpu: "h100", regionHints: [] },
  { provider: other, gpu: "a100_80g", regionHints: ["eu"] }
] as const satisfies Session.SessionSpec["candidates"]
const id = ComputeId.make

describe("a session begins", () => {
  it("by asking for one rent at its first candidate, under a stamped name of its owner", () => {
    const stage = start({ candidates: two })
    const { attempt } = stage.in("Renting")
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Rent", attempt, candidate: two[0] }])
    assert.deepStrictEqual(
      NameStamp.parse(attempt.name),
      Option.some({ owner: "team1", slug: "alice", attempt: attempt.id })
    )
  })

  it("and is not begun by anything but Started, nor twice", () => {
    const nothing = Session.decide(null, { _tag: "Touched" }, { wall: 1, mono: 1 }, Session.defaults)
    assert.deepStrictEqual(nothing, { state: null, commands: [], events: [] })
    const stage = start()
    assert.isTrue(stage.send({ _tag: "Started", spec: stage.state.spec }).isSame)
  })

  it("lives as soon as the rent is answered, and says so", () => {
    const stage = start()
    stage.asked()
    stage.rented({ status: "provisioning" })
    const { computeId, authHash, ready } = stage.in("Live")
    assert.deepStrictEqual([computeId, authHash, ready], ["m1", "hash", false])
    assert.deepStrictEqual(stage.told(), [{ _tag: "Status", computeId: id("m1"), status: "provisioning" }])
    assert.deepStrictEqual(stage.asked(), [])
  })
})

describe("names of attempts", () => {
  it("are the same whenever they are asked for, and differ by owner, session, birth and number", () => {
    const session = { owner: "team1", id: "s1", createdAt: 5 }
    assert.strictEqual(Session.attemptId(session, 1), Session.attemptId({ ...session }, 1))
    const all = [
      session,
      { ...session, owner: "team2" },
      { ...session, id: "s2" },
      { ...session, createdAt: 6 }
    ].flatMap((one) => [1, 2].map((number) => Session.attemptId(one, number)))
    assert.strictEqual(new Set(all).size, 8)
    assert.isTrue(all.every(Schema.is(Session.AttemptId)))
  })

  it.effect("belong to a session whose own id is random", () =>
    Effect.gen(function*() {
      const [one, other] = [yield* Session.makeSessionId, yield* Session.makeSessionId]
      assert.match(one, /^[a-z2-7]{20}$/)
      assert.notStrictEqual(one, other)
    }))

  it("do not meet in 100,000 sessions", () => {
    const all = new Set<string>()
    for (let n = 0; n < 100_000; n++) all.add(Session.attemptId({ owner: "team1", id: `s${n}`, createdAt: 5 }, 1))
    assert.strictEqual(all.size, 100_000)
  })
})

describe("a refusal", () => {
  it.each(["NoCapacity", "Forbidden", "NotFound", "Unsupported", "ProviderFault", "Transport"] as const)(
    "%s moves on to the next candidate under a new attempt, and is kept with its reason",
    (reason) => {
      const stage = start({ candidates: two })
      const first = stage.attempt()
      stage.asked()
      stage.refused(reason)
      const { attempt } = stage.in("Renting")
      assert.notStrictEqual(attempt.id, first.id)
      assert.deepStrictEqual(stage.asked(), [{ _tag: "Rent", attempt, candidate: two[1] }])
      assert.deepStrictEqual(stage.state.refusals.map(({ candidate, fault }) => [candidate, fault.reason]), [[
        0,
        reason
      ]])
      assert.deepStrictEqual(stage.toldOf(), ["Refused"])
    }
  )

  it.each(["Unauthorized", "Validation", "BudgetExceeded"] as const)(
    "%s ends it: no candidate can cure that",
    (reason) => {
      const stage = start({ candidates: two })
      stage.asked()
      stage.refused(reason)
      const { outcome } = stage.in("Ended")
      assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "refused", exitCode: null, fault: fault(reason) })
      assert.deepStrictEqual(stage.asked(), [])
    }
  )

  it("by the last candidate ends it, with the reason of each refusal on record", () => {
    const stage = start({ candidates: two })
    stage.refused("NoCapacity")
    stage.refused("Forbidden")
    assert.strictEqual(stage.in("Ended").reason, "refused")
    assert.deepStrictEqual(stage.state.refusals.map(({ fault }) => fault.reason), ["NoCapacity", "Forbidden"])
  })

  it("for coming too fast asks the same candidate again, when the provider said", () => {
    const stage = start({ candidates: two })
    stage.asked()
    stage.refused("RateLimited", { retryAfter: 30 * second })
    assert.strictEqual(stage.in("Waiting").why, "rate_limited")
    stage.pass(29 * second)
    assert.deepStrictEqual(stage.asked(), [])
    stage.pass(second)
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Rent", attempt: stage.attempt(), candidate: two[0] }])
  })

  it("for coming too fast is not waited out for ever", () => {
    const stage = start({ candidates: two })
    for (let times = 0; times < 11; times++) {
      stage.refused("RateLimited")
      stage.pass(minute)
    }
    assert.strictEqual(stage.in("Renting").attempt.candidate, 1)
  })

  it("of an attempt that is over changes nothing", () => {
    const stage = start({ candidates: two })
    const first = stage.attempt()
    stage.refused("NoCapacity")
    assert.isTrue(stage.send({ _tag: "Refused", attempt: first.id, fault: fault("NoCapacity") }).isSame)
  })
})

describe("a lost answer", () => {
  it("is looked for by its name, and the create is never sent again", () => {
    const stage = start()
    const attempt = stage.attempt()
    stage.asked()
    stage.unanswered()
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Resolve", attempt, provider: acme }])
    stage.looked([stage.sighting()])
    assert.strictEqual(stage.in("Live").computeId, "m1")
    assert.strictEqual(stage.in("Live").authHash, "hash")
  })

  it("that names another machine is lost all the same", () => {
    const stage = start()
    stage.rented({ name: "atlas-team1-alice-aaaaaaaaaaaa" })
    assert.strictEqual(stage.phase._tag, "Resolving")
  })

  it("keeps the oldest of several machines and ends the duplicates", () => {
    const stage = start()
    stage.unanswered()
    stage.asked()
    const at = stage.now.wall
    stage.looked([
      stage.sighting({ computeId: id("young"), createdAt: at - 1 }),
      stage.sighting({ computeId: id("old"), createdAt: at - 2 })
    ])
    assert.strictEqual(stage.in("Live").computeId, "old")
    assert.deepStrictEqual(stage.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("young") }])
    assert.deepStrictEqual(stage.state.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [[
      "young",
      "duplicate"
    ]])
  })

  it("made nothing only when complete listings lack the name after the settle window has passed twice", () => {
    const stage = start({ candidates: two })
    stage.unanswered()
    const first = stage.attempt()
    stage.looked([])
    stage.pass(9 * second)
    stage.looked([])
    assert.strictEqual(stage.in("Resolving").attempt.id, first.id)
    stage.pass(second)
    assert.include(stage.askedFor(), "Resolve")
    stage.looked([], false)
    assert.strictEqual(stage.in("Resolving").attempt.id, first.id, "an incomplete listing proves nothing")
    stage.looked([])
    assert.notStrictEqual(stage.in("Renting").attempt.id, first.id)
    assert.strictEqual(stage.in("Renting").attempt.candidate, 0, "the same candidate once more")
    stage.unanswered()
    stage.pass(10 * second)
    stage.looked([])
    assert.strictEqual(stage.in("Renting").attempt.candidate, 1, "then the next one")
    for (let times = 0; times < 2; times++) {
      stage.unanswered()
      stage.pass(10 * second)
      stage.looked([])
    }
    assert.strictEqual(stage.in("Ended").reason, "refused", "and then there is none left")
  })

  it("is looked for again and again, from a second apart to a minute, when looks fail", () => {
    const stage = start()
    stage.unanswered()
    stage.asked()
    const pauses: Array<number> = []
    for (let times = 0; times < 12; times++) {
      stage.lookFailed()
      const wake = Session.nextWake(stage.state, stage.now, stage.config) ?? Number.NaN
      pauses.push(wake - stage.now.mono)
      stage.pass(wake - stage.now.mono)
      assert.deepStrictEqual(stage.askedFor(), ["Resolve"])
    }
    assert.isAtMost(pauses[0] ?? 0, second)
    for (const pause of pauses) assert.isTrue(pause > 0 && pause <= minute)
    assert.isAbove(pauses.at(-1) ?? 0, 40 * second)
    stage.in("Resolving")
  })

  it("past the session's limits ends it, and what shows up under the name later is ended", () => {
    const stage = start({ policy: { maxRuntime: minute } })
    stage.unanswered()
    stage.lookFailed()
    stage.pass(2 * minute)
    stage.lookFailed()
    assert.strictEqual(stage.in("Ended").reason, "max_runtime")
    stage.asked()
    stage.observed()
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("past the session's limits ends it too when no listing of that name is ever complete", () => {
    const stage = start({ policy: { maxRuntime: minute } })
    stage.unanswered()
    stage.pass(2 * minute)
    stage.looked([], false)
    assert.strictEqual(stage.in("Ended").reason, "max_runtime")
  })

  it("is looked for as long as it takes when a stop is all that waits for it", () => {
    const stage = start()
    stage.unanswered()
    stage.stop()
    for (let times = 0; times < 30; times++) {
      stage.lookFailed()
      stage.pass(minute)
      stage.looked([], false)
      stage.pass(minute)
    }
    stage.in("Resolving")
    stage.looked([stage.sighting()])
    assert.strictEqual(stage.in("Ending").reason, "stopped")
  })

  it("is found when the feed sees it first", () => {
    const stage = start()
    stage.unanswered()
    stage.observed()
    assert.strictEqual(stage.in("Live").computeId, "m1")
  })
})

describe("a machine that the feed has found", () => {
  it("is not taken for an orphan by the look that was on its way", () => {
    const stage = start()
    stage.unanswered()
    stage.observed()
    stage.asked()
    stage.looked([stage.sighting()])
    stage.in("Live")
    assert.deepStrictEqual([stage.asked(), stage.state.pendingTerminations], [[], []])
  })
})

describe("a stop while nobody knows what was rented", () => {
  it.each(["Renting", "Resolving"] as const)("is remembered in %s and carried out when it is known", (phase) => {
    const stage = start()
    if (phase === "Resolving") stage.unanswered()
    stage.asked()
    stage.stop()
    stage.in(phase)
    assert.deepStrictEqual(stage.asked(), [])
    if (phase === "Resolving") stage.looked([stage.sighting()])
    else stage.rented()
    assert.strictEqual(stage.in("Ending").reason, "stopped")
    assert.deepStrictEqual(stage.askedFor(), ["Terminate"])
  })

  it("ends it at once when nothing was made", () => {
    const refused = start()
    refused.stop()
    refused.refused("NoCapacity")
    assert.strictEqual(refused.in("Ended").reason, "stopped")
    const lost = start()
    lost.unanswered()
    lost.stop()
    lost.pass(10 * second)
    lost.looked([])
    assert.strictEqual(lost.in("Ended").reason, "stopped")
  })

  it("by a caller that went away says interrupted", () => {
    const stage = start()
    stage.send({ _tag: "StopRequested", by: "interrupted" })
    stage.rented()
    assert.strictEqual(stage.in("Ending").reason, "interrupted")
  })

  it("lets no limit that passes meanwhile change the reason", () => {
    const stage = start({ policy: { maxRuntime: minute } })
    stage.stop()
    stage.pass(2 * minute)
    stage.rented()
    assert.strictEqual(stage.in("Ending").reason, "stopped")
  })
})
