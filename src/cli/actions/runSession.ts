/**
 * What `atlas up` with limits and `atlas task` do: a session in this very process, from its spawn to its verified end.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { AtlasError, BudgetExceeded, Ended, Timeout } from "../../domain/AtlasError.ts"
import { Orchestrator, type Tracked } from "../../orchestrator/Orchestrator.ts"
import type { EventEnvelope } from "../../orchestrator/OrchestratorTopics.ts"
import { Fault } from "../../orchestrator/Session.ts"
import type { SessionInfo } from "../../orchestrator/SessionInfo.ts"
import { Providers } from "../../provider/Providers.ts"
import { asTyped } from "../AsTyped.ts"
import * as ComputeView from "../ComputeView.ts"
import * as GpuAdvice from "../GpuAdvice.ts"
import { Made } from "../Made.ts"
import * as Output from "../Output.ts"
import { progress, ticking } from "../Progress.ts"
import * as SessionView from "../SessionView.ts"
import { Hurry, Shell } from "../Shell.ts"
import * as SpawnRequest from "../SpawnRequest.ts"
import * as Supervised from "../Supervised.ts"

type Input = SpawnRequest.SpawnFlags & SpawnRequest.Limits

/** Which of the two it is; the session's mode follows. */
type Verb = "up" | "task"

const note = (text: string) => Effect.flatMap(Shell, ({ err, invocation }) => invocation.json ? Effect.void : err(text))

/** What a person who waits is told of an event; null for most of them. */
const wordOf = ({ event }: EventEnvelope): string | null => {
  switch (event._tag) {
    case "Status":
      return event.status === "running" ? "running" : null
    case "Respawned":
      return `its machine was lost; ${event.newId} replaces it`
    case "RespawnFailed":
      return `no replacement could be rented: ${event.fault.message}`
    case "Refused":
      return `${event.candidate.gpu ?? event.candidate.provider} was refused: ${event.fault.message}`
    case "Terminating":
      return `ending the session: ${event.reason}`
    case "TerminateFailed":
      return `its machine could not be ended yet, trying again: ${event.fault.message}`
    default:
      return null
  }
}

/** The exit code of the command, null for an end that the limits asked for; any other end fails. */
const codeOf = (
  verb: Verb,
  { outcome, provider }: SessionInfo,
  isRestarted: boolean
): Effect.Effect<number | null, AtlasError> => {
  const fail = (reason: AtlasError["reason"]) => Effect.fail(new AtlasError({ provider, operation: verb, reason }))
  const over = (message: string) => fail(new Ended({ status: "terminated", message }))
  const late = new Timeout({
    message: "its --max-runtime was over, so its machine was ended; allow more with --max-runtime"
  })
  const dear = new BudgetExceeded({
    message: "it has cost its --max-cost, so its machine was ended; allow more with --max-cost"
  })
  switch (outcome?._tag) {
    case "Completed":
      return outcome.exitCode === null
        ? over("the command has ended, and its provider reported no exit code")
        : Effect.succeed(outcome.exitCode)
    case "TimedOut":
      return fail(late)
    case "Failed":
      if (outcome.exitCode !== null) return Effect.succeed(outcome.exitCode)
      if (isRestarted) return over(Supervised.restartedMessage)
      if (outcome.fault !== null) return Effect.fail(Fault.toError(outcome.fault, verb))
      if (outcome.cause === "cost_cap") return fail(dear)
      if (outcome.cause === "vanished" || outcome.cause === "lost") {
        return over(
          "its machine was lost, or was stopped or ended outside of this command, before its command said how it ended"
        )
      }
      return over(
        `its machine is ${outcome.cause} and reported no exit code${
          provider === "local" ? ": it was killed from outside, or its end could not be recorded" : ""
        }`
      )
    case "Closed":
      if (outcome.reason === "max_runtime") return fail(late)
      if (outcome.reason === "cost_cap") return fail(dear)
      if (outcome.reason === "finished") return Effect.succeed(0)
      // ended as idle, as the flags ask for: no failure, and no exit code of the command either
      return outcome.reason === "idle_timeout" ? Effect.succeed(null) : over(`the session was ended: ${outcome.reason}`)
    case undefined:
      return over("the session is over, and its outcome is not on record")
  }
}

/** Whether it is over because its command has ended: its output may wait for a reader that pauses, and costs nothing. */
const isOwnEnd = ({ outcome }: SessionInfo): boolean =>
  outcome?._tag === "Completed" || (outcome?._tag === "Failed" && outcome.exitCode !== null)

interface Watch {
  readonly finalReads: Supervised.FinalReads
  /** Machines of tasks whose container was started again. */
  readonly restarted: Set<string>
  /** Every machine that the session has had. */
  readonly machines: Set<string>
  readonly output: Output.Output
}

