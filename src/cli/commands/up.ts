/**
 * `atlas up`: rents one compute and stays with it, or leaves it running with `--detach`.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { using } from "../Clouds.ts"
import { callOptions, env, ports, stray, toggle } from "../Flags.ts"

const candidates = (text: string): Option.Option<ReadonlyArray<string>> => {
  const names = text.split(",").map((name) => name.trim())
  return names.includes("") ? Option.none() : Option.some(names)
}

const flags = {
  gpu: Flag.String("gpu").pipe(
    Flag.withMetavar("A[,B]"),
    Flag.withDescription("GPU by canonical name; of several, the first that can be had"),
    Flag.filterMap(candidates, () => "GPU names separated by commas"),
    Flag.withDefault<ReadonlyArray<string>>([])
  ),
  gpuCount: Flag.Int("gpu-count").pipe(Flag.withMetavar("N"), Flag.withDescription("How many of them"), Flag.optional),
  image: Flag.String("image").pipe(Flag.withMetavar("IMAGE"), Flag.withDescription("Image to run"), Flag.optional),
  ports,
  env,
  name: Flag.String("name").pipe(Flag.withMetavar("NAME"), Flag.withDescription("What to call it"), Flag.optional),
  regions: Flag.String("region").pipe(
    Flag.withMetavar("REGION"),
    Flag.withDescription("Preferred region, best first; may be repeated"),
    Flag.atLeast(0)
  ),
  auth: Flag.Literals("auth", ["none", "bearer", "signed_url"]).pipe(
    Flag.withDescription("Mint a credential that the container must check"),
    Flag.optional
  ),
  detach: toggle("detach").pipe(
    Flag.withAlias("d"),
    Flag.withDescription("Print it and leave it running; end it with `atlas down`")
  ),
  command: Argument.String("command").pipe(
    Argument.withDescription("What to run in it, after --; every word belongs to it as it is"),
    Argument.variadic()
  )
}

const work = using(async () => (await import("../actions/up.ts")).run)

export const up = Command.make("up", flags, (input) =>
  Effect.gen(function*() {
    yield* stray("up", input.command)
    return yield* work({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription(
      "Rent a compute. Without --detach its log is followed, and the compute is ended when its command ends, "
        + "on Ctrl-C, when the terminal closes or when nobody reads the output; the exit code is the command's own."
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
      }
    ])
  )
