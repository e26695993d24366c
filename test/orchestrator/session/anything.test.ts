/**
 * Any events in any order, however absurd: a session never throws, never rests on a machine, never rents twice under one
 * name, and neither its spend nor its deadline goes the wrong way.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Session from "../../../src/orchestrator/Session.ts"
import { fault, minute, second, start } from "./harness.ts"
import { type Random, random } from "./world/random.ts"

const acme = ProviderId.make("acme")
const statuses = ["provisioning", "running", "stopped", "terminated", "failed"] as const
const reasons = ["NotFound", "Unsupported", "Transport", "RateLimited", "NoCapacity", "Unauthorized"] as const
const prices = [null, 0, 0.5, 30, -1, Number.NaN, Number.POSITIVE_INFINITY] as const
const nobody = Session.AttemptId.make("aaaaaaaaaaaa")

type TestSession = ReturnType<typeof start>

const pick = <A>(rng: Random, all: readonly [A, ...ReadonlyArray<A>]): A => rng.pick(...all)

/** One event of any kind, mostly about what the session may have heard of. */
const anyEvent = (rng: Random, { now, state }: TestSession): Session.SessionInput => {
  const known = state.attempts[rng.below(state.attempts.length)]
  const attempt = rng.chance(0.1) ? nobody : known?.id ?? nobody
  const machine = { provider: acme, computeId: ComputeId.make(`m${rng.below(4)}`) }
  const compute: Session.Observation.Observation = {
    ...machine,
    name: rng.chance(0.1) ? null : rng.chance(0.1) ? "my-database" : known?.name ?? null,
    status: pick(rng, statuses),
    costPerHour: pick(rng, prices),
    createdAt: rng.chance(0.5) ? null : now.wall - rng.below(10 * minute),
    exitCode: rng.chance(0.1) ? rng.below(3) : null
  }
  const said = fault(pick(rng, reasons), { retryAfter: rng.chance(0.3) ? rng.below(minute) : null })
  const authHash = null
  const events: readonly [Session.SessionInput, ...ReadonlyArray<Session.SessionInput>] = [
    { _tag: "Rented", attempt, compute, authHash },
    { _tag: "Refused", attempt, fault: said },
    { _tag: "Unanswered", attempt, fault: said, authHash },
    { _tag: "Looked", attempt, found: rng.chance(0.5) ? [] : [compute], complete: rng.chance(0.7), at: now.mono },
    { _tag: "LookFailed", attempt, fault: said },
    { _tag: "Observed", compute },
    { _tag: "Missed", ...machine },
    { _tag: "Confirmed", ...machine, compute: rng.chance(0.5) ? null : compute },
    { _tag: "ConfirmFailed", ...machine, fault: said },
    { _tag: "TerminateAnswered", ...machine },
    { _tag: "TerminateFailed", ...machine, fault: said },
    { _tag: "Billed", ...machine, usd: rng.pick(0, 1, 1_000, -1) },
    { _tag: "BillFailed", ...machine, fault: said },
    { _tag: "Touched" },
    { _tag: "WokeUp" },
    { _tag: "Report", attempt, exitCode: rng.below(2) },
    { _tag: "Started", spec: state.spec },
    ...(rng.chance(0.1) ? [{ _tag: "StopRequested", by: "caller" } as const, { _tag: "Closing" } as const] : [])
  ]
  return pick(rng, events)
}

/** What an event is the answer to; null when it answers nothing. */
const answers = (event: Session.SessionInput): string | null => {
  switch (event._tag) {
    case "Rented":
    case "Refused":
    case "Unanswered":
      return `Rent ${event.attempt}`
    case "Looked":
    case "LookFailed":
      return `Resolve ${event.attempt}`
    case "Confirmed":
    case "ConfirmFailed":
      return `Confirm ${event.computeId}`
    case "TerminateAnswered":
    case "TerminateFailed":
      return `Terminate ${event.computeId}`
    case "Billed":
    case "BillFailed":
      return `Reconcile ${event.computeId}`
    default:
      return null
  }
}

const questionOf = (command: Session.Command): string =>
  command._tag === "Forget"
    ? "Forget"
    : `${command._tag} ${"computeId" in command ? command.computeId : command.attempt.id}`

interface Heard {
  readonly event: Session.SessionInput
  /** What it asked for on this event. */
  readonly asked: ReadonlyArray<Session.Command>
  /** All that is asked for and not answered yet. */
  readonly open: ReadonlySet<string>
}

