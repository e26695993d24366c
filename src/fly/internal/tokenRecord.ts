/**
 * One Fly token: what it looks like, how a storage keeps it as text and reads it back, and what the storages fail with.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { StorageFault } from "../../domain/AtlasError.ts"
import * as SystemReason from "../../storage/SystemReason.ts"
import type { AppName } from "../AppName.ts"
import { FlyError, ManualCorrupt, PersistFailed } from "../FlyError.ts"

/**
 * The two records an app may have: `cached` can be acquired again, `manual` cannot.
 *
 * @category models
 * @since 0.1.0
 */
export type TokenKey = "cached" | "manual"

/**
 * A token as it is kept; `expiresAt` in Unix seconds, null for one without an end.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredToken {
  readonly token: Redacted.Redacted
  readonly expiresAt: number | null
}

/** The records of all apps, wherever they are kept. */
export interface RecordStore {
  readonly get: (app: AppName, key: TokenKey) => Effect.Effect<Option.Option<StoredToken>, FlyError>
  /** Replaces the record that is there. */
  readonly put: (app: AppName, key: TokenKey, token: StoredToken) => Effect.Effect<void, FlyError>
  /** Deleting a record that is not there succeeds. */
  readonly delete: (app: AppName, key: TokenKey) => Effect.Effect<void, FlyError>
}

/** Tokens are a few kilobytes of macaroons. */
const longestToken = 16 * 1024

/** One line of one word, or of a scheme and a word, such as `FlyV1 fm2_...,fm2_...`. */
const anyToken = /^(?:(?:FlyV1|Bearer) )?[\x21-\x7e]+$/i

/** Parts with the prefixes that Fly gives its tokens; nothing else that a program prints looks like this. */
const flyToken = /^(?:(?:FlyV1|Bearer) )?f[mo]\d[a-z]?_[A-Za-z0-9+/=_-]+(?:,f[mo]\d[a-z]?_[A-Za-z0-9+/=_-]+)*$/

const tokenLike = (form: RegExp) => (text: string): Redacted.Redacted | null => {
  const trimmed = text.trim()
  return trimmed.length <= longestToken && form.test(trimmed) ? Redacted.make(trimmed) : null
}

/** A token that a person or a setting gave, trimmed; null when it is empty or no token at all. */
export const parseGiven = tokenLike(anyToken)

/** A token in the output of a program, which may print anything: only what is made of Fly's own parts, else null. */
export const parsePrinted = tokenLike(flyToken)

const TextRecord = Schema.fromJsonString(Schema.Struct({
  version: Schema.Literal(1),
  app: Schema.String,
  key: Schema.Literals(["cached", "manual"]),
  token: Schema.NonEmptyString,
  expiresAt: Schema.NullOr(Schema.Int)
}))

const decode = Schema.decodeUnknownOption(TextRecord)

/** The record as text, for a file or a key-value store. */
export const render = (app: AppName, key: TokenKey, { expiresAt, token }: StoredToken): string =>
  JSON.stringify({ version: 1, app, key, token: Redacted.value(token), expiresAt })

/** The failure for a manual record that is broken: no other source has its token, so it is left as it is. */
export const manualCorrupt = (app: AppName | null, path: string, why: string): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new ManualCorrupt({
      path,
      message: `${path} cannot be read as a manually set token: ${why}; repair it, or remove it and set the token again`
    })
  })

/** What becomes of a broken record: a cached one counts as none and is replaced later, a manual one is a failure. */
export const corrupt = (
  app: AppName,
  key: TokenKey,
  path: string,
  why: string
): Effect.Effect<Option.Option<never>, FlyError> =>
  key === "manual"
    ? Effect.fail(manualCorrupt(app, path, why))
    : Effect.as(
      Effect.annotateLogs(
        Effect.logWarning(`the stored Fly token in ${path} is ignored and will be replaced: ${why}`),
        { app }
      ),
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

/** The failure of reading a record: it names the place and what the system said, never a token. */
export const unreadable = (app: AppName | null, place: string) => (error: unknown): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new StorageFault({ message: `${place} cannot be read: ${SystemReason.describe(error)}` })
  })

/** The failure of writing or deleting a record. */
export const unwritten = (app: AppName | null, place: string) => (error: unknown): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new PersistFailed({ message: `${place} cannot be written: ${SystemReason.describe(error)}` })
  })
