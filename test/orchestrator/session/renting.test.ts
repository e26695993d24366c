/**
 * From a create to a machine: one create for each attempt, refusals move on, the machine of a lost answer is looked for.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as NameStamp from "effect-atlas/provider/NameStamp"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, fault, minute, other, second, start } from "./harness.ts"

const two = [
  { provider: acme, gpu: "h100", regionHints: [] },
  { provider: other, gpu: "a100_80g", regionHints: ["eu"] }
] as const satisfies Session.SessionSpec["candidates"]
const id = ComputeId.make

describe("a session begins", () => {
  it("by asking for one create at its first candidate, under a stamped name of its owner", () => {
    const session = start({ candidates: two })
    const { attempt } = session.in("Renting")
    assert.deepStrictEqual(session.asked(), [{ _tag: "Rent", attempt, candidate: two[0] }])
    assert.deepStrictEqual(
      NameStamp.parse(attempt.name),
      { owner: "team1", slug: "alice", attempt: attempt.id }
    )
  })

  it("only with Started, and only once", () => {
    const nothing = Session.decide(null, { _tag: "Touched" }, { wall: 1, mono: 1 }, Session.defaults)
    assert.deepStrictEqual(nothing, { state: null, commands: [], events: [] })
    const session = start()
    assert.isTrue(session.send({ _tag: "Started", spec: session.state.spec }).isSame)
  })

  it("is live as soon as the create is answered, and says so", () => {
    const session = start()
    session.asked()
    session.rented({ status: "provisioning" })
    const { computeId, authHash, ready } = session.in("Live")
    assert.deepStrictEqual([computeId, authHash, ready], ["m1", "hash", false])
    assert.deepStrictEqual(session.told(), [{ _tag: "Status", computeId: id("m1"), status: "provisioning" }])
    assert.deepStrictEqual(session.asked(), [])
  })
})

describe("names of attempts", () => {
  it("are always the same, and differ by owner, session, time of creation and number", () => {
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

  it("are all different in 100,000 sessions", () => {
    const all = new Set<string>()
    for (let n = 0; n < 100_000; n++) all.add(Session.attemptId({ owner: "team1", id: `s${n}`, createdAt: 5 }, 1))
    assert.strictEqual(all.size, 100_000)
  })
})

describe("a refusal", () => {
  it.each(["NoCapacity", "Forbidden", "NotFound", "Unsupported", "ProviderFault", "Transport"] as const)(
    "%s moves on to the next candidate under a new attempt, and is stored with its reason",
    (reason) => {
      const session = start({ candidates: two })
      const first = session.attempt()
      session.asked()
      session.refused(reason)
      const { attempt } = session.in("Renting")
      assert.notStrictEqual(attempt.id, first.id)
      assert.deepStrictEqual(session.asked(), [{ _tag: "Rent", attempt, candidate: two[1] }])
      assert.deepStrictEqual(session.state.refusals.map(({ candidate, fault }) => [candidate, fault.reason]), [[
        0,
        reason
      ]])
      assert.deepStrictEqual(session.toldOf(), ["Refused"])
    }
  )

  it.each(["Unauthorized", "Validation", "BudgetExceeded"] as const)(
    "%s ends the session: every candidate would answer the same",
    (reason) => {
      const session = start({ candidates: two })
      session.asked()
      session.refused(reason)
      const { outcome } = session.in("Ended")
      assert.deepStrictEqual(outcome, { _tag: "Failed", cause: "refused", exitCode: null, fault: fault(reason) })
      assert.deepStrictEqual(session.asked(), [])
    }
  )

  it("by the last candidate ends the session, with the reason of each refusal stored", () => {
    const session = start({ candidates: two })
    session.refused("NoCapacity")
    session.refused("Forbidden")
    assert.strictEqual(session.in("Ended").reason, "refused")
    assert.deepStrictEqual(session.state.refusals.map(({ fault }) => fault.reason), ["NoCapacity", "Forbidden"])
  })

  it("for coming too fast asks the same candidate again, after the pause the provider asked for", () => {
    const session = start({ candidates: two })
    session.asked()
    session.refused("RateLimited", { retryAfter: Duration.millis(30 * second) })
    assert.strictEqual(session.in("Waiting").why, "rate_limited")
    session.pass(29 * second)
    assert.deepStrictEqual(session.asked(), [])
    session.pass(second)
    assert.deepStrictEqual(session.asked(), [{ _tag: "Rent", attempt: session.attempt(), candidate: two[0] }])
  })

  it("for coming too fast is repeated a limited number of times", () => {
    const session = start({ candidates: two })
    for (let times = 0; times < 11; times++) {
      session.refused("RateLimited")
      session.pass(minute)
    }
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
  })

  it("of an attempt that is over changes nothing", () => {
    const session = start({ candidates: two })
    const first = session.attempt()
    session.refused("NoCapacity")
    assert.isTrue(session.send({ _tag: "Refused", attempt: first.id, fault: fault("NoCapacity") }).isSame)
  })
})

describe("a rate limit is believed for a bounded time", () => {
  const long = [6 * 60 * minute, 61 * second, Number.MAX_VALUE]

  it.each(long)("of %d ms: the next candidate is asked at once", (retryAfter) => {
    const session = start({ candidates: two })
    session.refused("RateLimited", { retryAfter: Duration.millis(retryAfter) })
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
    session.rented({ provider: other })
    session.in("Live")
  })

  it.each(long)(
    "of %d ms: where no other is open, the candidate is asked once more after a minute, then refused with the time",
    (retryAfter) => {
      const session = start()
      session.asked()
      session.refused("RateLimited", { retryAfter: Duration.millis(retryAfter) })
      assert.strictEqual(session.in("Waiting").why, "rate_limited")
      session.pass(minute - 1)
      assert.deepStrictEqual(session.asked(), [])
      session.pass(1)
      assert.deepStrictEqual(session.askedFor(), ["Rent"])
      session.refused("RateLimited", { retryAfter: Duration.millis(retryAfter) })
      const { outcome, reason } = session.in("Ended")
      assert.strictEqual(reason, "refused")
      assert.deepStrictEqual(
        outcome._tag === "Failed" && [outcome.fault?.reason, outcome.fault?.retryAfter],
        ["RateLimited", Duration.millis(retryAfter)]
      )
    }
  )

  it("of hours at each candidate: all are asked, and once more after a minute", () => {
    const session = start({ candidates: two })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.in("Waiting")
    session.pass(minute)
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
    session.rented({ provider: other })
    session.in("Live")
  })

  it("beside candidates that are sold out: it is asked once more, and may have a machine then", () => {
    const session = start({ candidates: two })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.refused("NoCapacity")
    session.pass(minute)
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
    session.rented()
    session.in("Live")
  })

  it("of many short pauses in a row, which hold the caller as long as a long one", () => {
    const session = start({ candidates: two })
    let asked = 0
    while (session.in("Renting").attempt.candidate === 0) {
      session.refused("RateLimited", { retryAfter: Duration.millis(25 * second) })
      session.pass(25 * second)
      asked += 1
    }
    assert.strictEqual(asked, 3)
  })

  it("for as long as the host says", () => {
    const session = start({ candidates: two, config: { longestWait: 5 * second } })
    session.refused("RateLimited", { retryAfter: Duration.millis(6 * second) })
    assert.strictEqual(session.in("Renting").attempt.candidate, 1)
  })

  it("also after a restart, which forgets nothing of the search", () => {
    const session = start({ mode: "task", persist: true, candidates: two })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.restart()
    session.pass(minute)
    assert.strictEqual(session.in("Renting").attempt.candidate, 0)
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    session.refused("RateLimited", { retryAfter: Duration.millis(60 * minute) })
    assert.strictEqual(session.in("Ended").reason, "refused")
  })
})

describe("a create whose answer was lost", () => {
  it("is looked for by its name, and is never sent again", () => {
    const session = start()
    const attempt = session.attempt()
    session.asked()
    session.unanswered()
    assert.deepStrictEqual(session.asked(), [{ _tag: "Resolve", attempt, provider: acme }])
    session.looked([session.observation()])
    assert.strictEqual(session.in("Live").computeId, "m1")
    assert.strictEqual(session.in("Live").authHash, "hash")
  })

  it("is also one whose answer names another machine", () => {
    const session = start()
    session.rented({ name: "atlas-team1-alice-aaaaaaaaaaaa" })
    assert.strictEqual(session.phase._tag, "Resolving")
  })

  it("that made several machines keeps the oldest and terminates the duplicates", () => {
    const session = start()
    session.unanswered()
    session.asked()
    const at = session.now.wall
    session.looked([
      session.observation({ computeId: id("young"), createdAt: at - 1 }),
      session.observation({ computeId: id("old"), createdAt: at - 2 })
    ])
    assert.strictEqual(session.in("Live").computeId, "old")
    assert.deepStrictEqual(session.asked(), [{ _tag: "Terminate", provider: acme, computeId: id("young") }])
    assert.deepStrictEqual(session.state.pendingTerminations.map(({ computeId, why }) => [computeId, why]), [[
      "young",
      "duplicate"
    ]])
  })

  it("made nothing only when a complete listing lacks the name after two settle windows", () => {
    const session = start({ candidates: two })
    session.unanswered()
    const first = session.attempt()
    session.looked([])
    session.pass(9 * second)
    session.looked([])
    assert.strictEqual(session.in("Resolving").attempt.id, first.id)
    session.pass(second)
    assert.include(session.askedFor(), "Resolve")
    session.looked([], false)
    assert.strictEqual(session.in("Resolving").attempt.id, first.id, "an incomplete listing proves nothing")
    session.looked([])
    assert.notStrictEqual(session.in("Renting").attempt.id, first.id)
    assert.strictEqual(session.in("Renting").attempt.candidate, 0, "the same candidate once more")
    session.unanswered()
    session.pass(10 * second)
    session.looked([])
    assert.strictEqual(session.in("Renting").attempt.candidate, 1, "then the next one")
    for (let times = 0; times < 2; times++) {
      session.unanswered()
      session.pass(10 * second)
      session.looked([])
    }
    assert.strictEqual(session.in("Ended").reason, "refused", "and then there is none left")
  })

  it("is not proven to have made nothing by a listing that was asked for too early, however late its answer comes", () => {
    const session = start()
    session.unanswered()
    const [asked, attempt] = [session.now.mono + 9 * second, session.attempt().id]
    session.pass(20 * second)
    session.send({ _tag: "Looked", attempt, found: [], complete: true, at: asked })
    session.in("Resolving")
    session.send({ _tag: "Looked", attempt, found: [], complete: true, at: asked + second })
    assert.notStrictEqual(session.in("Renting").attempt.id, attempt)
  })

  it("is what an answer without a name is, which may be that of any machine", () => {
    const session = start()
    session.asked()
    session.rented({ name: null })
    session.in("Resolving")
    assert.deepStrictEqual(session.askedFor(), ["Resolve"])
  })

  it("whose machine was renamed before is known by what its container was given: the oldest, when the name is nowhere", () => {
    const session = start()
    session.unanswered()
    session.asked()
    const { name } = session.attempt()
    const [at, renamed] = [session.now.wall, { name: "mine", rentedAs: name }]
    const listed = [
      session.observation({ computeId: id("copy"), createdAt: at - 1, ...renamed }),
      session.observation({ computeId: id("old"), createdAt: at - 2, ...renamed }),
      session.observation({ computeId: id("gone"), createdAt: at - 3, status: "terminated", ...renamed }),
      session.observation({
        computeId: id("other"),
        createdAt: at - 4,
        ...renamed,
        name: "atlas-team1-alice-aaaaaaaaaaaa"
      })
    ]
    session.looked(listed)
    session.in("Resolving")
    session.pass(10 * second)
    session.looked(listed)
    assert.strictEqual(session.in("Live").computeId, "old")
    assert.deepStrictEqual(session.state.pendingTerminations, [], "no session may end a copy")
    session.observed(listed[0])
    session.looked(listed)
    assert.deepStrictEqual(session.state.pendingTerminations, [])
  })

  it("whose machine was renamed before is ended with a session that was stopped meanwhile", () => {
    const session = start()
    session.unanswered()
    session.asked()
    session.stop()
    session.pass(10 * second)
    session.looked([session.observation({ name: "mine", rentedAs: session.attempt().name })])
    assert.deepStrictEqual(session.asked().at(-1), { _tag: "Terminate", provider: acme, computeId: id("m1") })
  })

  it("is looked for again after pauses from a second to a minute, while listings fail", () => {
    const session = start()
    session.unanswered()
    session.asked()
    const pauses: Array<number> = []
    for (let times = 0; times < 12; times++) {
      session.lookFailed()
      const wake = Session.nextWake(session.state, session.now, session.config) ?? Number.NaN
      pauses.push(wake - session.now.mono)
      session.pass(wake - session.now.mono)
      assert.deepStrictEqual(session.askedFor(), ["Resolve"])
    }
    assert.isAtMost(pauses[0] ?? 0, second)
    for (const pause of pauses) assert.isTrue(pause > 0 && pause <= minute)
    assert.isAbove(pauses.at(-1) ?? 0, 40 * second)
    session.in("Resolving")
  })

  it("past the limits of the session ends it, which is over when a listing proves that nothing was made", () => {
    const session = start({ policy: { maxRuntime: minute } })
    session.unanswered()
    session.lookFailed()
    session.pass(2 * minute)
    session.lookFailed()
    assert.strictEqual(session.in("Ending").reason, "max_runtime")
    session.asked()
    for (let times = 0; times < 30; times++) {
      session.lookFailed()
      session.pass(minute)
      session.looked([], false)
      session.pass(minute)
    }
    session.in("Ending")
    session.looked([])
    assert.strictEqual(session.in("Ended").reason, "max_runtime")
  })

  it("past the limits of the session is terminated when it is found at last", () => {
    const session = start({ policy: { maxRuntime: minute } })
    session.unanswered()
    session.pass(2 * minute)
    session.looked([], false)
    session.in("Ending")
    session.asked()
    session.observed()
    assert.deepStrictEqual(session.askedFor(), ["Terminate"])
  })

  it("is looked for without end while no limit is reached, also after a stop", () => {
    const session = start()
    session.unanswered()
    session.stop()
    for (let times = 0; times < 30; times++) {
      session.lookFailed()
      session.pass(minute)
      session.looked([], false)
      session.pass(minute)
    }
    session.in("Resolving")
    session.looked([session.observation()])
    assert.strictEqual(session.in("Ending").reason, "stopped")
  })

  it("is answered by a listing of the feed: found, or made nothing once it began at the time of proof; an earlier one changes nothing", () => {
    const candidates = [two[0]] as const
    const before = start({ candidates })
    before.unanswered()
    before.lookFailed()
    before.asked()
    assert.isTrue(before.looked([]).isSame)
    assert.deepStrictEqual(before.asked(), [])
    const found = start({ candidates })
    found.unanswered()
    found.lookFailed()
    const at = found.now.wall
    found.looked([
      found.observation({ computeId: id("young"), createdAt: at - 1 }),
      found.observation({ computeId: id("old"), createdAt: at - 2 })
    ])
    assert.strictEqual(found.in("Live").computeId, "old")
    const nothing = start({ candidates })
    nothing.unanswered()
    const first = nothing.attempt()
    nothing.lookFailed()
    nothing.now.mono += 10 * second
    nothing.now.wall += 10 * second
    // the session's own look is not due yet
    nothing.looked([])
    assert.notStrictEqual(nothing.in("Renting").attempt.id, first.id)
  })

  it("is settled when the feed lists its machine first", () => {
    const session = start()
    session.unanswered()
    session.observed()
    assert.strictEqual(session.in("Live").computeId, "m1")
  })
})

describe("a machine that the feed has found", () => {
  it("is not an orphan to the Resolve that was on its way", () => {
    const session = start()
    session.unanswered()
    session.observed()
    session.asked()
    session.looked([session.observation()])
    session.in("Live")
    assert.deepStrictEqual([session.asked(), session.state.pendingTerminations], [[], []])
  })
})

describe("a stop while a create is under way", () => {
  it.each(["Renting", "Resolving"] as const)(
    "is remembered in %s and carried out when the machine is known",
    (phase) => {
      const session = start()
      if (phase === "Resolving") session.unanswered()
      session.asked()
      session.stop()
      session.in(phase)
      assert.deepStrictEqual(session.asked(), [])
      if (phase === "Resolving") session.looked([session.observation()])
      else session.rented()
      assert.strictEqual(session.in("Ending").reason, "stopped")
      assert.deepStrictEqual(session.askedFor(), ["Terminate"])
    }
  )

  it("ends the session at once when nothing was made", () => {
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

  it("by a caller that went away has the reason interrupted", () => {
    const session = start()
    session.send({ _tag: "StopRequested", by: "interrupted" })
    session.rented()
    assert.strictEqual(session.in("Ending").reason, "interrupted")
  })

  it("keeps its reason when a limit is reached meanwhile", () => {
    const session = start({ policy: { maxRuntime: minute } })
    session.stop()
    session.pass(2 * minute)
    session.rented()
    assert.strictEqual(session.in("Ending").reason, "stopped")
  })
})
