/**
 * Tokens for Fly apps: found, created, kept and renewed in the background, so that callers only ask for one.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Issue } from "../domain/AtlasError.ts"
import * as Setting from "../domain/Setting.ts"
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import { type AppName, decode } from "./AppName.ts"
import { FlyCli } from "./FlyCli.ts"
import { type FlyError, invalid } from "./FlyError.ts"
import * as FlyConfigFile from "./internal/flyConfigFile.ts"
import { setting } from "./internal/flySetting.ts"
import * as RefusedTokens from "./internal/refusedTokens.ts"
import * as TokenCache from "./internal/tokenCache.ts"
import * as TokenChain from "./internal/tokenChain.ts"
import { identityOf, parseGiven } from "./internal/tokenForm.ts"
import * as TokenMint from "./internal/tokenMint.ts"
import { unwritten } from "./internal/tokenRecord.ts"
import { TokenStorage } from "./TokenStorage.ts"

export type { FlyToken, TokenSource } from "./internal/tokenChain.ts"

/**
 * Hands out tokens for apps, and passes over those that the log host has just refused.
 *
 * **Details**
 *
 * The first source that has a token wins: memory, the stored token, `FLY_ACCESS_TOKEN` and `FLY_API_TOKEN`, the fly command's
 * `config.yml`, a new one from the fly command, the one set by hand. All callers who ask for the same app at the same time
 * share one search, its failure too. Apps do not wait for each other; only those of one organization (the option `org`) share the
 * token that the fly command makes for it.
 *
 * A token is refused when the log host answered 401 to it and `invalidate` was told so. It is passed over for that app for 30
 * seconds, and twice as long each time it is refused again, up to 10 minutes; when nothing else is left it is handed out at once.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyTokens extends Context.Service<FlyTokens, {
  /** A usable token of the app; `NoToken` when no source has one. */
  readonly get: (app: string) => Effect.Effect<TokenChain.FlyToken, FlyError>
  /** Looks for a better token past the one in use and the stored one; where there is none, that one stays in use and is returned. */
  readonly refresh: (app: string) => Effect.Effect<TokenChain.FlyToken, FlyError>
  /**
   * Forgets the app's token, also where it is stored; a manual one stays. With `refused`, the token that the log host answered 401
   * to: nothing is removed, that token is passed over for a while, and any other stays in use.
   */
  readonly invalidate: (app: string, refused?: Redacted.Redacted) => Effect.Effect<void, FlyError>
  /** Stores a token by hand; used when no other source has one, and never renewed. */
  readonly setManual: (app: string, token: Redacted.Redacted) => Effect.Effect<void, FlyError>
}>()("effect-atlas/fly/FlyTokens") {}

/**
 * Options of the tokens; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The organization that new tokens are for; default `ATLAS_FLY_ORG`, then `FLY_ORG`. The fly command needs one. */
  readonly org?: string | undefined
  /** Whether `FLY_ACCESS_TOKEN` and `FLY_API_TOKEN` are a source; default true. */
  readonly environment?: boolean | undefined
  /** Whether the fly command's `config.yml` is a source; default true. */
  readonly configFile?: boolean | undefined
  /** Whether a token from that file, which has all rights of its user, may be stored; default false. */
  readonly persistConfigFile?: boolean | undefined
  /** Whether the fly command is asked for new tokens; default true. */
  readonly cli?: boolean | undefined
  /** How long a new token is used; Fly accepts it for an hour longer. Default 24 hours. */
  readonly timeToLive?: Duration.Input | undefined
  /** How long before its end a token is renewed in the background; 0 for never. Default 1 hour. */
  readonly softExpiryLead?: Duration.Input | undefined
  /** How long the fly command may take to create a token; default 15 seconds. */
  readonly cliTimeout?: Duration.Input | undefined
  /**
   * How long the fly command is not run again after it created no token; default 1 minute. A storage of files remembers it for 10
   * minutes, for all processes that share the directory.
   */
  readonly cliMissWait?: Duration.Input | undefined
  /** For how many apps tokens are kept in memory, beyond which the oldest are removed; default 10,000. */
  readonly capacity?: number | undefined
}

