/**
 * The sources of an app's token in their order: storage, environment, the fly command's file, a new token from the fly
 * command, the one set by hand.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { AppName } from "../AppName.ts"
import { FlyError, NoToken } from "../FlyError.ts"
import type { FlyConfigFile } from "./flyConfigFile.ts"
import { setting } from "./flySetting.ts"
import type { RefusedTokens } from "./refusedTokens.ts"
import { identityOf, parseGiven } from "./tokenForm.ts"
import { type TokenMint, variables } from "./tokenMint.ts"
import type * as TokenRecord from "./tokenRecord.ts"

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
  /** Whether the host refused it and nothing else is left. */
  readonly isLastResort?: boolean
}

/** The tokens of the variables that are set; an empty one is not. A text that is no token is skipped with a warning. */
export const readEnvironment: Effect.Effect<ReadonlyArray<Redacted.Redacted>, FlyError> = Effect.gen(function*() {
  const tokens: Array<Redacted.Redacted> = []
  for (const name of variables) {
    const text = (yield* setting(name, "token")) ?? ""
    const token = parseGiven(text)
    if (token !== null) tokens.push(token)
    else if (text.trim() !== "") yield* Effect.logWarning(`${name} does not hold a token and is ignored`)
  }
  return tokens
})

/** The fly command renews the token in its file every few minutes. */
const fileLife = Duration.minutes(5)

export interface Sources {
  readonly storage: TokenRecord.RecordStore
  readonly environment: ReadonlyArray<Redacted.Redacted>
  readonly configFile: FlyConfigFile | null
  readonly mint: TokenMint | null
  readonly refused: RefusedTokens
  readonly persistConfigFile: boolean
}

const seconds = (millis: number, life: Duration.Duration): number =>
  Math.floor((millis + Duration.toMillis(life)) / 1000)

/** The failure when no source has a token; `failed` is why the fly command is not asked again for a while. */
const noToken = (app: AppName, failed: string | null): FlyError => {
  const again = failed === null
    ? ""
    : `; the fly command made none a short while ago (${failed}), \`atlas fly token refresh ${app}\` asks it again`
  return new FlyError({
    app,
    operation: "token",
    reason: new NoToken({
      message:
        `no token for the app ${app} was found: log in with \`fly auth login\`, set FLY_API_TOKEN, or set one by hand `
        + `with \`atlas fly token set ${app}\`${again}`
    })
  })
}

/** A failure's own sentence; of a defect only that there was one, since its text may hold anything. */
export const describe = (cause: Cause.Cause<FlyError>): string =>
  Option.match(Cause.findErrorOption(cause), {
    onNone: () => "an unexpected error",
    onSome: ({ message }) => message
  })

/** What a search passes over unless nothing else is left: the token in use, which is to be replaced, and the stored one. */
export interface Replacing {
  readonly inUse: Found | null
}

const isSame = (one: Redacted.Redacted, other: Redacted.Redacted): boolean => identityOf(one) === identityOf(other)

export const make = (sources: Sources) => {
  const { configFile, environment, mint, refused, storage } = sources

  const fromStorage = Effect.fnUntraced(function*(app: AppName) {
    const stored = yield* storage.get(app, "cached").pipe(
      // a storage that fails is no reason to give up; an interruption is
      Effect.catchCauseIf((cause) => !Cause.hasInterrupts(cause), (cause) =>
        Effect.as(
          Effect.annotateLogs(
            Effect.logWarning("the stored token cannot be read, the other sources are tried:", describe(cause)),
            { app }
          ),
          null
        ))
    )
    if (stored === null) return null
    const { expiresAt, token } = stored
    const now = yield* Clock.currentTimeMillis
    if (expiresAt === null || expiresAt * 1000 <= now) return null
    return { token, expiresAt, source: "storage", keep: true, persist: false, stamp: null } satisfies Found
  })

  const fromEnvironment = environment.map((token): Found => (
    { token, expiresAt: null, source: "config", keep: true, persist: false, stamp: null }
  ))

  const fromFile = Effect.gen(function*() {
    const found = configFile === null ? null : yield* configFile.read
    if (found === null) return null
    const expiresAt = seconds(yield* Clock.currentTimeMillis, fileLife)
    return { ...found, expiresAt, source: "config", keep: true, persist: sources.persistConfigFile } satisfies Found
  })

  const byHand = Effect.fnUntraced(function*(app: AppName) {
    const stored = yield* storage.get(app, "manual")
    if (stored === null) return null
    const { token } = stored
    return { token, expiresAt: null, source: "manual", keep: false, persist: false, stamp: null } satisfies Found
  })

  return {
    /**
     * The first source that has a token which the host has not just refused. When nothing else is left: the one that is to be
     * replaced, and at last the one that was refused longest ago, since the host may take it again.
     */
    acquire: Effect.fnUntraced(function*(app: AppName, replacing: Replacing | null) {
      const spares: Array<Found> = []
      const { inUse = null } = replacing ?? {}
      const isReplaced = (token: Redacted.Redacted) =>
        replacing !== null && spares.some((spare) => isSame(spare.token, token))
      const isGood = (found: Found | null): found is Found => {
        if (found === null) return false
        if (!refused.has(app, found.token) && !isReplaced(found.token)) return true
        spares.push(found)
        return false
      }

      if (inUse !== null) spares.push(inUse)
      const stored = yield* fromStorage(app)
      if (replacing !== null && stored !== null) spares.push(stored)
      else if (isGood(stored)) return stored
      const variable = fromEnvironment.find(isGood)
      if (variable !== undefined) return variable
      const file = yield* fromFile
      if (isGood(file)) return file

      const isAfterRefusal = spares.some(({ token }) => refused.has(app, token))
      const outcome = mint === null ? null : yield* mint.acquire(app, isReplaced, isAfterRefusal)
      const made = outcome !== null && "token" in outcome ? outcome : mint?.made(app) ?? null
      if (made !== null) {
        const minted: Found = { ...made, source: "cli", keep: true, persist: true, stamp: null }
        if (isGood(minted)) return minted
      }
      const hand = yield* byHand(app)
      if (isGood(hand)) return hand

      const usable = spares.find(({ token }) => !refused.has(app, token))
      if (usable !== undefined) return usable
      const [oldest] = spares.toSorted((a, b) => refused.orderOf(app, a.token) - refused.orderOf(app, b.token))
      if (oldest !== undefined) return { ...oldest, keep: false, persist: false, isLastResort: true }
      return yield* noToken(app, outcome !== null && "failed" in outcome && outcome.isKnown ? outcome.failed : null)
    })
  }
}
