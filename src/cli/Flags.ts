/**
 * Flags and arguments that several commands share.
 */
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isPortText } from "../domain/PortText.ts"
import { Shell } from "./Shell.ts"

/** A flag without a value. */
export const toggle = (name: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDefault(false))

const Provider = GlobalFlag.Setting("provider")({
  flag: Flag.String("provider").pipe(
    Flag.withMetavar("ID"),
    Flag.withDescription(
      "Provider to use: local, mock, runpod, ..., or an account of ATLAS_ACCOUNTS (default: ATLAS_PROVIDER, else local)"
    ),
    Flag.optional
  )
})

const BaseUrl = GlobalFlag.Setting("base-url")({
  flag: Flag.String("base-url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("Address of the provider's API, in place of its own"),
    Flag.optional
  )
})

// taken out of the arguments before they are parsed (see Shell); declared for the help and the completions
const Json = GlobalFlag.Setting("json")({
  flag: toggle("json").pipe(
    Flag.withDescription("Print JSON: one document, or one object a line where output goes on")
  )
})

/** Flags of every command. */
export const everywhere = [Provider, BaseUrl, Json] as const

/** The provider and base URL that the user named, as options of a call. */
export const callOptions = Effect.gen(function*() {
  const provider = yield* Provider
  const baseUrl = yield* BaseUrl
  return { provider: Option.getOrUndefined(provider), baseUrl: Option.getOrUndefined(baseUrl) }
})

/** The id of one compute. */
export const id = Argument.String("id").pipe(
  Argument.withDescription("Id of the compute, as `atlas ps` shows it; also its name, or a beginning that no other has")
)

/** Which machines; absent it is `any`, for what is listed as for what is rented. */
export const cloud = Flag.Literals("cloud", ["secure", "community", "any"]).pipe(
  Flag.withDescription(
    "Machines of the provider itself, of third parties, or any (default): its own, and others only for what it does not sell itself"
  ),
  Flag.optional
)

/** Ports to open, as they are typed. */
export const ports = Flag.String("port").pipe(
  Flag.withMetavar("N[/http|tcp]"),
  Flag.withDescription("Port to open, http unless told otherwise; may be repeated"),
  Flag.filterMap(Option.liftPredicate(isPortText), () => "a port such as 8000/http or 22/tcp"),
  Flag.atLeast(0)
)

/** Variables of a container, as they are typed. */
export const env = Flag.String("env").pipe(
  Flag.withMetavar("K[=V]"),
  Flag.withDescription(
    "Variable of the container; without =V it has the value of this environment, so that no secret is typed"
  ),
  Flag.atLeast(0)
)

/** The flag that answers a question with yes before it is asked. */
export const yes = toggle("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do not ask")
)

const units: Readonly<Record<string, (amount: number) => Duration.Duration>> = {
  ms: Duration.millis,
  s: Duration.seconds,
  m: Duration.minutes,
  h: Duration.hours
}

/** A duration above 0 as people type it: `500ms`, `90s`, `5m`, `1.5h`. */
export const parseDuration = (text: string): Option.Option<Duration.Duration> => {
  const [, amount = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? []
  const make = units[unit]
  const duration = make === undefined ? Duration.zero : make(Number(amount))
  return Duration.isGreaterThan(duration, Duration.zero) ? Option.some(duration) : Option.none()
}

/** Reads the text of a flag as a duration. */
export const duration = Flag.filterMap(
  parseDuration,
  () => "a duration above 0, such as 500ms, 90s, 5m or 1h"
)

/** Bad usage that the grammar alone cannot see: one line, a hint, exit code 2. */
export const misused = (command: string | null, message: string): CliError.ShowHelp =>
  new CliError.ShowHelp({
    commandPath: command === null ? ["atlas"] : ["atlas", command],
    errors: [new CliError.ValidationError({ message })]
  })

/** Refuses words that stand before the `--` that a command to run in the container comes after. */
export const refuseEarlyWords = (command: string, words: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { invocation } = yield* Shell
    const early = words.slice(0, words.length - invocation.trailing)
    if (early[0] === "-") {
      return yield* misused(
        command,
        "stdin is not passed on, since a compute may be elsewhere and outlive this command: keep the input in a file, and let the "
          + "command read it, as in: -- sh -c './job < input'"
      )
    }
    if (early.length > 0) return yield* misused(command, `unexpected "${early.join(" ")}": put the command after --`)
  })