/** The slug of an organization; its first character keeps it from being taken for a flag. */
const slug = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/

/** The options with their defaults, and the organization from the environment; fails as `Validation` naming each field. */
const settingsOf = Effect.fnUntraced(function*(options: Options) {
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

  const org = options.org ?? (yield* setting("ATLAS_FLY_ORG", "token")) ?? (yield* setting("FLY_ORG", "token")) ?? ""
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

/** What the service is built from. */
type Needs = FlyCli | TokenStorage | FileSystem.FileSystem | Path.Path

/** Each search after the first follows one whose token was refused or forgotten while it was running. */
const mostSearches = 10

/** How long writes that are running when the scope closes may take to finish. */
const writeGrace = Duration.seconds(5)

const countOf = (source: TokenChain.TokenSource | "none") =>
  Metric.withAttributes(FlyTelemetry.tokens, { source, acquirer: "app_server" })

const handedOut = {
  ets: countOf("ets"),
  storage: countOf("storage"),
  config: countOf("config"),
  cli: countOf("cli"),
  manual: countOf("manual"),
  none: countOf("none")
}

/**
 * The service; the background work of renewing and storing tokens ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<FlyTokens["Service"], FlyError, Needs | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* settingsOf(options)
    const storage = yield* TokenStorage
    const cli = yield* FlyCli
    const configFile = settings.configFile ? yield* FlyConfigFile.make : null
    const clock = yield* Clock.Clock
    const refused = RefusedTokens.make(() => clock.monotonicTimeNanosUnsafe())
    const writes = yield* FiberMap.make<string, void, never>()
    // closing waits for these writes, but not for ever, and nothing is written afterwards
    yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberMap.awaitEmpty(writes), writeGrace))

    const persist = (app: AppName, { expiresAt, token }: TokenChain.Found) =>
      Effect.asVoid(FiberMap.run(
        writes,
        app,
        Effect.catchCause(
          storage.put(app, "cached", { token, expiresAt }),
          (cause) =>
            Effect.annotateLogs(
              Effect.logError(
                "a token could not be stored; it is used until this process ends",
                TokenChain.describe(cause)
              ),
              { app }
            )
        )
      ))

    const mint = settings.cli
      ? TokenMint.make(cli, clock, {
        ...settings,
        timeout: settings.cliTimeout,
        missWait: settings.cliMissWait,
        refused,
        store: storage.mints ?? null,
        later: (name, write) =>
          Effect.asVoid(
            write === null ? FiberMap.remove(writes, `mint ${name}`) : FiberMap.run(writes, `mint ${name}`, write)
          )
      })
      : null
    const chain = TokenChain.make({
      ...settings,
      storage,
      refused,
      configFile,
      environment: settings.environment ? yield* TokenChain.readEnvironment : [],
      mint
    })
    const endWait = (app: AppName) => mint === null ? Effect.void : mint.endWait(app)

    /** Removes the stored token of an app for good: a write of it that is still running is stopped first. */
    const forgetStored = Effect.fnUntraced(function*(app: AppName) {
      yield* FiberMap.remove(writes, app)
      const stored = yield* Effect.exit(storage.get(app, "cached"))
      if (Exit.isSuccess(stored) && stored.value === null) return
      yield* storage.delete(app, "cached")
      // a search may have read it in the meantime
      if (Exit.isSuccess(stored) && stored.value !== null) cache.dropToken(app, stored.value.token)
    })

    /** The token in use once more, if the file that it came from has not changed; else null. */
    const revalidate = Effect.fnUntraced(function*(held: TokenCache.Held | null) {
      const now = yield* Clock.currentTimeMillis
      if (configFile === null || held === null || held.stamp === null || held.until <= now) return null
      if ((yield* configFile.stamp) !== held.stamp) return null
      cache.revalidated(held, now)
      const { expiresAt, token } = held.token
      return {
        token,
        expiresAt,
        source: "ets",
        keep: true,
        persist: false,
        stamp: held.stamp
      } satisfies TokenChain.Found
    })

    /** The token in use as a source's: what is left when there is no better one. */
    const foundIn = (held: TokenCache.Held | null, now: number): TokenChain.Found | null => {
      if (held === null || held.until <= now) return null
      const { stamp, token: { expiresAt, token } } = held
      return { token, expiresAt, source: "ets", keep: true, persist: false, stamp }
    }

    const search = (
      app: AppName,
      kind: TokenCache.SearchKind,
      held: TokenCache.Held | null
    ): Effect.Effect<TokenChain.Found, FlyError> =>
      Effect.gen(function*() {
        const inUse = foundIn(held, yield* Clock.currentTimeMillis)
        const found = yield* chain.acquire(app, kind === "find" ? null : { inUse })
        yield* Effect.annotateCurrentSpan(FlyTelemetry.source, found.source)
        if (kind !== "replace" || found.persist || !found.keep) return found
        const isOther = inUse === null
          ? found.source !== "storage"
          : identityOf(inUse.token) !== identityOf(found.token)
        if (isOther) {
          yield* Effect.catch(
            forgetStored(app),
            (error) =>
              Effect.annotateLogs(
                Effect.logWarning("the replaced token could not be removed from the storage", error.message),
                { app }
              )
          )
        }
        return found
      }).pipe(
        Effect.tapError(() => Effect.annotateCurrentSpan(FlyTelemetry.source, "none")),
        Effect.withSpan(FlyTelemetry.tokenAcquire, {
          attributes: { [FlyTelemetry.app]: app, [FlyTelemetry.acquirer]: "app_server" }
        })
      )

    const cache: TokenCache.TokenCache = yield* TokenCache.make({
      capacity: settings.capacity,
      softExpiryLead: settings.softExpiryLead,
      refused,
      persist,
      search: (app, kind, held) =>
        kind === "find"
          ? Effect.filterOrElse(revalidate(held), Predicate.isNotNull, () => search(app, kind, held))
          : search(app, kind, held)
    })

    /** Waits for a search; when its token was refused or forgotten in the meantime another follows, `left` times at most. */
    const wait = (
      app: AppName,
      kind: TokenCache.SearchKind,
      replaced: TokenCache.Held | null = null,
      left = mostSearches
    ): Effect.Effect<TokenChain.Found, FlyError> =>
      Effect.flatMap(cache.join(app, kind, replaced), ({ found, isStale }) => {
        const isOver = isStale || (found.isLastResort !== true && refused.has(app, found.token))
        if (!isOver || left <= 1) return Effect.succeed(found)
        return Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const newer = foundIn(cache.held(app) ?? null, now)
          return newer === null ? wait(app, "find", null, left - 1) : Effect.succeed(newer)
        })
      })

    const acquire = (
      app: AppName,
      kind: TokenCache.SearchKind,
      replaced: TokenCache.Held | null = null
    ): Effect.Effect<TokenChain.FlyToken, FlyError> =>
      wait(app, kind, replaced).pipe(
        Effect.tapError(() => Metric.update(handedOut.none, 1)),
        Effect.tap(({ source }) => Metric.update(handedOut[source], 1)),
        Effect.map(({ expiresAt, source, token }): TokenChain.FlyToken => ({
          token,
          expiresAt,
          source,
          acquirer: "app_server"
        }))
      )

    return FlyTokens.of({
      get: (app) =>
        Effect.withFiber((fiber) => {
          const held = cache.held(app)
          if (held && held.goodUntil > fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()) {
            held.wasUsed = true
            FlyTelemetry.tokenHits.updateUnsafe(1, fiber.context)
            return held.answer
          }
          return Effect.flatMap(decode(app, "token.get"), (name) => acquire(name, "find"))
        }),
      refresh: (app) =>
        Effect.flatMap(decode(app, "token.refresh"), (name) =>
          Effect.suspend(() => {
            // all callers who want another token share one replacement
            if (cache.isReplacing(name)) return acquire(name, "replace")
            return Effect.andThen(
              endWait(name),
              Effect.suspend(() => {
                if (cache.isReplacing(name)) return acquire(name, "replace")
                const replaced = cache.forget(name)
                return Effect.ensuring(
                  acquire(name, "replace", replaced),
                  Effect.sync(() => {
                    // nothing has taken its place where the search failed, or found one set by hand
                    if (replaced !== null && !cache.isReplacing(name)) cache.restore(name, replaced)
                  })
                )
              })
            )
          })),
      invalidate: (app, token) =>
        Effect.flatMap(decode(app, "token.invalidate"), (name) =>
          Effect.suspend(() => {
            if (token !== undefined) {
              refused.add(name, token)
              cache.dropToken(name, token)
              return mint === null ? Effect.void : mint.refuse(name, token)
            }
            cache.forget(name)
            return Effect.andThen(mint === null ? Effect.void : mint.forget(name), forgetStored(name))
          })),
      setManual: (app, token) =>
        Effect.gen(function*() {
          const name = yield* decode(app, "token.set")
          const manual = parseGiven(Redacted.value(token))
          if (manual === null) {
            const message = "Expected one token on one line, such as FlyV1 fm2_..."
            return yield* invalid("token.set", [{ path: "token", message }], name)
          }
          yield* storage.put(name, "manual", { token: manual, expiresAt: null }).pipe(
            Effect.catchDefect(() => Effect.fail(unwritten(name, "the token storage")({ _tag: "an unexpected error" })))
          )
          refused.forgive(name, manual)
          yield* endWait(name)
          cache.detach(name)
        })
    })
  })

