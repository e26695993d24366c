/**
 * What tests of tokens share: a fly command that answers as told, a home directory of its own, and the service over both.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { AppName, FlyCli, FlyError, FlyTokens, TokenStorage } from "effect-atlas/fly"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export interface Call {
  readonly args: ReadonlyArray<string>
  readonly options: Parameters<FlyCli.FlyCli["Service"]["run"]>[1]
}

export type Answer = Effect.Effect<FlyCli.Completed, FlyError.FlyError>

/** What it prints when it ends well. */
export const printing = (stdout: string, stderr = ""): Answer => Effect.succeed({ exitCode: 0, stdout, stderr })

/** What the real one prints when it makes a token. */
export const minting = (token: string): Answer => printing(`${JSON.stringify({ token }, null, 4)}\n`)

export const exiting = (exitCode: number, stderr: string): Answer => Effect.succeed({ exitCode, stdout: "", stderr })

export const absent: Answer = Effect.fail(
  new FlyError.FlyError({ operation: "token", reason: new FlyError.FlyNotFound({}) })
)

/** A fly command that answers as told; `calls` grows as it is run, `killed` counts the runs that were interrupted. */
export const fakeCli = (answer: (call: Call, nth: number) => Answer) => {
  const calls: Array<Call> = []
  const state = { calls, killed: 0 }
  const layer = Layer.succeed(
    FlyCli.FlyCli,
    FlyCli.FlyCli.of({
      start: () => Effect.die("tokens are never followed"),
      run: (args, options) =>
        Effect.suspend(() => {
          const call = { args, options }
          calls.push(call)
          return answer(call, calls.length)
        }).pipe(Effect.onInterrupt(() =>
          Effect.sync(() => {
            state.killed += 1
          })
        ))
    })
  )
  return Object.assign(state, { layer })
}

/** A fly command that makes `fm2_1`, `fm2_2`, ... */
export const counting = () => fakeCli((_, nth) => minting(`FlyV1 fm2_${nth}`))

/** A home directory that is gone after the test; `config` writes the fly command's file in it. */
export const home = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(join(tmpdir(), "atlas-fly-home-"))),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
  ),
  (directory) => ({
    directory,
    config: (text: string, file = join(".fly", "config.yml")) => {
      const path = join(directory, file)
      fs.mkdirSync(dirname(path), { recursive: true })
      fs.writeFileSync(path, text)
      return path
    }
  })
)

export interface Setting {
  readonly cli?: ReturnType<typeof fakeCli>
  readonly env?: Readonly<Record<string, string>>
  readonly options?: FlyTokens.Options
  readonly storage?: Layer.Layer<TokenStorage.TokenStorage, FlyError.FlyError>
}

/** The tokens, and the storage under them, as a layer. */
export const layer = (
  { cli = fakeCli(() => absent), env = {}, options = {}, storage = TokenStorage.layerMemory }: Setting = {}
) =>
  FlyTokens.layer(options).pipe(
    Layer.provideMerge(storage),
    Layer.provide(cli.layer),
    Layer.provide(NodeServices.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
  )

export const get = (app: string) => FlyTokens.FlyTokens.use((tokens) => tokens.get(app))
export const refresh = (app: string) => FlyTokens.FlyTokens.use((tokens) => tokens.refresh(app))
export const invalidate = (app: string) => FlyTokens.FlyTokens.use((tokens) => tokens.invalidate(app))
/** The log host answered 401 to this token. */
export const refuse = (app: string, token: string) =>
  FlyTokens.FlyTokens.use((tokens) => tokens.invalidate(app, Redacted.make(token)))
export const setManual = (app: string, token: string) =>
  FlyTokens.FlyTokens.use((tokens) => tokens.setManual(app, Redacted.make(token)))

/** A token as a test compares it: its text and where it came from. */
export const shown = ({ acquirer, source, token }: FlyTokens.FlyToken) => [Redacted.value(token), source, acquirer]

/** What stands in the storage for an app, in the clear. */
export const stored = (app: string, key: TokenStorage.TokenKey = "cached") =>
  Effect.gen(function*() {
    const storage = yield* TokenStorage.TokenStorage
    const name = yield* appName(app)
    const found = yield* storage.get(name, key)
    return found && [Redacted.value(found.token), found.expiresAt]
  })

/** Puts a token into the storage behind the service's back. */
export const store = (app: string, token: string, expiresAt: number | null, key: TokenStorage.TokenKey = "cached") =>
  Effect.gen(function*() {
    const storage = yield* TokenStorage.TokenStorage
    yield* storage.put(yield* appName(app), key, { token: Redacted.make(token), expiresAt })
  })

const appName = (app: string) => AppName.decode(app, "test")
