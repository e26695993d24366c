/**
 * The sources of an app's token in their order: storage, environment, the fly command's file, a new token from the fly
 * command, the one set by hand; and the tokens that were refused, which no source hands out again.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import type { AppName } from "../AppName.ts"
import type { FlyCli } from "../FlyCli.ts"
import { FlyError, NoToken } from "../FlyError.ts"
import type { FlyConfigFile } from "./flyConfigFile.ts"
import * as TokenRecord from "./tokenRecord.ts"

/**
 * Where a token came from: `ets` is the shared cache in memory, by the name it has had in telemetry from the start.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenSource = "ets" | "storage" | "config" | "cli" | "manual"

/**
 * A token and what is known of it; `expiresAt` in Unix seconds, null when its end is not known.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlyToken {
  /** One token, which may be two words: `FlyV1 fm2_...`. */
  readonly token: Redacted.Redacted
  readonly source: TokenSource
  /** `facade` for a pure cache hit, `app_server` for everything else. */
  readonly acquirer: "facade" | "app_server"
  readonly expiresAt: number | null
}

/** A token as a source gave it. */
export interface Found {
  readonly token: Redacted.Redacted
  readonly source: TokenSource
  readonly expiresAt: number | null
  /** Whether it may be kept in memory. */
  readonly keep: boolean
  readonly persist: boolean
  /** Of a token from the fly command's file: the state that file was in. */
  readonly stamp: string | null
}

/** Refused tokens are rare; beyond this many the oldest are forgotten, so that callers' app names cannot fill memory. */
const mostRefused = 10_000

const refusedEntry = (app: string, token: Redacted.Redacted): string =>
  `${app} ${createHash("sha256").update(Redacted.value(token)).digest("base64")}`

/** Which tokens were refused for which app, as hashes. */
export const makeRefused = () => {
  const entries = new Set<string>()
  return {
    has: (app: string, token: Redacted.Redacted): boolean => entries.size > 0 && entries.has(refusedEntry(app, token)),
    /** Whether any token of the app was refused; it searches all entries, so it is for the message of a failure. */
    hasAny: (app: string): boolean => [...entries].some((one) => one.startsWith(`${app} `)),
    add: (app: string, token: Redacted.Redacted): void => {
      entries.add(refusedEntry(app, token))
      const [oldest] = entries
      if (entries.size > mostRefused && oldest !== undefined) entries.delete(oldest)
    },
    /** The user has set this very token by hand: it may be used again. */
    forgive: (app: string, token: Redacted.Redacted): void => void entries.delete(refusedEntry(app, token))
  }
}

export type RefusedTokens = ReturnType<typeof makeRefused>

/** The variables that the fly command reads, in its order. */
const variables = ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"] as const

/** The token of the first variable that is set; an empty one is not. A text that is no token is skipped with a warning. */
export const readEnvironment: Effect.Effect<Redacted.Redacted | null> = Effect.gen(function*() {
  for (const name of variables) {
    const value = yield* Effect.orElseSucceed(Config.Redacted(name), () => Redacted.make(""))
    const text = Redacted.value(value)
    const token = TokenRecord.parseGiven(text)
    if (token !== null) return token
    if (text.trim() !== "") yield* Effect.logWarning(`${name} does not hold a token and is ignored`)
  }
  return null
})

/** How much longer Fly accepts a token than it is used here. */
const expiryMargin = Duration.hours(1)

const decodePrinted = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ token: Schema.String })))

/** The token in what the command wrote to stdout, as JSON or by itself; null when anything else was written. */
const tokenIn = (stdout: string): Redacted.Redacted | null =>
  TokenRecord.parsePrinted(
    Option.match(decodePrinted(stdout.trim()), { onNone: () => stdout, onSome: ({ token }) => token })
  )

export interface CreateOptions {
  readonly org: string | null
  /** How long the token will be used. */
  readonly timeToLive: Duration.Duration
  readonly timeout: Duration.Duration
}

/**
 * Creates tokens with the fly command: read-only, for one organization, with an end. Where it creates none a warning says
 * why, without anything that the command wrote.
 */
export const makeCreate = (cli: FlyCli["Service"], { org, timeToLive, timeout }: CreateOptions) => {
  const seconds = Math.ceil(Duration.toSeconds(Duration.sum(timeToLive, expiryMargin)))
  const expiry = `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`
  // the command is to use its own login; the tokens of these variables were tried before it and were not good
  const env = Object.fromEntries(variables.map((name) => [name, undefined]))
  return (app: AppName): Effect.Effect<Redacted.Redacted | null> => {
    const organization = org === null ? [] : ["--org", org]
    const named = ["--json", "--name", `effect-atlas ${app}`]
    const args = ["tokens", "create", "readonly", "--expiry", expiry, ...named, ...organization]
    const none = (why: string) =>
      Effect.as(Effect.annotateLogs(Effect.logWarning(`the fly command created no token: ${why}`), { app }), null)
    return cli.run(args, { operation: "token", app, env, timeout }).pipe(
      Effect.matchEffect({
        onFailure: ({ kind }) =>
          none(kind === "fly_timeout" ? `it took longer than ${TimeSpan.format(timeout)}` : kind),
        onSuccess: ({ exitCode, stdout }) => {
          if (exitCode !== 0) {
            const hint = org === null ? "; it needs an organization, set ATLAS_FLY_ORG" : ""
            return none(`exit code ${exitCode}${hint}`)
          }
          const token = tokenIn(stdout)
          return token === null ? none("what it printed is not one token") : Effect.succeed(token)
        }
      }),
      Effect.catchDefect(() => none("running it failed unexpectedly"))
    )
  }
}

