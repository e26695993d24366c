/**
 * The demo's orchestrator as the demo sees it: a process that is started, asked, and killed.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { fileURLToPath } from "node:url"
import { AtlasError, ProviderFault } from "../../../domain/AtlasError.ts"
import * as TimeSpan from "../../../domain/TimeSpan.ts"
import * as Messages from "./messages.ts"

/** Far longer than each step needs. */
const patience = Duration.seconds(12)

const readAnswer = Schema.decodeEffect(Messages.AnswerLine)
const writeQuestion = Schema.encodeEffect(Messages.QuestionLine)

/** The program itself: its source, or the bundle, whose files all stand side by side. */
const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../main.ts" : "./atlas.js", import.meta.url)
)

const failure = (message: string) =>
  new AtlasError({ provider: null, operation: "demo", reason: new ProviderFault({ message }) })

/** Answers of one kind. */
type Of<Tag extends Messages.Answer["_tag"]> = Extract<Messages.Answer, { readonly _tag: Tag }>

/** Starts an orchestrator whose records and computes are in this directory. It is killed, at the latest, with the scope. */
export const start = (stateDirectory: string) =>
  Effect.gen(function*() {
    const handle = yield* ChildProcess.make(process.execPath, [program, "dev", "demo-orchestrator", "--json"], {
      env: { ATLAS_STATE_DIR: stateDirectory, ATLAS_OWNER: "demo", ATLAS_PROVIDER: "local" },
      extendEnv: true,
      killSignal: "SIGKILL"
    }).pipe(Effect.mapError(() => failure("the demo's orchestrator could not be started")))
    const questions = yield* Queue.unbounded<Messages.Question, Cause.Done>()
    const heard = yield* SubscriptionRef.make<ReadonlyArray<Messages.Answer>>([])
    const hear = (answer: Messages.Answer) => SubscriptionRef.update(heard, (all) => [...all, answer])

    yield* Stream.fromQueue(questions).pipe(
      Stream.mapEffect((question) => Effect.map(writeQuestion(question), (line) => `${line}\n`)),
      Stream.encodeText,
      Stream.run(handle.stdin),
      Effect.ignore,
      Effect.forkScoped
    )
    const complaints = yield* Effect.forkScoped(Stream.mkString(Stream.decodeText(handle.stderr)))
    yield* handle.stdout.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.runForEach((line) => Effect.flatMap(readAnswer(line), hear)),
      Effect.ignore,
      Effect.andThen(Effect.orElseSucceed(Fiber.join(complaints), () => "")),
      Effect.flatMap((message) => hear({ _tag: "Gone", message })),
      Effect.forkScoped
    )

    /** The first answer that passes, from the start on; fails when the orchestrator says that it failed, or ends. */
    const answered = <Tag extends Exclude<Messages.Answer["_tag"], "Failed" | "Gone">>(
      tag: Tag,
      test: (answer: Of<Tag>) => boolean = () => true
    ): Effect.Effect<Of<Tag>, AtlasError> => {
      const is = (answer: Messages.Answer): answer is Of<Tag> => answer._tag === tag
      const find = (all: ReadonlyArray<Messages.Answer>): Effect.Effect<Option.Option<Of<Tag>>, AtlasError> => {
        const found = all.filter(is).find(test)
        const trouble = all.find((one) => one._tag === "Failed" || one._tag === "Gone")
        return found === undefined && trouble !== undefined && "message" in trouble
          ? Effect.fail(
            failure(`the demo's orchestrator ${trouble._tag === "Gone" ? "has ended" : "failed"}: ${trouble.message}`)
          )
          : Effect.succeed(Option.fromUndefinedOr(found))
      }
      return SubscriptionRef.changes(heard).pipe(
        Stream.mapEffect(find),
        Stream.filter(Option.isSome),
        Stream.runHead,
        Effect.flatMap((found) => Effect.fromOption(Option.flatten(found))),
        Effect.catchTag("NoSuchElementError", () => Effect.fail(failure("the demo's orchestrator answered nothing"))),
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () =>
            Effect.fail(failure(`the demo's orchestrator did not answer ${tag} within ${TimeSpan.format(patience)}`))
        })
      )
    }

    return {
      pid: handle.pid,
      answered,
      ask: (question: Messages.Question) => Effect.asVoid(Queue.offer(questions, question)),
      /** Ends it as a crash does. */
      kill: Effect.andThen(Effect.ignore(handle.kill({ killSignal: "SIGKILL" })), Effect.ignore(handle.exitCode)),
      /** Asks nothing more: it ends every session and exits. */
      finish: Effect.andThen(Queue.end(questions), Effect.orElseSucceed(handle.exitCode, () => -1))
    }
  })