/**
 * The service as a layer.
 *
 * **Details**
 *
 * The environment, the home directory and the settings are read once, when the layer is built.
 *
 * **Example** (A token of an app)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { FlyCli, FlyTokens, TokenStorage } from "effect-atlas/fly"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const tokens = (cli: Layer.Layer<FlyCli.FlyCli>) =>
 *   FlyTokens.layer({ org: "acme" }).pipe(
 *     Layer.provide([TokenStorage.layerFile(), cli]),
 *     Layer.provide(NodeServices.layer)
 *   )
 * const token = FlyTokens.FlyTokens.use((tokens) => tokens.get("acme-web"))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<FlyTokens, FlyError, Needs> =>
  Layer.effect(FlyTokens, make(options))

const standard = <A>(config: Config.Config<A>) => Config.withDefault(config, undefined)

/**
 * Options whose switches, where they are left out, are read from `ATLAS_FLY_ENVIRONMENT`, `ATLAS_FLY_CONFIG_FILE`,
 * `ATLAS_FLY_PERSIST_CONFIG_FILE`, `ATLAS_FLY_CLI`, `ATLAS_FLY_TOKEN_TTL` and `ATLAS_FLY_SOFT_EXPIRY_LEAD`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config = (options: Setting.Wrap<Options> = {}): Effect.Effect<Options, Config.ConfigError> =>
  Setting.unwrap(options, () => ({
    environment: standard(Config.Boolean("ATLAS_FLY_ENVIRONMENT")),
    configFile: standard(Config.Boolean("ATLAS_FLY_CONFIG_FILE")),
    persistConfigFile: standard(Config.Boolean("ATLAS_FLY_PERSIST_CONFIG_FILE")),
    cli: standard(Config.Boolean("ATLAS_FLY_CLI")),
    timeToLive: standard(Config.Duration("ATLAS_FLY_TOKEN_TTL")),
    softExpiryLead: standard(Config.Duration("ATLAS_FLY_SOFT_EXPIRY_LEAD"))
  }))

/**
 * The service with the options of {@link config}; what is set neither there nor in the environment has its default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Setting.Wrap<Options> = {}
): Layer.Layer<FlyTokens, FlyError | Config.ConfigError, Needs> => Layer.unwrap(Effect.map(config(options), layer))
