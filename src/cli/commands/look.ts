/**
 * `atlas ps`, `get`, `await` and `logs`: looking at computes without changing them.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { using } from "../Clouds.ts"
import { callOptions, duration, id, toggle } from "../Flags.ts"

const look = () => import("../actions/look.ts")
const list = using(async () => (await look()).list)
const one = using(async () => (await look()).one)
const ready = using(async () => (await look()).ready)
const print = using(async () => (await import("../actions/logs.ts")).run)

export const ps = Command.make("ps", {
  all: toggle("all").pipe(
    Flag.withAlias("a"),
    Flag.withDescription("Also those that are terminated")
  )
}, (input) => Effect.flatMap(callOptions, (call) => list({ ...input, call }))).pipe(
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
  (input) => Effect.flatMap(callOptions, (call) => one({ ...input, call }))
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
  (input) => Effect.flatMap(callOptions, (call) => ready({ ...input, call }))
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
}, (input) => Effect.flatMap(callOptions, (call) => print({ ...input, call }))).pipe(
  Command.withDescription("Print what a compute has written."),
  Command.withShortDescription("Print what one has written"),
  Command.withExamples([
    { command: "atlas logs local-abcdefghijkl", description: "Everything so far" },
    { command: "atlas logs -f --json local-abcdefghijkl", description: "As it comes, an object a line" }
  ])
)
