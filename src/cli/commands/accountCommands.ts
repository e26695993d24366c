/**
 * `atlas gpus`, `providers`, `volumes`, `templates`, `endpoints` and `spend`: what an account offers, holds and bills.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Options } from "../../Atlas.ts"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Providers } from "../../provider/Providers.ts"
import { actionWithProviders } from "../Action.ts"
import { callOptions, cloud, env, id, ports, refuseEarlyWords, toggle } from "../Flags.ts"
import type { Shell } from "../Shell.ts"

type Work<Input> = (input: Input & { readonly call: Options }) => Effect.Effect<void, AtlasError, Providers | Shell>

/** What can be done with every kind of resource. */
interface Common {
  readonly ls: Work<object>
  readonly get: Work<{ readonly id: string }>
  readonly rm: Work<{ readonly id: string }>
}

const resources = () => import("../actions/resources.ts")

const common = (group: string, noun: string, load: () => Promise<Common>) => {
  const example = (words: string, description: string) =>
    Command.withExamples([{ command: `atlas ${group} ${words} --provider runpod`, description }])
  const id = Argument.String("id").pipe(Argument.withDescription(`Id of the ${noun}`))
  const list = actionWithProviders(async () => (await load()).ls)
  const show = actionWithProviders(async () => (await load()).get)
  const remove = actionWithProviders(async () => (await load()).rm)
  return [
    Command.make("ls", {}, () => Effect.flatMap(callOptions, (call) => list({ call }))).pipe(
      Command.withDescription(`List every ${noun} of the account.`),
      example("ls", "Those of one account")
    ),
    Command.make("get", { id }, (input) => Effect.flatMap(callOptions, (call) => show({ ...input, call }))).pipe(
      Command.withDescription(`Show one ${noun}.`),
      example("get ID", "Everything known of it")
    ),
    Command.make("rm", { id }, (input) => Effect.flatMap(callOptions, (call) => remove({ ...input, call }))).pipe(
      Command.withDescription(`Delete one ${noun} for good, with everything that belongs to it.`),
      example("rm ID", "Deleted at once, without a question")
    )
  ] as const
}

const name = Flag.String("name").pipe(Flag.withMetavar("NAME"), Flag.withDescription("Its name"))
const gigabytes = (flag: string, what: string) =>
  Flag.Int(flag).pipe(Flag.withMetavar("GB"), Flag.withDescription(what))

const makeVolume = actionWithProviders(async () => (await resources()).volumes.create)

export const volumes = Command.make("volumes").pipe(
  Command.withDescription("Network volumes: disks of their own that computes can mount."),
  Command.withExamples([{ command: "atlas volumes ls --provider runpod", description: "All of them" }]),
  Command.withSubcommands([
    ...common("volumes", "network volume", async () => (await resources()).volumes),
    Command.make("create", {
      name,
      size: gigabytes("size", "Its size"),
      region: Flag.String("region").pipe(
        Flag.withMetavar("REGION"),
        Flag.withDescription("Region to make it in; some providers need one (default: the provider's choice)"),
        Flag.optional
      ),
      tier: Flag.Literals("tier", ["standard", "high_performance"]).pipe(
        Flag.withDescription("Its performance tier (default: the provider's)"),
        Flag.optional
      )
    }, (input) => Effect.flatMap(callOptions, (call) => makeVolume({ ...input, call }))).pipe(
      Command.withDescription("Make a network volume. It costs money until it is deleted."),
      Command.withExamples([{
        command: "atlas volumes create --provider runpod --name models --size 100 --region EU-RO-1",
        description: "A hundred gigabytes"
      }])
    )
  ])
)

const makeTemplate = actionWithProviders(async () => (await resources()).templates.create)

