/**
 * A new token from the fly command: read-only, for one organization, with an end.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AppName } from "../AppName.ts"
import type { FlyCli } from "../FlyCli.ts"
import { names } from "./environmentToken.ts"
import * as TokenForm from "./tokenForm.ts"

/** How much longer Fly honours a token than we use it. */
const margin = Duration.hours(1)

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ token: Schema.String })))

/** The token in what the command wrote to stdout, as JSON or by itself; null when anything else stands there. */
const tokenIn = (stdout: string): Redacted.Redacted | null =>
  TokenForm.printed(Option.match(decode(stdout.trim()), { onNone: () => stdout, onSome: ({ token }) => token }))

export interface Options {
  readonly org: string | null
  /** How long the token will be used. */
  readonly timeToLive: Duration.Duration
  readonly timeout: Duration.Duration
}

/** A new token, or null and a warning that says why there is none: never what the command wrote. */
export const make = (cli: FlyCli["Service"], { org, timeToLive, timeout }: Options) => {
  const seconds = Math.ceil(Duration.toSeconds(Duration.sum(timeToLive, margin)))
  const expiry = `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`
  // the login of the fly command itself makes it; a token in our environment was looked at before and was not good
  const env = Object.fromEntries(names.map((name) => [name, undefined]))
  return (app: AppName): Effect.Effect<Redacted.Redacted | null> => {
    const organization = org === null ? [] : ["--org", org]
    const named = ["--json", "--name", `effect-atlas ${app}`]
    const args = ["tokens", "create", "readonly", "--expiry", expiry, ...named, ...organization]
    const missed = (why: string) =>
      Effect.as(Effect.annotateLogs(Effect.logWarning(`the fly command made no token: ${why}`), { app }), null)
    return cli.run(args, { operation: "token", app, env, timeout }).pipe(
      Effect.matchEffect({
        onFailure: ({ kind }) =>
          missed(kind === "fly_timeout" ? `it took longer than ${Duration.format(timeout)}` : kind),
        onSuccess: ({ exitCode, stdout }) => {
          if (exitCode !== 0) {
            const hint = org === null ? "; it needs an organization, set ATLAS_FLY_ORG" : ""
            return missed(`exit code ${exitCode}${hint}`)
          }
          const token = tokenIn(stdout)
          return token === null ? missed("what it printed is not one token") : Effect.succeed(token)
        }
      }),
      Effect.catchDefect(() => missed("a defect"))
    )
  }
}
