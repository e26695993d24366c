/**
 * The sources of an app's token in their order: storage, environment, the fly command's file, the fly command, by hand.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { AppName } from "../AppName.ts"
import { FlyError, NoToken } from "../FlyError.ts"
import type { TokenSource } from "../FlyTokens.ts"
import type { TokenStorage } from "../TokenStorage.ts"
import type { FlyConfigFile } from "./flyConfigFile.ts"
import type { RefusedTokens } from "./refusedTokens.ts"

/** The fly command renews the token in its file every few minutes. */
const fileLife = Duration.minutes(5)

/** Apps whose last attempt with the fly command made nothing; beyond this many the oldest are forgotten. */
const missLimit = 10_000

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

export interface Sources {
  readonly storage: TokenStorage["Service"]
  readonly environment: Redacted.Redacted | null
  readonly configFile: FlyConfigFile | null
  readonly mint: ((app: AppName) => Effect.Effect<Redacted.Redacted | null>) | null
  readonly refused: RefusedTokens
  readonly timeToLive: Duration.Duration
  readonly missWait: Duration.Duration
  readonly persistConfigFile: boolean
}

const seconds = (millis: number, life: Duration.Duration): number =>
  Math.floor((millis + Duration.toMillis(life)) / 1000)

const noToken = (app: AppName): FlyError =>
  new FlyError({
    app,
    operation: "token",
    reason: new NoToken({
      message: `there is no token for the app ${app}: log in with \`fly auth login\`, set FLY_API_TOKEN, `
        + `or set one by hand with \`atlas fly token set ${app}\``
    })
  })

export const make = (sources: Sources) => {
  const { configFile, environment, mint, refused, storage } = sources
  const misses = new Map<string, number>()

  const fromStorage = Effect.fnUntraced(function*(app: AppName) {
    const stored = yield* storage.get(app, "cached").pipe(
      // a storage that cannot help is no reason to give up; an interruption is
      Effect.catchCauseIf((cause) => !Cause.hasInterrupts(cause), (cause) =>
        Effect.as(
          Effect.annotateLogs(
            Effect.logWarning("the stored token cannot be read, looking elsewhere:", describe(cause)),
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
    if (mint === null || (misses.get(app) ?? 0) > (yield* Clock.currentTimeMillis)) return null
    misses.delete(app)
    const token = yield* mint(app)
    const now = yield* Clock.currentTimeMillis
    if (token === null || refused.has(app, token)) {
      misses.set(app, now + Duration.toMillis(sources.missWait))
      const [oldest] = misses.keys()
      if (misses.size > missLimit && oldest !== undefined) misses.delete(oldest)
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
      return found ?? (yield* noToken(app))
    }),
    /** Lets the next look run the fly command again. */
    endWait: (app: string): void => void misses.delete(app)
  }
}

/** A failure's own sentence, or that there was a defect: the text of one may hold anything. */
export const describe = (cause: Cause.Cause<FlyError>): string =>
  Option.match(Cause.findErrorOption(cause), { onNone: () => "a defect", onSome: ({ message }) => message })
