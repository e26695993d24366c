/**
 * The part of the demo that is killed: an orchestrator in a process of its own, asked by lines of JSON on its stdin.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { Orchestrator } from "../../../orchestrator/Orchestrator.ts"
import { Providers } from "../../../provider/Providers.ts"
import { Shell } from "../../Shell.ts"
import * as Supervised from "../../Supervised.ts"
import * as Messages from "./messages.ts"

const provider = "local"
const readQuestion = Schema.decodeEffect(Messages.QuestionLine)
const writeAnswer = Schema.encodeEffect(Messages.AnswerLine)

const answer = (said: Messages.Answer) =>
  Effect.flatMap(Shell, ({ out }) => Effect.flatMap(Effect.orDie(writeAnswer(said)), out))

/** Touches sessions until their users leave, so that only those are idle, however slow this machine is. */
const makeUsers = Effect.gen(function*() {
  const orchestrator = yield* Orchestrator
  const users = yield* FiberMap.make<string>()
  return {
    enter: (id: string) =>
      FiberMap.run(users, id, orchestrator.touch(id).pipe(Effect.repeat(Schedule.spaced("500 millis")), Effect.ignore)),
    leave: (id: string) => FiberMap.remove(users, id)
  }
})

const act = (users: Effect.Success<typeof makeUsers>) => (question: Messages.Question) =>
  Effect.gen(function*() {
    const orchestrator = yield* Orchestrator
    switch (question._tag) {
      case "Spawn": {
        const { idleTtlMs: idleTtl, user } = question
        const { auth, id } = yield* orchestrator.spawn(
          { image: "builtin:inference-server", ports: ["8000/http"], auth: "bearer", name: user },
          { provider, userId: user, idleTtl, persist: true }
        )
        yield* users.enter(id)
        const ready = yield* orchestrator.awaitReady(id, { timeout: "10 seconds" })
        const header = auth?._tag === "Bearer" ? Redacted.value(auth.header) : ""
        return yield* answer({
          _tag: "Spawned",
          id,
          user,
          computeId: ready.id,
          url: ready.ports[0]?.url ?? "",
          header
        })
      }
      case "Leave":
        return yield* users.leave(question.id)
      case "Task": {
        const { id } = yield* orchestrator.runTask(
          { command: ["sh", "-c", question.script], name: "task" },
          { provider, maxRuntime: "20 seconds" }
        )
        const { outcome } = yield* orchestrator.awaitEnd(id)
        return yield* answer({
          _tag: "TaskEnded",
          exitCode: outcome?._tag === "Completed" || outcome?._tag === "Failed" ? outcome.exitCode : null
        })
      }
    }
  }).pipe(Effect.catch((error) => answer({ _tag: "Failed", message: error.message })))

const endAll = Effect.gen(function*() {
  const orchestrator = yield* Orchestrator
  yield* Effect.forEach(yield* orchestrator.listIds, (id) => orchestrator.stopTracked(id), {
    concurrency: "unbounded",
    discard: true
  })
})

/** Adopts, answers, and ends every session when its stdin is closed: also when the demo itself was killed. */
export const run = (_: object) =>
  Effect.gen(function*() {
    const { get } = yield* Providers
    const { pollInterval } = yield* get(provider, "demo")
    const { stdin } = yield* Stdio.Stdio
    yield* Effect.gen(function*() {
      const orchestrator = yield* Orchestrator
      yield* orchestrator.events(null).pipe(
        Stream.runForEach((element) =>
          element._tag === "Event" && element.event._tag === "Ended"
            ? answer({ _tag: "SessionEnded", id: element.id, reason: element.event.reason })
            : Effect.void
        ),
        Effect.forkScoped
      )
      const users = yield* makeUsers
      const left = yield* orchestrator.listIds
      yield* Effect.forEach(left, users.enter, { discard: true })
      const adopted = yield* Effect.filter(left, (id) =>
        orchestrator.awaitReady(id, { timeout: "10 seconds" }).pipe(
          Effect.as(true),
          Effect.orElseSucceed(() => false)
        ))
      yield* answer({ _tag: "Ready", adopted })
      yield* stdin.pipe(
        Stream.decodeText,
        Stream.splitLines,
        Stream.mapEffect((line) => Effect.flatMap(Effect.orDie(readQuestion(line)), act(users)), { concurrency: 4 }),
        Stream.runDrain,
        Effect.orDie
      )
    }).pipe(
      // also when it is told to stop, or when the demo is gone: only a kill leaves the sessions to the next one
      Effect.onExit(() => endAll),
      Effect.scoped,
      Effect.provide(
        Supervised.layer({ call: { provider }, watched: Supervised.unwatched, pollInterval })
      )
    )
  })
