/**
 * Any inputs in any order: a session never throws, never leaves a machine unwatched, never sends two creates under one name,
 * its spend never falls and its deadline never moves later.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import * as Duration from "effect/Duration"
import * as Session from "../../../src/orchestrator/Session.ts"
import { fault, minute, second, start } from "./harness.ts"
import { type Random, random } from "./world/random.ts"

const acme = ProviderId.make("acme")
const statuses = ["provisioning", "running", "stopped", "terminated", "failed"] as const
const reasons = ["NotFound", "Unsupported", "Transport", "RateLimited", "NoCapacity", "Unauthorized"] as const
const prices = [null, 0, 0.5, 30, -1, Number.NaN, Number.POSITIVE_INFINITY] as const
const unknown = Session.AttemptId.make("aaaaaaaaaaaa")

type TestSession = ReturnType<typeof start>

const pick = <A>(rng: Random, all: readonly [A, ...ReadonlyArray<A>]): A => rng.pick(...all)

/** One input of any kind, mostly about machines and attempts of the session. */
const anyInput = (rng: Random, { now, state }: TestSession): Session.SessionInput => {
  const known = state.attempts[rng.below(state.attempts.length)]
  const attempt = rng.chance(0.1) ? unknown : known?.id ?? unknown
  const machine = { provider: acme, computeId: ComputeId.make(`m${rng.below(4)}`) }
  const compute: Session.Observation.Observation = {
    ...machine,
    name: rng.chance(0.1) ? null : rng.chance(0.1) ? "my-database" : known?.name ?? null,
    status: pick(rng, statuses),
    costPerHour: pick(rng, prices),
    createdAt: rng.chance(0.5) ? null : now.wall - rng.below(10 * minute),
    exitCode: rng.chance(0.1) ? rng.below(3) : null
  }
  const said = fault(pick(rng, reasons), { retryAfter: rng.chance(0.3) ? Duration.millis(rng.below(minute)) : null })
  const authHash = null
  const inputs: readonly [Session.SessionInput, ...ReadonlyArray<Session.SessionInput>] = [
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
    { _tag: "Reread", stored: { ...state, attempts: state.attempts.slice(0, 1), pendingTerminations: [] } },
    ...(rng.chance(0.1) ? [{ _tag: "StopRequested", by: "caller" } as const, { _tag: "Closing" } as const] : [])
  ]
  return pick(rng, inputs)
}

/** The request that an input answers; null when it answers none. */
const answered = (input: Session.SessionInput): string | null => {
  switch (input._tag) {
    case "Rented":
    case "Refused":
    case "Unanswered":
      return `Rent ${input.attempt}`
    case "Looked":
    case "LookFailed":
      return `Resolve ${input.attempt}`
    case "Confirmed":
    case "ConfirmFailed":
      return `Confirm ${input.computeId}`
    case "TerminateAnswered":
    case "TerminateFailed":
      return `Terminate ${input.computeId}`
    case "Billed":
    case "BillFailed":
      return `Reconcile ${input.computeId}`
    default:
      return null
  }
}

const requestOf = (command: Session.Command): string =>
  command._tag === "Forget"
    ? "Forget"
    : `${command._tag} ${"computeId" in command ? command.computeId : command.attempt.id}`

interface Given {
  readonly input: Session.SessionInput
  /** The commands of this input. */
  readonly asked: ReadonlyArray<Session.Command>
  /** All requests that are not answered yet. */
  readonly open: ReadonlySet<string>
}

