/**
 * Each command ends in exactly one result, also where the host's telemetry throws around it.
 */
import { assert, describe, it } from "@effect/vitest"
import { NoCapacity, NotFound, Uncertain } from "effect-atlas/domain/AtlasError"
import { ComputeId } from "effect-atlas/domain/Ids"
import { Session, SessionSecrets } from "effect-atlas/orchestrator"
import * as Provider from "effect-atlas/provider/Provider"
import * as Providers from "effect-atlas/provider/Providers"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as Clocks from "../../../src/orchestrator/engine/Clocks.ts"
import * as CommandRunner from "../../../src/orchestrator/engine/CommandRunner.ts"
import * as Mailbox from "../../../src/orchestrator/engine/Mailbox.ts"
import * as PausedPlaces from "../../../src/orchestrator/engine/PausedPlaces.ts"
import * as SharedListings from "../../../src/orchestrator/engine/SharedListings.ts"
import { pass, settle } from "../harness.ts"
import { makePlainCloud, plain, renting as rentingOf } from "../plainCloud.ts"

const throwing = (): never => {
  throw new Error("the exporter is gone: key=canary")
}

const notFound = Effect.fail(new NotFound({ message: "gone" }))

const stateOf = (wall: number): Session.SessionState => rentingOf(1, { wall, mono: 0 })

const machine = { provider: plain, computeId: ComputeId.make("old") }

/** The states in which the commands are wanted, and the commands. */
const cases = (() => {
  const renting = stateOf(0)
  if (renting.phase._tag !== "Renting") throw new Error("it does not rent")
  const { attempt } = renting.phase
  const fault = Session.Fault.make("Uncertain", "no answer")
  const resolving = Session.decide(
    renting,
    { _tag: "Unanswered", attempt: attempt.id, fault, authHash: null },
    { wall: 0, mono: 0 },
    Session.defaults
  ).state
  const pending = (step: "terminating" | "confirming"): Session.SessionState => ({
    ...renting,
    pendingTerminations: [{
      ...machine,
      name: null,
      why: "ending",
      since: 0,
      settles: 0,
      tries: 1,
      step,
      at: null,
      fault: null
    }]
  })
  const billed: Session.SessionState = {
    ...renting,
    phase: {
      _tag: "Live",
      attempt,
      ...machine,
      rentedAt: 0,
      settles: 0,
      status: "running",
      ready: true,
      readyArmed: false,
      authHash: null
    }
  }
  const [candidate] = renting.spec.candidates
  return [
    { state: renting, command: { _tag: "Rent", attempt, candidate }, answered: "Rented" },
    { state: resolving, command: { _tag: "Resolve", attempt, provider: plain }, answered: "Looked" },
    {
      state: pending("terminating"),
      command: { _tag: "Terminate", ...machine },
      answered: "TerminateAnswered"
    },
    { state: pending("confirming"), command: { _tag: "Confirm", ...machine }, answered: "Confirmed" },
    { state: billed, command: { _tag: "Reconcile", ...machine }, answered: "BillFailed" }
  ] as const
})()

const failures: Readonly<Record<string, string>> = {
  Rent: "Refused",
  Resolve: "LookFailed",
  Terminate: "TerminateFailed",
  Confirm: "ConfirmFailed",
  Reconcile: "BillFailed"
}

/** The results of one command that runs under this tracer. */
const resultsOf = Effect.fnUntraced(function*(
  state: Session.SessionState,
  command: Session.Command,
  tracer: Tracer.Tracer,
  { at, isHeld = () => false, isLocked = true }: {
    readonly at?: Provider.Made
    readonly isHeld?: () => boolean
    readonly isLocked?: boolean
  } = {}
) {
  const cloud = yield* makePlainCloud()
  const mailbox = yield* Mailbox.make
  const runner = yield* CommandRunner.make({
    providers: Providers.make([at ?? cloud.provider]),
    ask: () => Effect.succeed(SessionSecrets.none),
    mailbox,
    isHeld,
    holdsOwnerLock: Effect.succeed(isLocked),
    stateOf: () => state,
    mayRent: () => true,
    listings: yield* SharedListings.make,
    pausedPlaces: PausedPlaces.make(60_000),
    concurrency: undefined
  })
  yield* Effect.withTracer(
    runner.start({ id: state.spec.id, after: state, commands: [command], secrets: null, span: null }),
    tracer
  )
  yield* settle
  if (at !== undefined) yield* pass(3)
  const results = mailbox.isEmpty() ? [] : yield* mailbox.take(1_000)
  return { results: results.map(({ event }) => event), created: cloud.seen.spawn }
})

