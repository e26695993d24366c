/**
 * `atlas up`, `ps`, `get`, `await`, `logs`, `stop`, `start` and `down`: the life of one compute.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type { ComputeStatus } from "../../domain/Compute.ts"
import { actionWithProviders } from "../Action.ts"
import { callOptions, duration, id, misused, refuseEarlyWords, toggle, yes } from "../Flags.ts"
import { count, limitFlags, spawnFlags } from "../SpawnFlags.ts"

const runUp = actionWithProviders(async () => (await import("../actions/up.ts")).run)

export const up = Command.make("up", { ...spawnFlags, ...limitFlags, count }, (input) =>
  Effect.gen(function*() {
    yield* refuseEarlyWords("up", input.command)
    return yield* runUp({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription(
      "Rent a compute. Without --detach its log is followed, and the compute is ended when its command ends, "
        + "on Ctrl-C, when the terminal closes or when the program that reads its output leaves (exit code 141); the exit code is "
        + "otherwise the command's own. With --detach and an answer that cannot be written it fails, and the error names the compute. "
        + "With a limit it is a session: recorded before it is rented, so that after a crash of atlas the next one ends it. "
        + "Stdin is not passed on to the command."
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
        command: "atlas up --provider runpod --gpu \"NVIDIA L40\" --cloud community --disk 80 --cuda 12.8 --image me/x",
        description: "By the provider's own name, on a third party's machine with 80 GB and a recent driver"
      },
      {
        command: "atlas up --provider runpod --gpu l4 --template ID --network-volume ID --env-file prod.env",
        description: "What is set up in the account, with variables of a file"
      },
      {
        command: "atlas up --provider runpod --gpu l4 --image me/private --registry-auth hub --opt startSsh=true",
        description: "A private image, and an option that only this provider has"
      },
      { command: "atlas up --count 3 --detach --json -- node server.js", description: "Three alike, or none" },
      {
        command: "atlas up --idle-ttl 15m --max-cost 5 -- ./serve.sh",
        description: "Ended when it has been silent for 15 minutes, or has cost 5 dollars"
      }
    ])
  )

/** Not the schema itself, which would be loaded to print the help; each status is here, or it does not compile. */
const statuses = Object.values(
  {
    provisioning: "provisioning",
    running: "running",
    stopped: "stopped",
    terminated: "terminated",
    failed: "failed"
  } satisfies { readonly [Status in ComputeStatus]: Status }
)

const computes = () => import("../actions/computes.ts")
const runList = actionWithProviders(async () => (await import("../actions/ps.ts")).list)
const runGet = actionWithProviders(async () => (await computes()).get)
const runWait = actionWithProviders(async () => (await computes()).wait)
const runLogs = actionWithProviders(async () => (await import("../actions/logs.ts")).logs)
const runStop = actionWithProviders(async () => (await computes()).stop)
const runStart = actionWithProviders(async () => (await computes()).start)
const runDown = actionWithProviders(async () => (await computes()).down)

const listFlags = {
  all: toggle("all").pipe(
    Flag.withAlias("a"),
    Flag.withDescription("Also those that are terminated")
  ),
  name: Flag.String("name").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Only those of this name: the human part of it, or the whole"),
    Flag.optional
  ),
  statuses: Flag.Literals("status", statuses).pipe(
    Flag.withDescription("Only those of this status; may be repeated"),
    Flag.atLeast(0)
  ),
  owner: Flag.String("owner").pipe(
    Flag.withMetavar("OWNER"),
    Flag.withDescription("Only those that this owner rented; adhoc: by `atlas up` without limits"),
    Flag.optional
  ),
  watch: toggle("watch").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Go on: redrawn every few seconds on a terminal, with --json a line for each change")
  )
}

const listing = <const Name extends string>(name: Name) =>
  Command.make(name, listFlags, (input) => Effect.flatMap(callOptions, (call) => runList({ ...input, call }))).pipe(
    Command.withDescription(
      "List the computes of a provider, with their age and what they have cost so far: the age at the price of now, where the provider "
        + "tells both. What all of them cost together is a line on stderr. A line is as wide as the terminal (COLUMNS where it is set, "
        + "80 elsewhere): what does not fit is cut, but for ids; `atlas get` and --json have the whole. Also: atlas ls."
    ),
    Command.withShortDescription("List computes"),
    Command.withExamples([
      { command: "atlas ps", description: "What may cost money or is still there" },
      { command: "atlas ps --status running --watch", description: "What runs, until Ctrl-C" },
      { command: "atlas ps --json | jq -r '.[].id'", description: "Only the ids" }
    ])
  )

export const ps = listing("ps")
export const ls = listing("ls").pipe(Command.unlisted)

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
  Command.withDescription("Wait until a compute runs and each of its ports has an address; fails if it ends instead."),
  Command.withShortDescription("Wait until one is ready"),
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
  ),
  tail: Flag.Int("tail").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Only the last N lines; with -f also all that come; 0 -f: only what is new"),
    Flag.filter((count) => count >= 0 && count <= 100_000, () => "a number of lines from 0 to 100000"),
    Flag.optional
  ),
  since: Flag.String("since").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription(
      "Only what was written in the last 90s, 5m, 1h, ...; fails where lines have no time, as those of local"
    ),
    duration,
    Flag.optional
  ),
  timestamps: toggle("timestamps").pipe(
    Flag.withAlias("t"),
    Flag.withDescription(
      "Begin each line with when it was written, - where that is not known (local); JSON always has it"
    )
  )
}, (input) => Effect.flatMap(callOptions, (call) => runLogs({ ...input, call }))).pipe(
  Command.withDescription(
    "Print what a compute has written. With --json and without -f it is one array, printed as it is read: where a part cannot be "
      + "read the array stays open, and the exit code is 1."
  ),
  Command.withShortDescription("Print what one has written"),
  Command.withExamples([
    { command: "atlas logs local-abcdefghijkl", description: "Everything so far" },
    { command: "atlas logs --tail 20 -f web", description: "The last 20 lines, and all that come" },
    { command: "atlas logs --since 10m -t web --provider runpod", description: "The last ten minutes, with times" },
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

const ending = <const Name extends string>(name: Name) =>
  Command.make(name, {
    ids: Argument.String("id").pipe(
      Argument.withDescription("Ids of computes, as `atlas ps` shows them; also their names, or beginnings of ids"),
      Argument.variadic()
    ),
    all: toggle("all").pipe(
      Flag.withDescription("Every compute of the provider's account; asks before it does")
    ),
    yes
  }, (input) =>
    Effect.gen(function*() {
      if (input.all === input.ids.length > 0) {
        return yield* misused(name, input.all ? "give ids or --all, not both" : "give the ids of computes, or --all")
      }
      return yield* runDown({ ...input, call: yield* callOptions })
    })).pipe(
      Command.withDescription(
        "End computes for good, storage included; returns when they are seen to be gone. A name ends the one machine that bears it and "
          + "that atlas rented for this owner, or by a plain `atlas up`, which names none: where others use the account too, give ids. A "
          + "beginning is taken of an id, never of a name. Where a name may be any of several nothing is done for it, and all are "
          + "named. Also: atlas rm, atlas kill."
      ),
      Command.withShortDescription("End computes for good"),
      Command.withExamples([
        { command: "atlas down local-abcdefghijkl", description: "End one" },
        { command: "atlas down web", description: "The one that was rented with --name web" },
        { command: "atlas down --all --yes", description: "End all of them without a question" }
      ])
    )

export const down = ending("down")
export const rm = ending("rm").pipe(Command.unlisted)
export const kill = ending("kill").pipe(Command.unlisted)
