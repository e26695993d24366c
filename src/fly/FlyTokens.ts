/**
 * Tokens for Fly apps: found, minted, kept and renewed, so that nobody else has to think of them.
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
import * as FlyTelemetry from "../telemetry/FlyTelemetry.ts"
import { type AppName, decode } from "./AppName.ts"
import { FlyCli } from "./FlyCli.ts"
import { type FlyError, invalid } from "./FlyError.ts"
import * as EnvironmentToken from "./internal/environmentToken.ts"
import * as FlyConfigFile from "./internal/flyConfigFile.ts"
import * as RefusedTokens from "./internal/refusedTokens.ts"
import * as Cells from "./internal/tokenCells.ts"
import * as TokenChain from "./internal/tokenChain.ts"
import { unwritten } from "./internal/tokenFaults.ts"
import * as TokenForm from "./internal/tokenForm.ts"
import * as TokenMint from "./internal/tokenMint.ts"
import * as TokenSettings from "./internal/tokenSettings.ts"
import { TokenStorage } from "./TokenStorage.ts"

/**
 * Where a token came from: `ets` is the shared cache in memory, by the name it has had in telemetry from the start.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenSource = "ets" | "storage" | "config" | "cli" | "manual"

/**
 * A token and what is known of it; `expiresAt` in Unix seconds, null when it has no end that we know.
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

/**
 * The tokens in use.
 *
 * **Details**
 *
 * The first source that has a token wins: memory, the stored token, `FLY_ACCESS_TOKEN` and `FLY_API_TOKEN`, the fly command's
 * `config.yml`, a new one from the fly command, the one set by hand. Everybody who asks for the same app at the same time
 * shares one search, its failure too; apps do not wait for each other. A token that was forgotten by `invalidate` or `refresh`
 * is not handed out for that app again, whatever source still has it.
 *
 * @category services
 * @since 0.1.0
 */
export class FlyTokens extends Context.Service<FlyTokens, {
  /** A usable token of the app; `NoToken` when no source has one. */
  readonly get: (app: string) => Effect.Effect<FlyToken, FlyError>
  /** Forgets the app's token and acquires another, past the storage; nobody sees the old one afterwards. */
  readonly refresh: (app: string) => Effect.Effect<FlyToken, FlyError>
  /** Forgets a refused token, also where it is stored; a manual one stays. Does nothing for an unknown app. */
  readonly invalidate: (app: string) => Effect.Effect<void, FlyError>
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
  /** How long a new token is used; it is made to last an hour longer. Default 24 hours. */
  readonly timeToLive?: Duration.Input | undefined
  /** How long before its end a token is renewed in the background; 0 for never. Default 1 hour. */
  readonly softExpiryLead?: Duration.Input | undefined
  /** How long the fly command may take to make a token; default 15 seconds. */
  readonly cliTimeout?: Duration.Input | undefined
  /** How long the fly command is not run again for an app after it made none; default 1 minute. */
  readonly cliMissWait?: Duration.Input | undefined
  /** For how many apps tokens are kept in memory, the oldest making room; default 10,000. */
  readonly capacity?: number | undefined
}

/** What the service is made of. */
type Needs = FlyCli | TokenStorage | FileSystem.FileSystem | Path.Path

/** Writes that are under way when the scope closes have this long to finish. */
const lastWrites = Duration.seconds(5)

