/**
 * What `atlas fly token get`, `refresh`, `invalidate` and `set` do.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as FlyTokens from "../../fly/FlyTokens.ts"
import * as TokenStorage from "../../fly/TokenStorage.ts"
import { FlyTools } from "../FlyTools.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** Tokens over the user's token files; with `fallback`, over a temporary directory where there is no other. */
export const layer = ({ fallback }: { readonly fallback: boolean }) =>
  Layer.unwrap(Effect.map(
    FlyTools,
    (tools) => FlyTokens.layerConfig().pipe(Layer.provide([TokenStorage.layerFile({ fallback }), tools]))
  ))

interface Wanted {
  readonly app: string
  readonly reveal: boolean
}

const using = <A, E>(
  fallback: boolean,
  use: (tokens: FlyTokens.FlyTokens["Service"]) => Effect.Effect<A, E>
) => Effect.provide(FlyTokens.FlyTokens.use(use), layer({ fallback }))

const moment = (seconds: number): string | null =>
  Option.match(DateTime.make(seconds * 1000), { onNone: () => null, onSome: DateTime.formatIso })

const print = ({ app, reveal }: Wanted) => ({ acquirer, expiresAt, source, token }: FlyTokens.FlyToken) =>
  Effect.flatMap(Shell, ({ invocation, out }) => {
    const revealed = reveal ? Redacted.value(token) : null
    return out(
      invocation.json
        ? JSON.stringify({ app, source, acquirer, expiresAt, ...(revealed === null ? {} : { token: revealed }) })
        : Table.list([
          ["app", app],
          ["source", source],
          ["expires", expiresAt === null ? null : moment(expiresAt)],
          ...(revealed === null ? [] : [["token", revealed] as const])
        ])
    )
  })

const done = (app: string, sentence: string, source: FlyTokens.TokenSource | null) =>
  Effect.flatMap(Shell, ({ invocation, out }) => out(invocation.json ? JSON.stringify({ app, source }) : sentence))

/** Prints where the app's token comes from. */
export const get = (wanted: Wanted) =>
  progress(`looking for a token of ${wanted.app}`).pipe(
    Effect.andThen(using(true, (tokens) => tokens.get(wanted.app))),
    Effect.flatMap(print(wanted))
  )

/** Replaces the app's token and prints where the new one comes from. */
export const refresh = (wanted: Wanted) =>
  progress(`looking for another token of ${wanted.app}`).pipe(
    Effect.andThen(using(true, (tokens) => tokens.refresh(wanted.app))),
    Effect.flatMap(print(wanted))
  )

/** Forgets the app's token. */
export const invalidate = ({ app }: { readonly app: string }) =>
  Effect.andThen(
    using(true, (tokens) => tokens.invalidate(app)),
    done(app, `forgot the token of ${app}`, null)
  )

/** Stores a token that is typed or piped in, never in a temporary directory. */
export const set = ({ app }: { readonly app: string }) =>
  Effect.gen(function*() {
    const { canAsk, err, input } = yield* Shell
    if (canAsk) yield* err("paste the token, then Ctrl-D on a line of its own")
    const token = Redacted.make(yield* input)
    yield* using(false, (tokens) => tokens.setManual(app, token))
    yield* done(app, `set the token of ${app}`, "manual")
  })
