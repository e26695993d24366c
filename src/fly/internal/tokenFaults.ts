/**
 * What the storages fail with: which record, and why, never a token.
 */
import { StorageFault } from "../../domain/AtlasError.ts"
import type { AppName } from "../AppName.ts"
import { FlyError, PersistFailed } from "../FlyError.ts"

/** An error that may have a reason, as those of files, key-value stores and databases do. */
interface Tagged {
  readonly _tag: string
  readonly reason?: { readonly _tag: string } | undefined
}

const why = (error: Tagged): string => error.reason === undefined ? error._tag : error.reason._tag

export const unreadable = (app: AppName | null, place: string) => (error: Tagged): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new StorageFault({ message: `${place} cannot be read: ${why(error)}` })
  })

export const unwritten = (app: AppName | null, place: string) => (error: Tagged): FlyError =>
  new FlyError({
    app,
    operation: "token.storage",
    reason: new PersistFailed({ message: `${place} cannot be written: ${why(error)}` })
  })
