/**
 * `atlas stop`, `start` and `down`: changing or ending computes.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { using } from "../Clouds.ts"
import { callOptions, id, misused, toggle, yes } from "../Flags.ts"

const power = () => import("../actions/power.ts")
const halt = using(async () => (await power()).stop)
const resume = using(async () => (await power()).start)
const end = using(async () => (await import("../actions/down.ts")).run)

export const stop = Command.make(
  "stop",
  { id },
  (input) => Effect.flatMap(callOptions, (call) => halt({ ...input, call }))
).pipe(
  Command.withDescription("Stop a compute and keep its storage; returns when it has stopped."),
  Command.withShortDescription("Stop one, keep its storage"),
  Command.withExamples([{ command: "atlas stop local-abcdefghijkl", description: "Stop it" }])
)

export const start = Command.make(
  "start",
  { id },
  (input) => Effect.flatMap(callOptions, (call) => resume({ ...input, call }))
).pipe(
  Command.withDescription("Start a stopped compute again, with the ports and the credential it had."),
  Command.withShortDescription("Start a stopped one again"),
  Command.withExamples([{ command: "atlas start local-abcdefghijkl", description: "Start it" }])
)

export const down = Command.make("down", {
  ids: Argument.String("id").pipe(
    Argument.withDescription("Ids of computes, as `atlas ps` shows them"),
    Argument.variadic()
  ),
  all: toggle("all").pipe(
    Flag.withDescription("Every compute of the provider's account; asks before it does")
  ),
  yes
}, (input) =>
  Effect.gen(function*() {
    if (input.all === input.ids.length > 0) {
      return yield* misused("down", input.all ? "give ids or --all, not both" : "give the ids of computes, or --all")
    }
    return yield* end({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription("End computes for good, storage included; returns when they are seen to be gone."),
    Command.withShortDescription("End computes for good"),
    Command.withExamples([
      { command: "atlas down local-abcdefghijkl", description: "End one" },
      { command: "atlas down --all --yes", description: "End all of them without a question" }
    ])
  )
