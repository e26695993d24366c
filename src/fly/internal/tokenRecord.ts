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
import { authorizationOf } from "./tokenForm.ts"

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
  /** The record, null where there is none. */
  readonly get: (app: AppName, key: TokenKey) => Effect.Effect<StoredToken | null, FlyError>
  /** Replaces the record that is there. */
  readonly put: (app: AppName, key: TokenKey, token: StoredToken) => Effect.Effect<void, FlyError>
  /** Deleting a record that is not there succeeds. */
  readonly delete: (app: AppName, key: TokenKey) => Effect.Effect<void, FlyError>
  /** Where processes tell each other how the fly command fared; a storage without it leaves that to each process. */
  readonly mints?: MintStore | undefined
}

/**
 * How the fly command fared when it was last asked for a token: what it made, or that it made none, when and why in one word.
 *
 * @category models
 * @since 0.1.0
 */
export type MintNote =
  | { readonly _tag: "Made"; readonly token: Redacted.Redacted; readonly expiresAt: number }
  | { readonly _tag: "Failed"; readonly at: number; readonly kind: string }

/**
 * One note for each name: of an app, or of `@` and an organization; what was made for its apps has a note of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface MintStore {
  /** The note, null where there is none. */
  readonly get: (name: string) => Effect.Effect<MintNote | null, FlyError>
  readonly put: (name: string, note: MintNote) => Effect.Effect<void, FlyError>
  readonly delete: (name: string) => Effect.Effect<void, FlyError>
}

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
): Effect.Effect<null, FlyError> =>
  key === "manual"
    ? Effect.fail(manualCorrupt(app, path, why))
    : Effect.as(
      Effect.annotateLogs(
        Effect.logWarning(`the stored Fly token in ${path} is ignored and will be replaced: ${why}`),
        { app }
      ),
      null
    )

/** Reads the text that was found at `path`. */
export const read = (
  app: AppName,
  key: TokenKey,
  path: string,
  text: string
): Effect.Effect<StoredToken | null, FlyError> => {
  const record = Option.getOrNull(decode(text))
  if (record === null) return corrupt(app, key, path, "it does not hold a token record")
  if (record.app !== app || record.key !== key) {
    return corrupt(app, key, path, "it holds the record of another app or key")
  }
  // such as one that an editor has broken in two: it could not be sent, and nothing would ever replace it
  if (authorizationOf(record.token) === null) return corrupt(app, key, path, "what it holds is no token")
  return Effect.succeed({ token: Redacted.make(record.token), expiresAt: record.expiresAt })
}

const MintText = Schema.fromJsonString(Schema.Union([
  Schema.Struct({ version: Schema.Literal(1), mint: Schema.String, failed: Schema.String, at: Schema.Int }),
  Schema.Struct({
    version: Schema.Literal(1),
    mint: Schema.String,
    token: Schema.NonEmptyString,
    expiresAt: Schema.Int
  })
]))

const decodeMint = Schema.decodeUnknownOption(MintText)

/** A note as text; one of a failure holds no secret. */
export const renderMint = (name: string, note: MintNote): string =>
  JSON.stringify(
    note._tag === "Failed"
      ? { version: 1, mint: name, failed: note.kind, at: note.at }
      : { version: 1, mint: name, token: Redacted.value(note.token), expiresAt: note.expiresAt }
  )

/** The note in a text; null where it cannot be understood: the fly command is then asked. */
export const readMint = (name: string, text: string): MintNote | null => {
  const found = Option.getOrNull(decodeMint(text))
  if (found === null || found.mint !== name) return null
  return "failed" in found
    ? { _tag: "Failed", at: found.at, kind: found.failed }
    : { _tag: "Made", token: Redacted.make(found.token), expiresAt: found.expiresAt }
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
