/**
 * `atlas up`, `ps`, `get`, `await`, `logs`, `stop`, `start` and `down`: the life of one compute.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { actionWithProviders } from "../Action.ts"
import { callOptions, duration, id, misused, refuseEarlyWords, toggle, yes } from "../Flags.ts"
import { limitFlags, spawnFlags } from "../SpawnFlags.ts"

const runUp = actionWithProviders(async () => (await import("../actions/up.ts")).run)

export const up = Command.make("up", { ...spawnFlags, ...limitFlags }, (input) =>
  Effect.gen(function*() {
    yield* refuseEarlyWords("up", input.command)
    return yield* runUp({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription(
      "Rent a compute. Without --detach its log is followed, and the compute is ended when its command ends, "
        + "on Ctrl-C, when the terminal closes or when the program that reads its output leaves (exit code 141); the exit code is "
        + "otherwise the command's own. With --detach and an answer that cannot be written it fails, and the error names the compute. "
        + "With a limit it is a session: recorded before it is rented, so that after a crash of atlas the next one ends it."
    ),
    Command.withShortDescription("Rent a compute"),
    Command.withExamples([
      { command: "atlas up -- node server.js", description: "Run a program here, as a compute" },
      {
        command: "atlas up --port 8000/http --auth bearer --detach -- node server.js",
        description: "Leave a protected server running"
      },
      { command: "atlas up --env API_KEY --env MODE=test -- ./job.sh", description: "Pass API_KEY without typing it" },
      {
        command: "atlas up --provider runpod --gpu h100,a100_80g --image me/server --port 8000/http",
        description: "The first of two GPUs that is available"
      },
      {
        command: "atlas up --idle-ttl 15m --max-cost 5 -- ./serve.sh",
        description: "Ended when it has been silent for 15 minutes, or has cost 5 dollars"
      }
    ])
  )

const computes = () => import("../actions/computes.ts")
const runList = actionWithProviders(async () => (await computes()).list)
const runGet = actionWithProviders(async () => (await computes()).get)
const runWait = actionWithProviders(async () => (await computes()).wait)
const runLogs = actionWithProviders(async () => (await computes()).logs)
const runStop = actionWithProviders(async () => (await computes()).stop)
const runStart = actionWithProviders(async () => (await computes()).start)
const runDown = actionWithProviders(async () => (await computes()).down)

export const ps = Command.make("ps", {
  all: toggle("all").pipe(
    Flag.withAlias("a"),
    Flag.withDescription("Also those that are terminated")
  )
}, (input) => Effect.flatMap(callOptions, (call) => runList({ ...input, call }))).pipe(
  Command.withDescription("List the computes of a provider."),
  Command.withShortDescription("List computes"),
  Command.withExamples([
    { command: "atlas ps", description: "What may cost money or is still there" },
    { command: "atlas ps --json | jq -r '.[].id'", description: "Only the ids" }
  ])
)

export const get = Command.make(
  "get",
  { id },
  (input) => Effect.flatMap(callOptions, (call) => runGet({ ...input, call }))
).pipe(
  Command.withDescription("Show one compute as its provider sees it now."),
  Command.withShortDescription("Show one compute"),
  Command.withExamples([{ command: "atlas get local-abcdefghijkl", description: "Everything known of it" }])
)

export const wait = Command.make(
  "await",
  {
    id,
    timeout: Flag.String("timeout").pipe(
      Flag.withMetavar("TIME"),
      Flag.withDescription("Give up after 500ms, 90s, 5m, 1h, ... (default: 15m)"),
      duration,
      Flag.optional
    )
  },
  (input) => Effect.flatMap(callOptions, (call) => runWait({ ...input, call }))
).pipe(
  Command.withDescription("Wait until a compute is running; fails if it ends instead."),
  Command.withShortDescription("Wait until one is running"),
  Command.withExamples([{
    command: "atlas await local-abcdefghijkl --timeout 90s",
    description: "A minute and a half"
  }])
)

export const logs = Command.make("logs", {
  id,
  follow: toggle("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Go on until the compute has ended")
  ),
  after: Flag.String("after").pipe(
    Flag.withMetavar("CURSOR"),
    Flag.withDescription("Only what was written after this line; cursors are in the JSON"),
    Flag.optional
  )
}, (input) => Effect.flatMap(callOptions, (call) => runLogs({ ...input, call }))).pipe(
  Command.withDescription("Print what a compute has written."),
  Command.withShortDescription("Print what one has written"),
  Command.withExamples([
    { command: "atlas logs local-abcdefghijkl", description: "Everything so far" },
    { command: "atlas logs -f --json local-abcdefghijkl", description: "As it comes, an object a line" }
  ])
)

export const stop = Command.make(
  "stop",
  { id },
  (input) => Effect.flatMap(callOptions, (call) => runStop({ ...input, call }))
).pipe(
  Command.withDescription("Stop a compute and keep its storage; returns when it has stopped."),
  Command.withShortDescription("Stop one, keep its storage"),
  Command.withExamples([{ command: "atlas stop local-abcdefghijkl", description: "Stop it" }])
)

export const start = Command.make(
  "start",
  { id },
  (input) => Effect.flatMap(callOptions, (call) => runStart({ ...input, call }))
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
    return yield* runDown({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription("End computes for good, storage included; returns when they are seen to be gone."),
    Command.withShortDescription("End computes for good"),
    Command.withExamples([
      { command: "atlas down local-abcdefghijkl", description: "End one" },
      { command: "atlas down --all --yes", description: "End all of them without a question" }
    ])
  )
