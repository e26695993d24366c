/**
 * `atlas task`, `sessions` and `reap`: computes that are watched, and those that no process watches any more.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { action, actionWithProviders } from "../Action.ts"
import { callOptions, duration, refuseEarlyWords, toggle } from "../Flags.ts"
import { limitFlags, spawnFlags } from "../SpawnFlags.ts"

const runTask = actionWithProviders(async () => (await import("../actions/runSession.ts")).run("task"))
const runSessions = action(async () => (await import("../actions/sessions.ts")).list)
const runForget = action(async () => (await import("../actions/sessions.ts")).forget)
const runReap = actionWithProviders(async () => (await import("../actions/reap.ts")).run)

export const task = Command.make("task", { ...spawnFlags, ...limitFlags }, (input) =>
  Effect.gen(function*() {
    yield* refuseEarlyWords("task", input.command)
    return yield* runTask({ ...input, call: yield* callOptions })
  })).pipe(
    Command.withDescription(
      "Rent a compute for one command, show what it writes, and end it when the command ends or its time is up. The exit "
        + "code is the command's own. It is recorded before it is rented, so that after a crash of atlas the next one ends it. What it writes is shown as lines of "
        + "text in UTF-8, errors among them: bytes do not pass unharmed, so write those to a file or a store. On a full disk, "
        + "or when the program that reads its output leaves, it goes on to its end without output."
    ),
    Command.withShortDescription("Run one command in a compute"),
    Command.withExamples([
      { command: "atlas task -- ./train.sh", description: "Here, for an hour at most" },
      {
        command: "atlas task --provider runpod --gpu h100 --image me/train --max-runtime 8h --max-cost 30",
        description: "On a GPU, until it is done, or 8 hours, or 30 dollars"
      },
      {
        command: "atlas task --log-limit 200m -- ./talkative.sh",
        description: "Keep at most the last 200 MiB of what it writes"
      },
      {
        command: "atlas task --provider runpod --gpu h100 --image me/x --volume-gb 200 --env-from <(pass env)",
        description: "With a disk for checkpoints, and secrets that are written to no file"
      },
      { command: "nohup atlas task -- ./train.sh &", description: "Goes on when the terminal closes" }
    ])
  )

const forget = Command.make("forget", {
  id: Argument.String("id").pipe(Argument.withDescription(
    "Id of the session, as `atlas sessions` shows it; also a beginning that no other has, its name, or its id as a JSON string"
  ))
}, runForget).pipe(
  Command.withDescription(
    "Delete the record of a session that cannot be read, because a newer atlas wrote it or it is damaged. Deal with its compute "
      + "first: nothing ends it any more. A session that is over is forgotten too, one that is not over is refused."
  ),
  Command.withShortDescription("Delete a record that cannot be read"),
  Command.withExamples([
    { command: "atlas sessions forget 0f3k9a2m", description: "Once its compute is ended" }
  ])
)

export const sessions = Command.make("sessions", {}, runSessions).pipe(
  Command.withDescription(
    "List the sessions on record, those of the last day that are over included. Only reads: it also works while another "
      + "atlas watches them."
  ),
  Command.withShortDescription("List the sessions on record"),
  Command.withExamples([
    { command: "atlas sessions", description: "What is watched, what it has cost, how it ended" },
    { command: "atlas sessions --json | jq '.[].spentUsd'", description: "Only the money" }
  ]),
  Command.withSubcommands([forget])
)

export const reap = Command.make("reap", {
  dryRun: toggle("dry-run").pipe(Flag.withDescription("End nothing, only say what would be ended")),
  otherStores: toggle("other-stores").pipe(
    Flag.withDescription(
      "Also what this owner has rented from a session store that is lost, such as a deleted state directory"
    )
  ),
  grace: Flag.String("grace").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("Leave alone what is younger (default: 1m)"),
    duration,
    Flag.optional
  )
}, (input) => Effect.flatMap(callOptions, (call) => runReap({ ...input, call }))).pipe(
  Command.withDescription(
    "End computes that bear the name of this owner and that no session uses: seen in two complete listings, older than the grace, and "
      + "not on record. Takes a minute when there is something to prove. All providers that are set up, or that of --provider. Sessions whose "
      + "atlas process is gone are ended first. Exit code 1 when one of them is still open, a machine of this owner could not be "
      + "ended or not be proven to be without a session, or an account could not be listed, such as one whose API key is not set here. "
      + "What `atlas up` without limits has rented, and what another owner or another store has, is left alone and named."
  ),
  Command.withShortDescription("End computes that no session uses"),
  Command.withExamples([
    { command: "atlas reap --dry-run", description: "What would be ended, and why the rest is left alone" },
    { command: "atlas reap --provider runpod", description: "One account" },
    {
      command: "ATLAS_OWNER=ci atlas reap --other-stores",
      description: "What an owner has left whose state directory was deleted"
    }
  ])
)