const stay = (verb: Verb, input: Input, { finalReads, machines, output, restarted }: Watch, { compute, id }: Tracked) =>
  Effect.gen(function*() {
    const orchestrator = yield* Orchestrator
    const { err, exitWith, invocation } = yield* Shell
    const { printer } = output
    const follow = Effect.fnUntraced(function*(computeId: string, provider: string) {
      machines.add(computeId)
      const tail = yield* output.follow(computeId, { baseUrl: input.call.baseUrl, provider }, {
        // what it writes is a sign of use: nothing else can touch a session that lives in a terminal
        used: Effect.ignore(orchestrator.touch(id)),
        restarted: verb === "task" ? Effect.sync(() => void restarted.add(computeId)) : Effect.void
      })
      finalReads.set(computeId, tail.drain)
    })
    // stdout is the command's own; in JSON the compute is the first of the objects
    printer.record({ type: "compute", ...ComputeView.toJson(compute) })
    printer.record({ type: "session", ...SessionView.toJson(yield* orchestrator.info(id)) })
    yield* follow(compute.id, compute.provider)
    if (!invocation.json) yield* err(`${ComputeView.rented(compute)}\nsession  ${id}`)

    const hear = (published: EventEnvelope) =>
      Effect.gen(function*() {
        printer.record(SessionView.eventToJson(published))
        const word = wordOf(published)
        if (word !== null) yield* published.event._tag === "Status" ? progress(word) : note(`... ${word}`)
        if (published.event._tag !== "Respawned") return
        const { provider } = yield* orchestrator.info(id)
        yield* follow(published.event.newId, provider)
      })
    const hearing = yield* orchestrator.events(id).pipe(
      Stream.takeUntil((element) => element._tag === "Event" && element.event._tag === "Ended"),
      Stream.runForEach((element) => element._tag === "Event" ? Effect.ignore(hear(element)) : Effect.void),
      Effect.forkScoped
    )
    const over = yield* orchestrator.awaitEnd(id)
    // the command's own end may wait for a reader that pauses, that of a limit may not
    if (!isOwnEnd(over)) yield* yield* Hurry
    yield* Fiber.await(hearing)
    const isRestarted = over.computeId !== null && restarted.has(over.computeId)
    const ended = yield* Effect.result(codeOf(verb, over, isRestarted))
    const code = yield* output.conclude(ended, {
      isPatient: isOwnEnd(over),
      last: { type: "session", ...SessionView.toJson(over) }
    })
    // ended as idle, as the flags ask for
    if (code === null) return yield* note(`the session is over: ${SessionView.ending(over)}`)
    yield* exitWith(code)
  }).pipe(Effect.scoped)

/** Ends the session and waits until its machine is verified gone, unless it is to outlive this command; whether it does. */
const leave = (
  input: Input,
  { machines }: Watch,
  { compute, id }: Tracked,
  exit: Exit.Exit<unknown, unknown>
) =>
  Effect.gen(function*() {
    const orchestrator = yield* Orchestrator
    const made = yield* Made
    // also those that nothing here has ended, such as one that its provider took back
    const gone = () => machines.forEach(made.ended)
    const { state } = yield* orchestrator.info(id)
    if (state === "ended") {
      gone()
      return false
    }
    if (input.persist && !Exit.hasFails(exit) && state === "live") {
      yield* note(`${compute.id} keeps running; end it with: atlas down ${compute.id} --provider ${compute.provider}`)
      return true
    }
    yield* orchestrator.stopTracked(id)
    gone()
    return false
  }).pipe(ticking(`ending ${compute.id}`))

/** Rents one compute as a session and stays with it until it is over. */
export const run = (verb: Verb) => (input: Input) =>
  Effect.gen(function*() {
    if (input.detach) return yield* SpawnRequest.refuseDetached(input, verb)
    const service = yield* Effect.flatMap(Providers, ({ get }) => get(input.call.provider, verb))
    const { id: provider, pollInterval } = service
    const request = { ...yield* SpawnRequest.toRequest(input, service, verb), gpu: input.gpu }
    const mode = verb === "task" ? "task" : "interactive"
    const output = yield* Output.make(verb)
    const watch: Watch = { finalReads: Supervised.makeFinalReads(), restarted: new Set(), machines: new Set(), output }
    const { finalReads } = watch
    yield* progress(`renting from ${provider}`)
    const session = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const orchestrator = yield* Orchestrator
        const begin = mode === "task" ? orchestrator.runTask : orchestrator.spawn
        const tracked = yield* restore(begin(request, SpawnRequest.toOptions(input, mode, provider))).pipe(
          GpuAdvice.orSuggest(service, input),
          asTyped,
          Effect.onError(() => finalReads.dismiss)
        )
        yield* Effect.onExit(
          restore(stay(verb, input, watch, tracked)),
          (exit) =>
            finalReads.dismiss.pipe(
              Effect.andThen(leave(input, watch, tracked, exit)),
              Effect.tap((persists) => output.flush({ isOver: !persists })),
              // the machine may be there, so it is not read further
              Effect.onError(() => output.flush({ isOver: false }))
            )
        )
      })
    )
    yield* session.pipe(
      Effect.provide(Supervised.layer({ call: input.call, watched: watch, pollInterval })),
      Supervised.withLockHint
    )
  }).pipe(Effect.scoped)