export const templates = Command.make("templates").pipe(
  Command.withDescription("Templates: the settings of a container, kept for later."),
  Command.withExamples([{ command: "atlas templates ls --provider runpod", description: "All of them" }]),
  Command.withSubcommands([
    ...common("templates", "template", async () => (await resources()).templates),
    Command.make("create", {
      name,
      image: Flag.String("image").pipe(Flag.withMetavar("IMAGE"), Flag.withDescription("Image to run")),
      ports,
      env,
      disk: gigabytes("disk", "Disk of the container (default: the provider's)").pipe(Flag.optional),
      volume: gigabytes("volume", "Disk that outlives a stop (default: none)").pipe(Flag.optional),
      serverless: toggle("serverless").pipe(Flag.withDescription("For endpoints; otherwise for computes")),
      command: Argument.String("command").pipe(
        Argument.withDescription("What to run in it, after --; every word belongs to it as it is"),
        Argument.variadic()
      )
    }, (input) =>
      Effect.gen(function*() {
        yield* refuseEarlyWords("templates create", input.command)
        return yield* makeTemplate({ ...input, call: yield* callOptions })
      })).pipe(
        Command.withDescription("Make a template."),
        Command.withExamples([{
          command: "atlas templates create --provider runpod --name server --image me/server --port 8000/http",
          description: "A server set up once"
        }])
      )
  ])
)

export const endpoints = Command.make("endpoints").pipe(
  Command.withDescription(
    "Serverless endpoints: workers that take jobs. They are made with the provider's own client."
  ),
  Command.withShortDescription("Serverless endpoints: workers that take jobs"),
  Command.withExamples([{ command: "atlas endpoints ls --provider runpod", description: "All of them" }]),
  Command.withSubcommands(common("endpoints", "endpoint", async () => (await resources()).endpoints))
)

const runSpend = actionWithProviders(async () => (await resources()).spend)

const instant = (name: string, what: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("INSTANT"),
    Flag.withDescription(what),
    Flag.filterMap(DateTime.make, () => "an instant such as 2026-11-01 or 2026-11-01T12:00:00Z"),
    Flag.map(DateTime.toUtc),
    Flag.optional
  )

export const spend = Command.make("spend", {
  id,
  from: instant("from", "Count from here (default: the provider's own window)"),
  to: instant("to", "Count up to here (default: the provider's own window)")
}, (input) => Effect.flatMap(callOptions, (call) => runSpend({ ...input, call }))).pipe(
  Command.withDescription("Show what a compute has cost, as its provider bills it. Bills lag: this is no live figure."),
  Command.withShortDescription("Show what one has cost"),
  Command.withExamples([{
    command: "atlas spend POD --provider runpod --from 2026-11-01",
    description: "Since the first of November"
  }])
)

const catalog = () => import("../actions/catalog.ts")
const runGpus = actionWithProviders(async () => (await catalog()).gpus)
const runProviders = actionWithProviders(async () => (await catalog()).providers)

export const gpus = Command.make(
  "gpus",
  { cloud },
  (input) => Effect.flatMap(callOptions, (call) => runGpus({ ...input, call }))
).pipe(
  Command.withDescription(
    "List the GPUs a provider rents, with prices in US dollars per hour for one of them. PRICE/H is what `up` and `task` pay with the same --cloud; "
      + "--gpu takes an ID as well as a CANONICAL name."
  ),
  Command.withShortDescription("List GPUs and prices"),
  Command.withExamples([
    { command: "atlas gpus --provider mock", description: "What the mock offers" },
    { command: "atlas gpus --provider runpod --cloud community", description: "Only third parties' machines" }
  ])
)

export const providers = Command.make("providers", {}, () => runProviders({})).pipe(
  Command.withDescription(
    "List the providers, what each can do, and which settings are missing. ATLAS_ACCOUNTS adds further accounts of a cloud, as "
      + "ID=CLOUD with commas between; the settings of runpod-eu are RUNPOD_EU_API_KEY, RUNPOD_EU_BASE_URL and "
      + "RUNPOD_EU_RUNTIME_BASE_URL."
  ),
  Command.withShortDescription("List providers"),
  Command.withExamples([
    { command: "atlas providers", description: "All of them" },
    {
      command: "ATLAS_ACCOUNTS=runpod-eu=runpod,runpod-us=runpod atlas providers",
      description: "With two more accounts of RunPod"
    }
  ])
)
