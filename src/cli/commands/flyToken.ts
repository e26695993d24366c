/**
 * `atlas fly token`: the tokens that other commands use for Fly, looked at, renewed, forgotten or set by hand.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { toggle } from "../Flags.ts"
import { loading } from "../FlyTools.ts"

const actions = () => import("../actions/fly/token.ts")
const find = loading(async () => (await actions()).get)
const renew = loading(async () => (await actions()).refresh)
const forget = loading(async () => (await actions()).invalidate)
const keep = loading(async () => (await actions()).set)

const app = Argument.String("app").pipe(Argument.withDescription("Name of the app on Fly.io"))

const reveal = toggle("reveal").pipe(Flag.withDescription("Show the token itself too"))

const get = Command.make("get", { app, reveal }, find).pipe(
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

const refresh = Command.make("refresh", { app, reveal }, renew).pipe(
  Command.withDescription("Forget the app's token and find another, past what is stored."),
  Command.withShortDescription("Replace the token of an app"),
  Command.withExamples([{ command: "atlas fly token refresh acme-web", description: "After it was refused" }])
)

const invalidate = Command.make("invalidate", { app }, forget).pipe(
  Command.withDescription("Forget the stored token of an app; one that was set by hand stays."),
  Command.withShortDescription("Forget the token of an app"),
  Command.withExamples([{ command: "atlas fly token invalidate acme-web", description: "The next get finds another" }])
)

const set = Command.make("set", { app }, keep).pipe(
  Command.withDescription("Store a token for an app, read from stdin; used when nothing else has one."),
  Command.withShortDescription("Set a token by hand"),
  Command.withExamples([
    { command: "atlas fly token set acme-web < token.txt", description: "From a file, never from an argument" }
  ])
)

export const token = Command.make("token").pipe(
  Command.withDescription("Look at, renew, forget or set the tokens that are used for Fly.io."),
  Command.withShortDescription("Tokens for Fly.io"),
  Command.withExamples([{ command: "atlas fly token get acme-web", description: "Whether there is one" }]),
  Command.withSubcommands([get, refresh, invalidate, set])
)
