/**
 * `atlas fly`: apps on Fly.io, found, deployed and looked at.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { loading } from "../FlyTools.ts"
import { logs } from "./flyLogs.ts"
import { token } from "./flyToken.ts"

const discover = loading(async () => (await import("../actions/fly/apps.ts")).run)
const ship = loading(async () => (await import("../actions/fly/deploy.ts")).run)

const directory = (meaning: string) =>
  Argument.String("dir").pipe(Argument.withDescription(`${meaning} (default: this directory)`), Argument.optional)

const apps = Command.make("apps", {
  directory: directory("Where to look"),
  depth: Flag.Int("depth").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("How many levels below to look (default: 1)"),
    Flag.filter((depth) => depth >= 0, () => "0 or more"),
    Flag.optional
  )
}, discover).pipe(
  Command.withDescription("List the apps of a source tree: every directory with a fly.toml that names one."),
  Command.withShortDescription("List the apps of a source tree"),
  Command.withExamples([
    { command: "atlas fly apps", description: "Here and one level below" },
    { command: "atlas fly apps ~/src --depth 3 --json", description: "As JSON" }
  ])
)

const deploy = Command.make("deploy", { directory: directory("What to deploy") }, ship).pipe(
  Command.withDescription(
    "Run `fly deploy --remote-only` and show what it writes as it comes. Ends it with everything it has started when "
      + "interrupted, after 5 minutes of silence, or after 30 minutes."
  ),
  Command.withShortDescription("Deploy an app and watch"),
  Command.withExamples([
    { command: "atlas fly deploy apps/web", description: "The app in that directory" },
    { command: "atlas fly deploy --json", description: "An object a line" }
  ])
)

export const fly = Command.make("fly").pipe(
  Command.withDescription("Work with apps on Fly.io."),
  Command.withExamples([{ command: "atlas fly apps", description: "What can be deployed from here" }]),
  Command.withSubcommands([apps, deploy, logs, token])
)
