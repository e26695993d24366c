/**
 * `atlas up`: rents one compute and stays with it, or leaves it running with `--detach`.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { using } from "../Clouds.ts"
import { callOptions, stray } from "../Flags.ts"
import { limits, rent } from "../RentFlags.ts"

const work = using(async () => (await import("../actions/up.ts")).run)

export const up = Command.make("up", { ...rent, ...limits }, (input) =>
  Effect.gen(function*() {
    yield* stray("up", input.command)
    return yield* work({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription(
      "Rent a compute. Without --detach its log is followed, and the compute is ended when its command ends, "
        + "on Ctrl-C, when the terminal closes or when nobody reads the output; the exit code is the command's own. "
        + "With a limit it is kept as a session: on record before it is rented, so that a crash of atlas costs nothing."
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
        description: "The first of two GPUs that can be had"
      },
      {
        command: "atlas up --idle-ttl 15m --max-cost 5 -- ./serve.sh",
        description: "Ended when it has been silent for 15 minutes, or has cost 5 dollars"
      }
    ])
  )
