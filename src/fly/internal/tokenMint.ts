/**
 * New tokens from the fly command: one for all apps of an organization, one run at a time for each, and none for a while after a
 * run that made none.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import type { AppName } from "../AppName.ts"
import type { FlyCli } from "../FlyCli.ts"
import type { FlyError } from "../FlyError.ts"
import type { RefusedTokens } from "./refusedTokens.ts"
import { identityOf, parsePrinted } from "./tokenForm.ts"
import type { MintNote, MintStore } from "./tokenRecord.ts"

/** The variables that the fly command reads, in its order. */
export const variables = ["FLY_ACCESS_TOKEN", "FLY_API_TOKEN"] as const

/** How much longer Fly accepts a token than it is used here. */
const expiryMargin = Duration.hours(1)

/** How long processes that share a directory of tokens do not ask the fly command again after it made none. */
const rememberedFor = Duration.minutes(10)

const decodePrinted = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ token: Schema.String })))

/** The token in what the command wrote to stdout, as JSON or by itself; null when anything else was written. */
const tokenIn = (stdout: string): Redacted.Redacted | null =>
  parsePrinted(Option.match(decodePrinted(stdout.trim()), { onNone: () => stdout, onSome: ({ token }) => token }))

export interface Options {
  readonly org: string | null
  /** How long a token will be used. */
  readonly timeToLive: Duration.Duration
  readonly timeout: Duration.Duration
  /** How long this process does not ask again after the command made none. */
  readonly missWait: Duration.Duration
  /** For how many names something is kept in memory, beyond which the oldest are forgotten. */
  readonly capacity: number
  readonly refused: RefusedTokens
  readonly store: MintStore | null
  /** Runs a write in the background, in place of an earlier one of the same name; null stops that one. */
  readonly later: (name: string, write: Effect.Effect<void> | null) => Effect.Effect<void>
}

/** A token that the command made; `expiresAt` in Unix seconds. */
export interface Made {
  readonly token: Redacted.Redacted
  readonly expiresAt: number
}

/** What came of asking: a token, or why there is none in one word; `isKnown` where that is remembered and nothing was run. */
export type Outcome = Made | { readonly failed: string; readonly isKnown: boolean }

/** What this process knows of one name. */
interface Known {
  made: (Made & { readonly at: bigint; readonly isAfterRefusal: boolean }) | null
  failed: { readonly kind: string; readonly until: bigint } | null
  readonly oneAtATime: Semaphore.Semaphore
}

/** A failure and the token that was made before it are noted apart: that token is as good as it was. */
const madeNote = (name: string): string => `${name}.made`

/** Failures of the caller's own waiting say nothing of the command. */
const isOfCommand = (kind: string): boolean => kind !== "timeout"