describe("a command under a tracer that throws", () => {
  for (const { answered, command, state } of cases) {
    it.effect(`at the end of its span has the result it had: ${command._tag}`, () =>
      Effect.gen(function*() {
        const tracer = Tracer.make({
          span: (options) =>
            options.name.startsWith("Session.")
              ? Object.assign(new Tracer.NativeSpan(options), { end: throwing })
              : new Tracer.NativeSpan(options)
        })
        const { results } = yield* resultsOf(state, command, tracer)
        assert.deepStrictEqual(results.map(({ _tag }) => _tag), [answered])
      }))

    it.effect(`at the start of its span has not run, and says so: ${command._tag}`, () =>
      Effect.gen(function*() {
        const { created, results } = yield* resultsOf(state, command, Tracer.make({ span: throwing }))
        assert.deepStrictEqual(results.map(({ _tag }) => _tag), [failures[command._tag] ?? ""])
        assert.strictEqual(created, 0)
        assert.notInclude(JSON.stringify(results), "canary")
      }))
  }
})

describe("a command that waited and is not wanted any more", () => {
  it.effect("is not sent: a create is answered as never sent, no other has a result", () =>
    Effect.gen(function*() {
      const over: Session.SessionState = {
        ...stateOf(0),
        phase: {
          _tag: "Ended",
          reason: "stopped",
          outcome: { _tag: "Closed", reason: "stopped" },
          at: 0,
          forgetting: false
        }
      }
      for (const { command } of cases) {
        const { created, results } = yield* resultsOf(over, command, yield* Effect.tracer)
        assert.strictEqual(created, 0)
        assert.deepStrictEqual(
          results.map((event) => event._tag === "Refused" && event.unsent),
          command._tag === "Rent" ? [true] : []
        )
      }
    }))
})

describe("a create", () => {
  const [{ command, state }] = cases

  it.effect("is not sent when the owner lock was lost while it waited", () =>
    Effect.gen(function*() {
      const { created, results } = yield* resultsOf(state, command, yield* Effect.tracer, { isLocked: false })
      assert.deepStrictEqual([created, ...results.map(({ _tag }) => _tag)], [0, "Refused"])
    }))

  it.effect("that was sent counts as unanswered when a defect spoils its answer, never as refused", () =>
    Effect.gen(function*() {
      const at = Provider.make({
        id: plain,
        compute: {
          spawn: () => Effect.fail(new Uncertain({ message: "lost", computeId: machine.computeId })),
          get: () => notFound,
          list: () => Effect.succeed([]),
          terminate: () => notFound
        }
      })
      const { results } = yield* resultsOf(state, command, yield* Effect.tracer, { at, isHeld: throwing })
      assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Unanswered"])
    }))
})

describe("an answer that found no machine counts as of when it was asked for, not as of when it came", () => {
  const slow = Provider.make({
    id: plain,
    compute: {
      spawn: () => Effect.fail(new NoCapacity({ message: "sold out" })),
      get: () => Effect.delay(notFound, "3 seconds"),
      list: () => Effect.delay(Effect.succeed([]), "3 seconds"),
      terminate: () => notFound
    }
  })
  for (const { answered, command, state } of cases) {
    if (answered !== "Looked" && answered !== "Confirmed") continue
    it.effect(`${command._tag}`, () =>
      Effect.gen(function*() {
        const { mono } = yield* Clocks.read
        const { results } = yield* resultsOf(state, command, yield* Effect.tracer, { at: slow })
        assert.deepStrictEqual(results.map((event) => "at" in event && [event._tag, event.at]), [[answered, mono]])
      }))
  }
})
