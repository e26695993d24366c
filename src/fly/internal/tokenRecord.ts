/**
 * A stored token as text: what a file or a key-value store holds, and how it is read back with suspicion.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AppName } from "../AppName.ts"
import { FlyError, ManualCorrupt } from "../FlyError.ts"
import type { StoredToken, TokenKey } from "../TokenStorage.ts"

const Record = Schema.fromJsonString(Schema.Struct({
  version: Schema.Literal(1),
  app: Schema.String,
  key: Schema.Literals(["cached", "manual"]),
  token: Schema.NonEmptyString,
  expiresAt: Schema.NullOr(Schema.Int)
}))

const decode = Schema.decodeUnknownOption(Record)

export const render = (app: AppName, key: TokenKey, { expiresAt, token }: StoredToken): string =>
  JSON.stringify({ version: 1, app, key, token: Redacted.value(token), expiresAt })

/** A manual token cannot be had from anywhere else: its record stays as it is, and somebody is told. */
export const manualCorrupt = (app: AppName | null, path: string, why: string): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new ManualCorrupt({
      path,
      message: `${path} cannot be read as a manually set token: ${why}; repair it, or remove it and set the token again`
    })
  })

/** What cannot be understood: a cached token is acquired again and replaced, a manual one is not ours to give up. */
export const corrupt = (
  app: AppName,
  key: TokenKey,
  path: string,
  why: string
): Effect.Effect<Option.Option<never>, FlyError> =>
  key === "manual"
    ? Effect.fail(manualCorrupt(app, path, why))
    : Effect.as(
      Effect.annotateLogs(Effect.logWarning(`${path} is ignored and will be replaced: ${why}`), { app }),
      Option.none()
    )

/** Reads the text that was found at `path`. */
export const read = (
  app: AppName,
  key: TokenKey,
  path: string,
  text: string
): Effect.Effect<Option.Option<StoredToken>, FlyError> => {
  const record = Option.getOrNull(decode(text))
  if (record === null) return corrupt(app, key, path, "it does not hold a token record")
  if (record.app !== app || record.key !== key) {
    return corrupt(app, key, path, "it holds the record of another app or key")
  }
  return Effect.succeedSome({ token: Redacted.make(record.token), expiresAt: record.expiresAt })
}