/** A session that hears so many events of a seed; `hold` sees it at its beginning and after each. */
const hear = (seed: number, hold: (session: TestSession, heard: Heard) => void): TestSession => {
  const rng = random(seed)
  const session = start({
    mode: rng.pick("interactive", "task"),
    persist: rng.chance(0.5),
    request: { spot: rng.chance(0.7), command: rng.chance(0.5) ? ["run"] : null },
    policy: {
      idleTtl: rng.pick(null, 5 * minute),
      // a session without any limit waits for its feed alone
      maxRuntime: 10 * minute,
      readyTimeout: rng.pick(null, minute),
      finishGrace: rng.pick(null, minute),
      reconcileSpend: rng.pick(null, minute),
      maxCost: rng.pick(null, 0.5, 100),
      onFailure: rng.pick({ _tag: "Stop" }, { _tag: "Respawn", max: 3 })
    },
    candidates: [
      { provider: acme, gpu: "h100", regionHints: [] },
      { provider: acme, gpu: "a100_80g", regionHints: [] }
    ]
  })
  const open = new Set<string>()
  const heard = (event: Session.SessionInput): void => {
    // nothing that was on its way outlives the process
    if (event._tag === "Adopted") open.clear()
    open.delete(answers(event) ?? "")
    const asked = session.asked()
    for (const command of asked) open.add(questionOf(command))
    hold(session, { event, asked, open })
  }
  heard({ _tag: "Started", spec: session.state.spec })
  for (let step = 0; step < 80; step++) {
    const event = rng.chance(0.04) ? { _tag: "Adopted" } as const : anyEvent(rng, session)
    session.send(event)
    heard(event)
    // the wall clock may be set, forward or back; the monotonic one runs
    if (rng.chance(0.1)) session.now.wall += rng.pick(-minute, minute, -24 * 60 * minute)
    if (rng.chance(0.5)) {
      session.pass(rng.pick(10, second, 5 * second, minute))
      heard({ _tag: "WokeUp" })
    }
  }
  return session
}

const seeds = Array.from({ length: 400 }, (_, index) => index + 1)

describe("whatever a session hears", () => {
  it("nothing throws, and it ends as soon as the world is sane again", () => {
    for (const seed of seeds) {
      const session = hear(seed, () => {})
      for (let rounds = 0; rounds < 40 && session.phase._tag !== "Ended"; rounds++) {
        session.stop()
        const { phase } = session
        if (phase._tag === "Renting") session.refused("NoCapacity")
        session.pass(minute)
        if (phase._tag === "Resolving") session.looked([])
        for (const { computeId } of session.state.pendingTerminations) {
          session.terminateAnswered(computeId)
          session.pass(2 * second)
          session.confirmed(null, computeId)
        }
      }
      assert.strictEqual(session.phase._tag, "Ended", `seed ${seed}`)
    }
  })

  it("whatever it has or ends is asked about, or a time is set at which it will be", () => {
    for (const seed of seeds) {
      hear(seed, ({ config, now, phase, state }, { event, open }) => {
        const facts = `seed ${seed}, ${phase._tag} after ${event._tag}`
        const wake = Session.nextWake(state, now, config)
        if (phase._tag === "Renting") assert.isTrue(open.has(`Rent ${phase.attempt.id}`), facts)
        if (phase._tag === "Resolving") {
          assert.isTrue(state.timers.look?.at != null || open.has(`Resolve ${phase.attempt.id}`), facts)
        }
        if (phase._tag === "Waiting" || phase._tag === "Live") assert.isNotNull(wake, facts)
        if (phase._tag === "Live" && state.timers.check?.at === null) {
          assert.isTrue(open.has(`Confirm ${phase.computeId}`), facts)
        }
        for (const { at, computeId, step } of state.pendingTerminations) {
          const question = `${step === "confirming" ? "Confirm" : "Terminate"} ${computeId}`
          assert.isTrue(at === null ? open.has(question) : wake !== null && wake <= at, `${facts}: ${question}`)
        }
        if (phase._tag === "Ending") assert.isAbove(state.pendingTerminations.length, 0, facts)
      })
    }
  })

  it("no create is asked for twice under one attempt", () => {
    for (const seed of seeds) {
      const sent: Array<string> = []
      const { state } = hear(seed, (_, { asked }) => {
        sent.push(...asked.flatMap((command) => command._tag === "Rent" ? [command.attempt.name] : []))
      })
      assert.strictEqual(new Set(sent).size, sent.length, `seed ${seed}`)
      assert.deepStrictEqual(sent, state.attempts.map(({ name }) => name), `seed ${seed}: every name is on record`)
    }
  })

  it("the spend never goes back, and the deadline never moves later", () => {
    for (const seed of seeds) {
      let spent = 0
      let deadline = Number.POSITIVE_INFINITY
      hear(seed, (session, { event }) => {
        const { now, state } = session
        const usd = session.spent()
        const left = Session.runtimeLeft(state, now) ?? 0
        // a wall clock that was set back before a crash takes with it what was not written yet
        if (event._tag !== "Adopted") {
          assert.isAtLeast(usd, spent - 1e-6, `seed ${seed} after ${event._tag}`)
          // what a clock that was set forward took away, it does not give back
          assert.isAtMost(left, Math.max(0, deadline - now.mono) + 1, `seed ${seed} after ${event._tag}`)
        }
        spent = usd
        deadline = now.mono + left
      })
    }
  })

  it("one end is told, and after it nothing but machines that show up late", () => {
    for (const seed of seeds) {
      const tags = hear(seed, () => {}).toldOf()
      const ends = tags.filter((tag) => tag === "Terminating")
      assert.isAtMost(ends.length, 1, `seed ${seed}: ${tags.join(" ")}`)
      const ended = tags.indexOf("Ended")
      const late = ended === -1 ? [] : tags.slice(ended + 1)
      for (const tag of late) assert.include(["OrphanFound", "TerminateFailed", "TerminateStuck", "StaleReport"], tag)
    }
  })
})
