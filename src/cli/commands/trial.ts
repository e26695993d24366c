/**
 * `atlas check` and `demo`: seeing for yourself that a provider keeps its promises.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { using } from "../Clouds.ts"
import { callOptions, misused, yes } from "../Flags.ts"

const conformance = using(async () => (await import("../actions/check.ts")).run)
const show = using(async () => (await import("../actions/demo/run.ts")).run)

export const check = Command.make("check", {
  provider: Argument.String("provider").pipe(Argument.withDescription("Id of the provider to check")),
  maxCost: Flag.Finite("max-cost").pipe(
    Flag.withMetavar("DOLLARS"),
    Flag.withDescription("Spend at most this much; needed wherever computes cost money"),
    Flag.filter((amount) => amount >= 0, () => "an amount of US dollars, 0 or more"),
    Flag.optional
  ),
  yes
}, (input) =>
  Effect.gen(function*() {
    const { baseUrl, provider } = yield* callOptions
    if (provider !== undefined) return yield* misused("check", "name the provider once, as the argument")
    return yield* conformance({ ...input, call: { baseUrl } })
  })).pipe(
    Command.withDescription(
      "Run the conformance suite against a provider. On anything but local and mock it rents real computes, so it asks first."
    ),
    Command.withShortDescription("Check that a provider keeps its promises"),
    Command.withExamples([
      { command: "atlas check local", description: "This machine" },
      { command: "atlas check runpod --max-cost 2 --yes", description: "A real account, for two dollars at most" }
    ])
  )

export const demo = Command.make("demo", {}, () =>
  Effect.gen(function*() {
    const { baseUrl, provider } = yield* callOptions
    if (baseUrl !== undefined || (provider !== undefined && provider !== "local")) {
      return yield* misused("demo", "the demo runs on the local provider only")
    }
    return yield* show({})
  })).pipe(
    Command.withDescription(
      "Rent this machine to yourself: two users with a protected server each, one who uses it and one who leaves, a task "
        + "with an exit code, an orchestrator that is killed in the middle of it and takes over again, and nothing left."
    ),
    Command.withShortDescription("See it work, on this machine"),
    Command.withExamples([{ command: "atlas demo", description: "Takes some seconds and costs nothing" }])
  )
