/**
 * `atlas gpus` and `providers`: what can be rented, and from whom.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { using } from "../Clouds.ts"
import { callOptions } from "../Flags.ts"

const catalog = () => import("../actions/catalog.ts")
const types = using(async () => (await catalog()).gpus)
const registry = using(async () => (await catalog()).providers)

export const gpus = Command.make("gpus", {}, () => Effect.flatMap(callOptions, (call) => types({ call }))).pipe(
  Command.withDescription("List the GPUs a provider rents, with prices in US dollars per hour."),
  Command.withShortDescription("List GPUs and prices"),
  Command.withExamples([{ command: "atlas gpus --provider mock", description: "What the mock offers" }])
)

export const providers = Command.make("providers", {}, () => registry({})).pipe(
  Command.withDescription("List the providers, what each can do, and which settings are missing."),
  Command.withShortDescription("List providers"),
  Command.withExamples([{ command: "atlas providers", description: "All of them" }])
)