/** A session that is given the inputs of a seed; `hold` sees it at its beginning and after each input. */
const give = (seed: number, hold: (session: TestSession, given: Given) => void): TestSession => {
  const rng = random(seed)
  const session = start({
    mode: rng.pick("interactive", "task"),
    persist: rng.chance(0.5),
    request: { spot: rng.chance(0.7), command: rng.chance(0.5) ? ["run"] : null },
    policy: {
      idleTtl: rng.pick(null, 5 * minute),
      // so that a wake time is always set
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
  const given = (input: Session.SessionInput): void => {
    // requests that were on their way end with the process
    if (input._tag === "Adopted") open.clear()
    open.delete(answered(input) ?? "")
    const asked = session.asked()
    for (const command of asked) open.add(requestOf(command))
    hold(session, { input, asked, open })
  }
  given({ _tag: "Started", spec: session.state.spec })
  for (let step = 0; step < 80; step++) {
    const input = rng.chance(0.04) ? { _tag: "Adopted" } as const : anyInput(rng, session)
    session.send(input)
    given(input)
    // the wall clock may be set, forward or back; the monotonic one runs
    if (rng.chance(0.1)) session.now.wall += rng.pick(-minute, minute, -24 * 60 * minute)
    if (rng.chance(0.5)) {
      session.pass(rng.pick(10, second, 5 * second, minute))
      given({ _tag: "WokeUp" })
    }
  }
  return session
}

const seeds = Array.from({ length: 400 }, (_, index) => index + 1)

describe("whatever the inputs of a session are", () => {
  it("nothing throws, and it ends as soon as the provider answers as it should", () => {
    for (const seed of seeds) {
      const session = give(seed, () => {})
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
        const { doubt } = session.state
        if (session.phase._tag === "Ending" && doubt !== undefined) {
          const at = session.now.mono
          session.send({ _tag: "Looked", attempt: doubt.attempt.id, found: [], complete: true, at })
        }
      }
      assert.strictEqual(session.phase._tag, "Ended", `seed ${seed}`)
    }
  })

  it("each of its machines has a request under way or a wake time", () => {
    for (const seed of seeds) {
      give(seed, ({ config, now, phase, state }, { input, open }) => {
        const facts = `seed ${seed}, ${phase._tag} after ${input._tag}`
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
          const request = `${step === "confirming" ? "Confirm" : "Terminate"} ${computeId}`
          assert.isTrue(at === null ? open.has(request) : wake !== null && wake <= at, `${facts}: ${request}`)
        }
        if (phase._tag === "Ending" && state.pendingTerminations.length === 0) {
          const { doubt } = state
          assert.isDefined(doubt, facts)
          assert.isTrue(wake !== null || open.has(`Resolve ${doubt?.attempt.id}`), facts)
        }
      })
    }
  })

  it("no create is sent twice under one attempt", () => {
    for (const seed of seeds) {
      const sent: Array<string> = []
      const { state } = give(seed, (_, { asked }) => {
        sent.push(...asked.flatMap((command) => command._tag === "Rent" ? [command.attempt.name] : []))
      })
      assert.strictEqual(new Set(sent).size, sent.length, `seed ${seed}`)
      assert.deepStrictEqual(sent, state.attempts.map(({ name }) => name), `seed ${seed}: every name is stored`)
    }
  })

  it("the spend never goes back, and the deadline never moves later", () => {
    for (const seed of seeds) {
      let spent = 0
      let deadline = Number.POSITIVE_INFINITY
      give(seed, (session, { input }) => {
        const { now, state } = session
        const usd = session.spent()
        const left = Session.runtimeLeft(state, now) ?? 0
        // what was not committed is lost in a crash, also what the clock had been before it was set back
        if (input._tag !== "Adopted") {
          assert.isAtLeast(usd, spent - 1e-6, `seed ${seed} after ${input._tag}`)
          // time that a wall clock set forward has taken away is not given back
          assert.isAtMost(left, Math.max(0, deadline - now.mono) + 1, `seed ${seed} after ${input._tag}`)
        }
        spent = usd
        deadline = now.mono + left
      })
    }
  })

  it("one end is told, and after it only orphans, their terminations and stale reports", () => {
    for (const seed of seeds) {
      const tags = give(seed, () => {}).toldOf()
      const ends = tags.filter((tag) => tag === "Terminating")
      assert.isAtMost(ends.length, 1, `seed ${seed}: ${tags.join(" ")}`)
      const ended = tags.indexOf("Ended")
      const late = ended === -1 ? [] : tags.slice(ended + 1)
      for (const tag of late) assert.include(["OrphanFound", "TerminateFailed", "TerminateStuck", "StaleReport"], tag)
    }
  })
})
