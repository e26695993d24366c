/**
 * Numbers that adapters, bills, reports and clocks tell: whatever they are, the state that holds them can be written.
 */
import { assert, it } from "@effect/vitest"
import * as AtlasError from "effect-atlas/domain/AtlasError"
import { Compute } from "effect-atlas/domain/Compute"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Session from "../../../src/orchestrator/Session.ts"
import { acme, minute, second, start } from "./harness.ts"
import { type Random, random } from "./world/random.ts"

const encode = Schema.encodeSync(Session.SessionJson)
const decode = Schema.decodeUnknownSync(Session.SessionJson)
const encodeEvent = Schema.encodeSync(Session.EventJson)

const odd = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number("1e400"),
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  8.64e15 + 1,
  -1,
  -0,
  0.5,
  2 ** 53,
  0,
  3
]
const pick = (rng: Random): number => odd[rng.below(odd.length)] ?? 0

/** An error as an adapter in plain JavaScript may throw it, past the checks of its class. */
const error = (rng: Random, reason: AtlasError.AtlasErrorReason): AtlasError.AtlasError =>
  new AtlasError.AtlasError({
    provider: acme,
    operation: "spawn",
    reason: Object.assign(reason, { status: pick(rng) })
  })

const faultOf = (rng: Random): Session.Fault.Fault =>
  Session.Fault.fromError(
    rng.chance(0.6)
      ? error(rng, Object.assign(new AtlasError.RateLimited({}), { retryAfter: anyDuration(rng) }))
      : error(rng, new AtlasError.NoCapacity({}))
  )

const anyDuration = (rng: Random): Duration.Duration =>
  rng.pick(
    Duration.infinity,
    Duration.negativeInfinity,
    Duration.hours(6),
    Duration.millis(-5),
    Duration.millis(pick(rng))
  )

const computeOf = (rng: Random, name: string): Compute => {
  const made = new Compute({
    id: ComputeId.make(rng.pick("m1", "m2")),
    provider: acme,
    status: rng.pick("provisioning", "running", "stopped", "terminated", "failed"),
    name
  })
  return Object.assign(made, {
    costPerHour: rng.pick(null, pick(rng)),
    exitCode: rng.pick(null, pick(rng)),
    createdAt: rng.pick(null, DateTime.makeUnsafe(0), DateTime.makeUnsafe(8.64e15), DateTime.makeUnsafe(-8.64e15)),
    status: rng.chance(0.2) ? "on fire" : made.status
  })
}

const anyInput = (rng: Random, session: ReturnType<typeof start>): Session.SessionInput => {
  const attempt = session.attempt().id
  const machine = { provider: acme, computeId: ComputeId.make("m1") }
  const compute = () => Session.Observation.fromCompute(computeOf(rng, session.attempt().name))
  return rng.pick<() => Session.SessionInput>(
    () => ({ _tag: "Rented", attempt, compute: compute(), authHash: null }),
    () => ({ _tag: "Refused", attempt, fault: faultOf(rng) }),
    () => ({ _tag: "Unanswered", attempt, fault: faultOf(rng), authHash: null, misnamed: compute() }),
    () => ({ _tag: "Observed", compute: compute() }),
    () => ({ _tag: "Confirmed", ...machine, compute: compute() }),
    () => ({ _tag: "TerminateFailed", ...machine, fault: faultOf(rng) }),
    () => ({ _tag: "Billed", ...machine, usd: pick(rng) }),
    () => ({ _tag: "Report", attempt, exitCode: pick(rng) })
  )()
}

it("a state can be written after any fault, observation, bill or report that an adapter can throw or answer, at any time of a clock", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const rng = random(seed)
    const session = start({
      mode: rng.pick("interactive", "task"),
      policy: {
        maxCost: rng.pick(null, 1),
        reconcileSpend: minute,
        readyTimeout: minute,
        onFailure: { _tag: "Respawn", max: 9 }
      },
      candidates: [{ provider: acme, gpu: "h100", regionHints: [] }, { provider: acme, gpu: null, regionHints: [] }]
    })
    for (let step = 0; step < 30; step++) {
      session.send(anyInput(rng, session))
      if (rng.chance(0.3)) session.pass(rng.pick(10, second, minute))
      const { state } = session
      const seen = `seed ${seed}, step ${step}`
      assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(state)))), state, seen)
      for (const event of session.told()) encodeEvent(event)
      const at = { wall: pick(rng), mono: pick(rng) }
      const odd = Session.decide(state, { _tag: "WokeUp" }, at, session.config).state
      assert.isDefined(encode(odd), seen)
      const wake = Session.nextWake(state, at, session.config)
      assert.isTrue(wake === null || Number.isFinite(wake), seen)
    }
  }
})

it("a bill that is no amount counts as one that failed, and the next one is asked for", () => {
  const session = start({ policy: { reconcileSpend: minute } })
  session.rented()
  session.pass(minute)
  session.told()
  session.billed(Number.NaN)
  assert.deepStrictEqual(session.toldOf(), ["SpendReconcileFailed"])
  session.asked()
  session.pass(minute)
  assert.deepStrictEqual(session.askedFor(), ["Reconcile"])
})

it("a report that is no exit code is no success", () => {
  const session = start({ mode: "task", policy: { finishGrace: minute } })
  session.rented()
  session.report(Number.NaN)
  session.pass(minute)
  assert.strictEqual(session.in("Ending").outcome._tag, "Failed")
})

it("an orphan that says it is older than its create costs at most a day more", () => {
  const session = start()
  session.rented({ costPerHour: 1 })
  session.observed({ computeId: ComputeId.make("twin"), status: "provisioning", createdAt: 0, costPerHour: 1 })
  assert.isAtMost(session.spent(), 24)
})
