/**
 * `atlas fly logs`: what a Fly app says.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { callOptions, toggle } from "../Flags.ts"
import { loading } from "../FlyTools.ts"

const print = loading(async () => (await import("../actions/fly/logs.ts")).run)

const only = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

export const logs = Command.make("logs", {
  app: Argument.String("app").pipe(Argument.withDescription("Name of the app")),
  follow: toggle("follow").pipe(Flag.withAlias("f"), Flag.withDescription("Go on as lines come, until a signal")),
  region: only("region", "CODE", "Only lines from this region, such as fra"),
  instance: only("instance", "ID", "Only lines of this machine")
}, (input) => Effect.flatMap(callOptions, ({ baseUrl }) => print({ ...input, baseUrl }))).pipe(
  Command.withDescription(
    "Print the newest lines of an app's log. The token comes from FLY_ACCESS_TOKEN or FLY_API_TOKEN; a deploy token "
      + "is refused by Fly, one that may read the organization is not."
  ),
  Command.withShortDescription("Print what an app says"),
  Command.withExamples([
    { command: "atlas fly logs acme-web", description: "The newest lines" },
    { command: "atlas fly logs acme-web -f --region fra --json", description: "As they come, an object a line" }
  ])
)
