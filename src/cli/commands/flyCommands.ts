/**
 * `atlas fly`: apps on Fly.io, their deploys, logs and tokens.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { action } from "../Action.ts"
import { callOptions, toggle } from "../Flags.ts"

const tokens = () => import("../actions/flyTokens.ts")
const runGet = action(async () => (await tokens()).get)
const runRefresh = action(async () => (await tokens()).refresh)
const runInvalidate = action(async () => (await tokens()).invalidate)
const runSet = action(async () => (await tokens()).set)

const app = Argument.String("app").pipe(Argument.withDescription("Name of the app on Fly.io"))

const reveal = toggle("reveal").pipe(Flag.withDescription("Show the token itself too"))

const get = Command.make("get", { app, reveal }, runGet).pipe(
  Command.withDescription(
    "Find a token of an app: the stored one, FLY_ACCESS_TOKEN or FLY_API_TOKEN, the fly command's own, a new one from the "
      + "fly command, or the one set by hand. Says where it came from; the token itself only with --reveal."
  ),
  Command.withShortDescription("Find a token of an app"),
  Command.withExamples([
    { command: "atlas fly token get acme-web", description: "Whether there is one, and from where" },
    { command: "atlas fly token get acme-web --reveal --json", description: "For a script" }
  ])
)

const refresh = Command.make("refresh", { app, reveal }, runRefresh).pipe(
  Command.withDescription(
    "Look for a better token than the one in use, past what is stored, and run the fly command even if it made none a short "
      + "while ago. Where there is no better one it stays in use."
  ),
  Command.withShortDescription("Replace the token of an app"),
  Command.withExamples([{ command: "atlas fly token refresh acme-web", description: "After it was refused" }])
)

const invalidate = Command.make("invalidate", { app }, runInvalidate).pipe(
  Command.withDescription("Forget the stored token of an app; one that was set by hand stays."),
  Command.withShortDescription("Forget the token of an app"),
  Command.withExamples([{ command: "atlas fly token invalidate acme-web", description: "The next get finds another" }])
)

const set = Command.make("set", { app }, runSet).pipe(
  Command.withDescription("Store a token for an app, read from stdin; used when nothing else has one."),
  Command.withShortDescription("Set a token by hand"),
  Command.withExamples([
    { command: "atlas fly token set acme-web < token.txt", description: "From a file, never from an argument" }
  ])
)

const token = Command.make("token").pipe(
  Command.withDescription("Look at, renew, forget or set the tokens that are used for Fly.io."),
  Command.withShortDescription("Tokens for Fly.io"),
  Command.withExamples([{ command: "atlas fly token get acme-web", description: "Whether there is one" }]),
  Command.withSubcommands([get, refresh, invalidate, set])
)

const runLogs = action(async () => (await import("../actions/flyLogs.ts")).printLogs)

const only = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const logs = Command.make("logs", {
  app: Argument.String("app").pipe(Argument.withDescription("Name of the app")),
  follow: toggle("follow").pipe(Flag.withAlias("f"), Flag.withDescription("Go on as lines come, until a signal")),
  region: only("region", "CODE", "Only lines from this region, such as fra"),
  instance: only("instance", "ID", "Only lines of this machine")
}, (input) => Effect.flatMap(callOptions, ({ baseUrl }) => runLogs({ ...input, baseUrl }))).pipe(
  Command.withDescription(
    "Print the newest lines of an app's log. The token is the one that `atlas fly token get` finds; Fly refuses deploy "
      + "tokens here, one that may read the organization is let in."
  ),
  Command.withShortDescription("Print what an app says"),
  Command.withExamples([
    { command: "atlas fly logs acme-web", description: "The newest lines" },
    { command: "atlas fly logs acme-web -f --region fra --json", description: "As they come, an object a line" }
  ])
)

const runApps = action(async () => (await import("../actions/flyApps.ts")).printApps)
const runDeploy = action(async () => (await import("../actions/flyApps.ts")).deploy)

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
}, runApps).pipe(
  Command.withDescription(
    "List the apps of a source tree: every directory with a fly.toml, fly.json or fly.yaml that names one. One that cannot be "
      + "used is left out, with a warning."
  ),
  Command.withShortDescription("List the apps of a source tree"),
  Command.withExamples([
    { command: "atlas fly apps", description: "Here and one level below" },
    { command: "atlas fly apps ~/src --depth 3 --json", description: "As JSON" }
  ])
)

const deploy = Command.make("deploy", {
  config: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("The configuration to deploy by, instead of the directory's own"),
    Flag.optional
  ),
  words: Argument.String("dir").pipe(
    Argument.withDescription("What to deploy (default: this directory); words after -- are arguments of fly deploy"),
    Argument.variadic()
  )
}, runDeploy).pipe(
  Command.withDescription(
    "Run `fly deploy --remote-only` and show what it writes as it comes, without tokens. Words after -- go to fly as they are. "
      + "Ends it with everything it has started when interrupted, after 5 minutes of silence, or after 30 minutes. When the program "
      + "that reads its output leaves, it goes on to its end without output."
  ),
  Command.withShortDescription("Deploy an app and watch"),
  Command.withExamples([
    { command: "atlas fly deploy apps/web", description: "The app in that directory" },
    {
      command: "atlas fly deploy --config fly.staging.toml -- --ha=false",
      description: "By another file, on one machine"
    },
    { command: "atlas fly deploy --json", description: "An object a line" }
  ])
)

export const fly = Command.make("fly").pipe(
  Command.withDescription("Work with apps on Fly.io."),
  Command.withExamples([{ command: "atlas fly apps", description: "What can be deployed from here" }]),
  Command.withSubcommands([apps, deploy, logs, token])
)