/** The fly command renews the token in its file every few minutes. */
const fileLife = Duration.minutes(5)

/** Apps for which the fly command created no token the last time; beyond this many the oldest are forgotten. */
const mostMisses = 10_000

export interface Sources {
  readonly storage: TokenRecord.RecordStore
  readonly environment: Redacted.Redacted | null
  readonly configFile: FlyConfigFile | null
  readonly create: ((app: AppName) => Effect.Effect<Redacted.Redacted | null>) | null
  readonly refused: RefusedTokens
  readonly timeToLive: Duration.Duration
  readonly missWait: Duration.Duration
  readonly persistConfigFile: boolean
}

const seconds = (millis: number, life: Duration.Duration): number =>
  Math.floor((millis + Duration.toMillis(life)) / 1000)

/** The failure when no source has a token, or only refused ones. */
export const noToken = (app: AppName, wasRefused: boolean): FlyError =>
  new FlyError({
    app,
    operation: "token",
    reason: new NoToken({
      message:
        `${wasRefused ? "every token" : "no token"} for the app ${app} was ${wasRefused ? "refused" : "found"}: log in `
        + `with \`fly auth login\`, set FLY_API_TOKEN, or set one by hand with \`atlas fly token set ${app}\``
    })
  })

/** A failure's own sentence; of a defect only that there was one, since its text may hold anything. */
export const describe = (cause: Cause.Cause<FlyError>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onNone: () => "an unexpected error",
    onSome: ({ message }) => message
  })

export const make = (sources: Sources) => {
  const { configFile, create, environment, refused, storage } = sources
  /** Until when the fly command is not run again for an app. */
  const misses = new Map<string, number>()

  const fromStorage = Effect.fnUntraced(function*(app: AppName) {
    const stored = yield* storage.get(app, "cached").pipe(
      // a storage that fails is no reason to give up; an interruption is
      Effect.catchCauseIf((cause) => !Cause.hasInterrupts(cause), (cause) =>
        Effect.as(
          Effect.annotateLogs(
            Effect.logWarning("the stored token cannot be read, the other sources are tried:", describe(cause)),
            { app }
          ),
          Option.none()
        ))
    )
    if (Option.isNone(stored)) return null
    const { expiresAt, token } = stored.value
    const now = yield* Clock.currentTimeMillis
    if (expiresAt === null || expiresAt * 1000 <= now || refused.has(app, token)) return null
    return { token, expiresAt, source: "storage", keep: true, persist: false, stamp: null } satisfies Found
  })

  const fromEnvironment = (app: AppName): Found | null =>
    environment === null || refused.has(app, environment)
      ? null
      : { token: environment, expiresAt: null, source: "config", keep: true, persist: false, stamp: null }

  const fromFile = Effect.fnUntraced(function*(app: AppName) {
    const found = configFile === null ? null : yield* configFile.read
    if (found === null || refused.has(app, found.token)) return null
    const expiresAt = seconds(yield* Clock.currentTimeMillis, fileLife)
    return { ...found, expiresAt, source: "config", keep: true, persist: sources.persistConfigFile } satisfies Found
  })

  const fromCommand = Effect.fnUntraced(function*(app: AppName) {
    if (create === null || (misses.get(app) ?? 0) > (yield* Clock.currentTimeMillis)) return null
    misses.delete(app)
    const token = yield* create(app)
    const now = yield* Clock.currentTimeMillis
    if (token === null || refused.has(app, token)) {
      misses.set(app, now + Duration.toMillis(sources.missWait))
      const [oldest] = misses.keys()
      if (misses.size > mostMisses && oldest !== undefined) misses.delete(oldest)
      return null
    }
    const expiresAt = seconds(now, sources.timeToLive)
    return { token, expiresAt, source: "cli", keep: true, persist: true, stamp: null } satisfies Found
  })

  const byHand = Effect.fnUntraced(function*(app: AppName) {
    const stored = yield* storage.get(app, "manual")
    if (Option.isNone(stored) || refused.has(app, stored.value.token)) return null
    return {
      token: stored.value.token,
      expiresAt: null,
      source: "manual",
      keep: false,
      persist: false,
      stamp: null
    } satisfies Found
  })

  return {
    /** The first source that has a token which was not refused. */
    acquire: Effect.fnUntraced(function*(app: AppName, skipStorage: boolean) {
      const found: Found | null = (skipStorage ? null : yield* fromStorage(app)) ?? fromEnvironment(app)
        ?? (yield* fromFile(app)) ?? (yield* fromCommand(app)) ?? (yield* byHand(app))
      return found ?? (yield* noToken(app, refused.hasAny(app)))
    }),
    /** Lets the next search run the fly command again. */
    endWait: (app: string): void => void misses.delete(app)
  }
}