export const make = (cli: FlyCli["Service"], clock: Clock.Clock, options: Options) => {
  const { capacity, later, missWait, org, refused, store, timeToLive, timeout } = options
  const seconds = Math.ceil(Duration.toSeconds(Duration.sum(timeToLive, expiryMargin)))
  const expiry = `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`
  // the command is to use its own login; the tokens of these variables were tried before it and were not good
  const env = Object.fromEntries(variables.map((name) => [name, undefined]))
  const names = new Map<string, Known>()

  /** The command makes tokens for an organization: without one each app has its own. */
  const nameOf = (app: AppName): string => org === null ? app : `@${org}`

  const knownOf = (name: string): Known => {
    const known = names.get(name)
      ?? { made: null, failed: null, oneAtATime: Semaphore.makeUnsafe(1) }
    names.delete(name)
    names.set(name, known)
    const [oldest] = names.keys()
    if (names.size > capacity && oldest !== undefined) names.delete(oldest)
    return known
  }

  /** What is noted only saves a run of the command: where it cannot be read or written, the command is asked more often. */
  const quietly = <A>(effect: Effect.Effect<A, FlyError>): Effect.Effect<Option.Option<A>> =>
    Effect.catchDefect(Effect.option(effect), () => Effect.succeedNone)

  const write = (name: string, note: MintNote) =>
    store === null ? Effect.void : later(name, Effect.asVoid(quietly(store.put(name, note))))

  const erase = (name: string) =>
    store === null ? Effect.void : Effect.andThen(later(name, null), Effect.asVoid(quietly(store.delete(name))))

  const readNote = (name: string): Effect.Effect<MintNote | null> =>
    store === null
      ? Effect.succeed(null)
      : Effect.map(quietly(store.get(name)), Option.getOrNull)

  const missed = Effect.fnUntraced(function*(name: string, kind: string) {
    knownOf(name).failed = { kind, until: clock.monotonicTimeNanosUnsafe() + Duration.toNanosUnsafe(missWait) }
    yield* write(name, { _tag: "Failed", at: yield* Clock.currentTimeMillis, kind })
  })

  /** Runs the command; a warning says why it made no token, without anything that it wrote. */
  const run = (app: AppName): Effect.Effect<Redacted.Redacted | string> => {
    const organization = org === null ? [] : ["--org", org]
    const named = ["--json", "--name", `effect-atlas ${app}`]
    const args = ["tokens", "create", "readonly", "--expiry", expiry, ...named, ...organization]
    const none = (kind: string, why: string) =>
      Effect.as(Effect.annotateLogs(Effect.logWarning(`the fly command created no token: ${why}`), { app }), kind)
    return cli.run(args, { operation: "token", app, env, timeout }).pipe(
      Effect.matchEffect({
        onFailure: ({ kind, reason }) => {
          switch (kind) {
            case "fly_timeout":
              return none(kind, `it took longer than ${TimeSpan.format(timeout)}`)
            case "timeout":
              return none(kind, reason.message)
            default:
              return none(kind, kind)
          }
        },
        onSuccess: ({ exitCode, stdout }): Effect.Effect<Redacted.Redacted | string> => {
          if (exitCode !== 0) {
            const hint = org === null ? "; it needs an organization, set ATLAS_FLY_ORG" : ""
            return none("fly_exit_code", `exit code ${exitCode}${hint}`)
          }
          const token = tokenIn(stdout)
          return token === null ? none("no_token", "what it printed is not one token") : Effect.succeed(token)
        }
      }),
      Effect.catchDefect(() => none("unknown", "running it failed unexpectedly"))
    )
  }

  /** One that this process or another has made for the same organization, and that is good for this app. */
  const shared = (app: AppName, now: number, made: Made | null, isPassedOver: (token: Redacted.Redacted) => boolean) =>
    made === null || made.expiresAt * 1000 <= now || isPassedOver(made.token) || refused.has(app, made.token)
      ? null
      : made

  return {
    /**
     * A token for the app: one that is there already, or a new one. `isAfterRefusal` where the host has just refused another: when
     * it refuses the new one as well, no more are made.
     */
    acquire: (
      app: AppName,
      isPassedOver: (token: Redacted.Redacted) => boolean,
      isAfterRefusal: boolean
    ): Effect.Effect<Outcome> => {
      const name = nameOf(app)
      return knownOf(name).oneAtATime.withPermit(Effect.gen(function*() {
        const known = knownOf(name)
        const now = yield* Clock.currentTimeMillis
        const ours = shared(app, now, known.made, isPassedOver)
        if (ours !== null) return { token: ours.token, expiresAt: ours.expiresAt }
        const made = org === null ? null : yield* readNote(madeNote(name))
        const theirs = shared(app, now, made?._tag === "Made" ? made : null, isPassedOver)
        if (theirs !== null) return { token: theirs.token, expiresAt: theirs.expiresAt }
        if (known.failed !== null && known.failed.until > clock.monotonicTimeNanosUnsafe()) {
          return { failed: known.failed.kind, isKnown: true }
        }
        const note = yield* readNote(name)
        const age = note?._tag === "Failed" ? now - note.at : -1
        if (note?._tag === "Failed" && age >= 0 && age < Duration.toMillis(rememberedFor)) {
          return { failed: note.kind, isKnown: true }
        }
        const result = yield* run(app)
        if (typeof result === "string") {
          if (isOfCommand(result)) yield* missed(name, result)
          return { failed: result, isKnown: false }
        }
        if (refused.has(app, result)) {
          yield* missed(name, "refused")
          return { failed: "refused", isKnown: false }
        }
        const at = yield* Clock.currentTimeMillis
        const expiresAt = Math.floor((at + Duration.toMillis(timeToLive)) / 1000)
        known.failed = null
        known.made = { token: result, expiresAt, at: clock.monotonicTimeNanosUnsafe(), isAfterRefusal }
        if (org !== null) yield* write(madeNote(name), { _tag: "Made", token: result, expiresAt })
        return { token: result, expiresAt }
      }))
    },

    /** The token that was made last, until its end. */
    made: (app: AppName): Made | null => {
      const made = names.get(nameOf(app))?.made ?? null
      return made === null || made.expiresAt * 1000 <= clock.currentTimeMillisUnsafe()
        ? null
        : { token: made.token, expiresAt: made.expiresAt }
    },

    /**
     * The host refused a token. Where that was made a short while ago, after another refusal, no more are made for a while: a host
     * that refuses everything would otherwise have a new one with every request.
     */
    refuse: (app: AppName, token: Redacted.Redacted): Effect.Effect<void> =>
      Effect.suspend(() => {
        const name = nameOf(app)
        const known = names.get(name)
        const made = known?.made ?? null
        if (known === undefined || made === null || identityOf(made.token) !== identityOf(token)) return Effect.void
        const age = clock.monotonicTimeNanosUnsafe() - made.at
        if (age > Duration.toNanosUnsafe(rememberedFor)) return Effect.void
        return !made.isAfterRefusal || known.failed !== null ? Effect.void : missed(name, "refused")
      }),

    /** Lets the next search run the command again, whatever is remembered of a failure. */
    endWait: Effect.fnUntraced(function*(app: AppName) {
      const name = nameOf(app)
      const known = names.get(name)
      const hadFailed = known !== undefined && known.failed !== null
      if (known !== undefined) known.failed = null
      if (hadFailed || (yield* readNote(name))?._tag === "Failed") yield* erase(name)
    }),

    /** The same, and no token that was made before is handed out by a search. */
    forget: Effect.fnUntraced(function*(app: AppName) {
      const name = nameOf(app)
      const known = names.get(name)
      if (known !== undefined) {
        known.made = null
        known.failed = null
      }
      yield* erase(name)
      if (org !== null) yield* erase(madeNote(name))
    })
  }
}

export type TokenMint = ReturnType<typeof make>