const countOf = (source: TokenSource | "none") =>
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
 * The tokens as a value; its background work ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<FlyTokens["Service"], FlyError, Needs | Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* TokenSettings.read(options)
    const storage = yield* TokenStorage
    const cli = yield* FlyCli
    const configFile = settings.configFile ? yield* FlyConfigFile.make : null
    const refused = RefusedTokens.make()
    const chain = TokenChain.make({
      ...settings,
      storage,
      refused,
      configFile,
      environment: settings.environment ? yield* EnvironmentToken.read : null,
      mint: settings.cli ? TokenMint.make(cli, { ...settings, timeout: settings.cliTimeout }) : null,
      missWait: settings.cliMissWait
    })

    const writes = yield* FiberMap.make<string, void, never>()
    // what is about to be stored is worth a moment, but nothing is written after the scope
    yield* Effect.addFinalizer(() => Effect.timeoutOption(FiberMap.awaitEmpty(writes), lastWrites))

    const persist = (app: AppName, { expiresAt, token }: TokenChain.Found) =>
      Effect.asVoid(FiberMap.run(
        writes,
        app,
        Effect.catchCause(
          storage.put(app, "cached", { token, expiresAt }),
          (cause) =>
            Effect.annotateLogs(
              Effect.logError("a token could not be stored; it is used all the same", TokenChain.describe(cause)),
              { app }
            )
        )
      ))

    /** Removes the stored token that is not to be used again; nothing that is being written brings it back. */
    const forgetStored = Effect.fnUntraced(function*(app: AppName) {
      yield* FiberMap.remove(writes, app)
      const stored = yield* Effect.exit(storage.get(app, "cached"))
      if (Exit.isSuccess(stored)) {
        if (Option.isNone(stored.value)) return
        // somebody may have read it in the meantime
        refused.add(app, stored.value.value.token)
        cells.dropRefused(app)
      }
      yield* storage.delete(app, "cached")
    })

    /** Whether the file that a token in use came from is still as it was. */
    const glance = Effect.fnUntraced(function*(held: Cells.Held | null) {
      const now = yield* Clock.currentTimeMillis
      if (configFile === null || held === null || held.stamp === null || held.until <= now) return null
      if ((yield* configFile.stamp) !== held.stamp) return null
      cells.glanced(held, now)
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

    const search = (app: AppName, kind: Cells.FlightKind): Effect.Effect<TokenChain.Found, FlyError> =>
      Effect.gen(function*() {
        if (kind === "replace") {
          yield* Effect.catch(
            forgetStored(app),
            (error) => Effect.annotateLogs(Effect.logWarning("the old token is still stored", error.message), { app })
          )
        }
        const found = yield* chain.acquire(app, kind !== "find")
        yield* Effect.annotateCurrentSpan(FlyTelemetry.source, found.source)
        return found
      }).pipe(
        Effect.tapError(() => Effect.annotateCurrentSpan(FlyTelemetry.source, "none")),
        Effect.withSpan(FlyTelemetry.tokenAcquire, {
          attributes: { [FlyTelemetry.app]: app, [FlyTelemetry.acquirer]: "app_server" }
        })
      )

    const cells: Cells.TokenCells = yield* Cells.make({
      capacity: settings.capacity,
      softExpiryLead: settings.softExpiryLead,
      refused,
      persist,
      search: (app, kind, held) =>
        kind === "find"
          ? Effect.filterOrElse(glance(held), Predicate.isNotNull, () => search(app, kind))
          : search(app, kind)
    })

    /** Waits for a search; a token that was refused while it went on is looked for again. */
    const wait = (app: AppName, kind: Cells.FlightKind): Effect.Effect<TokenChain.Found, FlyError> =>
      Effect.filterOrElse(
        cells.join(app, kind),
        ({ token }) => !refused.has(app, token),
        () => wait(app, "find")
      )

    const acquire = (app: AppName, kind: Cells.FlightKind): Effect.Effect<FlyToken, FlyError> =>
      wait(app, kind).pipe(
        Effect.tapError(() => Metric.update(handedOut.none, 1)),
        Effect.tap(({ source }) => Metric.update(handedOut[source], 1)),
        Effect.map(({ expiresAt, source, token }): FlyToken => ({ token, expiresAt, source, acquirer: "app_server" }))
      )

    return FlyTokens.of({
      get: (app) =>
        Effect.withFiber((fiber) => {
          const held = cells.held(app)
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
            // everybody whose token was refused shares one replacement
            if (!cells.isReplacing(name)) {
              cells.forget(name)
              chain.endWait(name)
            }
            return acquire(name, "replace")
          })),
      invalidate: (app) =>
        Effect.flatMap(decode(app, "token.invalidate"), (name) =>
          Effect.suspend(() => {
            cells.forget(name)
            chain.endWait(name)
            return forgetStored(name)
          })),
      setManual: (app, token) =>
        Effect.gen(function*() {
          const name = yield* decode(app, "token.set")
          const manual = TokenForm.given(Redacted.value(token))
          if (manual === null) {
            const message = "Expected one token on one line, such as FlyV1 fm2_..."
            return yield* invalid("token.set", [{ path: "token", message }], name)
          }
          yield* storage.put(name, "manual", { token: manual, expiresAt: null }).pipe(
            Effect.catchDefect(() => Effect.fail(unwritten(name, "the token storage")({ _tag: "a defect" })))
          )
          refused.forgive(name, manual)
          chain.endWait(name)
          cells.detach(name)
        })
    })
  })

/**
 * The tokens as a layer.
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

/**
 * The tokens with their switches read from `ATLAS_FLY_ENVIRONMENT`, `ATLAS_FLY_CONFIG_FILE`, `ATLAS_FLY_PERSIST_CONFIG_FILE`,
 * `ATLAS_FLY_CLI`, `ATLAS_FLY_TOKEN_TTL` and `ATLAS_FLY_SOFT_EXPIRY_LEAD`; what is not set has its default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<FlyTokens, FlyError | Config.ConfigError, Needs> = Layer.unwrap(
  Effect.map(
    Config.all({
      environment: Config.Boolean("ATLAS_FLY_ENVIRONMENT").pipe(Config.withDefault(true)),
      configFile: Config.Boolean("ATLAS_FLY_CONFIG_FILE").pipe(Config.withDefault(true)),
      persistConfigFile: Config.Boolean("ATLAS_FLY_PERSIST_CONFIG_FILE").pipe(Config.withDefault(false)),
      cli: Config.Boolean("ATLAS_FLY_CLI").pipe(Config.withDefault(true)),
      timeToLive: Config.Duration("ATLAS_FLY_TOKEN_TTL").pipe(Config.withDefault(undefined)),
      softExpiryLead: Config.Duration("ATLAS_FLY_SOFT_EXPIRY_LEAD").pipe(Config.withDefault(undefined))
    }),
    layer
  )
)
