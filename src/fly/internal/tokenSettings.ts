/**
 * The options of the tokens, checked and with their defaults, and the organization from the environment.
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Issue } from "../../domain/AtlasError.ts"
import { invalid } from "../FlyError.ts"
import type { Options } from "../FlyTokens.ts"

/** A slug, so that it is never taken for a flag. */
const slug = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/

/** What the options mean; what cannot be is `Validation` that names the field. */
export const read = Effect.fnUntraced(function*(options: Options) {
  const issues: Array<Issue> = []
  const refuse = (path: string, message: string) => void issues.push({ path, message })

  const duration = (
    name: keyof Options,
    input: Duration.Input | undefined,
    standard: Duration.Input,
    least: number
  ) => {
    const value = Option.getOrNull(Duration.fromInput(input ?? standard))
    if (value !== null && Duration.isFinite(value) && Duration.toMillis(value) >= least) return value
    refuse(name, `Expected a duration of ${least === 0 ? "0 or more" : "at least a second"}`)
    return Duration.zero
  }

  const setting = (name: string) => Effect.orElseSucceed(Config.String(name), () => "")
  const org = options.org ?? ((yield* setting("ATLAS_FLY_ORG")) || (yield* setting("FLY_ORG")))
  if (org !== "" && !slug.test(org)) refuse("org", "Expected the slug of an organization, such as acme or personal")

  const capacity = options.capacity ?? 10_000
  if (!Number.isSafeInteger(capacity) || capacity < 1) refuse("capacity", "Expected a whole number above 0")

  const settings = {
    org: org === "" ? null : org,
    environment: options.environment ?? true,
    configFile: options.configFile ?? true,
    persistConfigFile: options.persistConfigFile ?? false,
    cli: options.cli ?? true,
    timeToLive: duration("timeToLive", options.timeToLive, "24 hours", 1000),
    softExpiryLead: duration("softExpiryLead", options.softExpiryLead, "1 hour", 0),
    cliTimeout: duration("cliTimeout", options.cliTimeout, "15 seconds", 1000),
    cliMissWait: duration("cliMissWait", options.cliMissWait, "1 minute", 0),
    capacity
  }
  return issues.length > 0 ? yield* invalid("token", issues) : settings
})
